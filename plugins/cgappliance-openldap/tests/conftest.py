from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cgappliance_openldap.backend import OpenLdapBackend
from cgappliance_openldap.settings import SETTINGS

from cgappliance.plugin_api import Secret, TenantContext
from cgappliance.testing.contract import ACCOUNTS, DOMAIN
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.lab.slapd_data import people

PEOPLE = {
    "reset": Person(f"reset@{DOMAIN}", "Right-passw0rd", must_change=True),
    "locked": Person(f"locked@{DOMAIN}", "Right-passw0rd", locked=True),
    "expired": Person(f"expired@{DOMAIN}", "Right-passw0rd", expired=True),
    "comma": Person(f"comma@{DOMAIN}", "Right-passw0rd", rdn=r"cn=Yamada\, (Taro) \+ 山田*", groups=["mail", "sales"]),
    "outsider": Person(f"outsider@{DOMAIN}", "Right-passw0rd", groups=["sales"]),
}
TWINS = [Person(f"twin@{DOMAIN}", "pw", rdn=f"uid=twin{number}") for number in range(2)]
TRIPLETS = [Person(f"triplet@{DOMAIN}", "pw", rdn=f"uid=triplet{number}") for number in range(3)]


@pytest.fixture(scope="session")
def somebody() -> dict[str, Person]:
    """People of the directory, by a word for what is special about them."""
    return PEOPLE


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory with the contract's accounts, ``somebody``, twins, triplets, and u0000 to u0049."""
    accounts = [Person(account.address, account.password, groups=["mail"]) for account in ACCOUNTS]
    everybody = [*accounts, *PEOPLE.values(), *TWINS, *TRIPLETS, *people(50, DOMAIN)]
    with Slapd(tmp_path_factory.mktemp("openldap") / "slapd", people=everybody) as server:
        yield server


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., dict[str, Any]]:
    """Returns the settings of a tenant that logs in at a slapd, complete, as the host passes them."""

    def settings(slapd: Slapd, **changes: Any) -> dict[str, Any]:
        defaults = {setting.key: setting.default for setting in SETTINGS}
        own = {
            "servers": (slapd.ldaps_url,),
            "ca_file": slapd.ca_file,
            "base_dn": slapd.base_dn,
            "bind_dn": slapd.bind_dn,
            "bind_password_file": Secret(slapd.bind_password),
        }
        return {**defaults, **own, **changes}

    return settings


@pytest.fixture
def backend_of(settings_of: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., OpenLdapBackend]]:
    """Returns a started backend for a slapd and changed settings; it is stopped at the end."""
    made: list[OpenLdapBackend] = []

    def backend(slapd: Slapd, **changes: Any) -> OpenLdapBackend:
        made.append(OpenLdapBackend(TenantContext("lab", frozenset({DOMAIN}), settings_of(slapd, **changes))))
        made[-1].start()
        return made[-1]

    yield backend
    for backend_made in made:
        backend_made.stop()
