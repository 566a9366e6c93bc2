"""The figures to reach, worked out from the peers of the same run: ratios, because absolute times belong to one machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.harness.results import Results

Number = Callable[[Results], float | None]


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the goals: what is measured, what must be reached, and what comes then."""

    work: str
    mine: Number
    reach: Number
    then: Number
    more_is_better: bool
    digits: int = 0


def figure(peer: str, workload: str, value: str) -> Number:
    """Return the median of a figure."""

    def number(results: Results) -> float | None:
        summary = results.summary(peer, workload, value)
        return summary.median if summary else None

    return number


def times(factor: float, number: Number) -> Number:
    """Return a multiple of a figure."""

    def multiple(results: Results) -> float | None:
        value = number(results)
        return None if value is None else factor * value

    return multiple


def difference(number: Number, other: Number) -> Number:
    """Return a figure less another one."""

    def less(results: Results) -> float | None:
        value, off = number(results), other(results)
        return None if value is None or off is None else value - off

    return less


def ratio(number: Number, other: Number) -> Number:
    """Return a figure divided by another one."""

    def divided(results: Results) -> float | None:
        value, by = number(results), other(results)
        return None if value is None or not by else value / by

    return divided


def highest(*numbers: Number) -> Number:
    """Return the greatest figure of those that there are."""

    def most(results: Results) -> float | None:
        values = [value for number in numbers if (value := number(results)) is not None]
        return max(values) if values else None

    return most


def constant(value: float) -> Number:
    """Return a number that no machine changes."""
    return lambda _results: value


def added_us(peer: str) -> Number:
    """Return what a peer adds to the round trip of a command."""
    return difference(figure(peer, "imap-noop-1", "p50_us"), figure("direct", "imap-noop-1", "p50_us"))


MINE, BIND = "appliance", "appliance-bind"
LOGINS = ("imap-login-16", "logins_per_cpu_s")
NOOP_CPU = ("imap-noop-1", "cpu_us_per_command")
BESIDE = "imap-noop-beside-downloads"

GOALS: Sequence[Goal] = (
    Goal(
        "logins per CPU s, 16 at a time, answer cached, upstream resumed (1.5 x Dovecot; then 2 x, past HAProxy)",
        figure(MINE, *LOGINS),
        times(1.5, figure("dovecot-cached", *LOGINS)),
        highest(times(2.0, figure("dovecot-cached", *LOGINS)), figure("haproxy", *LOGINS)),
        more_is_better=True,
    ),
    Goal(
        "the same with a bind and a full upstream handshake for each (1.15 x Dovecot; then 1.3 x)",
        figure(BIND, *LOGINS),
        times(1.15, figure("dovecot", *LOGINS)),
        times(1.3, figure("dovecot", *LOGINS)),
        more_is_better=True,
    ),
    *(
        Goal(
            f"GB relayed per CPU s, {work} (HAProxy; then 90 % of the ceiling)",
            figure(MINE, f"{work}-1", "gb_per_cpu_s"),
            figure("haproxy", f"{work}-1", "gb_per_cpu_s"),
            times(0.9, figure("ceiling", "ceiling", "relay_gb_per_cpu_s")),
            more_is_better=True,
            digits=3,
        )
        for work in ("download", "upload")
    ),
    Goal(
        "KiB (PSS) per idle IMAP session at 5,000 (45; then HAProxy)",
        figure(MINE, "imap-idle-5000", "pss_kib_per_session"),
        constant(45),
        figure("haproxy", "imap-idle-5000", "pss_kib_per_session"),
        more_is_better=False,
        digits=1,
    ),
    Goal(
        "added round trip of a command, us (HAProxy x 45/43; then x 40/43)",
        added_us(MINE),
        times(45 / 43, added_us("haproxy")),
        times(40 / 43, added_us("haproxy")),
        more_is_better=False,
        digits=1,
    ),
    Goal(
        "CPU of a command, us (HAProxy x 55/45; then HAProxy)",
        figure(MINE, *NOOP_CPU),
        times(55 / 45, figure("haproxy", *NOOP_CPU)),
        figure("haproxy", *NOOP_CPU),
        more_is_better=False,
        digits=1,
    ),
    Goal(
        "a command beside 4 downloads, p50 us", figure(MINE, BESIDE, "p50_us"), constant(1000), constant(600), more_is_better=False
    ),
    Goal(
        "a command beside 4 downloads, p99 us",
        figure(MINE, BESIDE, "p99_us"),
        constant(10_000),
        constant(3000),
        more_is_better=False,
    ),
    Goal(
        "logins with 5,000 idle sessions present, share of those without",
        ratio(figure(MINE, "imap-login-16-beside-5000", LOGINS[1]), figure(MINE, "imap-login-16-after-5000", LOGINS[1])),
        constant(0.97),
        constant(1.0),
        more_is_better=True,
        digits=3,
    ),
    Goal(
        "CPU of a command with 5,000 idle sessions present, share of that without",
        ratio(figure(MINE, "imap-noop-1-beside-5000", NOOP_CPU[1]), figure(MINE, "imap-noop-1-after-5000", NOOP_CPU[1])),
        constant(1.03),
        constant(1.0),
        more_is_better=False,
        digits=3,
    ),
    *(
        Goal(
            f"two workers against one, {work}",
            figure(MINE, f"workers-{work}", "two_against_one"),
            constant(1.9),
            constant(2.0),
            more_is_better=True,
            digits=2,
        )
        for work in ("logins", "download")
    ),
    Goal(
        "logins with 500 tenants and 100,000 accounts, share of those with 1 and 10",
        figure(MINE, "growth-500", "share_of_smallest"),
        constant(0.95),
        constant(1.0),
        more_is_better=True,
        digits=3,
    ),
    *(
        Goal(
            f"memory of an idle appliance with 500 tenants, MB, {when}",
            figure(MINE, "growth-500", value),
            constant(200),
            constant(100),
            more_is_better=False,
        )
        for when, value in (
            ("freshly started", "fresh_mb"),
            ("the moment 5,000 accounts have logged in", "idle_mb"),
            ("a minute and a half later", "rested_mb"),
        )
    ),
    Goal(
        "reload of one tenant of 500, s",
        figure(MINE, "growth-500", "reload_s"),
        constant(1.0),
        constant(0.5),
        more_is_better=False,
        digits=2,
    ),
    *(
        Goal(
            f"{protocol.upper()} login over a line of 50 ms, share of a login straight to the upstream",
            figure(MINE, f"{protocol}-login-50ms", "share_of_direct"),
            constant(0.5),
            constant(0.4),
            more_is_better=False,
            digits=2,
        )
        for protocol in ("imap", "pop3", "smtp")
    ),
)


def verdict(goal: Goal, mine: float, reach: float | None, then: float | None) -> str:
    """Return in a word how far a figure came."""

    def met(limit: float | None) -> bool:
        return limit is not None and (mine >= limit if goal.more_is_better else mine <= limit)

    if reach is None:
        return "no peer to compare with"
    return "missed" if not met(reach) else "beyond" if met(then) else "reached"


def goals_table(results: Results) -> str:
    """Return the goals as Markdown; "" when the appliance was not measured."""
    rows = []
    for goal in GOALS:
        mine, reach, then = goal.mine(results), goal.reach(results), goal.then(results)
        if mine is not None:
            shown = ["-" if number is None else f"{number:.{goal.digits}f}" for number in (mine, reach, then)]
            rows.append(f"| {goal.work} | {' | '.join(shown)} | {verdict(goal, mine, reach, then)} |")
    if not rows:
        return ""
    head = "| work | appliance | to reach | and then | |\n| --- | --- | --- | --- | --- |"
    return f"## Goals\n\nWorked out from the peers of this run.\n\n{head}\n" + "\n".join(rows)
