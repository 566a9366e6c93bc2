"""The certificates of a service account's keys, over HTTP."""

import json

import requests

from cgappliance.testing.gmail.service_account import ServiceAccount


def shown(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5)


def test_key_file_says_where_its_certificate_is(lab, service_account: ServiceAccount):
    lab.state.add_service_account(service_account)
    url = json.loads(lab.gmail.key_json(service_account))["client_x509_cert_url"]

    assert list(shown(url).json()) == [service_account.key_id]


def test_unknown_service_account_is_not_found(lab):
    assert shown(f"http://127.0.0.1:{lab.gmail.ports['http']}/robot/v1/metadata/x509/nobody@x").status_code == 404
