from __future__ import annotations

from dataclasses import replace

from cgappliance.admin.bypass import State, Way
from tests.admin.bypass.conftest import Place

GOOGLE_MX = {"MX acme.example": ["1 smtp.google.com."]}


def test_client_that_would_go_to_google_is_a_way_round(place: Place) -> None:
    place.internet.pages = {}
    place.internet.records = GOOGLE_MX
    found = place.look().of(Way.AUTOCONFIG)[0]
    assert found.state is State.OPEN
    assert found.sentence.startswith("Thunderbird, K-9, Evolution, KMail (acme.example): finds no configuration")


def test_published_configuration_closes_the_way(place: Place) -> None:
    closed = [one.sentence for one in place.look().of(Way.AUTOCONFIG) if one.state is State.CLOSED]
    assert any("sets itself up with the tenant's servers and ports" in sentence for sentence in closed)


def test_tenant_with_nothing_to_publish_is_not_called_closed(place: Place) -> None:
    place.tenant = replace(place.tenant, profiles={})
    (found,) = place.look().of(Way.AUTOCONFIG)
    assert found.state is State.WATCH
    assert "nothing to tell mail clients" in found.sentence


def test_certificate_that_clients_refuse_is_not_called_closed(place: Place) -> None:
    place.tenant = replace(place.tenant, listen=replace(place.tenant.listen, hostname="other.example"))
    (found,) = place.look().of(Way.AUTOCONFIG)
    assert found.state is State.WATCH
    assert "refuse the certificate" in found.sentence
