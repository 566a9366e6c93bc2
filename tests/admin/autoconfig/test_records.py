from __future__ import annotations

from itertools import combinations

import dns.zone
import pytest

from cgappliance.admin.autoconfig.records import records, zone
from cgappliance.model import MailProtocol
from tests.admin.autoconfig.tables import HOST, PORTS, setup

COMBINATIONS = [some for size in (1, 2, 3) for some in combinations(MailProtocol, size)]
LABELS = {MailProtocol.IMAP: "_imaps", MailProtocol.POP3: "_pop3s", MailProtocol.SMTP: "_submissions"}


def srv(*protocols: MailProtocol) -> dict[str, str]:
    found = records(setup(*protocols), "acme.example")
    return {record.name.partition(".")[0]: record.value for record in found if record.kind == "SRV"}


@pytest.mark.parametrize("protocols", COMBINATIONS, ids="+".join)
def test_offered_services_have_host_and_port_and_the_others_a_dot(protocols: tuple[MailProtocol, ...]):
    found = srv(*protocols)
    for protocol, label in LABELS.items():
        wanted = f"{PORTS[protocol]} {HOST}." if protocol in protocols else "0 ."
        assert found[label].split(" ", 2)[2] == wanted


@pytest.mark.parametrize("label", ["_imap", "_pop3", "_submission"])
def test_services_that_begin_in_the_clear_are_decidedly_not_there(label: str):
    assert srv()[label] == "0 0 0 ."


def test_imap_is_preferred_to_pop3():
    assert int(srv()["_imaps"].split()[0]) < int(srv()["_pop3s"].split()[0])


def test_the_webs_names_are_aliases_of_the_host():
    assert [str(record) for record in records(setup(), "acme.example")][:2] == [
        f"autoconfig.acme.example. 3600 IN CNAME {HOST}.",
        f"autodiscover.acme.example. 3600 IN CNAME {HOST}.",
    ]


@pytest.mark.parametrize(("host", "kind"), [("192.0.2.1", "A"), ("2001:db8::1", "AAAA")])
def test_an_address_as_host_has_address_records_and_no_srv(host: str, kind: str):
    assert {record.kind for record in records(setup(host=host), "acme.example")} == {kind}
    assert "SRV records need a name" in zone(setup(host=host), "acme.example")


@pytest.mark.parametrize("host", [HOST, "192.0.2.1"])
def test_the_lines_are_a_zone_file(host: str):
    text = "$ORIGIN acme.example.\n@ 3600 IN SOA ns. root. 1 1 1 1 1\n@ 3600 IN NS ns.\n" + zone(setup(host=host), "acme.example")
    read = dns.zone.from_text(text, relativize=False)
    assert len(read.nodes) == len({record.name for record in records(setup(host=host), "acme.example")}) + 1
