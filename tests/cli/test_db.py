from __future__ import annotations

import json

import pytest

from cgappliance.store.schema import SCHEMA_VERSION
from cgappliance.testing.lab.postgresql import PostgreSQL
from tests.cli.conftest import Run
from tests.config.kit import Place


def test_a_database_is_upgraded_and_checked(office: Run):
    assert office("db", "upgrade").output == f"schema {SCHEMA_VERSION}: nothing to do\n"
    assert office("db", "check").output == f"schema {SCHEMA_VERSION}: good\n"
    assert json.loads(office("db", "check", "--json").output) == {"schema": SCHEMA_VERSION, "wanted": SCHEMA_VERSION, "good": True}


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_database_without_schema_is_status_1_with_the_command_that_helps(office: Run, place: Place):
    (place.root / "cgappliance.db").unlink()
    for words in (("db", "check"), ("account", "list", "acme"), ("history", "list")):
        result = office(*words)
        assert "run 'cgappliance db upgrade'" in result.output
        assert result.exit_code == 1


def test_a_database_of_another_kind_is_status_2(office: Run, place: Place):
    place.toml.write_text('store = "mysql://u@h/d"\n')
    result = office("db", "check")
    assert "not supported" in result.output
    assert result.exit_code == 2


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_backup_is_restored_into_an_empty_database(office: Run, place: Place):
    office("account", "create", "acme", "yuki@acme.example")
    file = str(place.root / "backup.gz")
    assert "rows" in office("db", "backup", file).output
    assert office("db", "restore", file).exit_code == 1
    (place.root / "cgappliance.db").unlink()
    office("db", "upgrade")
    assert "restored" in office("db", "restore", file).output
    assert "yuki@acme.example" in office("account", "list", "acme").output
    assert [entry["action"] for entry in json.loads(office("audit", "list", "--json").output)] == ["db.restore", "account.create"]


@pytest.mark.integration
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_company_moves_from_sqlite_to_postgresql(office: Run, place: Place):
    office("account", "create", "acme", "yuki@acme.example", "--profile", "office")
    file = str(place.root / "backup.gz")
    office("db", "backup", file)
    with PostgreSQL() as server:
        place.toml.write_text(f'conf_d = "conf.d"\nkey_file = "store.key"\nstore = "{server.create_database()}"\n')
        assert office("db", "upgrade").output == f"schema none -> {SCHEMA_VERSION}\n"
        assert office("db", "restore", file).exit_code == 0
        assert "yuki@acme.example  office" in office("account", "list", "acme").output
        assert office("account", "disable", "acme", "yuki@acme.example").exit_code == 0
