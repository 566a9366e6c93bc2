"""What would become of a login, rule by rule: which of them decides, and what the client would see.

The rules are those of ``policy/decide.py``, asked with the same facts as at a login; this file adds what is known of the account in
front, and the rules of its profile one by one. Nobody is asked: neither the directory nor Google.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cgappliance.admin.desk import Desk
from cgappliance.model import IPAddress, MailProtocol, Profile, Reason, Tenant
from cgappliance.policy import rules, windows
from cgappliance.policy.decide import steps
from cgappliance.policy.profile import effective_profile
from cgappliance.proto.replies import refusal
from cgappliance.store import accounts, lockout, profiles
from cgappliance.store.accounts import Account


@dataclass(frozen=True, slots=True)
class Line:
    """What one rule says."""

    rule: str
    passed: bool
    reason: Reason  #: ACCEPTED when passed
    sentence: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """How one rule of the profile fits."""

    number: int
    allow: bool
    applies: bool
    decides: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer."""

    profile: Profile | None
    lines: Sequence[Line]
    rules: Sequence[RuleLine]
    decision: Reason
    decided_by: str  #: the rule; "" when all passed
    client_sees: str  #: the reply, without IMAP's tag; "" when the directory would be asked


def explain(
    desk: Desk, tenant: Tenant, address: str, *, protocol: MailProtocol, ip: IPAddress, at: datetime | None = None
) -> Explanation:
    """Return what would become of a login of ``address`` from ``ip``, now or at another moment. Blocks cooperatively.

    Raises:
        StoreUnavailable: the database cannot be asked.
        ValueError: ``at`` has no time zone.
    """
    moment = at or desk.now()
    address = address.strip().lower()
    with desk.store.read() as connection:
        account = accounts.find(connection, tenant.id, address)
        made = {stored.name: stored.profile for stored in profiles.of_tenant(connection, tenant.id)}
        locked_until = lockout.locked_until(connection, tenant.id, [address]).get(address)
    profile = effective_profile(tenant, "" if account is None else account.profile, made)
    enabled = account is None or account.enabled
    told = steps(tenant, profile, address, protocol, peer_ip=ip, now=moment, enabled=enabled)
    of_policy = [Line(step.rule, step.passed, step.reason, step.sentence) for step in told]
    lines = [_known(account), *of_policy, _lock(locked_until, moment)]
    first = next((line for line in lines if not line.passed), None)
    decision = Reason.ACCEPTED if first is None else first.reason
    return Explanation(
        profile,
        lines,
        _rule_lines(profile, protocol, ip, moment.astimezone(tenant.timezone)),
        decision,
        "" if first is None else first.rule,
        "" if first is None else refusal(protocol, decision).decode(),
    )


def _known(account: Account | None) -> Line:
    if account is None:
        return Line("list of accounts", True, Reason.ACCEPTED, "not in the list of accounts: the tenant's default profile applies")
    chosen = f"profile {account.profile!r}, chosen by the {account.profile_source}" if account.profile else "the default profile"
    return Line("list of accounts", True, Reason.ACCEPTED, f"in the list of accounts, with {chosen}")


def _lock(locked_until: datetime | None, moment: datetime) -> Line:
    if locked_until is None or locked_until <= moment:
        return Line("lock", True, Reason.ACCEPTED, "not locked by wrong passwords")
    return Line("lock", False, Reason.LOCKED, f"{Reason.LOCKED.sentence}: too many wrong passwords, until {locked_until:%F %T} UTC")


def _rule_lines(profile: Profile | None, protocol: MailProtocol, ip: IPAddress, local: datetime) -> list[RuleLine]:
    if profile is None:
        return []
    found = rules.matches(profile, protocol, ip, local)
    first = rules.deciding(found)
    return [RuleLine(match.number, match.rule.allow, match.applies, match is first, _fit(match)) for match in found]


def _fit(match: rules.Match) -> str:
    rule = match.rule
    networks = f"{len(rule.networks)} networks" if rule.networks else "from anywhere"
    hours = ", ".join(windows.describe(window) for window in rule.windows) or "at any time"
    parts = (
        f"protocol {_mark(match.protocol)} ({', '.join(sorted(rule.protocols))})",
        f"address {_mark(match.address)} ({match.network.network if match.network else networks})",
        f"time {_mark(match.time)} ({windows.describe(match.window) if match.window else hours})",
    )
    return "; ".join(parts) + (f"; {rule.remark}" if rule.remark else "")


def _mark(fits: bool) -> str:
    return "fits" if fits else "does not fit"
