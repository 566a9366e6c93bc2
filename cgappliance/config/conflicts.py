"""Things that only one can have: a mail domain, a port of an address. Who keeps them when two tenants claim them.

A port where the appliance itself listens, for the web site or for metrics, is no tenant's: the tenant gives way.

One tenant's mistake is that tenant's alone, so of two one must stay in service, and it must not be the one that was there first:

1. a tenant that is on line with what is contested keeps it, whatever was saved last;
2. else one without other mistakes comes before one that cannot start anyway;
3. else the file that has not been touched for longer: the newer one brought the conflict;
4. else the id that sorts first, so that every process decides alike.

The one that gives way gets an error, the one that stays a warning, each at its own line. Without rule 1 an edit of the old
tenant's file, about something else, would make it the newer one and hand its domain to whoever else claims it.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cgappliance.config.problem import Problem, Severity, render_key
from cgappliance.config.schema_tenant import PORT_KEYS
from cgappliance.config.tenant import Claim, Draft
from cgappliance.config.values import Settings
from cgappliance.model import Tenant


@dataclass(frozen=True, slots=True)
class OwnPort:
    """Where the appliance itself listens."""

    use: str  #: "web site"
    address: str
    port: int
    place: str  #: file and key

    def problem(self, draft: Draft, claim: Claim) -> Problem:
        """Tell a tenant that its port is taken."""
        problem = f"port {self.port} is the appliance's own {self.use}'s ({self.place})"
        remedy = f"choose another port, or move the {self.use}"
        return Problem(str(draft.document.path), draft.document.line(claim.path), render_key(claim.path), problem, remedy)


def own_ports(settings: Settings) -> list[OwnPort]:
    """Return where the appliance itself listens."""
    web, metrics = settings.web, settings.metrics
    found = [OwnPort("web site", address, web.port, f"{settings.source}: web.port") for address in web.addresses] if web else []
    return found + ([OwnPort("metrics", metrics.address, metrics.port, f"{settings.source}: metrics.port")] if metrics else [])


@dataclass(frozen=True, slots=True)
class _Holder:
    """One tenant's side of a conflict."""

    draft: Draft
    claim: Claim
    rank: tuple[bool, bool, int, str]  # the smaller keeps it

    def problem(self, other: _Holder, severity: Severity) -> Problem:
        kind, value = self.claim.what
        line = self.draft.document.line(self.claim.path)
        where = f"{other.draft.document.path}:{other.draft.document.line(other.claim.path)}"
        if severity is Severity.ERROR:
            text, remedy = (
                f"{kind} {value} is {other.draft.id}'s ({where})",
                f"choose another {kind}, or take it from {other.draft.id} first",
            )
        else:
            text, remedy = (
                f"{kind} {value} is also claimed by {other.draft.id} ({where})",
                f"{other.draft.id} is not served until it is changed",
            )
        return Problem(str(self.draft.document.path), line, render_key(self.claim.path), text, remedy, severity)


def find_conflicts(drafts: Iterable[Draft], on_line: Mapping[str, Tenant], own: Sequence[OwnPort] = ()) -> dict[str, list[Problem]]:
    """Return the conflicts of each tenant, by id.

    Args:
        drafts: all tenant files, those with mistakes too.
        on_line: the tenants that are being served now, by id; a broken one goes on as it is here.
        own: where the appliance itself listens.
    """
    drafts = list(drafts)
    problems: dict[str, list[Problem]] = defaultdict(list)
    losers: set[str] = set()
    while True:
        problems.clear()
        for draft, problem in _taken(drafts, own):
            problems[draft.id].append(problem)
        for kept, lost in _contests(drafts, on_line, losers):
            problems[lost.draft.id].append(lost.problem(kept, Severity.ERROR))
            problems[kept.draft.id].append(kept.problem(lost, Severity.WARNING))
        now_losing = {name for name, found in problems.items() if any(problem.is_error for problem in found)}
        if now_losing <= losers:
            return dict(problems)
        losers |= now_losing  # those on line go on with what they have, which others may have hoped for: look again


def _taken(drafts: list[Draft], own: Sequence[OwnPort]) -> Iterator[tuple[Draft, Problem]]:
    """Yield each claim of a tenant to a port of the appliance itself, once for each of the tenant's keys."""
    for draft in drafts:
        told = set()
        for claim in draft.claims:
            for one in own:
                if claim.what == ("port", str(one.port)) and claim.path not in told and _overlap(one.address, claim.address):
                    told.add(claim.path)
                    yield draft, one.problem(draft, claim)


def _contests(drafts: list[Draft], on_line: Mapping[str, Tenant], losers: set[str]) -> Iterator[tuple[_Holder, _Holder]]:
    """Yield (who keeps it, who does not) for each thing that two tenants claim; one contest for each pair of tenants and thing."""
    holders: dict[tuple[str, ...], list[_Holder]] = defaultdict(list)
    for draft in drafts:
        for claim in _claims(draft, on_line, losers):
            holders[claim.what].append(_holder(draft, claim, on_line))
    for claimants in holders.values():
        seen: set[tuple[str, str]] = set()
        claimants.sort(key=lambda holder: holder.rank)
        for position, lost in enumerate(claimants):
            for kept in claimants[:position]:
                pair = (kept.draft.id, lost.draft.id)
                if pair[0] != pair[1] and pair not in seen and _overlap(kept.claim.address, lost.claim.address):
                    seen.add(pair)
                    yield kept, lost


def _claims(draft: Draft, on_line: Mapping[str, Tenant], losers: set[str]) -> list[Claim]:
    """Return what a file claims and, for a tenant that will go on as it is on line, what it holds."""
    claims = list(draft.claims)
    if draft.id in on_line and (draft.tenant is None or draft.id in losers):
        claims += _held(on_line[draft.id])
    return claims


def _held(tenant: Tenant) -> Iterator[Claim]:
    for domain in tenant.domains:
        yield Claim(("domain", domain), "", ("domains",))
    keys = {protocol: key for key, protocol in PORT_KEYS.items()}
    for protocol, port in tenant.listen.ports.items():
        for address in tenant.listen.addresses:
            yield Claim(("port", str(port)), address, ("listen", keys[protocol]))


def _holder(draft: Draft, claim: Claim, on_line: Mapping[str, Tenant]) -> _Holder:
    tenant = on_line.get(draft.id)
    holds = tenant is not None and any(held.what == claim.what and _overlap(held.address, claim.address) for held in _held(tenant))
    return _Holder(draft, claim, (not holds, draft.tenant is None, draft.document.modified_ns, draft.id))


def _overlap(one: str, other: str) -> bool:
    """Tell whether two listening addresses meet; the unspecified one is all of its family (listeners take IPv6 only)."""
    if one == other:
        return True
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.version == second.version and (first == second or first.is_unspecified or second.is_unspecified)
