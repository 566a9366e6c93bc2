"""One tenant file to a ``Tenant``, or to every mistake in it. Other tenants are not looked at: that is ``conflicts.py``."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from cgappliance.config import schema_tenant as schema
from cgappliance.config.certificates import check_pair, read_chain
from cgappliance.config.document import Document
from cgappliance.config.files import NamedFiles
from cgappliance.config.plugin_tables import read_choice
from cgappliance.config.problem import KeyPath, Problem, Unfit
from cgappliance.config.reader import Reader, top_level_keys
from cgappliance.config.stamp import Stamp
from cgappliance.model import AdminSite, Listen, MailProtocol, Network, PluginChoice, Profile, Tenant, Upstream
from cgappliance.plugins import Kinds

#: Ids stand in URLs, log fields, file names and greenlet names; 32 characters keep tables readable.
ID_PATTERN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")

MoreProfiles = Callable[[str], Container[str]]  #: tenant id to the names of profiles that stand outside its file


def no_more_profiles(_tenant: str) -> Container[str]:
    """The answer while no store holds profiles."""
    return ()


class _Any:
    """Holds every name."""

    def __contains__(self, _name: object) -> bool:
        return True


def any_profile(_tenant: str) -> Container[str]:
    """The answer where nobody can be asked: an account whose profile does not exist is refused, not its whole tenant."""
    return _Any()


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that only one tenant can have."""

    what: tuple[str, ...]  #: ("domain", "acme.example") or ("port", "10993")
    address: str  #: of a port; "" otherwise
    path: KeyPath  #: where the file says so


@dataclass(frozen=True, slots=True)
class Draft:
    """What became of one tenant file by itself."""

    id: str
    document: Document  #: its outline: as much as conflicts between tenants are told with
    problems: tuple[Problem, ...]
    claims: tuple[Claim, ...]  #: also of a file with mistakes, as far as they can be read
    tenant: Tenant | None  #: None: there is an error
    stamps: tuple[Stamp, ...]  #: of the file and of those that it names
    good_until: datetime  #: when it must be checked again, even if no file changes

    def still_good(self, now: datetime) -> bool:
        """Tell whether reading again would give the same, for certain. Blocks on the file system."""
        return self.tenant is not None and now < self.good_until and all(stamp.still_holds() for stamp in self.stamps)


def read_tenant(document: Document, kinds: Kinds, now: datetime, more_profiles: MoreProfiles = no_more_profiles) -> Draft:
    """Check one tenant file with all files that it names. Blocks on those files.

    Args:
        document: the file.
        kinds: what ``auth.backend`` and ``google.provider`` may name.
        now: with a time zone, for certificates.
        more_profiles: profiles that ``[policy]`` may name besides those of the file.
    """
    name = document.path.stem
    reader = Reader(document, NamedFiles(document.folder))
    parts = _Parts(reader, now)
    _check_id(reader, name)
    auth, google = _choices(reader, kinds, parts.top.get("edition"))
    parts.check(more_profiles(name))
    parts.check_admin_groups(auth)
    tenant = None if reader.failed else _build(name, reader, parts, auth, google)
    stamps = reader.files.stamps if document.stamp is None else (document.stamp, *reader.files.stamps)
    claims = tuple(parts.claims())
    outline = document.outline({claim.path[0] for claim in claims})  # hundreds of tenants are kept so
    return Draft(name, outline, tuple(reader.problems), claims, tenant, stamps, parts.good_until)


class _Parts:
    """The tables of one file that do not depend on plugins."""

    def __init__(self, reader: Reader, now: datetime) -> None:
        self._reader = reader
        self._now = now
        self.good_until = now
        reader.refuse_unknown((), top_level_keys(schema.TENANT), schema.TENANT)
        for table in (schema.LISTEN, schema.UPSTREAM, schema.POLICY, schema.LIMITS, schema.ADMIN):
            reader.refuse_unknown((table.name,), table.names(), schema.TENANT)
        self.top = reader.values((), schema.TOP.settings)
        self.listen = reader.values(("listen",), schema.LISTEN.settings)
        self.upstream = reader.values(("upstream",), schema.UPSTREAM.settings)
        self.policy = reader.values(("policy",), schema.POLICY.settings)
        self.limits = reader.values(("limits",), schema.LIMITS.settings)
        self.admin = reader.values(("admin",), schema.ADMIN.settings)
        self.profiles = self._read_profiles()

    @property
    def domains(self) -> frozenset[str]:
        return frozenset(domain.lower() for domain in self.top.get("domains", ()))

    @property
    def ports(self) -> dict[str, int]:
        return {key: self.listen[key] for key in schema.PORT_KEYS if self.listen.get(key) is not None}

    def claims(self) -> Iterator[Claim]:
        for index, domain in enumerate(self.top.get("domains", ())):
            yield Claim(("domain", domain.lower()), "", ("domains", index))
        for key, port in self.ports.items():
            for address in self.listen.get("addresses", ()):
                yield Claim(("port", str(port)), address, ("listen", key))

    def check(self, more_profiles: Container[str]) -> None:
        """Note what is wrong between keys."""
        self._check_period()
        self._check_ports()
        self._check_certificate()
        self._check_profile_names(more_profiles)
        self._check_upstream_ca()

    def _read_profiles(self) -> dict[str, Profile]:
        profiles = {}
        for name in self._reader.raw_table(("profiles",)):
            path = ("profiles", name)
            self._reader.refuse_unknown(path, schema.PROFILE.names())
            values = self._reader.values(path, schema.PROFILE.settings)
            if not 1 <= len(name) <= schema.MAX_PROFILE_NAME or not name.isprintable() or name != name.strip():
                limit = f"1 to {schema.MAX_PROFILE_NAME} printable characters, no blanks around"
                self._reader.note(path, f"{name!r} cannot be a profile's name", limit)
            elif not self._reader.faulty(path) and "mail_access" in values:  # it may stand in a line that could not be read
                access = frozenset(MailProtocol(text) for text in values["mail_access"])
                profiles[name] = Profile(name, access, tuple(Network(network) for network in values["remote_ips"]))
        return profiles

    def _check_period(self) -> None:
        starts_on, ends_on = self.top.get("starts_on"), self.top.get("ends_on")
        if starts_on and ends_on and starts_on > ends_on:
            self._reader.note(("ends_on",), f"{ends_on} is before starts_on {starts_on}", "correct one of the two")

    def _check_ports(self) -> None:
        given = self._reader.raw_table(("listen",)).keys() & schema.PORT_KEYS.keys()
        if not given and not any(self._reader.excused(("listen", key)) for key in schema.PORT_KEYS):
            self._reader.note(("listen",), "no port is given", f"add one or more of {', '.join(schema.PORT_KEYS)}")
        seen: dict[int, str] = {}
        for key, port in self.ports.items():
            first = seen.setdefault(port, key)
            if first != key:
                self._reader.note(
                    ("listen", key), f"port {port} is that of {first} already", "give each protocol a port of its own"
                )

    def _check_profile_names(self, more: Container[str]) -> None:
        """Note names of profiles that there are none of, neither here nor in ``more``."""
        self._check_profile_name(self.policy.get("default_profile", ""), more, ("policy", "default_profile"))
        for group, name in self.policy.get("profile_by_group", {}).items():
            self._check_profile_name(name, more, ("policy", "profile_by_group", group))

    def _check_profile_name(self, wanted: str, more: Container[str], path: KeyPath) -> None:
        if not wanted or wanted in self._reader.raw_table(("profiles",)):
            return
        self.good_until = self._now  # what stands elsewhere changes without this file
        if wanted not in more:
            known = ", ".join(map(str, self._reader.raw_table(("profiles",)))) or "none"
            nothing = '; "": none' if path[-1] == "default_profile" else ""
            self._reader.note(path, f"there is no profile {wanted!r}", f"add [profiles.{wanted}], or name one of: {known}{nothing}")

    def _check_certificate(self) -> None:
        if "certificate" not in self.listen or "private_key" not in self.listen:
            return
        certificate, private_key = self.listen["certificate"], self.listen["private_key"]
        checked = check_pair(certificate, private_key, self.listen.get("hostname", ""), self._now)
        self.good_until = checked.good_until
        for found in checked.findings:
            self._reader.note(("listen", found.key), found.problem, found.remedy, found.severity)

    def check_admin_groups(self, auth: PluginChoice | None) -> None:
        """Note groups that the backend cannot look into: it has no ``required_group`` of its own."""
        if auth is None or "required_group" in auth.settings:
            return
        for key in ("administrators_group", "helpdesk_group", "auditors_group"):
            if self.admin.get(key):
                remedy = "remove it, and use 'cgappliance admin create'"
                self._reader.note(("admin", key), f"the backend {auth.name!r} knows no groups", remedy)

    def _check_upstream_ca(self) -> None:
        ca_file = self.upstream.get("ca_file")
        if ca_file is None:
            return
        try:
            read_chain(ca_file)
        except Unfit as unfit:
            self._reader.note(("upstream", "ca_file"), unfit.problem, unfit.remedy)


def _check_id(reader: Reader, name: str) -> None:
    if not ID_PATTERN.fullmatch(name):
        reader.note((), f"{name!r} cannot be a tenant's id", "name the file with 1 to 32 of a-z, 0-9 and inner hyphens, and .toml")


def _choices(reader: Reader, kinds: Kinds, edition: str | None) -> tuple[PluginChoice | None, PluginChoice | None]:
    default = schema.BACKEND_OF_EDITION.get(edition or "")
    return (
        read_choice(reader, schema.AUTH, kinds.backends, default),
        read_choice(reader, schema.GOOGLE, kinds.providers, schema.DEFAULT_PROVIDER),
    )


def _build(name: str, reader: Reader, parts: _Parts, auth: PluginChoice | None, google: PluginChoice | None) -> Tenant:
    """Put a tenant together from parts that are all there and right."""
    if auth is None or google is None:
        raise AssertionError("a choice that could not be made was not noted")
    top, listen = parts.top, parts.listen
    protocols = {schema.PORT_KEYS[key]: port for key, port in parts.ports.items()}
    servers = {protocol: parts.upstream[key] for key, protocol in schema.PORT_KEYS.items()}
    return Tenant(
        id=name,
        name=top["name"],
        edition=top["edition"],
        domains=parts.domains,
        listen=Listen(
            hostname=listen["hostname"].lower(),
            addresses=listen["addresses"],
            ports=MappingProxyType(protocols),
            certificate=listen["certificate"],
            private_key=listen["private_key"],
            proxy_protocol_from=listen["proxy_protocol_from"],
        ),
        auth=auth,
        google=google,
        upstream=Upstream(MappingProxyType(servers), parts.upstream["ca_file"]),
        timezone=ZoneInfo(top["timezone"]),
        language=top["language"],
        seats=top["seats"],
        history_days=top["history_days"],
        starts_on=top["starts_on"],
        ends_on=top["ends_on"],
        default_profile=parts.policy["default_profile"],
        profile_by_group=MappingProxyType(dict(parts.policy["profile_by_group"])),
        profile_attribute=parts.policy["profile_attribute"],
        profiles=MappingProxyType(parts.profiles),
        max_sessions=parts.limits["sessions"],
        max_sessions_per_account=parts.limits["sessions_per_account"],
        admin_site=AdminSite(**parts.admin),
        source=reader.document.path.absolute(),
        fingerprint=reader.files.fingerprint(reader.document.content),
    )
