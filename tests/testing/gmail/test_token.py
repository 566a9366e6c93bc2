import json

import pytest
import requests
from google.auth import exceptions
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from cgappliance.testing.gmail.tokens import IMAP_ADMIN_SCOPE, MAIL_SCOPE


def credentials(lab, subject: str | None = None, scope: str = MAIL_SCOPE) -> Credentials:
    info = json.loads(lab.gmail.key_json(lab.service_account))
    return Credentials.from_service_account_info(info, scopes=[scope]).with_subject(subject or lab.address)


@pytest.fixture
def transport():
    with requests.Session() as session:
        session.trust_env = False
        yield Request(session)


def test_google_auth_gets_a_token_that_imap_accepts(lab, transport):
    wanted = credentials(lab)

    wanted.refresh(transport)

    assert lab.imap().authenticate("XOAUTH2", lambda _: lab.xoauth2(wanted.token))[0] == "OK"


def test_token_is_bound_to_the_scope(lab, transport):
    wanted = credentials(lab, scope=IMAP_ADMIN_SCOPE)
    wanted.refresh(transport)

    assert lab.state.tokens.check(wanted.token).scopes == {IMAP_ADMIN_SCOPE}


def test_life_is_the_switched_one(lab, transport):
    lab.state.token_endpoint.token_lifetime_s = 60
    wanted = credentials(lab)
    wanted.refresh(transport)

    lab.state.clock.advance(60)

    assert lab.state.tokens.check(wanted.token) is None


def failed(lab, transport, subject: str | None = None) -> dict[str, str]:
    with pytest.raises(exceptions.RefreshError) as error:
        credentials(lab, subject).refresh(transport)
    return error.value.args[1]


def test_unknown_subject_is_refused(lab, transport):
    assert failed(lab, transport, "nobody@acme.example") == {
        "error": "invalid_grant",
        "error_description": "Invalid email or User ID",
    }


def test_alias_is_refused_as_subject(lab, transport):
    lab.account.aliases.append("alias@acme.example")

    assert failed(lab, transport, "alias@acme.example")["error_description"] == "Invalid email or User ID"


def test_suspended_subject_is_a_bad_request(lab, transport):
    lab.account.suspended = True

    assert failed(lab, transport)["error_description"] == "Bad Request"


def test_planned_errors_come_once_and_the_standing_one_always(lab, transport):
    lab.account.switches.token_errors = ["signature"]
    lab.account.switches.token_error = "unauthorized_client"

    errors = [failed(lab, transport)["error"] for _ in range(3)]

    assert errors == ["invalid_grant", "unauthorized_client", "unauthorized_client"]


def test_clock_of_the_endpoint_can_be_wrong(lab, transport):
    lab.state.token_endpoint.clock_offset_s = 7200

    assert "Check your iat and exp values" in failed(lab, transport)["error_description"]


def test_moved_clock_of_the_mail_servers_is_not_the_endpoints(lab, transport):
    lab.state.clock.advance(86400)

    wanted = credentials(lab)
    wanted.refresh(transport)

    assert lab.state.tokens.check(wanted.token)


def test_requests_are_recorded_with_subject_scopes_and_outcome(lab, transport):
    credentials(lab).refresh(transport)
    failed(lab, transport, "nobody@acme.example")

    seen = [(record.subject, record.scopes, record.outcome) for record in lab.state.records.requests]

    assert seen == [(lab.address, (MAIL_SCOPE,), "ok"), ("nobody@acme.example", (MAIL_SCOPE,), "user_unknown")]


def test_garbage_and_http_errors_can_be_ordered(lab):
    lab.state.token_endpoint.fail_next = ["garbage", "temporarily_unavailable"]

    answers = [requests.post(lab.gmail.token_uri, timeout=5) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 503]
    assert "html" in answers[0].text


def test_other_grant_types_are_refused(lab):
    answer = requests.post(lab.gmail.token_uri, data={"grant_type": "password"}, timeout=5)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
