"""Every text of the pages: what the templates and the modules of ``web`` pass to the translation, and what comes from below."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.extract import extract

from cgappliance.administration import GoogleFault
from cgappliance.model import Reason
from cgappliance.policy.decide import RULES

WEB = Path(__file__).parents[2] / "cgappliance/web"
FUNCTIONS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def of_templates() -> Iterator[str]:
    for path in sorted(WEB.rglob("templates/**/*.html")):
        for _line, message, _comments, _context in extract("jinja2.ext:babel_extract", BytesIO(path.read_bytes()), FUNCTIONS):
            yield message[-1] if isinstance(message, tuple) else message  # of two forms, Japanese has the plural


def of_modules() -> Iterator[str]:
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
                texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                if texts:
                    yield texts[-1] if node.func.id == "ngettext" else texts[0]


def of_reasons() -> Iterator[str]:
    yield from (reason.sentence for reason in Reason)
    yield from (rule.name for rule in RULES)
    yield from ("list of accounts", "lock")
    yield from (text for fault in GoogleFault for text in (fault.sentence, fault.remedy))
