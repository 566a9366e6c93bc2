"""Japanese paragraphs: the source breaks its lines, and between two Japanese characters a break is no space."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

_JAPANESE = "[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_BREAK = re.compile(rf"(?<={_JAPANESE})\n(?={_JAPANESE})")


def join_lines(_app: Sphinx, document: nodes.document) -> None:
    """Take the line breaks between Japanese characters out of a document's paragraphs."""
    for text in list(document.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.FixedTextElement) and _BREAK.search(text):
            text.parent.replace(text, nodes.Text(_BREAK.sub("", text)))
