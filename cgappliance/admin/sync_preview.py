"""A sync that somebody looks at before it is done: what it would do, and then exactly that, or nothing.

Between the look and the click directory, accounts and Google may change. ``apply`` therefore reads all of them again, and does
nothing when what it would do now is not what was shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

import gevent

from cgappliance.admin import directory_sync, provision
from cgappliance.admin.desk import Desk
from cgappliance.admin.directory_sync import Done
from cgappliance.admin.provision import Need, Provisioned
from cgappliance.admin.sync_plan import Action, Plan
from cgappliance.administration import Directory, DirectoryEntry, GoogleAdministration
from cgappliance.errors import CgapplianceError
from cgappliance.model import Tenant
from cgappliance.store.errors import LimitReached, RecordConflict
from cgappliance.store.vault import Vault

ENTRIES_MAX: Final = 200_000  #: of a directory: some hundred MB; beyond that the filter is wrong, or the command line is at hand

#: Hears how far it is: a word for what is being done, and how many are done.
Progress = Callable[[str, int], None]


class TooMany(CgapplianceError):
    """The directory has more entries than are worth reading for a page."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What beside the accounts is looked at."""

    google: bool = False  #: what accounts need at Google
    create_google_users: bool = False  #: and users that are missing are made; each may cost a licence


@dataclass(frozen=True, slots=True)
class Means:
    """What it is done with; directory and Google are opened for each look anew."""

    directory: Callable[[Tenant], AbstractContextManager[Directory]]
    google: Callable[[Tenant], AbstractContextManager[GoogleAdministration]]
    vault: Vault  #: encrypts Google passwords


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sync would do."""

    plan: Plan
    needs: Sequence[Need]  #: at Google, of the accounts as they would be then
    wanted: Wanted
    names: Mapping[str, tuple[str, str]]  #: given and family, by address
    digest: str  #: another one whenever something else would be done
    is_other: bool = False  #: it is not what was agreed to: something has changed in between, and nothing was done

    @property
    def anything(self) -> bool:
        """Whether there is something to do."""
        return bool(self.plan.steps) or any(need.anything for need in self.needs)


@dataclass(slots=True)
class Outcome:
    """What became of a sync."""

    steps: list[Done] = field(default_factory=list)
    at_google: list[Provisioned] = field(default_factory=list)
    stopped: CgapplianceError | None = None  #: what ended it half-way; None: it came to its end


def look(desk: Desk, tenant: Tenant, means: Means, wanted: Wanted, progress: Progress) -> Preview:
    """Return what a sync would do, and do nothing. Blocks cooperatively, for as long as directory and Google take.

    Raises:
        CgapplianceError: one of them cannot be asked, or not to the end.
        TooMany: the directory is larger than ENTRIES_MAX.
    """
    with means.directory(tenant) as directory:
        entries = list(_counted(directory_sync.read(directory, tenant), progress))
    planned = directory_sync.plan(desk, tenant, entries)
    names = {entry.address.lower(): (entry.given_name, entry.family_name) for entry in entries if entry.address}
    if not wanted.google:
        return _preview(planned, [], wanted, names)
    progress("google", 0)
    new = {step.address: step.values["profile"] for step in planned.steps if step.action is Action.ADD and step.values["enabled"]}
    with means.google(tenant) as google:
        needs = provision.find_needs(desk, tenant, google, None, create=wanted.create_google_users, planned=new)
    return _preview(planned, needs, wanted, names)


def apply(
    desk: Desk,
    tenant: Tenant,
    means: Means,
    shown: Preview,
    progress: Progress,
    *,
    confirmed: bool = False,
) -> Outcome | Preview:
    """Do what was shown, and return what came of it; when it would be something else now, do nothing and return that.

    Args:
        desk: who does it.
        tenant: whose accounts.
        means: as in ``look``.
        shown: by ``look``.
        progress: as in ``look``.
        confirmed: switch accounts off although they are suspiciously many.

    Raises:
        CgapplianceError: directory or Google cannot be asked, or many accounts would be switched off; nothing was done.
    """
    now = look(desk, tenant, means, shown.wanted, progress)
    if now.digest != shown.digest:
        return replace(now, is_other=True)
    outcome = Outcome()
    try:
        for done in directory_sync.carry_out(desk, tenant, now.plan, confirmed=confirmed):
            outcome.steps.append(done)
            progress("accounts", len(outcome.steps))
        if now.wanted.google:
            for provided in _provide(desk, tenant, means, now):
                outcome.at_google.append(provided)
                progress("google", len(outcome.at_google))
    except CgapplianceError as error:
        if not outcome.steps and not outcome.at_google and isinstance(error, RecordConflict | LimitReached):
            raise
        outcome.stopped = error
    return outcome


def _provide(desk: Desk, tenant: Tenant, means: Means, shown: Preview) -> Iterator[Provisioned]:
    """Do at Google what was shown; an account that needs something else now is left to the next sync."""
    agreed = {need.address: _deeds(need) for need in shown.needs if need.anything}
    with means.google(tenant) as google:
        needs = provision.find_needs(desk, tenant, google, None, create=shown.wanted.create_google_users)
        chosen = [need for need in needs if need.problem or agreed.get(need.address) == _deeds(need)]
        name_of = provision.named(shown.names.get)
        yield from provision.carry_out(desk, tenant, google, chosen, vault=means.vault, name_of=name_of)


def _preview(plan: Plan, needs: Sequence[Need], wanted: Wanted, names: Mapping[str, tuple[str, str]]) -> Preview:
    """Return a preview with its digest; another thread makes that, for a large one takes a while."""
    digest: str = gevent.get_hub().threadpool.apply(_digest, (plan, needs, wanted))
    return Preview(plan, needs, wanted, names, digest)


def _digest(plan: Plan, needs: Sequence[Need], wanted: Wanted) -> str:
    steps = [[step.action, step.address, step.why, sorted(step.values.items())] for step in plan.steps]
    deeds = sorted([need.address, *_deeds(need)] for need in needs if need.anything)
    said = json.dumps([wanted.google, wanted.create_google_users, steps, deeds], default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _deeds(need: Need) -> tuple[bool, bool, bool]:
    return need.create, need.set_password, need.look_at_mail


def _counted(pages: Iterable[Sequence[DirectoryEntry]], progress: Progress) -> Iterator[DirectoryEntry]:
    count = 0
    for page in pages:
        count += len(page)
        if count > ENTRIES_MAX:
            raise TooMany(f"the directory has more than {ENTRIES_MAX} entries: is its filter right?")
        progress("directory", count)
        yield from page
