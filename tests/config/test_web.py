from __future__ import annotations

import pytest

from cgappliance.config.load import inspect, load
from cgappliance.config.values import WebSettings

from .kit import KINDS, Place, write_pair


def web(place: Place, text: str) -> WebSettings | None:
    place.toml.write_text(text)
    return load(place.toml, KINDS).settings.web


def problems(place: Place, text: str) -> list[str]:
    place.toml.write_text(text)
    return [str(problem).replace(f"{place.root}/", "") for problem in inspect(place.toml, KINDS).appliance]


def test_without_the_table_there_is_no_site(place: Place):
    assert web(place, "") is None


def test_an_empty_table_is_a_site_on_this_machine(place: Place):
    found = web(place, "[web]\n")
    assert found is not None
    assert (found.addresses, found.port, found.tls, found.certificate) == (("127.0.0.1",), 8443, True, None)
    assert (found.session_idle_s, found.session_max_s) == (1800.0, 36_000.0)


def test_plain_http_is_for_loopback_only(place: Place):
    assert problems(place, '[web]\ntls = false\naddresses = ["127.0.0.1", "0.0.0.0"]\n') == [
        "cgappliance.toml:3: web.addresses[1]: 0.0.0.0 would send passwords in the clear (use 127.0.0.1 or ::1, or tls = true)"
    ]


def test_an_idle_time_that_never_comes_is_told(place: Place):
    (said,) = problems(place, "[web]\nsession_idle_s = 3600\nsession_max_s = 60\n")
    assert "web.session_idle_s: 3600 s is longer than session_max_s (60 s)" in said


@pytest.mark.parametrize("given", ["certificate", "private_key", "profile_certificate", "profile_private_key"])
def test_certificate_and_key_come_together(place: Place, given: str):
    pair = write_pair(place.root, stem="site")
    path = pair[0] if given.endswith("certificate") else pair[1]
    (said,) = problems(place, f'[web]\n{given} = "{path}"\n')
    assert f"web.{given}: stands without" in said


@pytest.mark.parametrize("prefix", ["", "profile_"])
def test_a_bad_certificate_is_told_and_does_not_keep_mail_from_starting(place: Place, prefix: str):
    certificate, _ = write_pair(place.root, stem="site")
    _, other_key = write_pair(place.root, stem="other")
    text = f'[web]\n{prefix}certificate = "{certificate}"\n{prefix}private_key = "{other_key}"\n'
    (said,) = problems(place, text)
    assert f"web.{prefix}private_key: " in said
    assert "does not belong to the certificate" in said
    assert web(place, text) is not None
