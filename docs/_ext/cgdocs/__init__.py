"""The parts of the documents that are made from the code: settings, commands, reasons, limits. Nothing of them is written twice.

Each directive stands for reStructuredText that its module makes, parsed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cgdocs import commands, docstrings, facts, japanese, measured, settings
from cgdocs.source import source_role

#: with entries in the index and targets for links; ``:no-index:`` on a page (a man page) that shows again what has another home
INDEXED = {"cg-settings": settings.render, "cg-commands": commands.render}

TABLES = {
    "cg-exit-statuses": facts.exit_statuses,
    "cg-reasons": facts.reasons,
    "cg-replies": facts.replies,
    "cg-metrics": facts.metrics,
    "cg-limits": facts.limits,
    "cg-constants": facts.constants,
    "cg-measured": measured.measured,
}


class Generated(SphinxDirective):
    """A place for generated text."""

    render: ClassVar[Callable[..., str]]
    optional_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Return the text, as if it stood in the page."""
        return self.parse_text_to_nodes(self.text(), allow_section_headings=True)

    def text(self) -> str:
        """Return the text."""
        return type(self).render(*self.arguments)


class Indexed(Generated):
    """The same for what can be linked to."""

    option_spec: ClassVar = {"no-index": directives.flag}

    def text(self) -> str:
        """Return the text, with or without targets."""
        return type(self).render(*self.arguments, index="no-index" not in self.options)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register directives and roles."""
    for base, renderers in ((Indexed, INDEXED), (Generated, TABLES)):
        for name, render in renderers.items():
            app.add_directive(name, type(name, (base,), {"render": staticmethod(render)}))
    app.add_role("src", source_role)
    for file in settings.FILES:  # both may have a table of the same name, so each has a name space of its own
        app.add_object_type(f"{file}-setting", file, objname=f"{file} setting", indextemplate=f"pair: %s; {file} setting")
    app.add_object_type("logevent", "logevent", objname="log event", indextemplate="pair: %s; log event")
    app.connect("autodoc-process-docstring", docstrings.rewrite)
    app.connect("doctree-read", japanese.join_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
