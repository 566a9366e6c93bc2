import time

import pytest
from google.auth import jwt
from google.auth.crypt import RSASigner

from cgappliance.testing.gmail.assertion import AUDIENCE, Refused, check
from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.tokens import IMAP_ADMIN_SCOPE, MAIL_SCOPE

NOW = 1_800_000_000


@pytest.fixture
def state(service_account: ServiceAccount) -> GmailState:
    state = GmailState()
    state.add_service_account(service_account)
    return state


def signed(service_account: ServiceAccount, key_id: str | None = None, **changes: object) -> str:
    claims = {
        "iss": service_account.email,
        "sub": "yuki@acme.example",
        "scope": MAIL_SCOPE,
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 3600,
    }
    signer = RSASigner(service_account.key, key_id or service_account.key_id)
    return jwt.encode(signer, {**claims, **changes}).decode()


def refusal(state: GmailState, text: str) -> str:
    with pytest.raises(Refused) as refused:
        check(state, text, NOW)
    return str(refused.value)


def test_good_assertion_tells_subject_and_scopes(state: GmailState, service_account: ServiceAccount):
    wanted = check(state, signed(service_account, scope=f"{MAIL_SCOPE} {IMAP_ADMIN_SCOPE}"), NOW)

    assert (wanted.subject, wanted.scopes) == ("yuki@acme.example", (MAIL_SCOPE, IMAP_ADMIN_SCOPE))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"iss": "other@x.iam.gserviceaccount.com"}, "account_deleted"),
        ({"key_id": "other"}, "signature"),
        ({"aud": "http://127.0.0.1/token"}, "invalid_request"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "unauthorized_client"),
        ({"scope": f"{MAIL_SCOPE} https://www.googleapis.com/auth/drive"}, "unauthorized_client"),
        ({"scope": ""}, "invalid_scope"),
        ({"exp": NOW + 3601}, "clock"),
        ({"exp": NOW}, "clock"),
        ({"iat": NOW + 301, "exp": NOW + 3600}, "clock"),
        ({"iat": "now"}, "clock"),
    ],
)
def test_bad_assertion_is_refused_by_name(
    state: GmailState, service_account: ServiceAccount, changes: dict[str, object], name: str
):
    assert refusal(state, signed(service_account, **changes)) == name


def test_changed_claims_break_the_signature(state: GmailState, service_account: ServiceAccount):
    header, _, signature = signed(service_account).split(".")
    claims = signed(service_account, sub="admin@acme.example").split(".")[1]

    assert refusal(state, f"{header}.{claims}.{signature}") == "signature"


def test_deleted_key_and_account_are_refused(state: GmailState, service_account: ServiceAccount):
    service_account.key_deleted = True
    assert refusal(state, signed(service_account)) == "signature"
    service_account.deleted = True
    assert refusal(state, signed(service_account)) == "account_deleted"


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "e30.e30", "W10.W10.W10", "....", "é.é.é"])
def test_nonsense_is_refused(state: GmailState, text: str):
    assert refusal(state, text) in ("invalid_request", "account_deleted")


def test_unsigned_assertion_is_refused(state: GmailState, service_account: ServiceAccount):
    claims = signed(service_account).split(".")[1]
    assert refusal(state, f"eyJhbGciOiJub25lIn0.{claims}.") == "signature"


def test_times_are_checked_by_the_clock_given(state: GmailState, service_account: ServiceAccount):
    with pytest.raises(Refused, match="clock"):
        check(state, signed(service_account), time.time() + 10**9)
