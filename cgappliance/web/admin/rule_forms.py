"""A profile's rules as fields of a form, and back. The form can be changed by its buttons without being saved, script or no script.

Addresses stand one to a line (manual 2.2), a remark behind ``#``. What is wrong is told at the field's own line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from cgappliance.admin.profile_rules import RULES_MAX, parse_rules
from cgappliance.model import MailProtocol, ProfileRule
from cgappliance.policy import windows
from cgappliance.store.errors import RecordInvalid

_PLACE: Final = re.compile(r"rules\[(\d+)\](?:\.(\w+)(?:\[(\d+)\])?)?(?:\.remark)?: (.*)", re.DOTALL)


@dataclass(slots=True)
class RuleForm:
    """One rule as it is typed."""

    allow: bool = True
    protocols: list[str] = field(default_factory=lambda: [protocol.value for protocol in MailProtocol])
    limited: bool = False  #: the box "remote IP restriction"
    networks: str = ""
    windows: str = ""
    remark: str = ""
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, rule: ProfileRule) -> RuleForm:
        """Return a rule as it would be typed."""
        lines = [f"{entry.network}" + (f"  # {entry.remark}" if entry.remark else "") for entry in rule.networks]
        hours = "\n".join(windows.describe(window) for window in rule.windows)
        protocols = [protocol.value for protocol in MailProtocol if protocol in rule.protocols]
        return cls(rule.allow, protocols, bool(rule.networks), "\n".join(lines), hours, rule.remark)

    @classmethod
    def typed(cls, form: MultiDict[str, str], number: int) -> RuleForm:
        """Return what was typed into the fields of one rule."""
        name = f"rule-{number}-"
        return cls(
            form.get(f"{name}action", "allow") == "allow",
            [value for value in form.getlist(f"{name}protocol") if value in set(MailProtocol)],
            form.get(f"{name}limited") == "1",
            form.get(f"{name}networks", "").replace("\r\n", "\n"),
            form.get(f"{name}windows", "").replace("\r\n", "\n"),
            form.get(f"{name}remark", "").strip(),
        )

    def data(self) -> Mapping[str, Any]:
        """Return the rule as ``parse_rules`` takes it."""
        networks = [_network(line) for line in _lines(self.networks)] if self.limited else []
        return {
            "allow": self.allow,
            "protocols": self.protocols,
            "networks": networks,
            "windows": _lines(self.windows),
            "remark": self.remark,
        }

    def line_of(self, key: str, index: int) -> str:
        """Return the line that was typed, for a message."""
        lines = _lines(getattr(self, key, ""))
        return lines[index].strip() if index < len(lines) else ""


@dataclass(slots=True)
class ProfileForm:
    """A profile as it is typed."""

    name: str = ""
    access: bool = True  #: the box "POP/IMAP access"
    rules: list[RuleForm] = field(default_factory=lambda: [RuleForm()])
    version: int = 0

    @classmethod
    def of(cls, name: str, rules: Sequence[ProfileRule], version: int) -> ProfileForm:
        """Return a profile as it would be typed."""
        return cls(name, any(rule.allow for rule in rules), [RuleForm.of(rule) for rule in rules], version)

    @classmethod
    def typed(cls, form: MultiDict[str, str]) -> ProfileForm:
        """Return what was typed."""
        count = min(_number(form.get("rules", "1")), RULES_MAX)
        rules = [RuleForm.typed(form, number) for number in range(count)]
        return cls(form.get("name", "").strip(), form.get("access") == "1", rules, _number(form.get("version", "0")))

    def press(self, button: str) -> bool:
        """Do what a button does that changes the form only, and return False for one that saves."""
        what, _, place = button.partition(":")
        number = _number(place)
        if what == "add" and len(self.rules) < RULES_MAX:
            self.rules.append(RuleForm())
        elif what == "remove" and len(self.rules) > 1 and number < len(self.rules):
            del self.rules[number]
        elif what in ("up", "down"):
            other = number + (1 if what == "down" else -1)
            if 0 <= other < len(self.rules) and number < len(self.rules):
                self.rules[number], self.rules[other] = self.rules[other], self.rules[number]
        return what in ("add", "remove", "up", "down")

    def parsed(self) -> tuple[ProfileRule, ...]:
        """Return the rules; without access, one that denies everything.

        Raises:
            RecordInvalid: something cannot be understood; each rule's ``problems`` says what.
        """
        if not self.access:
            return (ProfileRule(False, frozenset(MailProtocol)),)
        for rule in self.rules:
            if rule.limited and not _lines(rule.networks):
                rule.problems.append("networks: the remote IP restriction lists no address (add one, or clear its check box)")
        try:
            rules = parse_rules([rule.data() for rule in self.rules])
        except RecordInvalid as error:
            for line in str(error).split("\n"):
                self._note(line)
            raise
        if any(rule.problems for rule in self.rules):
            raise RecordInvalid("rules: something is missing")
        return rules

    def _note(self, line: str) -> None:
        match = _PLACE.fullmatch(line)
        rule = self.rules[int(match[1])] if match is not None else self.rules[0]
        if match is None:
            rule.problems.append(line)
            return
        at = f"{match[2]} ({rule.line_of(match[2], int(match[3]))})" if match[3] is not None else (match[2] or "")
        rule.problems.append(f"{at}: {match[4]}" if at else match[4])


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _network(line: str) -> Any:
    network, mark, remark = line.partition("#")
    return {"network": network.strip(), "remark": remark.strip()} if mark else network.strip()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
