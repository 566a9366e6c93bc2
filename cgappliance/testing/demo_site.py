"""The web site with a company in it: directory, Gmail look-alike, appliance, people, profiles and some days of history.

Used by ``script/demo --web`` and ``script/screenshots``. What the company did before is written straight into the store, through
the functions that the site itself uses, with a clock that is set back; logins from now on are real.
"""

from __future__ import annotations

import imaplib
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from zoneinfo import ZoneInfo

import gevent

from cgappliance.admin import accounts, administrators, directory_sync, outside, profiles
from cgappliance.admin.desk import Actor, Desk
from cgappliance.admin.profile_rules import parse_rules
from cgappliance.config.load import load
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds, discover
from cgappliance.policy.lockout import Result
from cgappliance.secret import Secret
from cgappliance.store.administrators import Role
from cgappliance.store.engine import Store
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.lockout import SharedLockouts
from cgappliance.testing import demo_people as company
from cgappliance.testing.lab.appliance import AppliancePorts
from cgappliance.testing.lab.process import free_port, wait_until
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import World

ZONE: Final = ZoneInfo("Asia/Tokyo")
#: What the manual shows; taken when nobody else has them.
PORTS: Final = {"imaps": 10993, "pop3s": 10995, "smtps": 10465}
HALF_HOUR: Final = timedelta(minutes=30)  #: plots count in it, so a moved clock keeps their columns
WRONG_PASSWORDS: Final = 20  #: tries until the account must be locked; the limit is far below
PARTS: Final = 3  #: of the way to Gmail: directory, token endpoint, Gmail
TOGETHER: Final = 200  #: logins that share one write to the disk
ACCESS_S: Final = 10.0  #: until workers know what was just written
STOP_S: Final = 5.0


class Clock:
    """A clock that can be set."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the moment that it is set to."""
        return self.at


class DemoSite:
    """``with DemoSite(folder) as site:`` brings all of it up; ``site.admin_url`` and ``site.user_url`` are where to go."""

    def __init__(self, folder: Path, *, hostname: str = "localhost", shown_at: datetime | None = None) -> None:
        """Prepare; nothing runs before ``start``.

        Args:
            folder: holds everything.
            hostname: of the service, as mail clients are told it.
            shown_at: the moment at which the history ends for whoever looks; default: now. A caller who names another one has to
                move what he shows by ``moved_by``.
        """
        self.world = World(folder, people=(*company.PEOPLE, *company.NEWCOMERS, company.OTHER_USER), bare=True, web=True)
        for name, port in PORTS.items():
            setattr(self.world.ports, name, preferred(port))
        now = datetime.now(UTC)
        now -= (now - datetime.min.replace(tzinfo=UTC)) % HALF_HOUR if shown_at else timedelta()
        self.shown_at = (shown_at or now).astimezone(ZONE)
        self.moved_by = self.shown_at - now
        self.began = datetime.now(UTC)
        self._hostname = hostname
        names = dict.fromkeys((hostname, f"{company.OTHER_TENANT}.{hostname}", "localhost", "127.0.0.1", "::1"))
        self._pair = self.world.authority.issue(*names, file="mail")
        self._sessions: list[imaplib.IMAP4_SSL] = []

    @property
    def url(self) -> str:
        """Where the tenant's pages are, without a slash at the end."""
        return self.url_of(company.TENANT)

    def url_of(self, tenant: str) -> str:
        """Return where a tenant's pages are."""
        return f"https://localhost:{self.world.web_port}/{tenant}"

    @property
    def admin_url(self) -> str:
        """Where administrators begin."""
        return f"{self.url}/admin/"

    @property
    def user_url(self) -> str:
        """Where users begin."""
        return f"{self.url}/login"

    def start(self) -> Self:
        """Start all of it and fill it. Blocks for some seconds."""
        self.world.start()
        google = self.world.gmail.control
        google.add_account(company.API_ADMIN, admin=True)
        google.change_account(company.WITHOUT_POP, pop_settings={"accessWindow": "disabled"})
        self.world.appliance.tenant(company.TENANT, self._tenant_file())
        self.world.appliance.tenant(company.OTHER_TENANT, self._other_tenant_file())
        self.world.appliance.ask("reload")
        self._fill()
        return self

    def connect(self, person: Person = company.USER, source: str = "127.0.0.1") -> imaplib.IMAP4_SSL:
        """Log in by IMAP as a mail client does, from an address of this machine, and stay. Blocks until the login is let in."""
        context = ssl.create_default_context(cafile=str(self.world.authority.ca_file))
        client: list[imaplib.IMAP4_SSL] = []

        def gets_in() -> bool:
            client[:] = [_ImapFrom(source, self.world.ports.imaps, context)]
            client[0].xatom("ID", '("name" "Thunderbird" "version" "140.5.0")')
            try:
                client[0].authenticate("PLAIN", lambda _: f"\0{person.address}\0{person.password}".encode())
            except imaplib.IMAP4.error:
                client[0].shutdown()
                return False
            return True

        wait_until(gets_in, f"{person.address} gets in", ACCESS_S)
        self._sessions += client
        return client[0]

    def wait_until_known(self) -> None:
        """Wait until the dashboard can say how directory, Google and Gmail do: logins have shown it. Blocks."""
        wait_until(lambda: len(self.world.appliance.ask("status")["health"].get(company.TENANT, {})) == PARTS, "health", ACCESS_S)

    def stop(self) -> None:
        """Stop all of it, and prove that it went."""
        for client in self._sessions:
            client.shutdown()
        self.world.stop()

    def _tenant_file(self) -> str:
        ports = self.world.ports.toml()
        manager = self.world.bind_password_file.with_name("manager-password")
        manager.touch(mode=0o600)
        manager.write_text(self.world.slapd.admin_password)
        return self.world.tenant_file(
            auth=self._auth(f'manager_dn = "{self.world.slapd.admin_dn}"\nmanager_password_file = "{manager}"\n'),
            top=(
                f'name = "ACME Corporation"\nedition = "light"\ndomains = ["{company.DOMAIN}"]\nseats = 50\n'
                'starts_on = 2026-04-01\nends_on = 2036-03-31\ntimezone = "Asia/Tokyo"\nlanguage = "ja"'
            ),
            listen=self._listen(self._hostname, ports),
            **{
                "profiles.office": (
                    'mail_access = ["imap", "pop3", "smtp"]\nremote_ips = ["203.0.113.0/24", "127.0.0.0/8", "::1/128"]'
                )
            },
        )

    def _other_tenant_file(self) -> str:
        """Return the file of a company whose users bring app passwords of their own."""
        return self.world.tenant_file(
            top=f'name = "Blossom"\nedition = "light"\ndomains = ["{company.OTHER_DOMAIN}"]\ntimezone = "Asia/Tokyo"',
            listen=self._listen(f"{company.OTHER_TENANT}.{self._hostname}", AppliancePorts().toml()),
            auth=self._auth(),
            google=f'provider = "app-password"\n{self.world.gmail.apis()}',
        )

    def _listen(self, hostname: str, ports: str) -> str:
        pair = f'certificate = "{self._pair.certificate}"\nprivate_key = "{self._pair.private_key}"'
        return f'hostname = "{hostname}"\naddresses = ["127.0.0.1"]\n{ports}{pair}'

    def _auth(self, more: str = "") -> str:
        slapd = self.world.slapd
        return (
            f'servers = ["{slapd.ldaps_url}"]\nca_file = "{self.world.authority.ca_file}"\nbase_dn = "{slapd.base_dn}"\n'
            f'bind_dn = "{slapd.bind_dn}"\nbind_password_file = "{self.world.bind_password_file}"\n{more}'
        )

    # ---- what was before

    def _fill(self) -> None:
        kinds = discover()
        tenants = load(self.world.appliance.config, kinds).tenants
        tenant = tenants[company.TENANT]
        clock = Clock(self._real(timedelta(days=21)))
        with Store.open(f"sqlite:///{self.world.appliance.config.parent}/cgappliance.db") as store:
            self._administrators(Desk(store, Actor("root", "command line"), clock), tenant)
            desk = Desk(store, Actor(company.ADMINISTRATOR, "203.0.113.10"), clock)
            self._accounts(desk, clock, tenant, kinds)
            accounts.create(desk, tenants[company.OTHER_TENANT], company.OTHER_USER.address)
            self._history(store)
            self._lock(store)

    def _real(self, before: timedelta) -> datetime:
        """Return the real moment that is shown as so long before the end of the history."""
        return (self.shown_at - self.moved_by - before).astimezone(UTC)

    def _administrators(self, desk: Desk, tenant: Tenant) -> None:
        password = Secret(company.ADMINISTRATOR_PASSWORD)
        administrators.create(desk, tenant, company.ADMINISTRATOR, Role.ADMINISTRATOR, password)
        administrators.create(desk, tenant, company.HELPDESK, Role.HELPDESK, password)

    def _accounts(self, desk: Desk, clock: Clock, tenant: Tenant, kinds: Kinds) -> None:
        for name, rules in company.PROFILES.items():
            profiles.create(desk, tenant, name, parse_rules(rules))
        clock.at = self._real(timedelta(days=20))
        known = {person.address for person in company.PEOPLE}
        with outside.directory_of(kinds, tenant) as directory:
            entries = [one for page in directory_sync.read(directory, tenant) for one in page if one.address in known]
        for done in directory_sync.carry_out(desk, tenant, directory_sync.plan(desk, tenant, entries)):
            clock.at += timedelta(minutes=1) if not done.problem else timedelta()
        for name in company.PROFILES:
            clock.at += timedelta(minutes=7)
            profiles.apply(desk, tenant, name, [address for address, own in company.PROFILE_OF.items() if own == name])
        clock.at = self._real(timedelta(days=2, hours=1))
        accounts.set_enabled(desk, tenant, [company.DISABLED], enabled=False, reason="on leave until April")

    def _history(self, store: Store) -> None:
        clock = Clock(self._real(timedelta()))
        writer = HistoryWriter(store, node="mail1", incarnation="demo", now=clock)
        writer.start()
        found = list(company.attempts(self.shown_at))
        for first in range(0, len(found), TOGETHER):
            gevent.joinall([gevent.spawn(self._write, writer, clock, one) for one in found[first : first + TOGETHER]])
        writer.stop(STOP_S)

    def _write(self, writer: HistoryWriter, clock: Clock, attempt: company.Attempt) -> None:
        clock.at = attempt.at - self.moved_by
        writer.login(attempt.record)
        if attempt.end is not None:
            writer.ended(attempt.record, attempt.end)

    def _lock(self, store: Store) -> None:
        """Lock somebody's account by wrong passwords, as a phone does that nobody told of the new one."""
        counters = SharedLockouts(store)
        counters.start()
        for number in range(WRONG_PASSWORDS):
            reserved = counters.reserve(company.TENANT, company.LOCKED, f"wrong-{number}")
            if reserved.bind_id and counters.resolve(company.TENANT, company.LOCKED, reserved.bind_id, Result.WRONG):
                break
        counters.stop(STOP_S)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.world.kill()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.world.kill()


class _ImapFrom(imaplib.IMAP4_SSL):
    """A mail client at one of this machine's addresses."""

    def __init__(self, source: str, port: int, context: ssl.SSLContext) -> None:
        self._source = source
        super().__init__("localhost", port, ssl_context=context, timeout=ACCESS_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout, source_address=(self._source, 0))
        context: ssl.SSLContext = self.ssl_context
        return context.wrap_socket(plain, server_hostname=self.host)


def preferred(port: int) -> int:
    """Return the port that the manual shows, or a free one when somebody has it."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return free_port()
    return port
