"""Tables of facts: exit statuses, outcomes with their reasons, replies, limits."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from types import ModuleType

from cgappliance import metrics as declared
from cgappliance.cli import common
from cgappliance.model import Outcome, Reason
from cgappliance.proto.events import Farewell
from cgappliance.proto.replies import FAREWELLS, REPLIES, Reply
from cgappliance.server import run
from cgdocs.text import comments, heading, number, prose, table


def exit_statuses() -> str:
    """Return the exit statuses of all commands."""
    rows = {
        vars(module)[name]: meaning
        for module in (run, common)  # the latter's words win: they are about all commands
        for (_, name), meaning in comments(module.__name__).items()
        if name.startswith("EXIT_")
    }
    return table(("Status", "Meaning"), [("0", "done, and nothing is wrong"), *((str(n), prose(rows[n])) for n in sorted(rows))])


def reasons() -> str:
    """Return a section for each outcome, with its reasons."""
    parts = []
    for outcome in Outcome:
        rows = [(f"``{reason.value}``", prose(reason.sentence)) for reason in Reason if reason.outcome is outcome]
        parts += [heading(outcome.value, 0), table(("Reason", "Meaning"), rows)]
    return "\n".join(parts)


def replies() -> str:
    """Return what clients hear: for each outcome, and when a connection is ended that had no login pending."""
    refusals = [(outcome.value, reply) for outcome, reply in REPLIES.items()]
    farewells = [(f"connection ended: {why.name.lower().replace('_', ' ')}", FAREWELLS[why]) for why in Farewell]
    return table(("Outcome", "IMAP", "POP3", "SMTP", "Text"), [_row(name, reply) for name, reply in (*refusals, *farewells)])


def _row(name: str, reply: Reply) -> tuple[str, ...]:
    codes = (f"``{code}``" if code else "nothing" for code in (reply.imap, reply.pop3, reply.smtp))
    return (name, *codes, prose(reply.text))


def metrics(kind: str) -> str:
    """Return the metrics of one of Prometheus' kinds: name, labels, meaning."""
    rows = [
        (f"``{about.name}``", ", ".join(f"``{label}``" for label in about.labels) or "none", prose(about.help))
        for about in declared.descriptions()
        if about.kind == kind
    ]
    return table(("Metric", "Labels", "Meaning"), rows, "40 20 40")


def limits(module: str, name: str) -> str:
    """Return the numbers of a dataclass that is made of limits."""
    why = comments(module)
    rows = [
        (f"``{field.name}``", number(field.default), prose(why[name, field.name]))
        for field in dataclasses.fields(vars(importlib.import_module(module))[name])
    ]
    return table(("Limit", "Value", "What it bounds, and why so"), rows, "30 10 60")


def constants(name: str) -> str:
    """Return the documented numbers of a module, or of all modules of a package: waits, pools, sizes."""
    rows = []
    for module in _modules(importlib.import_module(name)):
        place = module.__name__.removeprefix("cgappliance.").replace(".", "/")
        for (owner, constant), meaning in comments(module.__name__).items():
            value = vars(module).get(constant)
            if not owner and not constant.startswith("_") and isinstance(value, int | float) and not isinstance(value, bool):
                rows.append((f"``{constant}`` ({place})", number(value), prose(meaning)))
    return table(("Limit", "Value", "What it bounds, and why so"), rows, "30 10 60")


def _modules(root: ModuleType) -> list[ModuleType]:
    if not hasattr(root, "__path__"):
        return [root]
    return [importlib.import_module(f"{root.__name__}.{info.name}") for info in pkgutil.iter_modules(root.__path__)]
