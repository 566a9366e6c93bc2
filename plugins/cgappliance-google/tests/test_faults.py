import pytest
from cgappliance_google import faults

from cgappliance.plugin_api import GoogleFault, LoginFailed, Reason
from cgappliance.testing.gmail.api_errors import API_ERRORS
from cgappliance.testing.gmail.token_errors import TOKEN_ERRORS


def answer(name: str) -> faults.Meaning:
    error = API_ERRORS[name]
    return faults.of_answer(error.status, error.body())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("invalid", GoogleFault.INVALID),
        ("required", GoogleFault.INVALID),
        ("bad_request", GoogleFault.INVALID),
        ("failed_precondition", GoogleFault.NO_MAILBOX),
        ("auth", GoogleFault.SUBJECT_UNKNOWN),
        ("forbidden", GoogleFault.FORBIDDEN),
        ("delegation_denied", GoogleFault.FORBIDDEN),
        ("scope", GoogleFault.SCOPE_MISSING),
        ("access_not_configured", GoogleFault.API_OFF),
        ("domain_policy", GoogleFault.DOMAIN_POLICY),
        ("not_found", GoogleFault.NOT_FOUND),
        ("duplicate", GoogleFault.TAKEN),
        ("user_limit", GoogleFault.USER_LIMIT),
    ],
)
def test_refusals_are_told_apart_and_not_repeated(name: str, fault: GoogleFault):
    meaning = answer(name)

    assert (meaning.fault, meaning.again, meaning.uncertain) == (fault, False, False)
    assert API_ERRORS[name].message in meaning.detail


@pytest.mark.parametrize("name", ["user_rate_limit", "quota", "rate_limit"])
def test_quota_is_for_a_moment_and_nothing_was_done_whatever_the_status(name: str):
    meaning = answer(name)

    assert (meaning.fault, meaning.again, meaning.uncertain) == (GoogleFault.BUSY, True, False)


def test_every_error_of_the_look_alike_is_looked_at():
    here = {"invalid", "required", "bad_request", "failed_precondition", "auth", "forbidden", "delegation_denied", "scope"}
    here |= {"access_not_configured", "domain_policy", "not_found", "duplicate", "user_limit"}
    assert set(API_ERRORS) == here | {"user_rate_limit", "quota", "rate_limit", "backend"}


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_server_error_leaves_open_what_was_done(status: int):
    meaning = faults.of_answer(status, {})

    assert (meaning.fault, meaning.again, meaning.uncertain) == (GoogleFault.UNREACHABLE, True, True)


def test_a_days_quota_is_not_back_in_a_minute():
    assert not faults.of_answer(403, {"error": {"errors": [{"reason": "dailyLimitExceeded"}]}}).again


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, GoogleFault.SUBJECT_UNKNOWN), (403, GoogleFault.FORBIDDEN), (404, GoogleFault.NOT_FOUND), (429, GoogleFault.BUSY)],
)
@pytest.mark.parametrize("content", [{}, {"error": "x"}, {"error": {}}, {"error": {"errors": []}}, {"error": {"errors": ["x"]}}])
def test_answer_without_a_reason_is_known_by_its_status(status: int, fault: GoogleFault, content: dict):
    assert faults.of_answer(status, content).fault is fault


def test_only_an_unauthorized_token_is_worth_a_new_one():
    assert answer("auth").stale_token
    assert not answer("scope").stale_token


def test_detail_is_one_short_printable_line():
    detail = faults.of_answer(400, {"error": {"message": "x\r\ny\x1b[2J" + "z" * 9999}}).detail

    assert detail.isprintable()
    assert len(detail) <= 300


@pytest.mark.parametrize(
    ("reason", "name", "fault", "again"),
    [
        (Reason.DELEGATION_MISSING, "unauthorized_client", GoogleFault.SCOPE_MISSING, False),
        (Reason.GOOGLE_USER_UNKNOWN, "user_unknown", GoogleFault.SUBJECT_UNKNOWN, False),
        (Reason.SERVICE_ACCOUNT_INVALID, "signature", GoogleFault.KEY, False),
        (Reason.SERVICE_ACCOUNT_INVALID, "account_deleted", GoogleFault.KEY, False),
        (Reason.SERVICE_ACCOUNT_INVALID, "disabled_client", GoogleFault.KEY, False),
        (Reason.SERVICE_ACCOUNT_INVALID, "clock", GoogleFault.CLOCK, False),
        (Reason.TOKEN_UNAVAILABLE, "internal_failure", GoogleFault.UNREACHABLE, True),
    ],
)
def test_token_refusals_are_told_apart(reason: Reason, name: str, fault: GoogleFault, again: bool):
    meaning = faults.of_token(LoginFailed(reason, TOKEN_ERRORS[name].description))

    assert (meaning.fault, meaning.again, meaning.uncertain) == (fault, again, False)
