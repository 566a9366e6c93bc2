"""The access history: filter, plot, pages, and the same rows as a CSV file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from cgappliance.admin import history as desk_history
from cgappliance.admin.moments import parse_moment
from cgappliance.config.networks import parse_network
from cgappliance.config.problem import Unfit
from cgappliance.model import MailProtocol, Outcome, Reason
from cgappliance.store import history as records
from cgappliance.store import statistics
from cgappliance.store.administrators import Role
from cgappliance.store.errors import RecordInvalid
from cgappliance.store.history import Cursor, Filter, State
from cgappliance.web import forms, plots
from cgappliance.web.access import needs
from cgappliance.web.admin.pages import blueprint, csv_download
from cgappliance.web.i18n import sentence
from cgappliance.web.services import services

PAGE_ROWS: Final = 50
PLOT_MAX: Final = timedelta(days=31)  #: counting more rows than those of a month would make people wait
PLOT_COLUMNS: Final = 60

#: Spans that the page offers, in hours.
SPANS: Final = {"1h": 1, "24h": 24, "7d": 168, "30d": 720}
FIELDS: Final = ("account", "protocol", "outcome", "reason", "network", "state", "span", "since", "until")


@dataclass(slots=True)
class Query:
    """What was asked for, and what of it makes no sense."""

    where: Filter
    problems: list[str] = field(default_factory=list)


@blueprint.get("/history")
@needs(Role.AUDITOR)
def history() -> ResponseReturnValue:
    """Show a page of the history, and the plot of its filter."""
    query = asked()
    store = services().store
    after = _cursor(query)
    page = records.page(store, query.where, limit=PAGE_ROWS, after=after)
    return render_template(
        "admin/history.html",
        page="history",
        rows=page.rows,
        next=str(page.next) if page.next is not None else None,
        is_first=after is None,
        problems=query.problems,
        plot=None if after is not None else _plot(query.where),
        asked={name: forms.text(name) for name in FIELDS if forms.text(name)},
        **_choices(),
    )


@blueprint.get("/history.csv")
@needs(Role.AUDITOR)
def export_history() -> ResponseReturnValue:
    """Download the rows that match, all of them, while they are read."""
    rows = records.walk(services().store, asked().where)
    return csv_download("history", desk_history.as_csv(rows, g.tenant.timezone, bom=True))


def asked() -> Query:
    """Return the filter that the page's address describes; what cannot be understood is told, and does not restrict."""
    query = Query(Filter(tenant=g.tenant.id, account=forms.text("account")))
    now = services().now()
    span = SPANS.get(forms.text("span"))
    values: dict[str, Any] = {
        "protocol": forms.choice("protocol", MailProtocol),
        "outcome": forms.choice("outcome", Outcome),
        "state": forms.choice("state", State),
        "reason": forms.text("reason"),
        "network": _network(query),
        "since": _moment(query, "since", now) or (now - timedelta(hours=span) if span else None),
        "until": _moment(query, "until", now),
    }
    query.where = replace(query.where, **values)
    return query


def _network(query: Query) -> Any:
    text = forms.text("network")
    try:
        return parse_network(text) if text else None
    except Unfit as unfit:
        query.problems.append(sentence(f"{unfit.problem} ({unfit.remedy})"))
        return None


def _moment(query: Query, name: str, now: datetime) -> datetime | None:
    text = forms.text(name)
    try:
        return parse_moment(text, g.tenant.timezone, now) if text else None
    except RecordInvalid as error:
        query.problems.append(sentence(error))
        return None


def _cursor(query: Query) -> Cursor | None:
    text = request.args.get("after", "")
    try:
        return Cursor.parse(text) if text else None
    except RecordInvalid as error:
        query.problems.append(sentence(error))
        return None


def _plot(where: Filter) -> plots.Plot | None:
    """Return the plot of a filter; None when its span is too long."""
    until = where.until or services().now()
    since = where.since or until - timedelta(hours=24)
    if not timedelta(0) < until - since <= PLOT_MAX:
        return None
    start, end, width = plots.buckets(since, until, g.tenant.timezone, PLOT_COLUMNS)
    counts = statistics.over_time(services().store, where, start, end, width)  # the filter cuts off what is before and behind
    return plots.stacked(counts, start, end, width, g.tenant.timezone)


def _choices() -> dict[str, Any]:
    return {
        "protocols": list(MailProtocol),
        "outcomes": list(Outcome),
        "reasons": [reason for reason in Reason if reason is not Reason.ACCEPTED],
        "states": list(State),
        "spans": list(SPANS),
    }
