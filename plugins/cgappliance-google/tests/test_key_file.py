import json

import pytest
from cgappliance_google.key_file import NEEDED, check, read

from cgappliance.plugin_api import PluginError, Secret


def changed(text: str, **changes: object) -> Secret:
    content = {**json.loads(text), **changes}
    return Secret(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_good_key_file_has_no_problem(rsa_text: str):
    assert check(Secret(rsa_text)) is None


def test_good_key_file_is_read(rsa_text: str):
    key = read(Secret(rsa_text))

    assert key.email == json.loads(rsa_text)["client_email"]
    assert key.signer.key_id == json.loads(rsa_text)["private_key_id"]


@pytest.mark.parametrize("missing", NEEDED)
def test_missing_field_is_named(rsa_text: str, missing: str):
    problem = check(changed(rsa_text, **{missing: None}))

    assert problem is not None
    assert f"the key file has no {missing} (" in problem


def test_all_missing_fields_are_named_at_once(rsa_text: str):
    problem = check(changed(rsa_text, client_id=None, private_key=""))

    assert problem is not None
    assert "has no client_id, private_key (" in problem


@pytest.mark.parametrize("text", ["", "not json", "[]", '"text"', '{"type": "service_account"'])
def test_what_is_no_json_object_is_said(text: str):
    assert str(check(Secret(text))).startswith("not a JSON object (")


def test_oauth_client_file_is_told_apart():
    assert str(check(Secret('{"installed": {}}'))).startswith("an OAuth client's file, not a service account's (")


def test_other_credential_file_is_told_apart(rsa_text: str):
    assert str(check(changed(rsa_text, type="authorized_user"))).startswith("type is not 'service_account' (")


@pytest.mark.parametrize("key", ["no pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_key_that_is_no_rsa_key_is_said_without_showing_it(rsa_text: str, key: str):
    problem = str(check(changed(rsa_text, private_key=key)))

    assert problem.startswith("private_key is not an RSA key in PEM form (")
    assert "AAAA" not in problem


@pytest.mark.parametrize("uri", ["http://oauth2.googleapis.com/token", "ftp://127.0.0.1/", "oauth2.googleapis.com", "https://"])
def test_assertions_are_not_sent_in_the_clear(rsa_text: str, uri: str):
    assert str(check(changed(rsa_text, token_uri=uri))).startswith("token_uri is not an https:// address (")


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:1/token", "http://[::1]:1/token", "http://localhost/token", "https://x.example/t"]
)
def test_loopback_may_go_without_tls(rsa_text: str, uri: str):
    assert check(changed(rsa_text, token_uri=uri)) is None


def test_unusable_key_file_is_an_error_of_the_plugin():
    with pytest.raises(PluginError, match="service_account_file: not a JSON object"):
        read(Secret("{"))
