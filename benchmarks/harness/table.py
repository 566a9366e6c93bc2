"""The results as Markdown: one table per family of work, then what the load side had left, and what is missing and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.goals import goals_table
from benchmarks.harness.results import Results
from benchmarks.harness.study_tables import study_tables
from benchmarks.harness.text import NO_FIGURE, cell, grid


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of every peer."""

    title: str
    workload: str
    value: str
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One table."""

    title: str
    text: str
    columns: Sequence[Column]


def _logins(value: str, digits: int) -> tuple[Column, ...]:
    return (
        Column("IMAP, 1", "imap-login-1", value, digits),
        Column("IMAP, 16", "imap-login-16", value, digits),
        Column("IMAP, 16, client resumes", "imap-login-16-resumed", value, digits),
        Column("POP3, 1", "pop3-login-1", value, digits),
        Column("POP3, 16", "pop3-login-16", value, digits),
        Column("SMTP, 1", "smtp-login-1", value, digits),
        Column("SMTP, 16", "smtp-login-16", value, digits),
    )


def _bulk(value: str, digits: int) -> tuple[Column, ...]:
    return tuple(
        Column(f"{work}, {sessions} session{'s' if sessions > 1 else ''}", f"{work}-{sessions}", value, digits)
        for work in ("download", "upload")
        for sessions in (1, 8)
    )


def sections(idle: tuple[int, int]) -> tuple[Section, ...]:
    """Return all tables; ``idle``: the two numbers of idle sessions."""
    fewer, more = idle
    return (
        Section("Logins per CPU second of the proxy", "More is better.", _logins("logins_per_cpu_s", 0)),
        Section(
            "Logins per second, wall clock",
            "Capped by the load side where the proxy's core was not full.",
            _logins("logins_per_s", 0),
        ),
        Section("Time of a login at p50, ms", "From connect to the answer; 16 at a time share one core.", _logins("p50_ms", 2)),
        Section("GB relayed per CPU second of the proxy", "More is better.", _bulk("gb_per_cpu_s", 3)),
        Section(
            "MB relayed per second, wall clock",
            "Capped by the load side where the proxy's core was not full.",
            _bulk("mb_per_s", 0),
        ),
        Section(
            "Commands",
            "NOOP round trips; less is better. Paced: 10 a second on each session, whatever the answers.",
            (
                Column("1 session, p50 us", "imap-noop-1", "p50_us"),
                Column("p99 us", "imap-noop-1", "p99_us"),
                Column("CPU us", "imap-noop-1", "cpu_us_per_command", 1),
                Column("100 sessions paced, p50 us", "imap-noop-100-paced", "p50_us"),
                Column("p99 us", "imap-noop-100-paced", "p99_us"),
                Column("CPU us", "imap-noop-100-paced", "cpu_us_per_command", 1),
                Column("100 sessions closed loop, CPU us", "imap-noop-100", "cpu_us_per_command", 1),
                Column("beside 4 downloads, p50 us", "imap-noop-beside-downloads", "p50_us"),
                Column("p99 us", "imap-noop-beside-downloads", "p99_us"),
                Column("downloads meanwhile, MB/s", "imap-noop-beside-downloads", "mb_per_s"),
            ),
        ),
        Section(
            "Idle sessions",
            "Memory is PSS of the whole process tree less that of the fresh one. Beside them: logins and NOOPs as above.",
            (
                Column(f"{fewer} sessions, KiB each", f"imap-idle-{fewer}", "pss_kib_per_session", 1),
                Column(f"{more} sessions, KiB each", f"imap-idle-{more}", "pss_kib_per_session", 1),
                Column("fresh process, MiB", f"imap-idle-{fewer}", "fresh_mib", 1),
                Column(f"CPU of {more} idle, %", f"imap-idle-{more}", "idle_cpu_percent", 2),
                Column(f"logins/CPU s beside {more}", f"imap-login-16-beside-{more}", "logins_per_cpu_s"),
                Column("after them", f"imap-login-16-after-{more}", "logins_per_cpu_s"),
                Column(f"NOOP p50 us beside {more}", f"imap-noop-1-beside-{more}", "p50_us"),
                Column("CPU us", f"imap-noop-1-beside-{more}", "cpu_us_per_command", 1),
                Column("after them", f"imap-noop-1-after-{more}", "cpu_us_per_command", 1),
            ),
        ),
    )


def markdown(results: Results) -> str:
    """Return the whole report."""
    parts = [_head(results)]
    for section in sections(tuple(results.about["idle_sessions"])):
        table = _table(results, section.columns)
        if table:
            parts.append(f"## {section.title}\n\n{section.text}\n\n{table}")
    parts += study_tables(results)
    parts += [part for part in (goals_table(results), _load_side(results), _gaps(results)) if part]
    return "\n\n".join(parts) + "\n"


def _head(results: Results) -> str:
    about = results.about
    machine, versions = about["machine"], about["versions"]
    lines = [
        "# Benchmark",
        "",
        f"{about['date']}; {machine['cpu']}, {machine['memory']}, {machine['system']}, kernel {machine['kernel']}.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        f"Scale {about['scale']}, {about['runs']} run{'s' if about['runs'] != 1 else ''}, CPU time from {about['meter']}. "
        "Median (minimum-maximum); `!`: every run of this figure was disturbed by others on the machine.",
    ]
    if "cut_short" in about:
        lines.append(f"**Cut short: {about['cut_short']}.**")
    if about["scale"] == "quick":
        lines.append("**A smoke test: these figures mean nothing but that everything runs.**")
    return "\n".join(lines)


def _table(results: Results, columns: Sequence[Column]) -> str:
    """Return a table of the peers and the columns that have a figure at all; "" when there is none."""
    peers = results.peers()
    texts = {
        column: [cell(results.summary(peer, column.workload, column.value), column.digits) for peer in peers] for column in columns
    }
    texts = {column: cells for column, cells in texts.items() if set(cells) != {NO_FIGURE}}
    rows = [[peer, *(cells[row] for cells in texts.values())] for row, peer in enumerate(peers)]
    rows = [row for row in rows if set(row[1:]) - {NO_FIGURE}]
    return grid(["peer", *(column.title for column in texts)], rows) if rows else ""


def _load_side(results: Results) -> str:
    """Say how much of a core everybody used: the load side must not be what was measured."""
    rows = []
    for workload in results.workloads():
        for peer in results.peers():
            shares = [s.load for s in results.samples if (s.peer, s.workload) == (peer, workload) and s.load.get("proxy_core")]
            if shares:
                names = ("proxy_core", "loadgen_core", "upstream_core", "foreign_core")
                middle = sorted(shares, key=lambda load: load["proxy_core"])[len(shares) // 2]
                rows.append([workload, peer, *(f"{100 * middle[name]:.0f}" for name in names)])
    if not rows:
        return ""
    head = ["work", "peer", "proxy", "load generator", "upstream", "others"]
    text = (
        "Percent of a core that each used. Where the proxy is below 95, the load side or waiting set the wall-clock figures; "
        "CPU figures hold."
    )
    return f"## Who was busy\n\n{text}\n\n{grid(head, rows)}"


def _gaps(results: Results) -> str:
    if not results.gaps:
        return ""
    lines = [
        f"- {gap.peer}, {gap.workload}: {'FAILED: ' if gap.failed else ''}{gap.reason.splitlines()[0]}" for gap in results.gaps
    ]
    return "## Not measured\n\n" + "\n".join(lines)
