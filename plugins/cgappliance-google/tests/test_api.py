"""Requests to the look-alike's Directory API: when they are repeated, how long is waited, and what is certain in the end."""

import pytest
from cgappliance_google.api import GoogleApi, Request
from cgappliance_google.customer import USER_SCOPE

from cgappliance.plugin_api import GoogleFault, GoogleRefused
from cgappliance.testing.lab.process import free_port


@pytest.fixture
def ask(google, api: GoogleApi):
    def ask(path: str = "/admin/directory/v1/users/yuki@contract.example", scope: str = USER_SCOPE) -> dict:
        return api.call(Request("GET", google.url + path, "admin@contract.example", scope))

    return ask


@pytest.fixture
def fail(google):
    def fail(*names: str) -> None:
        google.gmail.state.directory_api.fail_next = list(names)

    return fail


def refusal(ask, *arguments: str) -> GoogleRefused:
    with pytest.raises(GoogleRefused) as refused:
        ask(*arguments)
    return refused.value


def asked(google) -> int:
    return sum(request.path.startswith("/admin") for request in google.gmail.state.records.requests)


def test_one_token_serves_many_requests(google, ask):
    for _ in range(3):
        assert ask()["primaryEmail"] == "yuki@contract.example"

    assert google.outcomes() == ["ok"] * 4


@pytest.mark.parametrize("name", ["user_rate_limit", "quota", "rate_limit", "backend"])
def test_passing_failure_is_waited_out_longer_each_time(waits, ask, fail, name: str):
    fail(*[name] * 5)

    assert ask()["primaryEmail"] == "yuki@contract.example"

    assert waits.backoffs() == [1.5, 2.5, 4.5, 8.5, 16.5]


def test_after_the_last_wait_the_failure_is_told(google, ask, fail):
    fail(*["quota"] * 6)

    refused = refusal(ask)

    assert (refused.fault, refused.uncertain) == (GoogleFault.BUSY, False)
    assert asked(google) == 6


def test_one_uncertain_try_makes_the_whole_uncertain(ask, fail):
    fail("backend", "quota", "forbidden")

    refused = refusal(ask)

    assert (refused.fault, refused.uncertain) == (GoogleFault.FORBIDDEN, True)


@pytest.mark.parametrize("name", ["forbidden", "access_not_configured", "domain_policy", "not_found", "invalid"])
def test_lasting_refusal_is_not_repeated(google, waits, ask, fail, name: str):
    fail(name)

    refusal(ask)

    assert (asked(google), waits.backoffs()) == (1, [])


def test_revoked_token_is_replaced_at_once(google, waits, ask):
    ask()
    google.gmail.state.tokens.revoke(google.gmail.state.directory.get("admin@contract.example").id)

    assert ask()["primaryEmail"] == "yuki@contract.example"

    assert waits.backoffs() == []


def test_second_unauthorized_answer_is_believed(google, ask, fail):
    fail("auth", "auth")

    assert refusal(ask).fault is GoogleFault.SUBJECT_UNKNOWN
    assert asked(google) == 2


def test_missing_scope_is_told_by_the_token_endpoint_and_nothing_is_asked(google, ask):
    google.service_account.granted.clear()

    refused = refusal(ask)

    assert refused.fault is GoogleFault.SCOPE_MISSING
    assert google.service_account.client_id in refused.detail
    assert asked(google) == 0


def test_busy_token_endpoint_is_waited_out_too(google, waits, ask):
    google.gmail.state.token_endpoint.fail_next = ["internal_failure", "temporarily_unavailable"]

    assert ask()

    assert waits.backoffs() == [1.5, 2.5]


def test_nobody_there_is_unreachable_and_uncertain(waits, api):
    closed = f"http://127.0.0.1:{free_port('127.0.0.1')}/x"

    with pytest.raises(GoogleRefused) as refused:
        api.call(Request("GET", closed, "admin@contract.example", USER_SCOPE))

    assert (refused.value.fault, refused.value.uncertain) == (GoogleFault.UNREACHABLE, True)
    assert len(waits.backoffs()) == 5


def test_requests_keep_a_pace(waits, ask):
    for _ in range(4):
        ask()

    assert waits.waited == [0.1, 0.1, 0.1]


def test_message_has_problem_and_remedy(ask, fail):
    fail("access_not_configured")

    message = str(refusal(ask))

    assert message.startswith("Google: the API is switched off in the service account's Google Cloud project: HTTP 403 access")
    assert message.endswith("(enable 'Admin SDK API' and 'Gmail API' in the Cloud console: APIs & Services > Library)")


def test_public_page_needs_no_token(google, api: GoogleApi):
    url = google.key().certificates_url

    assert list(api.fetch_public(url)) == [google.key().signer.key_id]
    assert google.outcomes() == []


def test_public_page_that_does_not_answer_is_told(api: GoogleApi):
    refused = refusal(api.fetch_public, f"http://127.0.0.1:{free_port()}/robot")

    assert refused.fault is GoogleFault.UNREACHABLE
