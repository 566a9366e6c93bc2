"""``tenant doctor`` at real servers: nothing wrong first, then one thing after the other."""

import json

import pytest

from cgappliance.testing.lab.world import DOMAIN, TARO, YUKI, World

from .talking import IMAP

ADMIN = f"api-admin@{DOMAIN}"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world")) as world:
        world.gmail.control.add_account(ADMIN, admin=True)
        yield world


@pytest.fixture
def doctor(world):
    """Returns what the doctor finds, by topic, and the exit status."""

    def doctor(*words):
        result = world.appliance.command("tenant", "doctor", "acme", "--json", *words, check=False)
        assert "Traceback" not in result.stderr
        findings = {}
        for finding in json.loads(result.stdout):
            findings.setdefault(finding["topic"], finding)
        return findings, result.returncode

    return doctor


def wrong(findings):
    return {topic: finding["state"] for topic, finding in findings.items() if finding["state"] not in ("ok", "skipped")}


def service_account(world):
    return json.loads(world.gmail.service_account_file.read_text())["client_email"]


def test_nothing_is_wrong_with_a_good_tenant(world, doctor):
    findings, status = doctor("--account", YUKI.address)
    assert (wrong(findings), status) == ({}, 0)
    for topic in ("certificate", "port imaps", "port pop3s", "port smtps", "directory", "delegation", "Gmail API", "upstream imap"):
        assert findings[topic]["state"] == "ok", findings[topic]
    assert findings["login at Gmail"]["sentence"] == "good, by XOAUTH2"
    assert findings["directory entry"]["state"] == "ok"


def test_missing_delegation_comes_with_what_to_paste(world, doctor):
    key = json.loads(world.gmail.service_account_file.read_text())
    world.gmail.control.change_service_account(key["client_email"], granted=[])
    try:
        findings, status = doctor("--account", YUKI.address)
    finally:
        world.gmail.control.change_service_account(key["client_email"], granted=list(SCOPES))
    assert (findings["delegation"]["state"], findings["login at Gmail"]["state"], status) == ("problem", "problem", 1)
    assert key["client_id"] in findings["delegation"]["remedy"]
    assert findings["delegation"]["details"]["scopes"].startswith("https://mail.google.com/,")


SCOPES = (
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/gmail.settings.basic",
    "https://www.googleapis.com/auth/admin.directory.user",
    "https://www.googleapis.com/auth/admin.directory.user.security",
)


def test_scope_that_is_missing_is_named(world, doctor):
    world.gmail.control.change_service_account(service_account(world), granted=[s for s in SCOPES if "settings" not in s])
    try:
        findings, status = doctor()
    finally:
        world.gmail.control.change_service_account(service_account(world), granted=list(SCOPES))
    assert (findings["delegation"]["state"], status) == ("warning", 0)  # nothing of this tenant needs it
    assert "gmail.settings.basic" in findings["delegation"]["sentence"]


@pytest.mark.parametrize(
    ("break_it", "mend", "words"),
    [
        ({"key_deleted": True}, {"key_deleted": False}, "does not accept the service account's key"),
        ({"deleted": True}, {"deleted": False}, "does not accept the service account's key"),
    ],
)
def test_deleted_key_is_told(world, doctor, break_it, mend, words):
    world.gmail.control.change_service_account(service_account(world), **break_it)
    try:
        findings, status = doctor()
    finally:
        world.gmail.control.change_service_account(service_account(world), **mend)
    assert (words in findings["delegation"]["sentence"], status) == (True, 1)


def test_clock_is_told(world, doctor):
    world.gmail.control.switch("token", clock_offset_s=7200)
    try:
        findings, status = doctor()
    finally:
        world.gmail.control.switch("token", clock_offset_s=0)
    assert "clock is wrong" in findings["delegation"]["sentence"]
    assert status == 1


def test_directory_that_is_down_is_told_and_hides_nothing(world, doctor):
    with world.slapd.stopped():
        findings, status = doctor()
    assert wrong(findings) == {"directory": "problem"}
    assert status == 1


def test_unknown_user_and_imap_that_is_off_are_told(world, doctor):
    world.gmail.control.change_account(TARO.address, imap_settings={"enabled": False})
    findings, status = doctor("--account", TARO.address)
    assert (findings["POP and IMAP"]["state"], status) == ("problem", 1)
    assert findings["POP and IMAP"]["manual"] == "2.1.4"
    world.gmail.control.remove_account(TARO.address)
    findings, _ = doctor("--account", TARO.address)
    assert findings["Google user"]["sentence"] == "does not exist at Google"
    assert findings["login at Gmail"]["state"] == "problem"


def test_failed_login_is_explained(world, doctor, talk):
    talk(IMAP).log_in(YUKI.address, "wrong")
    talk(IMAP).log_in(YUKI.address, YUKI.password)
    talk(IMAP).log_in(YUKI.address, "wrong as well")
    findings, status = doctor("--account", YUKI.address)
    assert "wrong password" in findings["last imap"]["sentence"]
    assert "five digits" in findings["last imap"]["remedy"]
    assert status == 1


def test_appliance_that_does_not_run_is_told(world, doctor):
    world.appliance.stop()
    try:
        findings, status = doctor()
    finally:
        world.appliance.start()
    assert wrong(findings) == {"port imaps": "problem", "port pop3s": "problem", "port smtps": "problem"}
    assert status == 1
