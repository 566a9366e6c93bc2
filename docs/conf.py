"""Sphinx: the documents and the man pages. ``python -m sphinx -W -b html docs OUT``, and ``-b man`` for ``man/``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from cgappliance import __version__  # noqa: E402 - the extension stands beside this file, the package is installed

project = "cgappliance"
copyright = "the cgappliance contributors"
release = version = __version__

extensions = ["sphinx.ext.autodoc", "cgdocs"]
needs_sphinx = "8.0"
exclude_patterns = ["_build", "_ext"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # signatures name types of the standard library, which are not documented here

#: At the end of every page, in every format: a page that is found by a search engine must say what it is true of.
rst_epilog = """
.. rst-class:: version

For cgappliance |release|.
"""

highlight_language = "none"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
smartquotes = False  # configuration and commands are copied out of the text

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False

_AUTHORS = ["the cgappliance contributors"]
man_pages = [
    ("man/cgappliance.8", "cgappliance", "mail clients in front of Gmail, under a company's own rules", _AUTHORS, 8),
    ("man/cgappliance.toml.5", "cgappliance.toml", "the settings of cgappliance", _AUTHORS, 5),
    ("man/cgappliance-tenant.5", "cgappliance-tenant", "tenant file of cgappliance", _AUTHORS, 5),
]
man_show_urls = False
