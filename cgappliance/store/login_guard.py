"""What stands between a login and its directory: what is remembered of passwords, who must wait, what the directory is asked.

``LoginGuard.authenticate`` is called instead of the backend, in the login's greenlet, and calls the backend only when it must:

1. The account is locked: refused.
2. The password was right within the last ``PASSWORD_TTL_S``: accepted. Only a keyed digest is remembered.
3. This very password was refused lately: refused again.
4. The network has had failures: the login waits its turn, or is sent away.
5. The same login is under way in this process: its answer is ours.
6. The bind is reserved with the counters of all processes, and the directory is asked.

A new password works at once, unless it was tried before it was set: it was a wrong one then, and counts as such for the window.
An old one stops ``PASSWORD_TTL_S`` after it was last verified at the latest; at once where the new one is used in the same
process, and where the password was changed or the account unlocked through the appliance. A change of the tenant's file voids
what this process remembers, for the file may name another directory, filter or group; what the directory has counted stays so.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import gevent
from gevent.event import Event

from cgappliance import log
from cgappliance.model import AuthAnswer, Credentials, IPAddress, Reason
from cgappliance.policy.expiring import ExpiringMap
from cgappliance.policy.ip_delay import IpDelays
from cgappliance.policy.lockout import Answer, Result, is_memorable, result_of
from cgappliance.store.changes import EVERYTHING, Change, Kind
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.lockout import SharedLockouts
from cgappliance.store.memory import PolicyMemory

_log = log.get()

PASSWORD_TTL_S: Final = 300.0  #: a mail client comes back every few minutes; a disabled account is out after as long
REFUSAL_TTL_S: Final = 60.0  #: for refusals that are no wrong passwords: an account that is enabled again works within a minute
ACCOUNTS_MAX: Final = 50_000  #: accounts whose passwords are remembered: about 20 MB, when attackers invent as many
DIGEST_BYTES: Final = 16  #: of a password: no two of an account will ever have the same by chance
DIGESTS_MAX: Final = 16  #: refused passwords an account; more than the lockout lets through
VERSION_CHARACTERS: Final = 16  #: of a fingerprint: enough that no two files of a tenant have the same
POLL_FIRST_S: Final = 0.01  #: between two tries for a reservation while others' binds are under way, doubled up to the next
POLL_LAST_S: Final = 0.2

_Key = tuple[str, str]


class _Tried(NamedTuple):
    """A password that somebody tries."""

    key: _Key
    digest: str  # what the directory has counted it by
    mark: str  # what this process remembers it by: an answer is good for the settings under which it was given


#: Failures for which a network has to wait: those that a guesser causes.
_GUESSES: Final = frozenset({Reason.WRONG_PASSWORD, Reason.UNKNOWN_ADDRESS})


class LoginGuard:
    """One process's guard, for all tenants."""

    def __init__(
        self,
        lockouts: SharedLockouts,
        memory: PolicyMemory,
        key: bytes,
        now: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """Guard with shared counters.

        Args:
            lockouts: the counters, started.
            memory: tells who is locked, and when what is remembered becomes void.
            key: of the digests; the same in all processes and nodes (``Vault.derived_key``).
            now: epoch seconds, for locks.
            elapsed: seconds since some moment, for what is remembered: a clock set back must not keep an old password alive.
        """
        self._lockouts = lockouts
        self._memory = memory
        self._digest_key = key
        self._now = now
        self._elapsed = elapsed
        self._right: ExpiringMap[_Key, str] = ExpiringMap(PASSWORD_TTL_S, ACCOUNTS_MAX)
        self._refused: ExpiringMap[_Key, dict[str, tuple[AuthAnswer, float]]] = ExpiringMap(lockouts.limits.window_s, ACCOUNTS_MAX)
        self._networks = IpDelays()
        self._under_way: dict[_Tried, Event] = {}
        self._voided = 0  # counts the times when something remembered became void
        #: told of each account that this process has locked: tenant, address, seconds; must not raise
        self.locked: Callable[[str, str, float], None] = lambda _tenant, _address, _seconds: None
        memory.listeners.append(self._on_change)

    def authenticate(
        self,
        tenant: str,
        login: Credentials,
        peer_ip: IPAddress,
        ask: Callable[[], AuthAnswer],
        timeout_s: float,
        *,
        version: str = "",
        fresh: bool = False,
    ) -> AuthAnswer:
        """Return the directory's answer, or what is known of it. Blocks cooperatively.

        Args:
            tenant: the tenant's id.
            login: without defect; policy has let it pass.
            peer_ip: the remote address.
            ask: asks the directory; must keep its own deadline, and answers rather than raises.
            timeout_s: how long others' binds of this account may be waited for; the network's turn is not counted.
            version: of the tenant's settings; what was answered under others is not remembered.
            fresh: ask, although the password was right lately: for a login that is worth more than reading mail.
        """
        digest = self._digest(tenant, login)
        tried = _Tried((tenant, login.address), digest, f"{digest}{version[:VERSION_CHARACTERS]}")
        known = self._known(tried, fresh=fresh)
        if known is not None:  # a telephone that repeats its old password does not make its network wait
            return known
        wait_s = self._networks.admit(peer_ip, self._elapsed())
        if wait_s is None:
            return AuthAnswer(Reason.THROTTLED, "too many failed logins from this network")
        gevent.sleep(wait_s)
        answer = self._alone(tried, ask, timeout_s, fresh=fresh)
        self._note(peer_ip, answer)
        return answer

    def _digest(self, tenant: str, login: Credentials) -> str:
        text = "\0".join((tenant, login.address, login.password.reveal()))
        return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES, key=self._digest_key).hexdigest()

    def _known(self, tried: _Tried, *, fresh: bool = False) -> AuthAnswer | None:
        until = self._memory.locked_until(*tried.key)
        if until is not None and self._now() < until.timestamp():
            return AuthAnswer(Reason.LOCKED, f"locked by the appliance until {until:%Y-%m-%d %H:%M:%S} UTC")
        now = self._elapsed()
        if not fresh and self._right.get(tried.key, now) == tried.mark:
            return AuthAnswer(Reason.ACCEPTED, "password verified lately")
        answer, ends_at = (self._refused.get(tried.key, now) or {}).get(tried.mark, (None, 0.0))
        return answer if now < ends_at else None

    def _alone(self, tried: _Tried, ask: Callable[[], AuthAnswer], timeout_s: float, *, fresh: bool) -> AuthAnswer:
        """Ask for one login at a time; the same login under way meanwhile finds the answer in memory."""
        ends_at = time.monotonic() + timeout_s
        while tried in self._under_way:
            if not self._under_way[tried].wait(max(0.0, ends_at - time.monotonic())):
                return AuthAnswer(Reason.DIRECTORY_TIMEOUT, "the same login was under way, and got no answer in time")
            known = self._known(tried, fresh=fresh)
            if known is not None:
                return known
        ended = self._under_way[tried] = Event()
        voided = self._voided
        try:
            answer = self._reserved(tried.key, tried.digest, ask, ends_at)
            if voided == self._voided:  # else the password may have been changed while the directory was asked
                self._remember(tried, answer)
            return answer
        finally:
            del self._under_way[tried]
            ended.set()

    def _reserved(self, key: _Key, digest: str, ask: Callable[[], AuthAnswer], ends_at: float) -> AuthAnswer:
        """Reserve a bind, ask the directory, and note what came of it."""
        poll_s = POLL_FIRST_S
        try:
            while (reserved := self._lockouts.reserve(*key, digest)).answer is Answer.BUSY and time.monotonic() < ends_at:
                gevent.sleep(poll_s)
                poll_s = min(poll_s * 2, POLL_LAST_S)
        except StoreUnavailable as error:
            return AuthAnswer(Reason.STORE_UNAVAILABLE, str(error))
        if reserved.answer is not Answer.GO:
            return _REFUSALS[reserved.answer]
        result = Result.UNANSWERED
        try:
            answer = ask()
            result = result_of(answer.reason)
        finally:  # also when the login is given up in the middle: the directory may have counted it
            self._resolve(key, reserved.bind_id, result)
        return answer

    def _resolve(self, key: _Key, bind_id: str, result: Result) -> None:
        try:
            if self._lockouts.resolve(*key, bind_id, result):
                _log.warning("account.locked", tenant=key[0], login=key[1], seconds=self._lockouts.limits.lock_s)
                self.locked(*key, self._lockouts.limits.lock_s)
        except StoreUnavailable as error:  # it counts as a bind without answer: stricter, never laxer
            _log.error("store.unavailable", queue="lockout", detail=str(error))

    def _remember(self, tried: _Tried, answer: AuthAnswer) -> None:
        now = self._elapsed()
        if answer.accepted:
            self._right.put(tried.key, tried.mark, now)
        elif is_memorable(answer.reason) and answer is not _REFUSALS[Answer.LOCKED]:
            from_directory = answer is not _REFUSALS[Answer.KNOWN_WRONG]
            wrong = from_directory and answer.reason is Reason.WRONG_PASSWORD
            refused = dict(list((self._refused.get(tried.key, now) or {}).items())[-DIGESTS_MAX + 1 :])
            refused[tried.mark] = (answer, now + (self._lockouts.limits.window_s if wrong else REFUSAL_TTL_S))
            self._refused.put(tried.key, refused, now)

    def _note(self, peer_ip: IPAddress, answer: AuthAnswer) -> None:
        if answer.accepted:
            self._networks.succeeded(peer_ip, self._elapsed())
        elif answer.reason in _GUESSES:
            self._networks.failed(peer_ip, self._elapsed())

    def _on_change(self, found: Sequence[Change] | None) -> None:
        locks = None if found is None else [change for change in found if change.kind is Kind.LOCK]
        if locks is None or any(change.key == EVERYTHING for change in locks):
            self._voided += 1
            self._right.clear()
            self._refused.clear()
            return
        for change in locks:
            self._voided += 1
            self._right.pop((change.tenant, change.key))
            self._refused.pop((change.tenant, change.key))


#: What a login is told that may not bind. The administrator reads the detail; the client cannot tell these from others.
_REFUSALS: Final = {
    Answer.LOCKED: AuthAnswer(Reason.LOCKED, "locked by the appliance: too many wrong passwords"),
    Answer.KNOWN_WRONG: AuthAnswer(Reason.WRONG_PASSWORD, "the directory refused this password lately; it was not asked again"),
    Answer.BUSY: AuthAnswer(Reason.DIRECTORY_TIMEOUT, "too many logins of this account are under way at the directory"),
    Answer.UNRESOLVED: AuthAnswer(Reason.DIRECTORY_TIMEOUT, "too many logins of this account got no answer from the directory"),
}
