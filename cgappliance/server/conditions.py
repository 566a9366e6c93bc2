"""What is wrong with the appliance now, in words for its operator: the problems that ``alert_book.py`` makes alerts of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cgappliance.config.values import Config
from cgappliance.model import Outcome
from cgappliance.net.health import Part
from cgappliance.server.alert_book import Key, Problem
from cgappliance.server.health_board import HealthBoard

DETAIL_MAX_CHARS = 300  #: of others' words in an alert
DAY_S = 86_400.0

_NAMES = {Part.DIRECTORY: "directory", Part.TOKEN: "Google's token endpoint", Part.UPSTREAM: "Gmail"}


class Conditions:
    """Remembers since when something has been wrong that does not say so itself."""

    def __init__(self) -> None:
        self._since: dict[Key, float] = {}

    def now(
        self,
        config: Config,
        board: HealthBoard,
        days_left: Mapping[str, float],
        *,
        store_healthy: bool,
        now: float,
    ) -> dict[Key, Problem]:
        """Return what is wrong; ``now`` is monotonic, as the board's times are."""
        found = dict(_health(board))
        for key, text in [*_files(config), *_store(store_healthy)]:
            found[key] = Problem(text, self._since.get(key, now))
        self._since = {key: problem.since for key, problem in found.items()}
        return found | dict(_certificates(days_left, config.settings.alerts.certificate_days, now))


def _health(board: HealthBoard) -> Iterator[tuple[Key, Problem]]:
    for tenant, part, state in board.states():
        if not state.healthy:
            misconfigured = state.reason.outcome is Outcome.MISCONFIGURED
            kind = "delegation" if misconfigured and part is Part.TOKEN else part.value
            detail = f" ({_short(state.detail)})" if state.detail else ""
            yield Key(kind, tenant), Problem(f"{_NAMES[part]}: {state.reason.sentence}{detail}", state.since)


def _files(config: Config) -> Iterator[tuple[Key, str]]:
    for tenant, problems in config.broken.items():
        errors = [problem for problem in problems if problem.is_error] or list(problems)
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        yield Key("tenant_file", tenant), f"the tenant file cannot be used: {_short(str(errors[0]))}{more}"


def _store(healthy: bool) -> Iterator[tuple[Key, str]]:
    if not healthy:
        yield Key("database"), "the database cannot be used; logins are answered as an outage while it lasts"


def _certificates(days_left: Mapping[str, float], wanted_days: int, now: float) -> Iterator[tuple[Key, Problem]]:
    for tenant, days in days_left.items():
        if days < wanted_days:
            text = f"the certificate expires in {int(days)} days" if days >= 0 else f"the certificate expired {int(-days)} days ago"
            yield Key("certificate", tenant), Problem(text, now, at_once=True, repeat_s=DAY_S)


def _short(text: str) -> str:
    return text if len(text) <= DETAIL_MAX_CHARS else text[: DETAIL_MAX_CHARS - 3] + "..."
