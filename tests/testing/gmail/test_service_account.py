import json
from dataclasses import replace

import pytest
from cryptography.x509 import load_pem_x509_certificate
from google.oauth2.service_account import Credentials

from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.tokens import ALL_SCOPES


def test_key_file_is_one_that_google_auth_takes(service_account: ServiceAccount):
    info = json.loads(service_account.key_json("http://127.0.0.1:1/token"))

    credentials = Credentials.from_service_account_info(info)

    assert credentials.service_account_email == service_account.email


def test_key_file_leads_to_the_look_alike(service_account: ServiceAccount):
    assert json.loads(service_account.key_json("http://127.0.0.1:1/token"))["token_uri"] == "http://127.0.0.1:1/token"


def test_key_file_is_read_back(service_account: ServiceAccount):
    text = service_account.key_json("http://127.0.0.1:1/token")

    again = ServiceAccount.from_key_json(text)

    assert again.key_json("http://127.0.0.1:1/token") == text
    assert again.granted == set(ALL_SCOPES)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "no json", '{"private_key": "x", "client_email": "", "client_id": "", "private_key_id": ""}']
)
def test_other_files_are_refused(text: str):
    with pytest.raises(ValueError):  # noqa: PT011 - json's, cryptography's or ours
        ServiceAccount.from_key_json(text)


def test_certificate_of_the_key_begins_when_the_key_was_made(service_account: ServiceAccount):
    made = replace(service_account, made_at=1_700_000_000.0)

    certificate = load_pem_x509_certificate(made.certificates()[made.key_id].encode())

    assert certificate.not_valid_before_utc.timestamp() == 1_700_000_000
    assert certificate.public_key() == made.key.public_key()


def test_deleted_key_has_no_certificate(service_account: ServiceAccount):
    assert replace(service_account, key_deleted=True).certificates() == {}
