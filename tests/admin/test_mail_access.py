from __future__ import annotations

from dataclasses import replace

import pytest

from cgappliance.admin import accounts, mail_access
from cgappliance.admin.desk import Desk
from cgappliance.administration import GoogleFault, GoogleRefused
from cgappliance.model import MailProtocol, Tenant
from cgappliance.store.errors import RecordMissing
from tests.admin.fake_customer import ALL_OFF, ALL_ON, FakeCustomer
from tests.admin.trail import last

YUKI = "yuki@acme.example"


@pytest.fixture
def google() -> FakeCustomer:
    return FakeCustomer(YUKI)


@pytest.fixture
def both(desk: Desk, acme: Tenant) -> Tenant:
    """A tenant that offers IMAP and POP3, with yuki's account."""
    accounts.create(desk, acme, YUKI)
    ports = {MailProtocol.IMAP: 10993, MailProtocol.POP3: 10995}
    return replace(acme, listen=replace(acme.listen, ports=ports))


def test_what_is_on_needs_nothing(both: Tenant, google: FakeCustomer) -> None:
    looked = mail_access.look(both, google, YUKI)
    assert (looked.access, looked.still_off, looked.advice) == (ALL_ON, [], "")


def test_what_is_off_comes_with_advice(both: Tenant, google: FakeCustomer) -> None:
    google.access[YUKI] = ALL_OFF
    looked = mail_access.look(both, google, YUKI)
    assert looked.still_off == ["IMAP", "POP"]
    assert "POP and IMAP access" in looked.advice


def test_what_the_tenant_does_not_offer_does_not_count(acme: Tenant, google: FakeCustomer) -> None:
    assert acme.listen.ports.keys() == {MailProtocol.IMAP}
    google.access[YUKI] = replace(ALL_ON, pop=False)
    assert mail_access.look(acme, google, YUKI).still_off == []


def test_what_is_off_is_switched_on_and_in_the_audit_log(desk: Desk, both: Tenant, google: FakeCustomer) -> None:
    google.access[YUKI] = ALL_OFF
    looked = mail_access.enable(desk, both, google, YUKI.upper())
    assert (looked.switched_on, looked.still_off) == (["IMAP", "POP"], [])
    entry = last(desk)
    assert (entry.action, entry.target) == ("google.mail_access", YUKI)
    assert (entry.before, entry.after) == (
        {"imap": False, "pop": False, "pop_disposition": "archive"},
        {"imap": True, "pop": True, "pop_disposition": "archive"},
    )


def test_only_what_the_tenant_offers_is_switched_on(desk: Desk, acme: Tenant, google: FakeCustomer) -> None:
    accounts.create(desk, acme, YUKI)
    google.access[YUKI] = ALL_OFF
    assert mail_access.enable(desk, acme, google, YUKI).switched_on == ["IMAP"]
    assert not google.access[YUKI].pop


def test_what_is_on_is_not_written_and_not_logged(desk: Desk, both: Tenant, google: FakeCustomer) -> None:
    mail_access.enable(desk, both, google, YUKI)
    assert google.asked == [f"mail access of {YUKI}"]
    assert last(desk).action == "account.create"


def test_policy_of_the_domain_wins_and_is_told(desk: Desk, both: Tenant, google: FakeCustomer) -> None:
    google.access[YUKI], google.frozen = ALL_OFF, True
    looked = mail_access.enable(desk, both, google, YUKI)
    assert (looked.switched_on, looked.still_off) == ([], ["IMAP", "POP"])
    assert "a policy forbids it" in looked.advice


def test_nobody_is_switched_on_who_is_no_account(desk: Desk, both: Tenant, google: FakeCustomer) -> None:
    with pytest.raises(RecordMissing):
        mail_access.enable(desk, both, google, "taro@acme.example")
    assert google.asked == []


def test_refusal_of_google_passes_through(desk: Desk, both: Tenant, google: FakeCustomer) -> None:
    google.refuses[f"mailbox of {YUKI}"] = GoogleFault.NO_MAILBOX
    with pytest.raises(GoogleRefused) as refused:
        mail_access.enable(desk, both, google, YUKI)
    assert refused.value.fault is GoogleFault.NO_MAILBOX
