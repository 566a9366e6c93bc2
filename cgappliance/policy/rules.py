"""The ordered rules of a security profile: which of them apply to a login, and which one decides. Pure: the moment is an argument.

The first rule that applies decides, and when none does the answer is no. A refusal still has to say why: the questions of
``decide.py`` ask for a rule that allows this protocol, then this address too, then this time too, and last whether a rule that
denies stands before it. Exactly when all four pass, the first rule that applies is one that allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cgappliance.model import IPAddress, MailProtocol, Network, Profile, ProfileRule, Reason, TimeWindow
from cgappliance.policy.profile import matching_network
from cgappliance.policy.windows import matching_window


@dataclass(frozen=True, slots=True)
class Match:
    """How one rule fits one login."""

    number: int  #: 1 is the first
    rule: ProfileRule
    protocol: bool
    address: bool
    time: bool
    network: Network | None = None  #: the one that holds the address; None when any address will do, or none does
    window: TimeWindow | None = None  #: the one that holds the moment, likewise

    @property
    def applies(self) -> bool:
        """True when all conditions of the rule hold."""
        return self.protocol and self.address and self.time


def ordered_rules(profile: Profile) -> tuple[ProfileRule, ...]:
    """Return a profile's rules; one without any is a single rule that allows."""
    return profile.rules or (ProfileRule(True, profile.mail_access, profile.remote_ips),)


def matches(profile: Profile, protocol: MailProtocol, address: IPAddress, local: datetime) -> tuple[Match, ...]:
    """Return how each rule fits, in order.

    Args:
        profile: whose rules.
        protocol: of the port.
        address: the remote address.
        local: the time on the tenant's wall.
    """
    return tuple(_match(number, rule, protocol, address, local) for number, rule in enumerate(ordered_rules(profile), 1))


def _match(number: int, rule: ProfileRule, protocol: MailProtocol, address: IPAddress, local: datetime) -> Match:
    network = matching_network(rule.networks, address)
    window = matching_window(rule.windows, local)
    return Match(
        number,
        rule,
        protocol=protocol in rule.protocols,
        address=not rule.networks or network is not None,
        time=not rule.windows or window is not None,
        network=network,
        window=window,
    )


def deciding(found: tuple[Match, ...]) -> Match | None:
    """Return the first rule that applies, or None: the answer is no."""
    return next((match for match in found if match.applies), None)


def for_protocol(found: Iterable[Match]) -> list[Match]:
    """Return the rules that allow this protocol; when there is none, all that allow: what else is to mend is told of those."""
    allowing = [match for match in found if match.rule.allow]
    return [match for match in allowing if match.protocol] or allowing


def for_address(found: Iterable[Match]) -> list[Match]:
    """Return those of ``for_protocol`` that allow this address; when there is none, all of them."""
    candidates = for_protocol(found)
    return [match for match in candidates if match.address] or candidates


def denied_by(found: tuple[Match, ...]) -> Match | None:
    """Return the rule that denies, when it is the first that applies."""
    first = deciding(found)
    return None if first is None or first.rule.allow else first


def denial_reason(rule: ProfileRule) -> Reason:
    """Return what a denying rule objects to: its narrowest condition."""
    if rule.windows:
        return Reason.TIME_NOT_ALLOWED
    return Reason.IP_NOT_ALLOWED if rule.networks else Reason.PROTOCOL_OFF
