"""A tenant of the SSO edition against a real Active Directory domain (Samba). Its refusals are in ``test_refusals.py``."""

from contextlib import contextmanager

import pytest

from cgappliance.testing.lab import samba_domain as ad
from cgappliance.testing.lab.samba import SambaAd, unavailable
from cgappliance.testing.lab.world import World

from .conftest import at_once, changed
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, REFUSED, SMTP, UNAVAILABLE, WAYS

pytestmark = [pytest.mark.usefixtures("tidy"), pytest.mark.skipif(bool(unavailable()), reason=unavailable())]

TIMEOUT_S = 1.5
ACCOUNTS = (ad.GOOD, ad.OTHER, ad.JAPANESE, ad.AWKWARD, ad.NESTED, ad.LOCKABLE)


class SsoEdition(World):
    """A world whose tenant's accounts live in Active Directory, on two controllers."""

    def __init__(self, folder):
        limits = {"directory_timeout_s": TIMEOUT_S, "refusal_delay_s": 0.1, "sessions_per_account": 50}
        super().__init__(folder, limits=limits, bare=True)
        self.first = SambaAd(folder / "dc1", self.authority)
        self.second = SambaAd(folder / "dc2", self.authority)
        self.ad_secret = folder / "ad-bind-password"
        self.ad_secret.touch(mode=0o600)
        self.ad_secret.write_text(ad.SERVICE.password)

    def auth(self, *controllers, more=""):
        urls = ", ".join(f'"{url}"' for url in controllers)
        return (
            f'servers = [{urls}]\nca_file = "{self.authority.ca_file}"\nbase_dn = "{ad.BASE_DN}"\nserver_timeout_s = 0.5\n'
            f"bind_dn = '{ad.SERVICE.dn}'\nbind_password_file = \"{self.ad_secret}\"\n{more}"
        )

    def tenant_file(self, **changes):
        top = f'name = "ACME"\nedition = "sso"\ndomains = ["{ad.MAIL_DOMAIN}"]'
        return super().tenant_file(**{"top": top, "auth": self.auth(self.first.ldaps_url), **changes})


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = SsoEdition(tmp_path_factory.mktemp("world"))
    with world.first, world.second, world:
        for user in ACCOUNTS:
            world.gmail.control.add_account(user.mail)
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")
        yield world


@contextmanager
def down(controller):
    controller.stop()
    try:
        yield
    finally:
        controller.start()


@contextmanager
def stalled(controller):
    controller.process.stall()
    try:
        yield
    finally:
        controller.process.resume()


def test_edition_alone_chooses_the_backend(world):
    assert "backend" not in world.tenant_file()


@pytest.mark.parametrize("user", [ad.JAPANESE, ad.AWKWARD], ids=lambda user: user.name)
def test_password_and_name_of_all_characters_go_through_every_way(talk, user):
    told = at_once(lambda way: talk(way.protocol).log_in(user.mail, user.password, way), WAYS)
    assert [str(way) for way, answer in zip(WAYS, told, strict=True) if not answer.startswith(ACCEPTED[way.protocol])] == []


def test_history_line_names_the_entry_that_logged_in(talk, world):
    talk(IMAP).log_in(ad.GOOD.mail, ad.GOOD.password)
    [line] = world.appliance.log_lines("login")[-1:]
    assert f"login={ad.GOOD.mail}" in line
    assert "reason=accepted" in line


def test_user_principal_name_can_be_the_login_name(world, talk):
    world.gmail.control.add_account(ad.OTHER.upn)
    with changed(world, auth=world.auth(world.first.ldaps_url, more='login_attribute = "userPrincipalName"\n')):
        assert talk(IMAP).log_in(ad.OTHER.upn, ad.OTHER.password).startswith(b"OK")
        assert talk(IMAP).log_in(ad.OTHER.mail, ad.OTHER.password) == REFUSED[IMAP]


def test_starttls_protects_as_well(world, talk):
    with changed(world, auth=world.auth(world.first.ldap_url, more="starttls = true\n")):
        assert talk(POP3).log_in(ad.OTHER.mail, ad.OTHER.password).startswith(b"+OK")


@pytest.mark.parametrize("happens", [down, stalled])
def test_controller_that_does_not_answer_is_an_outage_whatever_the_password(world, talk, log, happens):
    # under a file of its own: what was verified before does not count
    with changed(world, auth=world.auth(world.first.ldaps_url, more=f"pool_size = {3 if happens is down else 4}\n")):
        with happens(world.first):
            right = at_once(lambda protocol: talk(protocol).log_in(ad.NESTED.mail, ad.NESTED.password), PROTOCOLS)
            wrong = talk(SMTP).log_in(ad.NESTED.mail, f"wrong while {happens.__name__}")
        assert dict(zip(PROTOCOLS, right, strict=True)) == UNAVAILABLE
        assert wrong == UNAVAILABLE[SMTP]
        assert {entry["reason"] for entry in log()} <= {"directory_unavailable", "directory_timeout"}
        assert talk(IMAP).log_in(ad.NESTED.mail, ad.NESTED.password).startswith(b"OK")


@pytest.mark.parametrize("happens", [down, stalled])
def test_second_controller_is_asked_when_the_first_one_fails(world, talk, happens):
    urls = (world.first.ldaps_url, world.second.ldaps_url)
    more = f"pool_size = {5 if happens is down else 6}\n"
    with changed(world, auth=world.auth(*urls, more=more)), happens(world.first):
        assert talk(IMAP).log_in(ad.GOOD.mail, ad.GOOD.password).startswith(b"OK")
        assert talk(IMAP).log_in(ad.GOOD.mail, f"wrong while {happens.__name__}") == REFUSED[IMAP]


def test_password_changed_in_the_directory_works_at_once_and_the_old_one_no_more(world, talk):
    old, new = ad.LOCKABLE.password, "Changed.pass-w0rd"
    assert talk(IMAP).log_in(ad.LOCKABLE.mail, old).startswith(b"OK")
    world.first.modify(ad.LOCKABLE.dn, ad.password_line(new))
    assert talk(POP3).log_in(ad.LOCKABLE.mail, new).startswith(b"+OK")
    assert talk(IMAP).log_in(ad.LOCKABLE.mail, old) == REFUSED[IMAP]
