"""Where logins and sessions are recorded: the log, one INFO line for each login and one for each session's end; and the metrics."""

from __future__ import annotations

from cgappliance import log, metrics
from cgappliance.model import Outcome
from cgappliance.session.record import LoginRecord, Recorder, SessionEnd

_log = log.get()


class Recorders:
    """Several recorders as one, in order: the one that may fail first."""

    def __init__(self, *recorders: Recorder) -> None:
        """Record with all of them."""
        self._recorders = recorders

    def login(self, record: LoginRecord) -> None:
        """Record an attempt everywhere; what fails is not recorded as accepted anywhere further down."""
        for recorder in self._recorders:
            recorder.login(record)

    def ended(self, record: LoginRecord, end: SessionEnd) -> None:
        """Record a session's end everywhere."""
        for recorder in self._recorders:
            recorder.ended(record, end)


class LogRecorder:
    """Writes the documented lines ``login`` and ``session.end`` (docs/reference/events)."""

    def login(self, record: LoginRecord) -> None:
        """Write the line of an attempt; WARNING when it is an outage or a set-up mistake, which the operator should look at."""
        outcome = record.reason.outcome
        write = _log.warning if outcome in (Outcome.UNAVAILABLE, Outcome.MISCONFIGURED) else _log.info
        write(
            "login",
            tenant=record.tenant,
            protocol=record.protocol.value,
            conn=record.session,
            peer=str(record.peer.address),
            port=record.peer.port,
            login=record.address or record.login,
            outcome=outcome.value,
            reason=record.reason.value,
            ms=round(record.total_ms, 1),
            phases=",".join(f"{name}:{spent:.1f}" for name, spent in record.phases_ms.items()),
            tls=record.tls_version,
            client=record.client,
            detail=record.detail,
        )

    def ended(self, record: LoginRecord, end: SessionEnd) -> None:
        """Write the line of a session's end."""
        _log.info(
            "session.end",
            tenant=record.tenant,
            protocol=record.protocol.value,
            conn=record.session,
            login=record.address,
            end=end.end,
            seconds=round(end.seconds, 1),
            up=end.bytes_up,
            down=end.bytes_down,
            detail=end.detail,
        )


class MetricsRecorder:
    """Counts logins and sessions, and how long they took."""

    def login(self, record: LoginRecord) -> None:
        """Count an attempt."""
        outcome = record.reason.outcome.value
        metrics.LOGINS.add(record.tenant, record.protocol.value, outcome, record.reason.value)
        metrics.LOGIN_SECONDS.observe(record.protocol.value, outcome, amount=record.total_ms / 1000)
        for phase, spent_ms in record.phases_ms.items():
            metrics.PHASE_SECONDS.observe(record.protocol.value, phase, amount=spent_ms / 1000)

    def ended(self, record: LoginRecord, end: SessionEnd) -> None:
        """Count a session's end."""
        metrics.SESSIONS_ENDED.add(record.tenant, record.protocol.value, end.end)
