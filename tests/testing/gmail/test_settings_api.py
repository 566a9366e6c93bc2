"""Gmail's settings API over HTTP."""

import pytest
import requests

from cgappliance.testing.gmail.tokens import MAIL_SCOPE, SETTINGS_SCOPE, USER_SCOPE


@pytest.fixture
def call(lab):
    with requests.Session() as session:
        session.trust_env = False

        def request(method: str, kind: str, values=None, scope: str = SETTINGS_SCOPE, user: str = "me") -> requests.Response:
            url = f"http://127.0.0.1:{lab.gmail.ports['http']}/gmail/v1/users/{user}/settings/{kind}"
            headers = {"Authorization": f"Bearer {lab.token(scope)}"}
            return session.request(method, url, headers=headers, json=values, timeout=5)

        yield request


def reason(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


@pytest.mark.parametrize("scope", [SETTINGS_SCOPE, MAIL_SCOPE])
def test_settings_are_read(lab, call, scope: str):
    assert call("GET", "imap", scope=scope).json() == {
        "enabled": True,
        "autoExpunge": True,
        "expungeBehavior": "archive",
        "maxFolderSize": 0,
    }
    assert call("GET", "pop", scope=scope, user=lab.address).json() == {"accessWindow": "allMail", "disposition": "leaveInInbox"}


def test_imap_that_is_switched_off_refuses_logins(lab, call):
    assert call("PUT", "imap", {"enabled": False}).json()["enabled"] is False

    answer = lab.talk("imaps").ask(f"A1 AUTHENTICATE XOAUTH2 {lab.xoauth2_line()}")

    assert answer.startswith("A1 NO [ALERT] Your account is not enabled for IMAP use.")


def test_pop_that_is_switched_off_refuses_logins(lab, call):
    call("PUT", "pop", {"accessWindow": "disabled"})

    assert lab.talk("pop3s").ask(f"AUTH XOAUTH2 {lab.xoauth2_line()}").startswith("-ERR [SYS/PERM]")


def test_change_can_be_a_no_op_that_is_only_seen_by_reading(lab, call):
    lab.account.imap_settings["enabled"] = False
    lab.account.switches.settings_frozen = True

    assert call("PUT", "imap", {"enabled": True}).json()["enabled"] is True
    assert call("GET", "imap").json()["enabled"] is False


@pytest.mark.parametrize("scope", [MAIL_SCOPE, USER_SCOPE])
def test_writing_needs_the_settings_scope(call, scope: str):
    assert reason(call("PUT", "imap", {"enabled": True}, scope)) == (403, "insufficientPermissions")


def test_reading_needs_a_mail_scope(call):
    assert reason(call("GET", "imap", scope=USER_SCOPE)) == (403, "insufficientPermissions")


@pytest.mark.parametrize(
    ("kind", "values"),
    [("imap", {"enabled": 1}), ("imap", {"maxFolderSize": 7}), ("pop", {"accessWindow": "some"}), ("pop", {"enabled": True})],
)
def test_bad_values_are_refused(call, kind: str, values: dict[str, object]):
    assert reason(call("PUT", kind, values)) == (400, "invalid")


def test_others_settings_are_out_of_reach(lab, call):
    lab.state.directory.add("taro@acme.example")

    answer = call("GET", "imap", user="taro@acme.example")

    assert reason(answer) == (403, "forbidden")
    assert "Delegation denied" in answer.json()["error"]["message"]


def test_user_without_mailbox_is_told(lab, call):
    lab.account.switches.no_mailbox = True

    assert reason(call("GET", "imap")) == (400, "failedPrecondition")


def test_failures_come_on_order(lab, call):
    lab.state.settings_api.fail_next = ["access_not_configured", "domain_policy"]

    assert [reason(call("GET", "imap")) for _ in range(2)] == [(403, "accessNotConfigured"), (403, "domainPolicy")]
