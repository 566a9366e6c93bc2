"""How often a directory may be bothered with wrong passwords: the state of one account, and its moves. Pure; clock passed in.

A directory locks an account after some wrong passwords, and whoever guesses, or a telephone that nobody told of the new password,
could make it do so through the appliance. So a bind needs a reservation first, and the reservations of all processes and nodes
are counted in one place (``store/lockout.py`` keeps the state; this file only says what happens to it).

The bound, which a test proves for any order of events: between two quiet times of ``window_s`` seconds without a bad bind, the
directory sees at most ``distinct_max`` bad binds of an account. A bind that got no answer counts as bad, for the directory may have
counted it. Where the tenant file names several servers, a login that one of them leaves without an answer asks the next
(``failover.py``), and both may have counted it: a server that dies then costs one bad bind more, and is left alone for a while.
While a directory does not answer, one more bind a ``probe_s`` is let through, or an outage would lock everybody out.
A success gives no wrong password back, and of the binds without answer those that were over before it began: it may be noted late.
An administrator's unlock gives back all of them.

Choose ``distinct_max`` below the directory's threshold, and ``window_s`` not below the time after which it forgets
(Active Directory: "account lockout threshold", "reset account lockout counter after"; OpenLDAP: pwdMaxFailure,
pwdFailureCountInterval).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from cgappliance.model import Outcome, Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the bound, in seconds."""

    distinct_max: int = 5  #: wrong passwords; Active Directory's usual threshold is 10
    window_s: float = 900.0  #: without a bad bind until all is forgotten; Active Directory's usual counter lives 10 to 15 minutes
    lock_s: float = 900.0  #: how long the account stays locked; never shorter than ``window_s``
    probe_s: float = 60.0  #: how often a directory that does not answer is tried beyond the bound
    lease_s: float = 60.0  #: above any time-out of a directory: a bind that is still open then died with its process

    def __post_init__(self) -> None:
        """Refuse numbers that cannot hold the bound.

        Raises:
            ValueError: one of them is not positive, or the lock would end before the window.
        """
        if self.distinct_max < 1 or min(self.window_s, self.probe_s, self.lease_s) <= 0:
            raise ValueError("lockout limits must be positive")
        if self.lock_s < self.window_s:
            raise ValueError(
                "a lock must last at least as long as the window, or the directory would see more bad binds than promised"
            )


class BindState(enum.StrEnum):
    """What is known of a bind."""

    OPEN = "open"  #: on its way
    WRONG = "wrong"
    UNANSWERED = "unanswered"  #: nobody knows what the directory counted


@dataclass(frozen=True, slots=True)
class Bind:
    """One bind that counts."""

    id: str  #: unique; names the process that has reserved it
    digest: str  #: keyed digest of the password
    state: BindState
    at: float  #: epoch seconds: when it began, or when it was known


@dataclass(frozen=True, slots=True)
class AccountState:
    """What counts against one account. At most ``distinct_max + window_s / probe_s`` binds."""

    binds: tuple[Bind, ...] = ()
    locked_until: float = 0.0  #: epoch seconds; in the past: not locked


class Answer(enum.Enum):
    """What a login that wants to bind is told."""

    GO = "go"  #: bind, and then ``resolve``
    LOCKED = "locked"
    KNOWN_WRONG = "known wrong"  #: the directory has refused this very password lately
    BUSY = "busy"  #: others' binds are on their way; ask again in a moment
    UNRESOLVED = "unresolved"  #: too many binds got no answer


class Result(enum.Enum):
    """How a bind ended."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    HARMLESS = "harmless"  #: the directory cannot have counted a wrong password
    UNANSWERED = "unanswered"


#: Reasons that leave open whether the directory saw the password.
_UNANSWERED = frozenset({Reason.DIRECTORY_TIMEOUT, Reason.BACKEND_FAILED})


def result_of(reason: Reason) -> Result:
    """Return what a backend's answer means for the count."""
    if reason is Reason.ACCEPTED:
        return Result.ACCEPTED
    if reason is Reason.WRONG_PASSWORD:
        return Result.WRONG
    return Result.UNANSWERED if reason in _UNANSWERED else Result.HARMLESS


def is_memorable(reason: Reason) -> bool:
    """Tell whether the same login would be refused again in a moment, so that it need not be asked."""
    return reason.outcome is Outcome.REFUSED


def reserve(state: AccountState, bind_id: str, digest: str, now: float, limits: Limits) -> tuple[AccountState, Answer]:
    """Ask for one bind with the password of ``digest``; GO makes it count from now on, until ``resolve``."""
    if now < state.locked_until:
        return state, Answer.LOCKED
    state = aged(state, now, limits)
    same = [bind.state for bind in state.binds if bind.digest == digest]
    if BindState.WRONG in same:
        return state, Answer.KNOWN_WRONG
    if BindState.OPEN in same:
        return state, Answer.BUSY  # its answer is ours as well
    if len(state.binds) >= limits.distinct_max and not _may_probe(state.binds, now, limits):
        return state, Answer.BUSY if any(bind.state is BindState.OPEN for bind in state.binds) else Answer.UNRESOLVED
    return replace(state, binds=(*state.binds, Bind(bind_id, digest, BindState.OPEN, now))), Answer.GO


def resolve(state: AccountState, bind_id: str, result: Result, now: float, limits: Limits) -> AccountState:
    """Return the state after a reserved bind has ended; the account is locked when that was one wrong password too many."""
    binds = tuple(bind for bind in state.binds if bind.id != bind_id)
    ours = next((bind for bind in state.binds if bind.id == bind_id), None)
    if result is Result.ACCEPTED:  # the directory answers again, and has set its own count of what came before to zero
        began_at = ours.at if ours is not None and ours.state is BindState.OPEN else 0.0
        binds = tuple(bind for bind in binds if bind.state is not BindState.UNANSWERED or bind.at > began_at)
    elif result is not Result.HARMLESS and ours is not None:
        known = BindState.WRONG if result is Result.WRONG else BindState.UNANSWERED
        binds = (*binds, replace(ours, state=known, at=now))
    locked = result is Result.WRONG and sum(bind.state is BindState.WRONG for bind in binds) >= limits.distinct_max
    return AccountState(binds, now + limits.lock_s if locked else state.locked_until)


def open_binds(state: AccountState) -> list[Bind]:
    """Return the binds that are on their way."""
    return [bind for bind in state.binds if bind.state is BindState.OPEN]


def abandoned(state: AccountState, is_lost: Callable[[Bind], bool], now: float) -> AccountState:
    """Return the state when the processes of some binds are known to be dead: nobody will tell how those ended."""
    return replace(state, binds=tuple(_unanswered(bind, now) if is_lost(bind) else bind for bind in state.binds))


def aged(state: AccountState, now: float, limits: Limits) -> AccountState:
    """Return the state as time has changed it: open binds of dead processes are unanswered, and a quiet window forgets all."""
    binds = tuple(_expired(bind, now, limits) for bind in state.binds)
    if all(now - bind.at >= limits.window_s for bind in binds):
        binds = ()
    return AccountState(binds, state.locked_until if now < state.locked_until else 0.0)


def _expired(bind: Bind, now: float, limits: Limits) -> Bind:
    if bind.state is BindState.OPEN and now - bind.at >= limits.lease_s:
        return replace(bind, state=BindState.UNANSWERED, at=bind.at + limits.lease_s)
    return bind


def _unanswered(bind: Bind, now: float) -> Bind:
    return replace(bind, state=BindState.UNANSWERED, at=now) if bind.state is BindState.OPEN else bind


def _may_probe(binds: Iterable[Bind], now: float, limits: Limits) -> bool:
    """Tell whether a bind beyond the bound is due: some got no answer, none is on its way, and the last is long enough ago."""
    states = {bind.state for bind in binds}
    long_ago = all(now - bind.at >= limits.probe_s for bind in binds)
    return BindState.UNANSWERED in states and BindState.OPEN not in states and long_ago
