"""Which phase of a login or of a relay a stack belongs to; the names are what the tables of ``--profile`` show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

OTHER = "everything else"


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase and the source files whose frames belong to it."""

    name: str
    files: re.Pattern[str]


def _phase(name: str, files: str) -> Phase:
    return Phase(name, re.compile(files))


#: The frame nearest to the leaf that belongs to any phase decides: a log line inside the history is log.
PHASES: Sequence[Phase] = (
    _phase("client: TCP and TLS handshake", r"cgappliance/net/(accept|clienthello)"),
    _phase("upstream: TCP and TLS handshake, pool", r"cgappliance/net/(dial|warm|pool)"),
    _phase("relay", r"cgappliance/net/relay"),
    _phase("protocol: client's side", r"cgappliance/proto/\w+/front|cgappliance/proto/(linefront|sasl|replies)"),
    _phase("protocol: Gmail's side", r"cgappliance/proto/\w+/back|cgappliance/proto/lineback|cgappliance/session/mailbox"),
    _phase("policy", r"cgappliance/policy/"),
    _phase("directory", r"cgappliance_(openldap|active_directory|local)|cgappliance/(directory|pooling|failover)|/ldap/|/ldap3/"),
    _phase("Google credential", r"cgappliance_google|google/auth|/requests/|/urllib3/"),
    _phase("history and store", r"cgappliance/(store/|server/records)|/sqlalchemy/"),
    _phase("log", r"cgappliance/log|/structlog/"),
    _phase("login: order of the steps", r"cgappliance/(session/login|net/(handler|connection|consult|surroundings|waiting))"),
    _phase("accepting connections", r"cgappliance/net/(listener|sessions)|gevent/baseserver"),
    _phase("event loop", r"gevent/(hub|_gevent|greenlet)"),
    _phase("supervisor and control", r"cgappliance/server/"),
)

#: Threads that wait for work, which py-spy takes for busy ones: gevent's lock is a spot where it cannot tell.
WAITING = re.compile(r"^acquire_with_timeout \(gevent/_threading|^_?wait(_for_tstate_lock)? \(threading")
PROCESS = re.compile(
    r"^process \d+:"
)  #: py-spy's frame for a process: no Python runs there, the kernel or the start of a thread does

LINE = re.compile(r":\d+\)$")
_FRAME_FILE = re.compile(r"\(([^()]+?)(?::\d+)?\)$")


def phase_of(stack: Sequence[str]) -> str:
    """Return the phase of a stack of frames ``function (file:line)``, root first."""
    for frame in reversed(stack):
        found = _FRAME_FILE.search(frame)
        if found is None:
            continue
        for phase in PHASES:
            if phase.files.search(found[1]):
                return phase.name
    return OTHER


def busy_stacks(lines: Iterable[str]) -> Counter[tuple[str, ...]]:
    """Return collapsed stacks (``root;...;leaf count`` per line) as counts by stack, root first, without threads that wait."""
    counts: Counter[tuple[str, ...]] = Counter()
    for line in lines:
        text, _, count = line.rpartition(" ")
        stack = tuple(frame for frame in text.split(";") if not PROCESS.match(frame))
        if text and not (stack and WAITING.match(stack[-1])):
            counts[stack or (OTHER,)] += int(count)
    return counts


def shares(stacks: Counter[tuple[str, ...]]) -> dict[str, float]:
    """Return each phase's share of the samples, greatest first."""
    return _shares(stacks, phase_of)


def own_time(stacks: Counter[tuple[str, ...]], most: int) -> dict[str, float]:
    """Return the share of the ``most`` dearest functions themselves, without what they call in Python."""
    return dict(list(_shares(stacks, lambda stack: LINE.sub(")", stack[-1])).items())[:most])


def _shares(stacks: Counter[tuple[str, ...]], name: Callable[[Sequence[str]], str]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for stack, count in stacks.items():
        counts[name(stack)] += count
    total = counts.total()
    return {key: count / total for key, count in counts.most_common()}
