"""The one decision for three protocols: may this login go on to the directory?

Pure: time is an argument. ``RULES`` is the policy, in its order; ``decide`` is the first rule that objects, and ``steps`` asks
the same rules and tells all answers in words, so that an explanation can never differ from a decision. Nothing here has asked
the directory yet: whoever is refused here costs it nothing (promise 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cgappliance.model import Credentials, IPAddress, MailProtocol, Profile, Reason, Tenant
from cgappliance.policy import rules, windows
from cgappliance.policy.profile import protocol_allowed, unmapped

#: Stands in for a missing profile, so that the rules behind "profile" need not ask for one.
DENY_ALL = Profile(name="", mail_access=frozenset())


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule said: a line of an explanation."""

    rule: str  #: its name in ``RULES``
    passed: bool
    reason: Reason  #: ACCEPTED when passed
    sentence: str  #: with the facts of this case; for administrators, never for the client


@dataclass(frozen=True, slots=True)
class _Case:
    """What the rules may look at."""

    tenant: Tenant
    profile: Profile  # DENY_ALL: the account has none
    address: str
    defect: Reason | None
    protocol: MailProtocol
    peer_ip: IPAddress
    local: datetime  # on the tenant's wall
    matches: tuple[rules.Match, ...]  # how each rule of the profile fits
    enabled: bool

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Rule:
    """One question of the policy."""

    name: str
    objection: Callable[[_Case], Reason | None]  #: the refusal, or None: passed
    facts: Callable[[_Case], str]  #: what was compared with what


def decide(
    tenant: Tenant,
    profile: Profile | None,
    login: Credentials | str,
    protocol: MailProtocol,
    *,
    peer_ip: IPAddress,
    now: datetime,
    enabled: bool = True,
) -> Reason:
    """Return ACCEPTED, or the reason of the first rule that objects.

    Args:
        tenant: whose port the client came to.
        profile: the account's own or the tenant's default (``profile.effective_profile``); None: it has none.
        login: what the client typed, or a mail address when there is no client (``explain``, a sweep over live sessions).
        protocol: of the port.
        peer_ip: the remote address, behind load balancers that of the PROXY header.
        now: with a time zone; the service period is counted in the tenant's.
        enabled: False when the account was switched off, by an administrator or because it vanished from the directory.

    Raises:
        ValueError: ``now`` has no time zone.
    """
    case = _case(tenant, profile, login, protocol, peer_ip=peer_ip, now=now, enabled=enabled)
    return next((reason for rule in RULES if (reason := rule.objection(case)) is not None), Reason.ACCEPTED)


def steps(
    tenant: Tenant,
    profile: Profile | None,
    login: Credentials | str,
    protocol: MailProtocol,
    *,
    peer_ip: IPAddress,
    now: datetime,
    enabled: bool = True,
) -> Iterator[Step]:
    """Yield what each rule says, in order. The first that did not pass is the decision; later ones are what else is to mend.

    Args and Raises are those of ``decide``.
    """
    case = _case(tenant, profile, login, protocol, peer_ip=peer_ip, now=now, enabled=enabled)
    for rule in RULES:
        reason = rule.objection(case)
        if reason is None:
            yield Step(rule.name, True, Reason.ACCEPTED, rule.facts(case))
        else:
            yield Step(rule.name, False, reason, f"{reason.sentence}: {rule.facts(case)}")


def _case(
    tenant: Tenant,
    profile: Profile | None,
    login: Credentials | str,
    protocol: MailProtocol,
    *,
    peer_ip: IPAddress,
    now: datetime,
    enabled: bool,
) -> _Case:
    if now.tzinfo is None:
        raise ValueError("now has no time zone: the service period cannot be decided")
    if isinstance(login, Credentials):
        address, defect = login.address, login.defect
    else:
        address = login.strip().lower()
        name, at, domain = address.rpartition("@")
        defect = None if name and at and domain else Reason.BAD_LOGIN_NAME
    local, profile = now.astimezone(tenant.timezone), profile or DENY_ALL
    found = rules.matches(profile, protocol, peer_ip, local)
    return _Case(tenant, profile, address, defect, protocol, unmapped(peer_ip), local, found, enabled)


def _defect(case: _Case) -> Reason | None:
    return case.defect


def _defect_facts(case: _Case) -> str:
    return f"the login name is {case.address!r}" if case.address else "there is no usable login name"


def _domain(case: _Case) -> Reason | None:
    return None if case.domain in case.tenant.domains else Reason.UNKNOWN_DOMAIN


def _domain_facts(case: _Case) -> str:
    return f"{case.domain}; the tenant has {', '.join(sorted(case.tenant.domains))}"


def _service_period(case: _Case) -> Reason | None:
    starts_on, ends_on = case.tenant.starts_on, case.tenant.ends_on
    early = starts_on is not None and case.local.date() < starts_on
    late = ends_on is not None and case.local.date() > ends_on
    return Reason.OUTSIDE_SERVICE_PERIOD if early or late else None


def _service_period_facts(case: _Case) -> str:
    starts_on, ends_on = case.tenant.starts_on or "open", case.tenant.ends_on or "open"
    return f"today is {case.local.date()} ({case.tenant.timezone.key}); the period is {starts_on} to {ends_on}"


def _enabled(case: _Case) -> Reason | None:
    return None if case.enabled else Reason.DISABLED


def _enabled_facts(case: _Case) -> str:
    return "the account is switched on" if case.enabled else "switched off in the appliance"


def _profile(case: _Case) -> Reason | None:
    return Reason.NO_PROFILE if case.profile is DENY_ALL else None


def _profile_facts(case: _Case) -> str:
    return "neither its own nor a default" if case.profile is DENY_ALL else f"profile {case.profile.name!r}"


def _protocol(case: _Case) -> Reason | None:
    return None if protocol_allowed(case.profile, case.protocol) else Reason.PROTOCOL_OFF


def _protocol_facts(case: _Case) -> str:
    return f"{case.protocol}; allowed: {', '.join(sorted(case.profile.mail_access)) or 'none'}"


def _remote_ip(case: _Case) -> Reason | None:
    return None if any(match.address for match in rules.for_protocol(case.matches)) else Reason.IP_NOT_ALLOWED


def _remote_ip_facts(case: _Case) -> str:
    candidates = rules.for_protocol(case.matches)
    if any(match.address and match.network is None for match in candidates):
        return f"{case.peer_ip}; allowed: from anywhere"
    network = next((match.network for match in candidates if match.network is not None), None)
    if network is None:
        return f"{case.peer_ip} is in none of {sum(len(match.rule.networks) for match in candidates)} networks"
    return f"{case.peer_ip} is in {network.network}" + (f" ({network.remark})" if network.remark else "")


def _time(case: _Case) -> Reason | None:
    return None if any(match.time for match in rules.for_address(case.matches)) else Reason.TIME_NOT_ALLOWED


def _time_facts(case: _Case) -> str:
    candidates = rules.for_address(case.matches)
    moment = f"{windows.DAY_NAMES[case.local.weekday()]} {case.local:%H:%M} ({case.tenant.timezone.key})"
    if any(match.time and match.window is None for match in candidates):
        return f"{moment}; allowed: at any time"
    allowed = dict.fromkeys(windows.describe(window) for match in candidates for window in match.rule.windows)
    return f"{moment}; allowed: {', '.join(allowed) or 'never'}"


def _order(case: _Case) -> Reason | None:
    denial = rules.denied_by(case.matches)
    return None if denial is None else rules.denial_reason(denial.rule)


def _order_facts(case: _Case) -> str:
    first = rules.deciding(case.matches)
    if first is None:
        return f"none of {len(case.matches)} rules of the profile applies"
    verb = "allows" if first.rule.allow else "denies"
    remark = f" ({first.rule.remark})" if first.rule.remark else ""
    return f"rule {first.number} of {len(case.matches)}{remark} is the first that applies, and {verb}"


#: The policy. The order is what an administrator reads in the history: the most general fact that explains a refusal first.
RULES: tuple[Rule, ...] = (
    Rule("login name", _defect, _defect_facts),
    Rule("domain", _domain, _domain_facts),
    Rule("service period", _service_period, _service_period_facts),
    Rule("account", _enabled, _enabled_facts),
    Rule("profile", _profile, _profile_facts),
    Rule("protocol", _protocol, _protocol_facts),
    Rule("remote address", _remote_ip, _remote_ip_facts),
    Rule("time", _time, _time_facts),
    Rule("order of rules", _order, _order_facts),
)
