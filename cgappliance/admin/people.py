"""People of a directory that the appliance manages (edition "light"), together with their accounts here.

The two are not one database. Each function first makes sure that its part here will succeed, then changes the directory, then does
its part: what can go wrong in between is told, and the next ``account sync`` brings both together.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Final

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin.desk import Desk, Work
from cgappliance.administration import NewPerson, WritableDirectory
from cgappliance.model import Tenant
from cgappliance.secret import Secret
from cgappliance.store import seats
from cgappliance.store.accounts import Account
from cgappliance.store.errors import StoreError

GROUPS: Final = 4  #: of an initial password, and characters of each: 79 bits, and easy to read out over the telephone
GROUP_CHARS: Final = 4
#: Without those that look like others (0 O, 1 I l); capital letter, small letter and digit, as policies like to have.
_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"
_CAPITALS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_DIGITS: Final = "23456789"


class _Undo(Exception):
    """Takes a rehearsal back."""


def create(
    desk: Desk, tenant: Tenant, directory: WritableDirectory, person: NewPerson, password: Secret, *, profile: str = ""
) -> Account:
    """Put somebody into the directory, with an initial password, and make the account. Blocks cooperatively.

    Raises:
        RecordInvalid, RecordMissing, RecordConflict, LimitReached: as ``accounts.create``; the directory was not changed.
        DirectoryFailed: the directory refuses; there is no account.
    """
    address = desk_accounts.checked(tenant, person.address)
    _rehearse(desk, tenant, lambda work: desk_accounts.add(work, tenant, address, profile=profile))
    entry = directory.create(NewPerson(address, person.given_name, person.family_name), password)
    try:
        with desk.work() as work, seats.kept(work.connection, tenant):
            work.log(tenant.id, "directory.create", address, after={"identity": entry.identity})
            return desk_accounts.add(work, tenant, address, profile=profile, identity=entry.identity)
    except StoreError:
        directory.delete(address)  # an entry with a password that nobody was told
        raise


def set_enabled(
    desk: Desk, tenant: Tenant, directory: WritableDirectory, addresses: Sequence[str], *, enabled: bool, reason: str = ""
) -> list[Account]:
    """Switch people on or off, in the directory and here. Blocks cooperatively.

    Whoever is switched off is out at once: here first, and then in the directory.

    Raises:
        RecordMissing, LimitReached: as ``accounts.set_enabled``; nothing was changed.
        DirectoryFailed: the directory refuses; who was to be switched off is so here all the same.
    """
    wanted = [desk_accounts.normalised(address) for address in addresses]
    if not enabled:
        switched = desk_accounts.set_enabled(desk, tenant, wanted, enabled=False, reason=reason)
        _switch(desk, tenant, directory, wanted, disabled=True, reason=reason)
        return switched
    _rehearse(desk, tenant, lambda work: [desk_accounts.switch(work, tenant, address, enabled=True) for address in wanted])
    _switch(desk, tenant, directory, wanted, disabled=False, reason=reason)
    return desk_accounts.set_enabled(desk, tenant, wanted, enabled=True, reason=reason)


def delete(
    desk: Desk,
    tenant: Tenant,
    directory: WritableDirectory,
    address: str,
    *,
    with_managed_password: bool = False,
    reason: str = "",
) -> None:
    """Remove somebody from the directory, and the account. Nothing is deleted at Google. Blocks cooperatively.

    Raises:
        RecordMissing, RecordConflict: as ``accounts.delete``; nothing was changed.
        DirectoryFailed: the directory refuses; the account stays.
    """
    address = desk_accounts.normalised(address)

    def remove(work: Work) -> None:
        work.log(tenant.id, "directory.delete", address, reason=reason)
        desk_accounts.remove(work, tenant, address, with_managed_password=with_managed_password, reason=reason)

    _rehearse(desk, tenant, remove)
    directory.delete(address)
    with desk.work() as work:
        remove(work)


def set_password(desk: Desk, tenant: Tenant, directory: WritableDirectory, address: str, password: Secret) -> None:
    """Give somebody another password in the directory, as an administrator does. Blocks cooperatively.

    Raises:
        RecordMissing: there is no such account.
        DirectoryFailed: the directory refuses.
    """
    account = desk_accounts.show(desk, tenant, address).row.account
    directory.set_password(account.address, password)
    with desk.work() as work:
        work.log(tenant.id, "directory.password", account.address)
    desk_accounts.unlock(desk, tenant, [account.address])


def initial_password() -> Secret:
    """Return a random password for a person, to be told once and changed soon."""
    groups = []
    for _ in range(GROUPS):
        letters = [secrets.choice(_LETTERS) for _ in range(GROUP_CHARS - 2)]
        groups.append("".join([secrets.choice(_CAPITALS), *letters, secrets.choice(_DIGITS)]))
    return Secret("-".join(groups))


def _switch(
    desk: Desk, tenant: Tenant, directory: WritableDirectory, addresses: Sequence[str], *, disabled: bool, reason: str
) -> None:
    for address in addresses:
        directory.set_disabled(address, disabled=disabled)
        with desk.work() as work:
            work.log(tenant.id, f"directory.{'disable' if disabled else 'enable'}", address, reason=reason)


def _rehearse(desk: Desk, tenant: Tenant, change: Callable[[Work], object]) -> None:
    """Do something here and take it back: what is wrong with it is known before anybody else is asked to change something."""
    try:
        with desk.work() as work:
            with seats.kept(work.connection, tenant):
                change(work)
            raise _Undo
    except _Undo:
        pass
