from __future__ import annotations

import json

from cgappliance.admin import credentials
from cgappliance.admin.desk import Actor, Desk
from cgappliance.config.load import load_settings
from cgappliance.secret import Secret
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault
from tests.cli.conftest import Run
from tests.config.kit import Place
from tests.policy.factories import tenant

YUKI = "yuki@acme.example"


def keep_app_password(place: Place) -> None:
    with Store.open(load_settings(place.toml).store) as store:
        desk, vault = Desk(store, Actor("root", "test")), Vault(place.root / "store.key")
        typed = Secret("abcd efgh ijkl mnop")
        credentials.set_app_password(desk, tenant(), YUKI, typed, vault=vault, verify=lambda *_: "")


def test_a_credential_is_revealed_with_a_reason_that_is_audited(office: Run, place: Place):
    office("account", "create", "acme", YUKI)
    keep_app_password(place)
    revealed = office("credential", "reveal", "acme", YUKI, "--reason", "ActiveSync on his phone")
    assert revealed.output == "app-password (current): abcdefghijklmnop\n"
    as_json = office("credential", "reveal", "acme", YUKI, "--reason", "ActiveSync on his phone", "--json")
    assert json.loads(as_json.output) == [{"kind": "app-password", "state": "current", "secret": "abcdefghijklmnop"}]
    assert office("audit", "list").output.count("ActiveSync on his phone") == 2


def test_without_a_reason_nothing_is_revealed(office: Run, place: Place):
    office("account", "create", "acme", YUKI)
    keep_app_password(place)
    assert office("credential", "reveal", "acme", YUKI).exit_code == 2
    assert office("credential", "reveal", "acme", YUKI, "--reason", "x").exit_code == 1


def test_an_app_password_is_forgotten(office: Run, place: Place):
    office("account", "create", "acme", YUKI)
    keep_app_password(place)
    assert office("credential", "forget", "acme", YUKI).output == f"{YUKI}: app password forgotten\n"
    assert office("credential", "forget", "acme", YUKI).exit_code == 1


def test_nothing_is_pending_when_nothing_was_interrupted(office: Run):
    assert office("credential", "pending", "acme").output == ""
    assert json.loads(office("credential", "pending", "acme", "--json").output) == []
