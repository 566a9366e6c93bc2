"""The Directory API over HTTP: users, app passwords, rights, failures on order."""

import hashlib

import pytest
import requests

from cgappliance.testing.gmail.directory import ClientGrant
from cgappliance.testing.gmail.tokens import MAIL_SCOPE, SECURITY_SCOPE, USER_READ_SCOPE, USER_SCOPE

NEW = {"primaryEmail": "new@acme.example", "name": {"givenName": "New", "familyName": "User"}, "password": "Right-passw0rd"}


class Client:
    """Requests with the token of one account."""

    def __init__(self, lab, address: str) -> None:
        self._lab = lab
        self._address = address
        self.session = requests.Session()
        self.session.trust_env = False

    def __call__(self, method: str, path: str = "", scope: str = USER_SCOPE, **arguments) -> requests.Response:
        account = self._lab.state.directory.get(self._address)
        token = self._lab.state.tokens.issue(account.id, [scope], 60).value
        url = f"http://127.0.0.1:{self._lab.gmail.ports['http']}/admin/directory/v1/users{path}"
        return self.session.request(method, url, headers={"Authorization": f"Bearer {token}"}, timeout=5, **arguments)


@pytest.fixture
def admin(lab):
    lab.state.directory.add("admin@acme.example").admin = True
    client = Client(lab, "admin@acme.example")
    yield client
    client.session.close()


def reason(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def test_user_is_found_by_address_alias_and_id(lab, admin):
    lab.account.aliases.append("alias@acme.example")
    users = [admin("GET", f"/{key}", USER_READ_SCOPE).json() for key in (lab.address, "alias@acme.example", lab.account.id)]

    assert {user["id"] for user in users} == {lab.account.id}
    assert users[0]["primaryEmail"] == lab.address
    assert users[0]["aliases"] == ["alias@acme.example"]
    assert "password" not in users[0]


def test_unknown_user_is_not_found(admin):
    answer = admin("GET", "/nobody@acme.example")

    assert reason(answer) == (404, "notFound")
    assert answer.json()["error"]["message"] == "Resource Not Found: userKey"


def test_users_come_in_pages(lab, admin):
    for number in range(5):
        lab.state.directory.add(f"user{number}@acme.example")
    seen, query = [], {"customer": "my_customer", "maxResults": 3}
    while True:
        page = admin("GET", params=query).json()
        seen.append([user["primaryEmail"] for user in page["users"]])
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]

    assert [len(users) for users in seen] == [3, 3, 1]
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"domain": "acme.example"}, 3),
        ({"domain": "other.example"}, 0),
        ({"domain": "acme.example", "query": "email:yu*"}, 1),
        ({"domain": "acme.example", "query": "isSuspended=true"}, 1),
        ({"domain": "acme.example", "query": "orgUnitPath=/"}, 3),
        ({"domain": "acme.example", "query": "givenName:ta isSuspended=true"}, 1),
    ],
)
def test_users_are_chosen_by_query(lab, admin, query: dict[str, str], count: int):
    lab.state.directory.add("taro@acme.example").suspended = True

    assert len(admin("GET", params=query).json()["users"]) == count


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"customer": "other"},
        {"domain": "acme.example", "maxResults": "501"},
        {"domain": "acme.example", "maxResults": "0"},
        {"domain": "acme.example", "pageToken": "x"},
        {"domain": "acme.example", "orderBy": "age"},
        {"domain": "acme.example", "query": "shoe=43"},
    ],
)
def test_bad_query_is_refused(admin, query: dict[str, str]):
    assert admin("GET", params=query).status_code == 400


def test_new_user_exists(lab, admin):
    made = admin("POST", json=NEW).json()

    account = lab.state.directory.get("new@acme.example")
    assert made["id"] == account.id
    assert made["name"]["fullName"] == "New User"
    assert account.password.matches("Right-passw0rd")


@pytest.mark.parametrize("missing", ["primaryEmail", "name", "password"])
def test_new_user_needs_its_fields(admin, missing: str):
    answer = admin("POST", json={key: value for key, value in NEW.items() if key != missing})

    assert reason(answer) == (400, "required")


def test_taken_address_and_full_contract_are_told_apart(lab, admin):
    assert reason(admin("POST", json={**NEW, "primaryEmail": lab.address})) == (409, "duplicate")
    lab.state.user_limit = 2

    assert reason(admin("POST", json=NEW)) == (412, "limitExceeded")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_update_changes_what_is_named_and_nothing_else(lab, admin, method: str):
    answer = admin(method, f"/{lab.address}", json={"suspended": True, "orgUnitPath": "/mail"}).json()

    assert (answer["suspended"], answer["suspensionReason"], answer["orgUnitPath"]) == (True, "ADMIN", "/mail")
    assert answer["name"]["givenName"] == "yuki"


def test_etag_changes_with_each_change(lab, admin):
    before = admin("GET", f"/{lab.address}").json()["etag"]

    assert admin("PUT", f"/{lab.address}", json={"suspended": False}).json()["etag"] != before


@pytest.mark.parametrize(
    "values",
    [
        {"password": "New-passw0rd"},
        {"password": hashlib.sha1(b"New-passw0rd").hexdigest(), "hashFunction": "SHA-1"},
    ],
)
def test_new_password_is_good_for_mail_and_revokes_app_passwords(lab, admin, values: dict[str, str]):
    lab.account.switches.password_enabled = True
    lab.state.directory.add_app_password(lab.account, "phone")

    assert admin("PUT", f"/{lab.address}", json=values).status_code == 200

    assert lab.imap().login(lab.address, "New-passw0rd")[0] == "OK"
    assert lab.account.app_passwords == []


def test_bad_password_changes_nothing(lab, admin):
    answer = admin("PUT", f"/{lab.address}", json={"password": "short", "suspended": True})

    assert reason(answer) == (400, "invalid")
    assert not lab.account.suspended


def test_renamed_user_keeps_its_old_address_as_alias(lab, admin):
    answer = admin("PUT", f"/{lab.address}", json={"primaryEmail": "yuki.new@acme.example"}).json()

    assert (answer["primaryEmail"], answer["aliases"]) == ("yuki.new@acme.example", [lab.address])


def test_address_of_another_is_refused(lab, admin):
    assert reason(admin("PUT", f"/{lab.address}", json={"primaryEmail": "admin@acme.example"})) == (409, "duplicate")


def test_super_administrators_password_is_out_of_reach_of_other_administrators(lab, admin):
    lab.account.super_admin = True

    assert reason(admin("PUT", f"/{lab.address}", json={"password": "New-passw0rd"})) == (403, "forbidden")
    assert admin("PUT", f"/{lab.address}", json={"suspended": False}).status_code == 200


def test_app_passwords_are_listed_shown_and_revoked(lab, admin):
    made = lab.state.directory.add_app_password(lab.account, "phone")
    listed = admin("GET", f"/{lab.address}/asps", SECURITY_SCOPE).json()["items"]
    shown = admin("GET", f"/{lab.address}/asps/{made.code_id}", SECURITY_SCOPE).json()
    assert listed == [shown]
    assert (shown["codeId"], shown["name"]) == (made.code_id, "phone")
    assert made.password not in str(shown)

    assert admin("DELETE", f"/{lab.address}/asps/{made.code_id}", SECURITY_SCOPE).status_code == 204

    assert lab.account.app_passwords == []
    assert reason(admin("GET", f"/{lab.address}/asps/{made.code_id}", SECURITY_SCOPE)) == (404, "notFound")


def test_sign_out_and_two_step_off(lab, admin):
    lab.account.two_step = True

    statuses = [
        admin("POST", f"/{lab.address}/{verb}", SECURITY_SCOPE).status_code for verb in ("signOut", "twoStepVerification/turnOff")
    ]

    assert statuses == [204, 204]
    assert lab.account.signed_out_at is not None
    assert not lab.account.two_step


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/yuki@acme.example", MAIL_SCOPE),
        ("PUT", "/yuki@acme.example", USER_READ_SCOPE),
        ("GET", "/yuki@acme.example/asps", USER_SCOPE),
    ],
)
def test_scope_must_fit(admin, method: str, path: str, scope: str):
    assert reason(admin(method, path, scope, json={})) == (403, "insufficientPermissions")


def test_others_than_administrators_are_refused(lab):
    client = Client(lab, lab.address)

    assert reason(client("GET", f"/{lab.address}")) == (403, "forbidden")

    client.session.close()


def test_token_must_live(lab, admin):
    lab.state.tokens.issue = lambda *_: type("Gone", (), {"value": "ya29.gone"})

    assert reason(admin("GET", f"/{lab.address}")) == (401, "authError")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("user_rate_limit", (403, "userRateLimitExceeded")),
        ("quota", (403, "quotaExceeded")),
        ("rate_limit", (429, "rateLimitExceeded")),
        ("backend", (503, "backendError")),
    ],
)
def test_failures_come_on_order_and_once(lab, admin, name: str, expected: tuple[int, str]):
    lab.state.directory_api.fail_next = [name]

    assert reason(admin("PUT", f"/{lab.address}", json={"suspended": True})) == expected
    assert not lab.account.suspended
    assert admin("GET", f"/{lab.address}").status_code == 200


def test_reply_can_be_lost_after_the_change(lab, admin):
    lab.state.directory_api.lose_reply_next = 1

    assert reason(admin("PUT", f"/{lab.address}", json={"suspended": True})) == (503, "backendError")
    assert lab.account.suspended


def test_body_must_be_an_object(lab, admin):
    assert reason(admin("PUT", f"/{lab.address}", json=[])) == (400, "badRequest")


def test_requests_are_recorded(lab, admin):
    admin("GET", f"/{lab.address}")
    admin("GET", "/nobody@acme.example")

    seen = [(record.method, record.subject, record.outcome) for record in lab.state.records.requests]

    assert seen == [("GET", "admin@acme.example", "ok"), ("GET", "admin@acme.example", "not_found")]


def test_programs_that_a_user_lets_act_are_listed_and_ended(lab, admin):
    lab.account.grants.append(ClientGrant("7.apps", "Thunderbird", (MAIL_SCOPE,)))

    (listed,) = admin("GET", f"/{lab.address}/tokens", SECURITY_SCOPE).json()["items"]

    assert (listed["clientId"], listed["displayText"], listed["scopes"]) == ("7.apps", "Thunderbird", [MAIL_SCOPE])
    assert admin("DELETE", f"/{lab.address}/tokens/7.apps", SECURITY_SCOPE).status_code == 204
    assert lab.account.grants == []
    assert reason(admin("DELETE", f"/{lab.address}/tokens/7.apps", SECURITY_SCOPE)) == (404, "notFound")


def test_new_password_ends_what_programs_may_do_with_the_mail(lab, admin):
    drive = ClientGrant("8.apps", "Backup", ("https://www.googleapis.com/auth/drive",))
    lab.account.grants += [ClientGrant("7.apps", "Thunderbird", (MAIL_SCOPE,)), drive]

    admin("PUT", f"/{lab.address}", USER_SCOPE, json={"password": "another password"})

    assert lab.account.grants == [drive]
