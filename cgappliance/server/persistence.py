"""What one worker keeps and shares through the database: history, accounts, profiles, lockouts. And the first start of all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cgappliance import log
from cgappliance.config import Settings
from cgappliance.errors import LoginFailed
from cgappliance.greenlets import spawn
from cgappliance.model import Reason, Tenant
from cgappliance.policy.profile import effective_profile
from cgappliance.secret import Secret
from cgappliance.session.ports import Standing
from cgappliance.session.record import LoginRecord, SessionEnd
from cgappliance.store import admission, credentials, history, housekeeping, keyfile, migrate
from cgappliance.store.credentials import Kind, State
from cgappliance.store.engine import Store
from cgappliance.store.errors import KeyProblem, RecordMissing, StoreUnavailable
from cgappliance.store.history_writer import HistoryWriter
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.login_guard import LoginGuard
from cgappliance.store.memory import PolicyMemory
from cgappliance.store.vault import Vault

_log = log.get()

STOP_TIMEOUT_S: Final = 5.0  #: for the last rows; a database that hangs must not keep the appliance from ending


def prepare(settings: Settings) -> None:
    """Make sure that the appliance can start: key file and database are there, and of this version. Blocks.

    What is missing altogether is made: that is the first start, and there is nothing that could be lost. A database of another
    version is not touched: ``cgappliance db upgrade`` does that, after a backup.

    Raises:
        StoreError: the key file is unsafe, the database cannot be used, or is of another version; with the remedy.
    """
    if not settings.key_file.exists():
        key = keyfile.create(settings.key_file, datetime.now(UTC))
        _log.info("key.created", file=str(settings.key_file), key=key.id)
    Vault(settings.key_file)
    with Store.open(settings.store) as store:
        if not migrate.version(store):
            migrate.upgrade(store)
            _log.info("store.created", schema=migrate.version(store))
        migrate.check(store)


class Persistence:
    """One worker's part of the shared state. It is the appliance's recorder."""

    def __init__(self, settings: Settings, incarnation: str) -> None:
        """Open what ``prepare`` has found good; ``incarnation`` is unique to this process's life.

        Raises:
            StoreError: it is no longer good.
        """
        self.store = Store.open(settings.store)
        self._node = settings.node
        self._incarnation = incarnation
        self.memory = PolicyMemory(self.store)
        self._lockouts = SharedLockouts(self.store, node=settings.node, incarnation=incarnation)
        self.vault = Vault(settings.key_file)
        self.guard = LoginGuard(self._lockouts, self.memory, self.vault.derived_key("password digests"))
        self._history = HistoryWriter(self.store, node=self._node, incarnation=incarnation)

    def start(self, siblings: Collection[str]) -> None:
        """Begin to work, and close the rows and binds of processes of this machine that are no more. Blocks for the database.

        Args:
            siblings: incarnations of the workers that still run.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        alive = {self._incarnation, *siblings}
        self._lockouts.close_lost(self._node, alive)
        lost = history.close_lost(self.store, self._node, alive)
        if lost:
            _log.warning("history.lost", sessions=lost)
        self.memory.start()
        self._lockouts.start()
        self._history.start()

    def stop(self) -> None:
        """Write what is still to be written, and end. Blocks for seconds at most."""
        self._history.stop(STOP_TIMEOUT_S)
        self._lockouts.stop(STOP_TIMEOUT_S)
        self.memory.stop()
        self.store.close()

    def tidy(self, tenants: Iterable[Tenant]) -> None:
        """Delete what is older than each tenant keeps it. Blocks cooperatively; a database that is down is asked again later."""
        keep = {tenant.id: timedelta(days=tenant.history_days) for tenant in tenants}
        try:
            tidied = housekeeping.tidy(self.store, keep, datetime.now(UTC), self._lockouts.limits)
        except StoreUnavailable as error:
            _log.error("store.unavailable", queue="housekeeping", waiting=0, detail=str(error))
            return
        if tidied.history or tidied.lockouts:
            _log.info("store.tidied", history=tidied.history, lockouts=tidied.lockouts)

    @property
    def history_dropped(self) -> int:
        """How many rows are missing from the history because the database lagged or failed."""
        return self._history.dropped

    def standing(self, tenant: Tenant, address: str) -> Standing:
        """Return what policy must know of an account: its profile and whether it is switched on. Does not block."""
        account = self.memory.account(tenant.id, address)
        profile = effective_profile(tenant, "" if account is None else account.profile, self.memory.profiles(tenant.id))
        return Standing(profile, enabled=account is None or account.enabled)

    def admit(self, tenant: Tenant, address: str, identity: str) -> Reason:
        """Make an account of an address that the directory accepts for the first time, if the tenant has a seat left.

        Blocks for the database at that first login, and never again.

        Raises:
            LoginFailed: STORE_UNAVAILABLE.
        """
        if self.memory.account(tenant.id, address) is not None:
            return Reason.ACCEPTED
        try:
            return admission.admit(self.store, tenant, address, identity, datetime.now(UTC))
        except StoreUnavailable as error:
            raise LoginFailed(Reason.STORE_UNAVAILABLE, str(error)) from error

    def credentials(self, tenant: str, kind: str, address: str) -> Sequence[Secret]:
        """Return the stored Google credentials of an account: the current one, then the one that Google may have instead.

        Blocks for a query at the first login of an account.

        Raises:
            LoginFailed: STORE_UNAVAILABLE, they cannot be read or opened.
        """
        try:
            return [sealed.open(self.vault) for sealed in self.memory.credentials(tenant, address) if sealed.kind == kind]
        except (StoreUnavailable, KeyProblem) as error:
            raise LoginFailed(Reason.STORE_UNAVAILABLE, str(error)) from error

    def gmail_took(self, tenant: str, address: str, password: Secret) -> None:
        """End the doubt about a password that Google may or may not have, if ``password`` is that one. Does not block."""
        try:
            pending = [sealed for sealed in self.memory.known_credentials(tenant, address) if sealed.state is State.PENDING]
            taken = [sealed for sealed in pending if sealed.open(self.vault) == password]
        except KeyProblem as error:
            _log.error("store.unavailable", queue="settle", waiting=1, detail=str(error))
            return
        for sealed in taken:
            spawn("settle", self._settle, tenant, address, sealed.kind)

    def _settle(self, tenant: str, address: str, kind: Kind) -> None:
        try:
            credentials.settle(self.store, tenant, address, kind, datetime.now(UTC))
        except (StoreUnavailable, RecordMissing) as error:  # both passwords are kept; the next login tries again
            _log.error("store.unavailable", queue="settle", waiting=1, detail=str(error))

    def login(self, record: LoginRecord) -> None:
        """Record an attempt; an accepted one is on the disk when this returns. Blocks for that.

        Raises:
            LoginFailed: STORE_UNAVAILABLE, an accepted login could not be recorded, so it is none.
        """
        try:
            self._history.login(record)
        except StoreUnavailable as error:
            raise LoginFailed(Reason.STORE_UNAVAILABLE, str(error)) from error

    def ended(self, record: LoginRecord, end: SessionEnd) -> None:
        """Record the end of an accepted session. Neither blocks nor raises."""
        self._history.ended(record, end)
