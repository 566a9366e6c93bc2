"""Who keeps a domain or a port that two tenants claim. Ages in seconds: the larger, the longer the file has not been touched."""

from collections.abc import Mapping

import pytest

from cgappliance.config.conflicts import OwnPort, find_conflicts
from cgappliance.config.document import read_document
from cgappliance.config.problem import Severity
from cgappliance.config.tenant import Draft, read_tenant
from cgappliance.model import Tenant

from .kit import KINDS, Place, now

OTHER_PORT = ("10993", "20993")
OTHER_DOMAIN = ("acme.example", "beta.example")
SSO_MISTAKE = ('"sso"', '"sos"')


def drafts(place: Place) -> list[Draft]:
    return [read_tenant(read_document(path), KINDS, now()) for path in sorted(place.conf_d.iterdir())]


def losers(place: Place, on_line: Mapping[str, Tenant] | None = None) -> set[str]:
    found = find_conflicts(drafts(place), on_line or {})
    return {name for name, problems in found.items() if any(problem.is_error for problem in problems)}


def serve(place: Place) -> dict[str, Tenant]:
    """What is on line after a start with the files of now."""
    gone = losers(place)
    return {draft.id: draft.tenant for draft in drafts(place) if draft.tenant is not None and draft.id not in gone}


def test_tenants_with_domains_and_ports_of_their_own_have_no_conflict(place: Place):
    place.tenant("acme")
    place.tenant("beta", OTHER_DOMAIN, OTHER_PORT)
    assert find_conflicts(drafts(place), {}) == {}


def test_conflict_is_told_at_both_places(place: Place):
    old, new = place.tenant("beta", OTHER_PORT, age=10), place.tenant("acme")
    found = find_conflicts(drafts(place), {})
    assert [str(problem) for problem in found["acme"]] == [
        f"{new}:3: domains[0]: domain acme.example is beta's ({old}:3) (choose another domain, or take it from beta first)"
    ]
    assert [str(problem) for problem in found["beta"]] == [
        f"{old}:3: warning: domains[0]: domain acme.example is also claimed by acme ({new}:3) "
        "(acme is not served until it is changed)"
    ]
    assert found["beta"][0].severity is Severity.WARNING


def test_domain_is_the_same_in_capitals(place: Place):
    place.tenant("acme", age=10)
    place.tenant("beta", ('"acme.example"', '"beta.example", "ACME.Example"'), OTHER_PORT)
    assert losers(place) == {"beta"}


def test_newer_file_gives_way(place: Place):
    place.tenant("acme", age=0)
    place.tenant("beta", OTHER_DOMAIN, age=10)
    assert losers(place) == {"acme"}


def test_of_files_saved_together_the_later_id_gives_way(place: Place):
    place.tenant("acme")
    place.tenant("beta", OTHER_DOMAIN)
    assert losers(place) == {"beta"}


def test_tenant_with_other_mistakes_gives_way_to_one_that_can_start(place: Place):
    place.tenant("acme", SSO_MISTAKE, age=10)
    place.tenant("beta", OTHER_DOMAIN)
    assert losers(place) == {"acme"}


def test_tenant_on_line_keeps_its_port_when_its_file_is_touched_later(place: Place):
    place.tenant("acme", age=10)
    on_line = serve(place)
    place.tenant("beta", OTHER_DOMAIN, age=5)
    place.tenant("acme", ("ACME Corporation", "ACME Inc."), age=0)
    assert losers(place, on_line) == {"beta"}


def test_tenant_on_line_has_no_older_right_to_what_it_newly_claims(place: Place):
    place.tenant("acme", age=10)
    place.tenant("beta", OTHER_DOMAIN, OTHER_PORT, age=20)
    on_line = serve(place)
    place.tenant("beta", OTHER_DOMAIN, age=20)
    assert losers(place, on_line) == {"beta"}


def test_tenant_on_line_whose_file_broke_still_holds_what_it_serves(place: Place):
    place.tenant("acme", age=10)
    on_line = serve(place)
    place.file("acme", "not toml", age=5)
    place.tenant("beta")
    found = find_conflicts(drafts(place), on_line)
    assert [problem.is_error for problem in found["beta"]] == [True, True]
    assert losers(place, on_line) == {"beta"}


def test_tenant_on_line_that_loses_goes_on_with_what_others_hoped_for(place: Place):
    place.tenant("acme", age=30)
    place.tenant("beta", OTHER_DOMAIN, OTHER_PORT, age=30)
    on_line = serve(place)
    place.tenant("beta", ("10993", "30993"), age=5)  # moves away from 20993, but claims acme's domain: it stays as it is
    place.tenant("gamma", ("acme.example", "gamma.example"), OTHER_PORT, age=1)
    assert losers(place, on_line) == {"beta", "gamma"}


def test_removed_tenant_holds_nothing(place: Place):
    path = place.tenant("acme")
    on_line = serve(place)
    path.unlink()
    place.tenant("beta")
    assert losers(place, on_line) == set()


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ('["127.0.0.1"]', '["127.0.0.1"]', True),
        ('["127.0.0.1"]', '["127.0.0.2"]', False),
        ('["127.0.0.1"]', '["0.0.0.0"]', True),
        ('["0.0.0.0"]', '["127.0.0.1"]', True),
        ('["::"]', '["::1"]', True),
        ('["::1"]', '["0:0::1"]', True),
        ('["::"]', '["127.0.0.1"]', False),  # listeners take IPv6 only
        ('["0.0.0.0"]', '["::"]', False),
        ('["127.0.0.1", "127.0.0.2"]', '["127.0.0.2", "127.0.0.3"]', True),
    ],
)
def test_ports_clash_where_addresses_meet(place: Place, one: str, other: str, clash: bool):
    place.tenant("acme", ("imaps", f"addresses = {one}\nimaps"), age=10)
    place.tenant("beta", OTHER_DOMAIN, ("imaps", f"addresses = {other}\nimaps"))
    assert losers(place) == ({"beta"} if clash else set())


def test_port_of_another_protocol_clashes_too(place: Place):
    place.tenant("acme", age=10)
    place.tenant("beta", OTHER_DOMAIN, ("imaps = 10993", "pop3s = 10993"))
    found = find_conflicts(drafts(place), {})
    assert found["beta"][0].key == "listen.pop3s"
    assert found["beta"][0].problem.startswith("port 10993 is acme's")
    assert len(found["beta"]) == 1  # on both address families, told once


def test_three_claims_leave_one_in_service(place: Place):
    for name, age in (("acme", 10), ("beta", 30), ("gamma", 20)):
        place.tenant(name, OTHER_PORT, age=age)
    assert losers(place) == {"acme", "gamma"}


def test_address_that_cannot_be_read_claims_nothing(place: Place):
    place.tenant("acme", ("imaps", 'addresses = ["localhost"]\nimaps'), age=10)
    place.tenant("beta", OTHER_DOMAIN)
    assert losers(place) == set()


WEB_SITE = OwnPort("web site", "127.0.0.1", 10993, "cgappliance.toml: web.port")


@pytest.mark.parametrize(("address", "clash"), [("127.0.0.1", True), ("0.0.0.0", True), ("127.0.0.2", False), ("::1", False)])
def test_port_of_the_appliance_itself_is_no_tenants(place: Place, address: str, clash: bool):
    path = place.tenant("acme", ("[listen]", f'[listen]\naddresses = ["{address}"]'))
    found = find_conflicts(drafts(place), {}, [WEB_SITE])
    assert [str(problem) for problem in found.get("acme", [])] == [
        f"{path}:8: listen.imaps: port 10993 is the appliance's own web site's (cgappliance.toml: web.port) "
        "(choose another port, or move the web site)"
    ] * clash


def test_a_clash_with_the_appliance_itself_is_told_once_for_all_addresses(place: Place):
    place.tenant("acme", ("[listen]", '[listen]\naddresses = ["127.0.0.1", "0.0.0.0"]'))
    assert len(find_conflicts(drafts(place), {}, [WEB_SITE])["acme"]) == 1


def test_tenant_on_line_that_wants_the_appliances_port_goes_on_with_what_others_hoped_for(place: Place):
    place.tenant("acme", OTHER_PORT, age=10)
    on_line = serve(place)
    place.tenant("acme", age=5)
    place.tenant("beta", OTHER_DOMAIN, OTHER_PORT)
    found = find_conflicts(drafts(place), on_line, [WEB_SITE])
    assert {name for name, problems in found.items() if any(problem.is_error for problem in problems)} == {"acme", "beta"}
