"""People made, switched and removed in a real slapd, and what their logins say then."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cgappliance_openldap.backend import OpenLdapBackend
from cgappliance_openldap.manager import ManagedPeople

from cgappliance.plugin_api import DirectoryFailed, DirectoryQuery, NewPerson, Reason, Secret, TenantContext, WritableDirectory
from cgappliance.testing.contract import DOMAIN, credentials
from cgappliance.testing.lab.slapd import Slapd
from cgappliance.testing.lab.slapd_data import people

pytestmark = pytest.mark.integration

NEW = NewPerson(f"new@{DOMAIN}", "新", "Person, (Jr.) *")
PASSWORD = Secret('Initial "pass" \\ 鍵')
SOMEBODY = f"u0000@{DOMAIN}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path / "slapd", people=people(3, DOMAIN)) as server:
        must_change(server, "FALSE")
        yield server


@pytest.fixture
def make(server: Slapd, settings_of: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., ManagedPeople]]:
    with ExitStack() as stack:

        def make(**changes: Any) -> ManagedPeople:
            manager = {"manager_dn": server.admin_dn, "manager_password_file": Secret(server.admin_password)}
            settings = settings_of(server, **{**manager, "people_dn": f"ou=people,{server.base_dn}", **changes})
            made = ManagedPeople(TenantContext("lab", frozenset({DOMAIN}), settings))
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def log_in(server: Slapd, backend_of: Callable[..., OpenLdapBackend]) -> Callable[..., Reason]:
    backend = backend_of(server)
    return lambda address, password: backend.authenticate(credentials(address, password), 10.0).reason


def refusal(call: Callable[[], object]) -> DirectoryFailed:
    with pytest.raises(DirectoryFailed) as failed:
        call()
    return failed.value


def addresses(manager: ManagedPeople) -> set[str]:
    return {entry.address for page in manager.pages(DirectoryQuery()) for entry in page}


def test_it_is_known_as_a_directory_that_can_be_changed(make):
    assert isinstance(make(), WritableDirectory)


def test_new_person_logs_in_with_the_initial_password(make, log_in):
    entry = make().create(NEW, PASSWORD)

    assert (entry.address, entry.given_name, entry.family_name, entry.disabled) == (NEW.address, "新", NEW.family_name, False)
    assert log_in(NEW.address, PASSWORD.reveal()) is Reason.ACCEPTED
    assert log_in(NEW.address, "other") is Reason.WRONG_PASSWORD


def test_policy_may_want_the_initial_password_changed_first(server, make, log_in):
    must_change(server, "TRUE")
    make().create(NEW, PASSWORD)

    assert log_in(NEW.address, PASSWORD.reveal()) is Reason.PASSWORD_MUST_CHANGE


def test_password_is_kept_as_a_hash(server, make):
    make().create(NEW, PASSWORD)

    assert server.count(PASSWORD.reveal()) == 0
    assert PASSWORD.reveal().encode() not in (server.folder / "data" / "data.mdb").read_bytes()


def test_address_that_is_there_is_not_made_again(make):
    failed = refusal(lambda: make().create(NewPerson(SOMEBODY, "A", "B"), PASSWORD))

    assert "uid=u0000,ou=people,dc=lab,dc=test" in failed.detail


def test_name_that_is_taken_is_told(server, make):
    failed = refusal(lambda: make(mail_attribute="description").create(NewPerson(SOMEBODY, "A", "B"), PASSWORD))

    assert "Already exists" in failed.detail


def test_password_that_the_policy_refuses_leaves_no_entry(server, make):
    server.modify(
        f"dn: cn=writer,ou=services,{server.base_dn}\nchangetype: add\nobjectClass: organizationalRole\n"
        f"objectClass: simpleSecurityObject\ncn: writer\nuserPassword: writer-secret\n"
    )
    allow(server, f"cn=writer,ou=services,{server.base_dn}")
    manager = make(manager_dn=f"cn=writer,ou=services,{server.base_dn}", manager_password_file=Secret("writer-secret"))

    failed = refusal(lambda: manager.create(NEW, Secret("short")))

    assert "quality" in failed.detail or "too short" in failed.detail.lower()
    assert NEW.address not in addresses(manager)


def test_account_without_the_right_to_write_is_told_with_the_remedy(make):
    failed = refusal(lambda: make(manager_dn=None, manager_password_file=None).create(NEW, PASSWORD))

    assert failed.reason is Reason.DIRECTORY_MISCONFIGURED
    assert "auth.manager_dn" in failed.detail


def test_entry_that_no_login_would_find_is_told(make):
    failed = refusal(lambda: make(filter="(uid=u*)").create(NEW, PASSWORD))

    assert "is not found by a login" in failed.detail


def test_switched_off_entry_cannot_log_in_until_it_is_switched_on(make, log_in):
    manager = make()
    manager.set_disabled(SOMEBODY, disabled=True)
    assert (manager.find(SOMEBODY).disabled, log_in(SOMEBODY, "pw0000")) == (True, Reason.LOCKED)

    manager.set_disabled(SOMEBODY, disabled=False)
    assert (manager.find(SOMEBODY).disabled, log_in(SOMEBODY, "pw0000")) == (False, Reason.ACCEPTED)


def test_switching_on_what_is_on_is_no_mistake(make):
    make().set_disabled(SOMEBODY, disabled=False)


def test_other_attribute_may_say_that_an_entry_is_off(make):
    manager = make(disabled_attribute="employeeType", disabled_value="left")
    manager.set_disabled(SOMEBODY, disabled=True)

    assert manager.find(SOMEBODY).disabled


def test_new_password_replaces_the_old_one(make, log_in):
    make().set_password(SOMEBODY, PASSWORD)

    assert log_in(SOMEBODY, PASSWORD.reveal()) is Reason.ACCEPTED
    assert log_in(SOMEBODY, "pw0000") is Reason.WRONG_PASSWORD


def test_empty_password_is_refused_before_the_directory_is_asked(make, log_in):
    assert refusal(lambda: make().set_password(SOMEBODY, Secret(""))).reason is Reason.EMPTY_PASSWORD
    assert log_in(SOMEBODY, "pw0000") is Reason.ACCEPTED


def test_removed_entry_is_gone(make, log_in):
    manager = make()
    manager.delete(SOMEBODY)

    assert addresses(manager) == {f"u0001@{DOMAIN}", f"u0002@{DOMAIN}"}
    assert log_in(SOMEBODY, "pw0000") is Reason.UNKNOWN_ADDRESS


@pytest.mark.parametrize("verb", ["delete", "set_password", "set_disabled"])
def test_who_is_not_there_cannot_be_changed(make, verb: str):
    arguments = {"delete": ((), {}), "set_password": ((PASSWORD,), {}), "set_disabled": ((), {"disabled": True})}[verb]
    change = getattr(make(), verb)

    assert refusal(lambda: change(f"nobody@{DOMAIN}", *arguments[0], **arguments[1])).reason is Reason.UNKNOWN_ADDRESS


def must_change(server: Slapd, value: str) -> None:
    """Say whether a password that an administrator has set is good for more than being changed (slapo-ppolicy: pwdMustChange)."""
    policy = f"cn=default,ou=policies,{server.base_dn}"
    server.modify(f"dn: {policy}\nchangetype: modify\nreplace: pwdMustChange\npwdMustChange: {value}\n")


def allow(server: Slapd, dn: str) -> None:
    """Let ``dn`` write, after a restart."""
    configuration = server.folder / "slapd.conf"
    text = configuration.read_text()
    text = text.replace("userPassword by self", f'userPassword by dn.exact="{dn}" write by self')
    text = text.replace('access to * by dn.exact="cn=proxy', f'access to * by dn.exact="{dn}" write by dn.exact="cn=proxy')
    server.stop()
    configuration.write_text(text)
    server.start()
