from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, combinations
from pathlib import Path

import pytest

from cgappliance.admin.autoconfig.table import (
    NotPublishable,
    ensure_certificate,
    load_setup,
    mail_setup,
    setup_page,
    site_of,
)
from cgappliance.admin.desk import Desk
from cgappliance.admin.profiles import create
from cgappliance.config.values import WebSettings
from cgappliance.model import MailProtocol, ProfileRule, Tenant
from tests.admin.autoconfig.tables import PORTS
from tests.config.kit import write_pair
from tests.policy.factories import profile, tenant

EVERY = frozenset(MailProtocol)
COMBINATIONS = [frozenset(some) for some in chain.from_iterable(combinations(MailProtocol, size) for size in (1, 2, 3))]
WEB = WebSettings(("127.0.0.1",), 8443, True, None, None, (), 1800.0, 36_000.0)


def offering(ports: frozenset[MailProtocol] = EVERY, **changes: object) -> Tenant:
    made = tenant(**changes)
    return replace(made, listen=replace(made.listen, ports={protocol: PORTS[protocol] for protocol in ports}))


@pytest.mark.parametrize("allowed", COMBINATIONS, ids=lambda some: "+".join(sorted(some)))
@pytest.mark.parametrize("offered", COMBINATIONS, ids=lambda some: "+".join(sorted(some)))
def test_what_is_both_offered_and_allowed_is_told(offered: frozenset[MailProtocol], allowed: frozenset[MailProtocol]):
    acme = offering(offered, profiles={"office": profile(access=allowed)})
    if offered & allowed:
        assert {service.protocol: service.port for service in mail_setup(acme, {}).services} == {
            protocol: PORTS[protocol] for protocol in offered & allowed
        }
    else:
        with pytest.raises(NotPublishable, match="no security profile allows"):
            mail_setup(acme, {})


def test_imap_comes_first_and_smtp_last():
    told = mail_setup(offering(profiles={"office": profile()}), {})
    assert [service.protocol.value for service in told.services] == ["imap", "pop3", "smtp"]


def test_a_profile_of_the_file_hides_one_of_the_same_name():
    acme = offering(profiles={"office": profile(access=frozenset({MailProtocol.IMAP}))})
    assert [service.protocol for service in mail_setup(acme, {"office": profile()}).services] == [MailProtocol.IMAP]


def test_profiles_that_administrators_made_count(desk: Desk):
    acme = offering()
    create(desk, acme, "travel", [ProfileRule(True, frozenset({MailProtocol.POP3}))])
    assert [service.protocol for service in load_setup(desk.store, acme).services] == [MailProtocol.POP3]


def test_a_rule_that_denies_allows_nothing(desk: Desk):
    acme = offering(profiles={"office": profile(access=frozenset({MailProtocol.IMAP}))})
    create(desk, acme, "travel", [ProfileRule(False, EVERY), ProfileRule(True, frozenset({MailProtocol.IMAP}))])
    assert [service.protocol for service in load_setup(desk.store, acme).services] == [MailProtocol.IMAP]


def test_a_name_with_control_characters_becomes_one_line():
    acme = offering(name="ACME\u0000\nCorp\u2028oration", profiles={"office": profile()})
    assert mail_setup(acme, {}).name == "ACME Corp oration"


def test_a_certificate_for_the_host_name_is_good(tmp_path: Path):
    ensure_certificate(with_certificate(tmp_path, "acme.cloudgate.example"), datetime.now(UTC))


def test_a_certificate_for_another_name_keeps_the_table_back(tmp_path: Path):
    with pytest.raises(
        NotPublishable, match=r"listen.certificate: does not cover acme.cloudgate.example \(it covers other.example"
    ):
        ensure_certificate(with_certificate(tmp_path, "other.example"), datetime.now(UTC))


def with_certificate(folder: Path, name: str) -> Tenant:
    certificate, key = write_pair(folder, name)
    made = tenant()
    return replace(made, listen=replace(made.listen, certificate=certificate, private_key=key))


@pytest.mark.parametrize(
    ("web", "hostname", "site"),
    [
        (None, "acme.cloudgate.example", ""),
        (WEB, "acme.cloudgate.example", "https://acme.cloudgate.example:8443/acme"),
        (replace(WEB, port=443), "acme.cloudgate.example", "https://acme.cloudgate.example/acme"),
        (replace(WEB, tls=False), "acme.cloudgate.example", "https://acme.cloudgate.example/acme"),
        (WEB, "2001:db8::1", "https://[2001:db8::1]:8443/acme"),
    ],
)
def test_the_site_is_at_the_host_name(web: WebSettings | None, hostname: str, site: str):
    made = tenant()
    acme = replace(made, listen=replace(made.listen, hostname=hostname))
    assert (site_of(acme, web), setup_page(acme, web)) == (site, site and f"{site}/setup")
