"""``account sync`` of the SSO edition: a real Active Directory domain (Samba) decides who is an account, and with which profile."""

import pytest

from cgappliance.testing.lab import samba_domain as ad
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.samba import SambaAd, unavailable
from cgappliance.testing.lab.world import World

from .talking import ACCEPTED, IMAP, REFUSED

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable())

SOON_S = 5.0  # a change of another process is known to the workers within a second


class Company(World):
    """A tenant of a real domain; members of its mail group, nested groups included, get the profile that lets in."""

    def __init__(self, folder, **options):
        super().__init__(folder, bare=True, **options)
        self.domain = SambaAd(folder / "dc", self.authority)
        self.ad_secret = folder / "ad-bind-password"
        self.ad_secret.touch(mode=0o600)
        self.ad_secret.write_text(ad.SERVICE.password)

    def tenant_file(self, **changes):
        auth = (
            f'servers = ["{self.domain.ldaps_url}"]\nca_file = "{self.authority.ca_file}"\nbase_dn = "{ad.BASE_DN}"\n'
            f"bind_dn = '{ad.SERVICE.dn}'\nbind_password_file = \"{self.ad_secret}\""
        )
        tables = {
            "top": f'name = "ACME"\nedition = "sso"\ndomains = ["{ad.MAIL_DOMAIN}"]',
            "auth": auth,
            "policy.profile_by_group": f"'{ad.MAIL_GROUP_DN}' = \"office\"",
        }
        tables["policy"] = 'default_profile = ""'
        return super().tenant_file(**{**tables, **changes})


@pytest.fixture
def world(tmp_path):
    world = Company(tmp_path / "world")
    with world.domain, world:
        for user in (ad.GOOD, ad.OTHER, ad.NESTED):
            world.gmail.control.add_account(user.mail)
        world.appliance.tenant("acme", world.tenant_file())
        world.appliance.ask("reload")
        yield world


def accounts(world):
    return {row["address"]: row for row in world.appliance.json("account", "list", "acme")["accounts"]}


def test_domain_decides_who_comes_in(world, talk):
    shown = world.appliance.command("account", "sync", "acme", "--dry-run", check=False)
    assert f"{ad.TWINS_MAIL}: 2 entries of the directory have this address" in shown.stdout
    assert accounts(world) == {}

    world.appliance.command("account", "sync", "acme", check=False)  # the twins are a problem
    found = accounts(world)
    assert {address for address, row in found.items() if row["profile"] == "office"} == {ad.GOOD.mail, ad.NESTED.mail}
    assert (found[ad.DISABLED.mail]["enabled"], found[ad.DISABLED.mail]["disabled_by"]) == (False, "sync")

    for user in (ad.GOOD, ad.NESTED):
        wait_until(lambda user=user: logs_in(talk, user).startswith(ACCEPTED[IMAP]), f"{user.name} is let in", SOON_S)
    assert logs_in(talk, ad.OTHER) == REFUSED[IMAP]


def test_who_is_switched_off_in_the_domain_is_out_and_back_again(world, talk):
    world.appliance.command("account", "sync", "acme", check=False)
    wait_until(lambda: logs_in(talk, ad.GOOD).startswith(ACCEPTED[IMAP]), "taro is let in", SOON_S)
    client = talk(IMAP)
    client.log_in(ad.GOOD.mail, ad.GOOD.password)

    world.domain.modify(ad.GOOD.dn, "userAccountControl: 514")
    assert "switched off in the directory" in world.appliance.command("account", "sync", "acme", check=False).stdout
    assert client.rest().startswith(b"* BYE")
    assert logs_in(talk, ad.GOOD) == REFUSED[IMAP]

    world.domain.modify(ad.GOOD.dn, "userAccountControl: 512")
    assert "switched on in the directory" in world.appliance.command("account", "sync", "acme", check=False).stdout
    assert accounts(world)[ad.GOOD.mail]["enabled"]


def test_new_address_in_the_domain_takes_the_account_along(world):
    world.appliance.command("account", "sync", "acme", check=False)
    before = accounts(world)[ad.GOOD.mail]

    world.domain.modify(ad.GOOD.dn, f"mail: tanaka@{ad.MAIL_DOMAIN}")
    world.appliance.command("account", "sync", "acme", check=False)

    after = accounts(world)
    assert ad.GOOD.mail not in after
    assert after[f"tanaka@{ad.MAIL_DOMAIN}"]["created_at"] == before["created_at"]


def logs_in(talk, user):
    return talk(IMAP).log_in(user.mail, user.password)
