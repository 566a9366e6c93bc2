"""Three tenants of one appliance, one for each directory backend: real OpenLDAP, real Active Directory (Samba), local file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cgappliance_local import users

from cgappliance.secret import Secret
from cgappliance.testing.lab import samba_domain as ad
from cgappliance.testing.lab.appliance import AppliancePorts
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.slapd_data import group_dn
from cgappliance.testing.lab.world import DOMAIN, YUKI, World

LOCAL_DOMAIN = "local.example"
PASSWORD = "Right-passw0rd-7c1f"
MAIL_GROUP = "mail users"

#: OpenLDAP's people: everybody but the last is in the group
GOOD = Person(f"good@{DOMAIN}", PASSWORD, groups=(MAIL_GROUP,))
LOCKED = Person(f"locked@{DOMAIN}", PASSWORD, groups=(MAIL_GROUP,), locked=True)
MUST_CHANGE = Person(f"mustchange@{DOMAIN}", PASSWORD, groups=(MAIL_GROUP,), must_change=True)
EXPIRED = Person(f"expired@{DOMAIN}", PASSWORD, groups=(MAIL_GROUP,), expired=True)
STRANGER = Person(f"stranger@{DOMAIN}", PASSWORD)
TWINS = (
    Person(f"twin@{DOMAIN}", PASSWORD, rdn="uid=twin1", groups=(MAIL_GROUP,)),
    Person(f"twin@{DOMAIN}", PASSWORD, rdn="uid=twin2", groups=(MAIL_GROUP,)),
)
PEOPLE = (YUKI, GOOD, LOCKED, MUST_CHANGE, EXPIRED, STRANGER, *TWINS)

Login = tuple[str, str]


@dataclass
class Site:
    """One tenant: how its file is written, who may log in, and who may not, by the reason that the log must give."""

    world: World
    tenant: str
    domain: str
    auth: str
    good: Login
    refused: Mapping[str, Login]
    edition: str = "light"
    ports: AppliancePorts = field(default_factory=AppliancePorts)

    def top(self, more: str = "") -> str:
        return f'name = "{self.tenant}"\nedition = "{self.edition}"\ndomains = ["{self.domain}"]\n{more}'

    def text(self, **changes: str) -> str:
        pair = self.world.certificate
        listen = (
            f'hostname = "localhost"\naddresses = ["127.0.0.1"]\n{self.ports.toml()}'
            f'certificate = "{pair.certificate}"\nprivate_key = "{pair.private_key}"'
        )
        return self.world.tenant_file(**{"top": self.top(), "listen": listen, "auth": self.auth, **changes})


def openldap(world: World) -> Site:
    auth = (
        f'servers = ["{world.slapd.ldaps_url}"]\nca_file = "{world.authority.ca_file}"\nbase_dn = "{world.slapd.base_dn}"\n'
        f'bind_dn = "{world.slapd.bind_dn}"\nbind_password_file = "{world.bind_password_file}"\n'
        f'required_group = "{group_dn(MAIL_GROUP)}"'
    )
    return Site(
        world,
        "openldap",
        DOMAIN,
        auth,
        (GOOD.address, PASSWORD),
        {
            "wrong_password": (GOOD.address, "wrong"),
            "unknown_address": (f"nobody@{DOMAIN}", PASSWORD),
            "ambiguous_address": (TWINS[0].address, PASSWORD),
            "locked": (LOCKED.address, PASSWORD),
            "password_must_change": (MUST_CHANGE.address, PASSWORD),
            "password_expired": (EXPIRED.address, PASSWORD),
            "not_in_group": (STRANGER.address, PASSWORD),
        },
    )


def active_directory(world: World, folder: Path, ldaps_url: str, ca_file: Path) -> Site:
    secret = folder / "ad-bind-password"
    secret.touch(mode=0o600)
    secret.write_text(ad.SERVICE.password)
    auth = (
        f'servers = ["{ldaps_url}"]\nca_file = "{ca_file}"\nbase_dn = "{ad.BASE_DN}"\n'
        f"bind_dn = '{ad.SERVICE.dn}'\nbind_password_file = \"{secret}\""
    )
    flagged = {
        "wrong_password": (ad.LOCKABLE.mail, "wrong"),
        "unknown_address": (f"nobody@{ad.MAIL_DOMAIN}", PASSWORD),
        "ambiguous_address": (ad.TWINS_MAIL, ad.TWINS[0].password),
        "disabled": (ad.DISABLED.mail, ad.DISABLED.password),
        "locked": (ad.LOCKED.mail, ad.LOCKED.password),
        "account_expired": (ad.ACCOUNT_EXPIRED.mail, ad.ACCOUNT_EXPIRED.password),
        "password_expired": (ad.PASSWORD_EXPIRED.mail, ad.PASSWORD_EXPIRED.password),
        "password_must_change": (ad.MUST_CHANGE.mail, ad.MUST_CHANGE.password),
        "logon_hours": (ad.NO_HOURS.mail, ad.NO_HOURS.password),
        "workstation": (ad.OTHER_WORKSTATION.mail, ad.OTHER_WORKSTATION.password),
    }
    return Site(world, "active-directory", ad.MAIL_DOMAIN, auth, (ad.GOOD.mail, ad.GOOD.password), flagged, edition="sso")


def local(world: World, folder: Path) -> Site:
    users_file = folder / "users"
    for name in ("good", "disabled"):
        users.set_password(users_file, f"{name}@{LOCAL_DOMAIN}", Secret(PASSWORD))
    users.set_disabled(users_file, f"disabled@{LOCAL_DOMAIN}", disabled=True)
    flagged = {
        "wrong_password": (f"good@{LOCAL_DOMAIN}", "wrong"),
        "unknown_address": (f"nobody@{LOCAL_DOMAIN}", PASSWORD),
        "disabled": (f"disabled@{LOCAL_DOMAIN}", PASSWORD),
    }
    auth = f'backend = "local"\nusers_file = "{users_file}"'
    return Site(world, "local", LOCAL_DOMAIN, auth, (f"good@{LOCAL_DOMAIN}", PASSWORD), flagged)
