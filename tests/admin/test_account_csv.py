from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from cgappliance.admin import account_csv, accounts
from cgappliance.admin.account_csv import Operation
from cgappliance.admin.desk import Desk
from cgappliance.model import Tenant
from cgappliance.store.errors import RecordInvalid, RecordMissing
from tests.admin.trail import actions, last
from tests.store.people import change_account


def load(desk: Desk, acme: Tenant, *lines: str, dry_run: bool = False) -> list[account_csv.Done]:
    header = "operation,address,new_address,profile,enabled,identity"
    return account_csv.load(desk, acme, "\n".join([header, *lines]).encode(), dry_run=dry_run, source="x.csv")


def problems(desk: Desk, acme: Tenant, *lines: str) -> list[str]:
    with pytest.raises(RecordInvalid) as caught:
        load(desk, acme, *lines)
    return str(caught.value).splitlines()


def addresses(desk: Desk, acme: Tenant) -> list[str]:
    return [row.account.address for row in accounts.listing(desk, acme)]


def test_accounts_are_created_changed_renamed_and_deleted(desk: Desk, acme: Tenant) -> None:
    for name in "abc":
        accounts.create(desk, acme, f"{name}@acme.example")
    done = load(
        desk,
        acme,
        "CREATE,new@acme.example,,office,FALSE,cn=new",
        "update,a@acme.example,,office,,",
        "UPDATE,b@acme.example,bb@acme.example,,no,",
        "DELETE,c@acme.example,,,,",
    )
    assert [line.operation for line in done] == [Operation.CREATE, Operation.UPDATE, Operation.UPDATE, Operation.DELETE]
    assert addresses(desk, acme) == ["a@acme.example", "bb@acme.example", "new@acme.example"]
    assert (done[1].before, done[1].after) == ({"profile": ""}, {"profile": "office"})
    assert (last(desk).action, last(desk).target, last(desk).after) == ("account.import", "x.csv", {"lines": 4})


def test_an_empty_cell_changes_nothing_and_default_takes_the_profile_away(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, "a@acme.example", profile="office", identity="cn=a")
    load(desk, acme, "UPDATE,a@acme.example,,,,")
    assert accounts.show(desk, acme, "a@acme.example").row.profile == "office"
    load(desk, acme, "UPDATE,a@acme.example,,(default),,")
    assert accounts.show(desk, acme, "a@acme.example").row.profile == ""


def test_a_line_without_operation_is_left_alone(desk: Desk, acme: Tenant) -> None:
    assert load(desk, acme, ",nonsense,,,,", "") == []


def test_a_dry_run_says_what_would_happen_and_changes_nothing(desk: Desk, acme: Tenant) -> None:
    done = load(desk, acme, "CREATE,a@acme.example,,office,,", dry_run=True)
    assert [(line.line, line.operation, line.address) for line in done] == [(2, Operation.CREATE, "a@acme.example")]
    assert (addresses(desk, acme), actions(desk)) == ([], [])


def test_every_line_that_is_wrong_is_told_and_nothing_is_changed(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, "a@acme.example")
    assert problems(
        desk,
        acme,
        "CREATE,good@acme.example,,,,",
        "CREATE,a@acme.example,,,,",
        "REMOVE,a@acme.example,,,,",
        "UPDATE,nobody@acme.example,,,,",
        "UPDATE,a@acme.example,,nowhere,maybe,",
        "CREATE,x@other.example,,,,",
        "CREATE,y@acme.example,z@acme.example,,,",
    ) == [
        "line 3: acme has an account a@acme.example already",
        "line 4: operation: 'REMOVE' is none of CREATE, UPDATE, DELETE",
        "line 5: acme has no account 'nobody@acme.example' (list them with 'cgappliance account list acme')",
        "line 6: enabled: 'maybe' is neither true nor false (write TRUE or FALSE)",
        "line 7: address: 'other.example' is not a domain of acme (it has acme.example)",
        "line 8: new_address: a line that creates has none (leave it empty)",
    ]
    assert addresses(desk, acme) == ["a@acme.example"]


def test_seats_are_counted_when_all_lines_are_done(desk: Desk, acme: Tenant) -> None:
    for number in range(3):
        accounts.create(desk, acme, f"u{number}@acme.example", profile="office")
    load(desk, acme, "CREATE,new@acme.example,,office,,", "DELETE,u0@acme.example,,,,")
    assert "seats" in problems(desk, acme, "CREATE,more@acme.example,,office,,")[0]
    assert "more@acme.example" not in addresses(desk, acme)


def test_very_many_problems_are_not_all_told(desk: Desk, acme: Tenant) -> None:
    told = problems(desk, acme, *("REMOVE,a@acme.example,,,," for _ in range(150)))
    assert (len(told), told[-1]) == (101, "... and 50 more")


def test_a_profile_that_the_directory_chooses_is_not_changed(desk: Desk, acme: Tenant) -> None:
    account = accounts.create(desk, acme, "a@acme.example")
    change_account(desk.store, account, profile_source="directory")
    assert "the directory chooses" in problems(desk, acme, "UPDATE,a@acme.example,,office,,")[0]


def test_what_is_exported_comes_back_and_changes_nothing(desk: Desk, acme: Tenant) -> None:
    accounts.create(desk, acme, "a@acme.example", profile="office", identity='cn="a", ou=x')
    accounts.create(desk, acme, "b@acme.example", identity="=evil", enabled=False)
    exported = "".join(account_csv.export(desk, acme, bom=True))
    rows = list(csv.DictReader(io.StringIO(exported.removeprefix("\ufeff"))))
    assert [(row["address"], row["profile"], row["enabled"], row["identity"]) for row in rows] == [
        ("a@acme.example", "office", "TRUE", 'cn="a", ou=x'),
        ("b@acme.example", "(default)", "FALSE", "'=evil"),
    ]
    updated = exported.replace("\r\n,", "\r\nUPDATE,")
    done = account_csv.load(desk, acme, updated.encode(), dry_run=False)
    assert [(line.before, line.after) for line in done] == [({}, {})] * 2


def test_a_large_export_crosses_pages(desk: Desk, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_csv.accounts, "PAGE_MAX", 2)
    for number in range(5):
        accounts.create(desk, acme, f"u{number}@acme.example")
    assert "".join(account_csv.export(desk, acme)).count("\r\n") == 6


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "column 'operation' is missing"),
        (b"address\n", "column 'operation' is missing"),
        (b"operation,address,colour\n", "line 1: there is no column 'colour'"),
        (b"operation,address,address\n", "column 'address' is there twice"),
        ("operation,address,メモ\n".encode("cp932"), "not UTF-8"),
        (b'operation,address\nCREATE,"a\n', "line 2: unexpected end of data"),
        (bytes(17 * 1024 * 1024), "longer than"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_remedy(desk: Desk, acme: Tenant, content: bytes, problem: str) -> None:
    with pytest.raises(RecordInvalid, match=problem):
        account_csv.load(desk, acme, content, dry_run=False)


def test_a_password_that_nobody_else_knows_is_not_deleted_by_a_line(
    desk: Desk, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.create(desk, acme, "a@acme.example")
    monkeypatch.setattr(accounts.credentials, "of_account", lambda *_: ["one"])
    assert "would be lost" in problems(desk, acme, "DELETE,a@acme.example,,,,")[0]


def test_other_tenants_are_not_touched(desk: Desk, acme: Tenant) -> None:
    other = replace(acme, id="other")
    accounts.create(desk, other, "a@acme.example")
    load(desk, acme, "CREATE,a@acme.example,,,,")
    load(desk, acme, "DELETE,a@acme.example,,,,")
    assert accounts.show(desk, other, "a@acme.example")
    with pytest.raises(RecordMissing):
        accounts.show(desk, acme, "a@acme.example")
