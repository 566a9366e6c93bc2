"""Rules of a profile as people and programs write them (JSON), to rules, or to every mistake at once with its place.

A rule: ``{"allow": true, "protocols": ["imap"], "networks": ["203.0.113.0/24", {"network": "2001:db8::/32", "remark": "HQ"}],
"windows": ["mon-fri 09:00-18:00"], "remark": "office hours"}``. All but ``protocols`` may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cgappliance.config.networks import parse_network
from cgappliance.config.problem import Unfit
from cgappliance.model import MailProtocol, Network, ProfileRule, TimeWindow
from cgappliance.policy import windows
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.schema import NAME_MAX_CHARS

RULES_MAX: Final = 50  #: rules a profile: more can no longer be read by a human
NETWORKS_MAX: Final = 512  #: networks a rule: looked through in 50 us at each login
WINDOWS_MAX: Final = 21  #: three a day
REMARK_MAX_CHARS: Final = 100
_KEYS: Final = ("allow", "protocols", "networks", "windows", "remark")


class _Problems:
    """Collects mistakes, each at its place."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, problem: str, remedy: str) -> None:
        self.found.append(f"{place}: {problem} ({remedy})")

    def check(self) -> None:
        if self.found:
            raise RecordInvalid("\n".join(self.found))


def checked_name(name: str) -> str:
    """Return a profile's name.

    Raises:
        RecordInvalid: it cannot be one.
    """
    if not name or name != name.strip() or not name.isprintable() or len(name) > NAME_MAX_CHARS:
        raise RecordInvalid(f"name: {name!r} cannot name a profile (1 to {NAME_MAX_CHARS} printable characters)")
    return name


def parse_rules(data: Any) -> tuple[ProfileRule, ...]:
    """Return the rules of a list of JSON objects.

    Raises:
        RecordInvalid: with a line ``place: problem (remedy)`` for each mistake.
    """
    problems = _Problems()
    if not isinstance(data, Sequence) or isinstance(data, str | bytes) or not 1 <= len(data) <= RULES_MAX:
        problems.add("rules", "these are no rules", f"write a list of 1 to {RULES_MAX} rules")
        problems.check()
    rules = [_rule(problems, f"rules[{number}]", entry) for number, entry in enumerate(data)]
    problems.check()
    return tuple(rules)


def _rule(problems: _Problems, place: str, data: Any) -> ProfileRule:
    if not isinstance(data, Mapping):
        problems.add(place, "this is no rule", 'write an object, as in {"allow": true, "protocols": ["imap"]}')
        data = {"protocols": ["imap"]}
    for key in sorted({*data} - {*_KEYS}, key=str):
        problems.add(f"{place}.{key}", "there is no such key", f"a rule has {', '.join(_KEYS)}")
    allow = data.get("allow", True)
    if not isinstance(allow, bool):
        problems.add(f"{place}.allow", f"{allow!r} is neither true nor false", "write true or false")
    return ProfileRule(
        allow=allow is True,
        protocols=_protocols(problems, f"{place}.protocols", data.get("protocols")),
        networks=_networks(problems, f"{place}.networks", data.get("networks", [])),
        windows=_windows(problems, f"{place}.windows", data.get("windows", [])),
        remark=_remark(problems, f"{place}.remark", data.get("remark", "")),
    )


def _list(problems: _Problems, place: str, data: Any, most: int) -> Sequence[Any]:
    if isinstance(data, Sequence) and not isinstance(data, str | bytes) and len(data) <= most:
        return data
    problems.add(place, "this is no list, or too long a one", f"write a list of at most {most} entries")
    return []


def _protocols(problems: _Problems, place: str, data: Any) -> frozenset[MailProtocol]:
    known = {protocol.value: protocol for protocol in MailProtocol}
    names = _list(problems, place, data, 3)
    for number, name in enumerate(names):
        if name not in known:
            problems.add(f"{place}[{number}]", f"{name!r} is no protocol", f"write {', '.join(known)}")
    if not names:
        problems.add(place, "the rule is for no protocol", f"name at least one of {', '.join(known)}")
    return frozenset(known[name] for name in names if name in known)


def _networks(problems: _Problems, place: str, data: Any) -> tuple[Network, ...]:
    found: dict[Any, Network] = {}
    for number, entry in enumerate(_list(problems, place, data, NETWORKS_MAX)):
        here = f"{place}[{number}]"
        network = _network(problems, here, entry)
        if network is not None and network.network in found:
            problems.add(here, f"{network.network} is in the list already", "leave one of the two out")
        elif network is not None:
            found[network.network] = network
    return tuple(found.values())


def _network(problems: _Problems, place: str, data: Any) -> Network | None:
    text, remark = (data.get("network"), data.get("remark", "")) if isinstance(data, Mapping) else (data, "")
    if not isinstance(text, str):
        problems.add(place, "this is no network", 'write "203.0.113.0/24" or {"network": "203.0.113.0/24", "remark": "..."}')
        return None
    try:
        return Network(parse_network(text), _remark(problems, f"{place}.remark", remark))
    except Unfit as error:
        problems.add(place, error.problem, error.remedy)
        return None


def _windows(problems: _Problems, place: str, data: Any) -> tuple[TimeWindow, ...]:
    found: list[TimeWindow] = []
    for number, text in enumerate(_list(problems, place, data, WINDOWS_MAX)):
        try:
            found.append(windows.parse(text if isinstance(text, str) else repr(text)))
        except ValueError as error:
            problems.found.append(f"{place}[{number}]: {error}")
    return tuple(found)


def _remark(problems: _Problems, place: str, data: Any) -> str:
    if isinstance(data, str) and len(data) <= REMARK_MAX_CHARS and (data.isprintable() or not data):
        return data.strip()
    problems.add(place, "this is no remark", f"write at most {REMARK_MAX_CHARS} printable characters")
    return ""
