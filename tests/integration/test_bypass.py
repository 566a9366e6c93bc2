"""``tenant bypass`` at Google's real look-alike: each way is opened by itself, and is the only thing that is red."""

import json
from datetime import UTC, datetime

import pytest

from cgappliance.testing.lab.world import DOMAIN, YUKI, World

ADMIN = f"api-admin@{DOMAIN}"
THUNDERBIRD = {"client_id": "7.apps", "name": "Thunderbird", "scopes": ["https://mail.google.com/"]}
NEEDED = (
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/admin.directory.user",
    "https://www.googleapis.com/auth/admin.directory.user.security",
    "https://www.googleapis.com/auth/gmail.settings.basic",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A tenant that locks its people's Google passwords."""
    with World(tmp_path_factory.mktemp("world"), bare=True) as world:
        world.gmail.control.add_account(ADMIN, admin=True)
        google = f'service_account_file = "{world.gmail.service_account_file}"\nadmin = "{ADMIN}"\nlock_password = true\n'
        world.appliance.tenant("acme", world.tenant_file(google=google + world.gmail.apis()))
        world.appliance.ask("reload")
        world.gmail.control.change_service_account(service_account(world), granted=list(NEEDED))
        for person in world.people:
            world.appliance.command("account", "create", "acme", person.address)
        yield world


def service_account(world):
    return json.loads(world.gmail.service_account_file.read_text())["client_email"]


@pytest.fixture
def report(world):
    """Returns what is red, and the exit status."""

    def report():
        result = world.appliance.command("tenant", "bypass", "acme", "--json", check=False)
        assert "Traceback" not in result.stderr
        findings = json.loads(result.stdout)["findings"]
        return {one["way"]: one for one in findings if one["state"] == "open"}, result.returncode

    return report


def test_nothing_is_red_where_every_way_is_closed(world, report):
    assert report() == ({}, 0)


def test_program_with_the_users_consent_is_red(world, report):
    world.gmail.control.change_account(YUKI.address, grants=[THUNDERBIRD])
    try:
        found, status = report()
    finally:
        world.gmail.control.change_account(YUKI.address, grants=[])
    assert (list(found), status) == (["clients"], 1)
    assert found["clients"]["lines"] == [f"{YUKI.address}: Thunderbird"]


def test_scope_that_nothing_needs_is_red(world, report):
    drive = "https://www.googleapis.com/auth/drive"
    world.gmail.control.change_service_account(service_account(world), granted=[*NEEDED, drive])
    try:
        found, status = report()
    finally:
        world.gmail.control.change_service_account(service_account(world), granted=list(NEEDED))
    assert (list(found), found["delegation"]["lines"], status) == (["delegation"], [drive], 1)


def test_old_key_is_red(world, report):
    now = datetime.now(UTC).timestamp()
    world.gmail.control.change_service_account(service_account(world), made_at=now - 400 * 86400)
    try:
        found, status = report()
    finally:
        world.gmail.control.change_service_account(service_account(world), made_at=now)
    assert (found["key"]["sentence"], status) == ("the service account's key is 400 days old", 1)


def test_password_that_is_not_ours_is_red_until_it_is_reset(world, report):
    new = f"new@{DOMAIN}"
    world.gmail.control.add_account(new)
    world.appliance.command("account", "create", "acme", new, "--no-google")
    found, status = report()
    assert (list(found), found["passwords"]["lines"], status) == (["passwords"], [new], 1)
    world.appliance.command("credential", "reset", "acme", new)
    assert report() == ({}, 0)
