"""From docstrings as the code has them to what autodoc wants: Google style, and the six lines of each hook.

``sphinx.ext.napoleon`` as an extension would also take "default: what counts" behind an attribute for a type and its text.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.ext.napoleon import Config, GoogleDocstring

FIELD = re.compile(r"(Called|Args|Returns|Raises|Several plugins|Since): (.+)")
CONFIG = Config(napoleon_use_param=True, napoleon_use_rtype=True)


def rewrite(_app: Any, what: str, name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place."""
    if name.rpartition(".")[2].startswith("cgappliance_"):
        lines[:] = [f":{found[1]}: {found[2]}" if (found := FIELD.fullmatch(line)) else line for line in lines]
    elif what not in ("attribute", "data", "property"):
        lines[:] = GoogleDocstring(lines, CONFIG, what=what, name=name).lines()
