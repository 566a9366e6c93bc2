import pytest
from cgappliance_google.refusals import meaning

from cgappliance.plugin_api import Reason
from cgappliance.testing.gmail.token_errors import TOKEN_ERRORS

#: the look-alike's names for Google's errors -> whose matter each is
EXPECTED = {
    "unauthorized_client": Reason.DELEGATION_MISSING,
    "access_denied": Reason.DELEGATION_MISSING,
    "admin_policy_enforced": Reason.DELEGATION_MISSING,
    "invalid_scope": Reason.DELEGATION_MISSING,
    "user_unknown": Reason.GOOGLE_USER_UNKNOWN,
    "user_suspended": Reason.GOOGLE_USER_UNKNOWN,
    "signature": Reason.SERVICE_ACCOUNT_INVALID,
    "account_deleted": Reason.SERVICE_ACCOUNT_INVALID,
    "clock": Reason.SERVICE_ACCOUNT_INVALID,
    "invalid_client": Reason.SERVICE_ACCOUNT_INVALID,
    "disabled_client": Reason.SERVICE_ACCOUNT_INVALID,
    "invalid_request": Reason.TOKEN_UNAVAILABLE,
    "rate_limited": Reason.TOKEN_UNAVAILABLE,
    "internal_failure": Reason.TOKEN_UNAVAILABLE,
    "temporarily_unavailable": Reason.TOKEN_UNAVAILABLE,
}


def test_every_error_of_google_has_an_expectation():
    assert set(EXPECTED) == set(TOKEN_ERRORS)


@pytest.mark.parametrize("name", EXPECTED)
def test_error_of_google_has_its_reason(name: str):
    error = TOKEN_ERRORS[name]
    assert meaning(error.status, error.error, error.description) is EXPECTED[name]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_busy_status_is_an_outage_whatever_the_body_says(status: int):
    assert meaning(status, "invalid_grant", "Invalid email or User ID") is Reason.TOKEN_UNAVAILABLE


@pytest.mark.parametrize("error", ["", "something_new", "org_unit_moved"])
def test_unknown_error_is_an_outage_and_not_the_users_fault(error: str):
    assert meaning(400, error, "") is Reason.TOKEN_UNAVAILABLE


def test_not_a_valid_email_is_an_unknown_user():
    assert meaning(400, "invalid_grant", "Not a valid email or user ID.") is Reason.GOOGLE_USER_UNKNOWN
