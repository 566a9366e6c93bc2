from __future__ import annotations

import csv
import io
import json
from zoneinfo import ZoneInfo

import pytest

from cgappliance.admin import history
from cgappliance.admin.desk import Desk
from cgappliance.model import Reason
from cgappliance.store import history as stored
from cgappliance.store.history import Login
from cgappliance.store.history_writer import HistoryWriter
from tests.admin.conftest import NOW
from tests.store.records import END, record

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def rows(desk: Desk) -> list[Login]:
    writer = HistoryWriter(desk.store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record(total_ms=0.0))
    writer.ended(record(), END)
    writer.login(record(session="s-2", reason=Reason.BAD_LOGIN_NAME, address="", login="=HYPERLINK(1)", total_ms=12.0))
    writer.stop(5)
    return list(stored.walk(desk.store, stored.Filter()))


def test_csv_has_times_of_the_tenants_wall_and_runs_nothing(rows: list[Login]) -> None:
    text = "".join(history.as_csv(rows, TOKYO, bom=True))
    assert text.startswith("\ufeff")
    accepted, refused = csv.DictReader(io.StringIO(text[1:], newline=""))
    assert (accepted["time"], accepted["account"], accepted["duration_s"]) == (
        "2026-11-24 12:00:00+09:00",
        "yuki@acme.example",
        "61.5",
    )
    assert (refused["account"], refused["reason"], refused["duration_s"]) == ("'=HYPERLINK(1)", "bad_login_name", "0.012")


def test_json_lines_have_everything_and_times_in_utc(rows: list[Login]) -> None:
    accepted, refused = (json.loads(line) for line in history.as_json_lines(rows))
    assert (accepted["time"], accepted["bytes_up"], accepted["phases_ms"]) == (
        "2026-11-24T03:00:00.000+00:00",
        1234,
        {"directory": 3.2},
    )
    assert (refused["account"], refused["sentence"]) == ("=HYPERLINK(1)", Reason.BAD_LOGIN_NAME.sentence)


def test_csv_and_json_name_the_same_things(rows: list[Login]) -> None:
    assert set(history.COLUMNS) <= set(history.as_json(rows[0]))


def test_how_long_an_open_session_lasts_is_not_known(desk: Desk) -> None:
    writer = HistoryWriter(desk.store, node="n1", incarnation="i1", now=lambda: NOW)
    writer.start()
    writer.login(record())
    writer.stop(5)
    (row,) = stored.walk(desk.store, stored.Filter())
    assert history.duration_s(row) is None
