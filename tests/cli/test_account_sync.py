from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cgappliance.administration import DirectoryFailed, GoogleFault, GoogleUser
from cgappliance.model import Reason
from tests.admin.fake_customer import ALL_OFF, FakeCustomer
from tests.admin.people import entry
from tests.cli.conftest import Outside, Run
from tests.config.kit import Place

YUKI, TARO = "yuki@acme.example", "taro@acme.example"


def states(office: Run) -> dict[str, str]:
    rows = json.loads(office("account", "list", "acme", "--json").output)["accounts"]
    return {row["address"]: "on" if row["enabled"] else f"off by {row['disabled_by']}" for row in rows}


@pytest.fixture
def open_house(office: Run, place: Place) -> None:
    """Everybody has mail access."""
    path = place.conf_d / "acme.toml"
    path.write_text(path.read_text().replace("[auth]", '[policy]\ndefault_profile = "office"\n[auth]'))


def directory_of(outside: Outside, *names: str) -> None:
    outside.directory.entries = [entry(name) for name in names]


# ---- sync


def test_a_dry_run_shows_the_difference_and_changes_nothing(office: Run, outside: Outside):
    directory_of(outside, "yuki", "taro")
    outside.directory.entries.append(entry("printer", address=""))
    result = office("account", "sync", "acme", "--dry-run")
    assert result.output.splitlines() == [
        "ACTION  ADDRESS            WHY",
        "add     taro@acme.example  it is new in the directory",
        "add     yuki@acme.example  it is new in the directory",
        "3 entries read, 1 of them without an address of this tenant; 2 accounts would be changed, 0 problems",
    ]
    assert (result.exit_code, states(office)) == (0, {})
    assert outside.directory.closed


def test_a_sync_adds_and_disables(office: Run, outside: Outside):
    directory_of(outside, "yuki", "taro")
    assert office("account", "sync", "acme").exit_code == 0
    directory_of(outside, "taro")
    result = office("account", "sync", "acme")
    assert "disable  yuki@acme.example  it is no longer in the directory" in result.output
    assert states(office) == {TARO: "on", YUKI: "off by sync"}


def test_profile_of_a_group_is_shown_as_the_directorys(office: Run, outside: Outside, place: Place):
    path = place.conf_d / "acme.toml"
    path.write_text(path.read_text().replace("[auth]", '[policy.profile_by_group]\n"CN=Sales,DC=x" = "office"\n[auth]'))
    outside.directory.entries = [entry("yuki", groups=frozenset({"CN=Sales,DC=x"}))]
    assert "(profile 'office', by the directory)" in office("account", "sync", "acme").output
    shown = office("account", "show", "acme", YUKI).output.splitlines()
    assert "profile_source: directory" in shown


def test_who_has_no_seat_is_a_problem_and_the_others_come(office: Run, outside: Outside, place: Place):
    path = place.conf_d / "acme.toml"
    path.write_text(
        path.read_text().replace("[auth]", '[policy]\ndefault_profile = "office"\n[auth]').replace("seats = 3", "seats = 1")
    )
    directory_of(outside, "yuki", "taro")
    result = office("account", "sync", "acme")
    assert f"{YUKI}: all 1 contracted seats are taken (disable others" in result.output
    assert (result.exit_code, states(office)) == (1, {TARO: "on"})


def test_suspicious_directory_is_not_believed_unless_confirmed(office: Run, outside: Outside):
    directory_of(outside, "yuki")
    office("account", "sync", "acme")
    directory_of(outside)
    seen = office("account", "sync", "acme", "--dry-run")
    refused = office("account", "sync", "acme")
    assert (seen.exit_code, refused.exit_code, states(office)) == (1, 1, {YUKI: "on"})
    assert "--allow-mass-disable" in seen.output
    assert "--allow-mass-disable" in refused.output
    assert office("account", "sync", "acme", "--allow-mass-disable").exit_code == 0
    assert states(office) == {YUKI: "off by sync"}


def test_directory_that_fails_is_one_line_and_nothing_is_changed(office: Run, outside: Outside):
    directory_of(outside, "yuki")
    outside.directory.fails = DirectoryFailed(Reason.DIRECTORY_UNAVAILABLE, "ldaps://dc1: Connection refused")
    result = office("account", "sync", "acme")
    assert result.output == "the directory could not be asked: ldaps://dc1: Connection refused\n"
    assert (result.exit_code, states(office)) == (1, {})


@pytest.mark.usefixtures("open_house")
def test_json_has_it_all(office: Run, outside: Outside):
    directory_of(outside, "yuki")
    outside.directory.entries += [entry("a", address="twin@acme.example"), entry("b", address="twin@acme.example")]
    data = json.loads(office("account", "sync", "acme", "--google", "--json").output)
    assert (data["dry_run"], data["entries"]) == (False, 3)
    (step,) = data["steps"]
    assert (step["action"], step["address"], step["before"], step["after"]["identity"]) == ("add", YUKI, {}, "id of yuki")
    assert data["left_alone"] == [
        {"address": "twin@acme.example", "why": "2 entries of the directory have this address", "is_problem": True}
    ]
    assert data["google"] == [{"address": YUKI, "done": [], "problem": "does not exist at Google"}]
    assert len(data["problems"]) == 2


def test_tenant_whose_backend_lists_nobody_says_what_to_do(office: Run):
    result = office("account", "sync", "acme")
    assert "cannot list its people (use 'account import')" in result.output
    assert result.exit_code == 1


@pytest.mark.usefixtures("open_house")
def test_dry_run_shows_users_that_would_be_made_at_google(office: Run, outside: Outside):
    directory_of(outside, "yuki", "taro")
    outside.google = FakeCustomer(TARO, sets_passwords=True)
    result = office("account", "sync", "acme", "--dry-run", "--create-google-users")
    assert "yuki@acme.example  create, set password" in result.output
    assert "taro@acme.example  set password" in result.output
    assert (set(outside.google.known), outside.google.passwords) == ({TARO}, {})


@pytest.mark.usefixtures("open_house")
def test_sync_makes_missing_users_at_google_with_the_directorys_names(office: Run, outside: Outside):
    directory_of(outside, "yuki")
    outside.google = FakeCustomer(sets_passwords=True)
    result = office("account", "sync", "acme", "--create-google-users")
    assert result.exit_code == 0
    assert outside.google.names == {YUKI: "Yuki Sato"}
    assert "yuki@acme.example  created, password set" in result.output


def test_nobody_is_deleted_at_google(office: Run, outside: Outside):
    directory_of(outside, "yuki")
    outside.google = FakeCustomer(YUKI)
    office("account", "sync", "acme", "--google")
    directory_of(outside)
    office("account", "sync", "acme", "--google", "--allow-mass-disable")
    assert set(outside.google.known) == {YUKI}


# ---- provision


@pytest.fixture
def yuki(office: Run, outside: Outside) -> None:
    office("account", "create", "acme", YUKI, "--no-google")


@pytest.mark.usefixtures("yuki")
def test_provision_does_what_the_tenant_file_wants(office: Run, outside: Outside):
    outside.google = FakeCustomer(YUKI, sets_passwords=True, enables_mail_access=True)
    outside.google.access[YUKI] = ALL_OFF
    result = office("account", "provision", "acme", YUKI)
    assert result.output.splitlines() == [
        "ADDRESS            DONE AT GOOGLE         PROBLEM",
        "yuki@acme.example  password set, IMAP on  -",
    ]
    assert result.exit_code == 0
    assert office("account", "provision", "acme", "--all").output == "nothing to do at Google\n"


@pytest.mark.usefixtures("yuki", "open_house")
def test_provision_takes_names_from_the_directory(office: Run, outside: Outside):
    directory_of(outside, "yuki")
    assert office("account", "provision", "acme", "--all", "--create-google-users").exit_code == 0
    assert outside.google.names == {YUKI: "Yuki Sato"}


@pytest.mark.usefixtures("yuki", "open_house")
def test_somebody_without_a_name_is_called_by_the_address(office: Run, outside: Outside):
    assert office("account", "provision", "acme", "--all", "--create-google-users").exit_code == 0
    assert outside.google.names == {YUKI: "yuki yuki"}


@pytest.mark.usefixtures("yuki", "open_house")
def test_dry_run_of_provision_does_nothing(office: Run, outside: Outside):
    result = office("account", "provision", "acme", "--all", "--create-google-users", "--dry-run", "--json")
    assert json.loads(result.output) == [{"address": YUKI, "done": ["create"], "problem": ""}]
    assert outside.google.known == {}


@pytest.mark.usefixtures("yuki")
def test_problem_of_one_is_status_1(office: Run, outside: Outside):
    result = office("account", "provision", "acme", YUKI)
    assert "does not exist at Google" in result.output
    assert result.exit_code == 1


@pytest.mark.usefixtures("yuki", "open_house")
def test_what_stops_it_for_all_is_told_with_how_far_it_came(office: Run, outside: Outside):
    office("account", "create", "acme", TARO, "--no-google")
    outside.google = FakeCustomer(TARO, sets_passwords=True)
    outside.google.refuses[YUKI] = GoogleFault.USER_LIMIT
    outside.google.find = outside.google.known.get  # type: ignore[method-assign]
    result = office("account", "provision", "acme", "--all", "--create-google-users")
    assert "taro@acme.example  password set" in result.output
    assert "stopped after 1 of 2 accounts: Google: the Google customer has no licence left" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("words", [[], ["yuki@acme.example", "--all"]])
def test_provision_wants_addresses_or_all(office: Run, outside: Outside, words: list[str]):
    assert office("account", "provision", "acme", *words).exit_code == 2


# ---- mail access


@pytest.mark.usefixtures("yuki")
def test_mail_access_is_shown_with_advice(office: Run, outside: Outside):
    outside.google.access[YUKI] = replace(ALL_OFF, pop=True)
    result = office("account", "mail-access", "acme", YUKI)
    assert result.output.splitlines()[:2] == ["IMAP: off", "POP: on"]
    assert "Admin console" in result.output
    assert result.exit_code == 1


@pytest.mark.usefixtures("yuki")
def test_mail_access_is_switched_on_when_told_so(office: Run, outside: Outside):
    outside.google.access[YUKI] = ALL_OFF
    result = office("account", "mail-access", "acme", YUKI, "--enable")
    assert result.output.splitlines() == ["IMAP: on (switched on now)", "POP: off"]  # the tenant offers no POP3
    assert result.exit_code == 0


@pytest.mark.usefixtures("yuki")
def test_mail_access_as_json(office: Run, outside: Outside):
    data = json.loads(office("account", "mail-access", "acme", YUKI, "--json").output)
    assert data == {"imap": True, "pop": True, "pop_disposition": "leaveInInbox", "advice": "", "switched_on": []}


def test_google_that_is_not_configured_says_so(office: Run):
    office("account", "create", "acme", YUKI)
    result = office("account", "mail-access", "acme", YUKI)
    assert result.output.startswith("Google: the tenant file gives no access to Google's APIs")
    assert result.exit_code == 1


def test_alias_is_told(office: Run, outside: Outside):
    office("account", "create", "acme", YUKI, "--no-google")
    outside.google.known[YUKI] = GoogleUser("1", "sato@acme.example")
    assert "is an alias of sato@acme.example" in office("account", "provision", "acme", YUKI).output
