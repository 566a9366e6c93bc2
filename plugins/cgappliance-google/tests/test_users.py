import hashlib
from datetime import UTC, datetime

import pytest
from cgappliance_google import users

from cgappliance.plugin_api import NewGoogleUser, Secret
from cgappliance.testing.gmail.stored_password import checked

WHOLE = {
    "id": "117",
    "primaryEmail": "Yuki@Acme.example",
    "suspended": True,
    "isAdmin": False,
    "isDelegatedAdmin": True,
    "isEnrolledIn2Sv": True,
    "isMailboxSetup": False,
}


def test_user_is_read_whole():
    user = users.user_of(WHOLE)

    assert (user.id, user.address) == ("117", "yuki@acme.example")
    assert (user.suspended, user.is_admin, user.two_step, user.has_mailbox) == (True, True, True, False)


def test_user_with_little_told_is_an_ordinary_one():
    user = users.user_of({"id": "117", "primaryEmail": "yuki@acme.example"})

    assert (user.suspended, user.is_admin, user.two_step, user.has_mailbox) == (False, False, False, True)


def test_archived_user_counts_as_suspended():
    assert users.user_of({**WHOLE, "suspended": False, "archived": True}).suspended


def test_new_user_has_name_and_password():
    content = users.new_user(NewGoogleUser("yuki@acme.example", "Yuki", "Sato"), Secret("a password"))

    assert (content["primaryEmail"], content["name"]) == ("yuki@acme.example", {"givenName": "Yuki", "familyName": "Sato"})
    assert content["changePasswordAtNextLogin"] is False


def test_password_travels_as_a_hash_that_google_takes():
    content = users.new_password(Secret("a password"))

    assert content["password"] == hashlib.sha1(b"a password").hexdigest()
    assert checked(content["password"], content["hashFunction"]).matches("a password")


@pytest.mark.parametrize(("key", "path"), [("yuki@acme.example", "yuki@acme.example"), ("a/b?c#d@x", "a%2Fb%3Fc%23d@x")])
def test_key_of_a_user_cannot_leave_its_place_in_the_path(key: str, path: str):
    assert users.path_of(key) == f"/admin/directory/v1/users/{path}"


def test_first_page_needs_no_token():
    assert "pageToken" not in users.list_params("")
    assert users.list_params("next")["pageToken"] == "next"


def test_app_password_is_read_whole():
    read = users.app_password_of({"codeId": 7, "name": "Mail", "creationTime": "1700000000000", "lastTimeUsed": "0"})

    assert (read.code_id, read.name, read.last_used_at) == (7, "Mail", None)
    assert read.created_at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize("told", [None, "", "never", "-1", "１"])
def test_moment_that_is_none_is_never(told):
    assert users.app_password_of({"codeId": 7, "lastTimeUsed": told}).last_used_at is None
