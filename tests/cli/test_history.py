from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from cgappliance.config.load import load_settings
from cgappliance.model import Reason
from cgappliance.store.engine import Store
from cgappliance.store.history_writer import HistoryWriter
from tests.cli.conftest import Run
from tests.config.kit import Place
from tests.store.records import END, record

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture
def logins(office: Run, place: Place) -> Run:
    """A desk with three rows of history: an accepted one, a refused one, one of another tenant."""
    with Store.open(load_settings(place.toml).store) as store:
        writer = HistoryWriter(store, node="n1", incarnation="i1", now=lambda: NOW)
        writer.start()
        writer.login(record(total_ms=0.0))
        writer.ended(record(), END)
        writer.login(record(session="s-2", reason=Reason.WRONG_PASSWORD, total_ms=1000.0))
        writer.login(record(session="s-3", tenant="other", total_ms=2000.0))
        writer.stop(5)
    return office


def test_a_list_is_in_the_tenants_time(logins: Run):
    lines = logins("history", "list", "--tenant", "acme").output.splitlines()
    assert lines[1].split()[:6] == ["2026-11-24", "12:00:00", "acme", "yuki@acme.example", "imap", "192.0.2.7"]
    assert len(lines) == 3


def test_without_a_tenant_all_are_listed_in_utc(logins: Run):
    lines = logins("history", "list").output.splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["acme", "acme", "other"]
    assert lines[1].startswith("2026-11-24 03:00:00")


@pytest.mark.parametrize(
    ("options", "sessions"),
    [
        (("--outcome", "refused"), ["s-2"]),
        (("--reason", "wrong_password"), ["s-2"]),
        (("--tenant", "acme", "--since", "2026-11-24 12:00"), ["s-1"]),
        (("--until", "2026-11-24 02:59:59Z"), ["s-3"]),
        (("--network", "192.0.2.0/24", "--protocol", "imap", "--state", "closed"), ["s-1", "s-2"]),
        (("--session", "s-3"), ["s-3"]),
        (("--account", "nobody@acme.example"), []),
    ],
)
def test_options_find_rows(logins: Run, options: tuple[str, ...], sessions: list[str]):
    rows = json.loads(logins("history", "list", "--json", *options).output)["rows"]
    assert [row["session"] for row in rows] == sessions


def test_a_list_goes_on_where_it_ended(logins: Run):
    first = logins("history", "list", "--limit", "2")
    following = first.output.splitlines()[-1].removeprefix("there is more: --page ")
    second = json.loads(logins("history", "list", "--page", following, "--json").output)
    assert ([row["session"] for row in second["rows"]], second["next"]) == (["s-3"], None)


def test_export_as_csv_and_json_lines(logins: Run, place: Place):
    file = place.root / "history.csv"
    assert logins("history", "export", "--tenant", "acme", "--bom", "-o", str(file)).exit_code == 0
    assert file.read_text().startswith("\ufefftime,tenant,account")
    lines = logins("history", "export", "--format", "jsonl").output.splitlines()
    assert [json.loads(line)["session"] for line in lines] == ["s-1", "s-2", "s-3"]


def test_old_rows_are_deleted_and_that_is_audited(logins: Run):
    assert logins("history", "expire", "acme", "--before", "2026-11-24 12:00").output == "1 rows deleted\n"
    assert len(json.loads(logins("history", "list", "--json").output)["rows"]) == 2
    assert "history.expire" in logins("audit", "list").output


@pytest.mark.parametrize("option", [("--network", "123.456.78.90"), ("--outcome", "maybe")])
def test_a_wrong_option_is_status_2(logins: Run, option: tuple[str, str]):
    assert logins("history", "list", *option).exit_code == 2


@pytest.mark.parametrize("option", [("--since", "yesterday"), ("--page", "x"), ("--tenant", "nobody")])
def test_what_means_nothing_is_told_with_a_remedy(logins: Run, option: tuple[str, str]):
    result = logins("history", "list", *option)
    assert result.exit_code == 1
    assert "(" in result.output
