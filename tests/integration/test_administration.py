"""An administrator's tools at real servers: people come from OpenLDAP, get what they need at Google, and log in."""

import json
import re

import pytest

from cgappliance.admin import credentials
from cgappliance.admin.desk import Actor, Desk
from cgappliance.administration import PasswordAnswer, Taken
from cgappliance.store.engine import Store
from cgappliance.store.vault import Vault
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.slapd_data import group_dn
from cgappliance.testing.lab.world import DOMAIN, World
from tests.admin.fake_google import FakeGoogle
from tests.policy.factories import tenant

from .talking import ACCEPTED, IMAP, MISCONFIGURED, POP3, REFUSED, SMTP, UNAVAILABLE

ADMIN = f"api-admin@{DOMAIN}"
HANA = Person(f"hana@{DOMAIN}", "hana's password", groups=["sales"])
JIRO = Person(f"jiro@{DOMAIN}", "jiro's password")
LEFT = Person(f"left@{DOMAIN}", "left's password", locked=True)
NEW = f"new@{DOMAIN}"
SOON_S = 5.0  # a change of another process is known to the workers within a second


class Office(World):
    """A light tenant whose accounts log in with random Google passwords; nobody is at Google but the API administrator."""

    def tenant_file(self, **changes):
        auth = super().tenant_file().partition("[auth]\n")[2].partition("\n\n")[0]
        manager = self.slapd.folder / "manager"
        manager.touch(mode=0o600)
        manager.write_text(self.slapd.admin_password)
        tables = {
            "auth": f'{auth}\npeople_dn = "ou=people,{self.slapd.base_dn}"\n'
            f'manager_dn = "{self.slapd.admin_dn}"\nmanager_password_file = "{manager}"',
            "google": f'provider = "managed-password"\nservice_account_file = "{self.gmail.service_account_file}"\n'
            f'admin = "{ADMIN}"\nenable_mail_access = true\n{self.gmail.apis()}',
            "policy": f'profile_by_group = {{ "{group_dn("sales")}" = "office" }}',
        }
        return super().tenant_file(**{**tables, **changes})

    def start(self):
        super().start()
        policy = f"cn=default,ou=policies,{self.slapd.base_dn}"
        self.slapd.modify(f"dn: {policy}\nchangetype: modify\nreplace: pwdMustChange\npwdMustChange: FALSE\n")
        for person in self.people:
            self.gmail.control.remove_account(person.address)
        self.gmail.control.add_account(ADMIN, admin=True)
        return self

    def google(self, address, **values):
        """Make a user at Google who may log in with a password."""
        self.gmail.control.add_account(address, switches={"password_enabled": True}, **values)

    def command(self, *words, check=True):
        return self.appliance.command(*words, check=check).stdout


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr("cgappliance.testing.lab.world.YUKI", HANA)  # to whom the world's first message goes
    with Office(tmp_path / "world", people=(HANA, JIRO, LEFT)) as world:
        yield world


def logs_in(talk, person_or_address, password=None, protocol=IMAP):
    address = getattr(person_or_address, "address", person_or_address)
    return talk(protocol).log_in(address, password or person_or_address.password)


def test_company_comes_from_the_directory_gets_passwords_at_google_and_logs_in(world, talk):
    for person in (HANA, JIRO):
        world.google(person.address)

    shown = world.command("account", "sync", "acme", "--dry-run", "--google")
    assert "hana@acme.example  set password, look at POP and IMAP" in shown
    assert world.appliance.json("account", "list", "acme")["accounts"] == []

    synced = world.appliance.json("account", "sync", "acme", "--google")
    assert synced["problems"] == []
    accounts = {row["address"]: row for row in world.appliance.json("account", "list", "acme")["accounts"]}
    assert (accounts[HANA.address]["profile"], accounts[HANA.address]["profile_source"]) == ("office", "directory")
    assert (accounts[LEFT.address]["enabled"], accounts[LEFT.address]["disabled_by"]) == (False, "sync")

    wait_until(lambda: logs_in(talk, HANA).startswith(ACCEPTED[IMAP]), "the new account is known", SOON_S)
    assert logs_in(talk, HANA, protocol=SMTP).startswith(ACCEPTED[SMTP])
    assert logs_in(talk, JIRO) == REFUSED[IMAP]  # no group, no profile
    assert synced["google"][0]["done"] == ["password set"]
    assert world.command("account", "provision", "acme", "--all") == "nothing to do at Google\n"


def test_person_made_here_logs_in_until_switched_off(world, talk):
    words = ("--in-directory", "--family-name", "Person", "--profile", "office", "--create-google-user")
    made = world.command("account", "create", "acme", NEW, *words)
    password = re.search(r"shown only now\): (\S+)", made)[1]
    assert "at Google: created, password set" in made
    world.gmail.control.change_account(NEW, switches={"password_enabled": True})

    wait_until(lambda: logs_in(talk, NEW, password).startswith(ACCEPTED[IMAP]), "the new account is known", SOON_S)

    client = talk(IMAP)
    client.log_in(NEW, password)
    world.command("account", "disable", "acme", NEW, "--in-directory")
    assert client.rest().startswith(b"* BYE")
    assert logs_in(talk, NEW, password) == REFUSED[IMAP]


def test_password_whose_answers_were_all_lost_works_all_the_same(world, talk):
    for person in (HANA, JIRO):
        world.google(person.address)
    world.command("account", "sync", "acme", "--google")
    wait_until(lambda: logs_in(talk, HANA).startswith(ACCEPTED[IMAP]), "the first password works", SOON_S)
    world.gmail.control.change_account(HANA.address, password=undecided_password(world))

    assert world.command("credential", "pending", "acme") == f"{HANA.address}\n"
    wait_until(lambda: logs_in(talk, HANA).startswith(ACCEPTED[IMAP]), "either password is tried", SOON_S)
    for protocol in (POP3, SMTP):
        assert logs_in(talk, HANA, protocol=protocol).startswith(ACCEPTED[protocol])
    wait_until(lambda: world.command("credential", "pending", "acme") == "", "Gmail's yes has ended the doubt", SOON_S)

    world.command("credential", "reset", "acme", HANA.address)
    wait_until(lambda: logs_in(talk, HANA).startswith(ACCEPTED[IMAP]), "the finished reset works", SOON_S)


def undecided_password(world):
    """Return the password of a reset whose answers were all lost; Google is to be given it."""
    google = FakeGoogle(HANA.address)
    google.answer = PasswordAnswer(Taken.UNKNOWN)
    folder = world.appliance.config.parent
    with Store.open(f"sqlite:///{folder}/cgappliance.db") as store:
        desk, acme = Desk(store, Actor("root", "test")), tenant(domains=frozenset({DOMAIN}))
        with pytest.raises(credentials.ResetUndecided):
            credentials.reset(desk, acme, HANA.address, Vault(folder / "store.key"), google)
    return google.password_of(HANA.address)


def test_imap_that_a_user_has_off_is_switched_on(world, talk):
    for person in (HANA, JIRO):
        world.google(person.address)
    world.command("account", "sync", "acme", "--google")
    wait_until(lambda: logs_in(talk, HANA).startswith(ACCEPTED[IMAP]), "the account works", SOON_S)
    world.gmail.control.change_account(HANA.address, imap_settings={"enabled": False})
    assert logs_in(talk, HANA) == MISCONFIGURED[IMAP]

    shown = world.appliance.command("account", "mail-access", "acme", HANA.address, check=False)
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (1, "IMAP: off")
    assert json.loads(world.command("account", "mail-access", "acme", HANA.address, "--enable", "--json"))["switched_on"] == [
        "IMAP"
    ]
    assert logs_in(talk, HANA).startswith(ACCEPTED[IMAP])


def test_app_password_is_kept_once_gmail_takes_it(world, talk):
    google = f'provider = "app-password"\nservice_account_file = "{world.gmail.service_account_file}"\nadmin = "{ADMIN}"\n'
    world.appliance.tenant("acme", world.tenant_file(google=google + world.gmail.apis()))
    world.command("reload")
    world.gmail.control.add_account(HANA.address, app_passwords=["qwertyuiopasdfgh"])
    world.command("account", "sync", "acme")

    wrong = set_app_password(world, "zzzz zzzz zzzz zzzz")
    assert (wrong.returncode, "Gmail does not take it: 535" in wrong.stderr) == (1, True)
    wait_until(lambda: logs_in(talk, HANA) == UNAVAILABLE[IMAP], "there is no credential yet", SOON_S)

    assert set_app_password(world, "qwer tyui opas dfgh").returncode == 0
    wait_until(lambda: logs_in(talk, HANA).startswith(ACCEPTED[IMAP]), "the app password works", SOON_S)

    (listed,) = json.loads(world.command("credential", "app-passwords", "acme", HANA.address, "--json"))
    world.command("credential", "revoke", "acme", HANA.address, str(listed["code_id"]))
    assert logs_in(talk, HANA) == UNAVAILABLE[IMAP]


def set_app_password(world, typed):
    return world.appliance.command("credential", "set", "acme", HANA.address, "--stdin", check=False, typed=f"{typed}\n")
