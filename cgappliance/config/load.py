"""From ``cgappliance.toml`` and ``conf.d/*.toml`` to a ``Config``, or to every mistake of all files at once.

``load`` is what ``serve`` starts with, ``load_tenants`` what a reload calls again, ``inspect`` what ``check`` shows. A mistake in
a tenant file is never raised: it makes that tenant broken, and nobody else.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cgappliance.config import schema_appliance as schema
from cgappliance.config.conflicts import find_conflicts, own_ports
from cgappliance.config.document import read_document
from cgappliance.config.files import NamedFiles
from cgappliance.config.problem import Problem, sort_key
from cgappliance.config.reader import Reader, top_level_keys
from cgappliance.config.schema import Table
from cgappliance.config.tenant import Draft, MoreProfiles, any_profile, no_more_profiles, read_tenant
from cgappliance.config.values import AlertSettings, Config, Limits, LogSettings, MetricsSettings, Settings, WebSettings
from cgappliance.config.web import check_web
from cgappliance.errors import ConfigurationError
from cgappliance.model import Tenant
from cgappliance.plugins import Kinds


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that can be said about the files, also when the appliance could not start with them."""

    appliance: tuple[Problem, ...]  #: of ``cgappliance.toml``
    config: Config | None  #: None: the folder of the tenant files is not known or cannot be listed

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem of every file; those of ``cgappliance.toml`` first."""
        return (*self.appliance, *(self.config.problems if self.config is not None else ()))


def load(path: Path, kinds: Kinds, more_profiles: MoreProfiles = no_more_profiles) -> Config:
    """Return the settings and all tenants; ``more_profiles`` as for ``load_tenants``. Blocks on the files.

    Raises:
        ConfigurationError: ``cgappliance.toml`` is wrong; the message has a line for each mistake.
    """
    inspection = inspect(path, kinds, more_profiles)
    if inspection.config is None or _any_error(inspection.appliance):
        raise ConfigurationError("\n".join(map(str, inspection.appliance)))
    return inspection.config


def load_tenants(
    settings: Settings,
    kinds: Kinds,
    *,
    previous: Config | None = None,
    on_line: Mapping[str, Tenant] = MappingProxyType({}),
    more_profiles: MoreProfiles = no_more_profiles,
) -> Config:
    """Read all tenant files, again. Blocks on the files: about 1.2 ms for each tenant, 0.05 ms for one of ``previous``.

    Args:
        settings: where they are.
        kinds: the installed plugins.
        previous: what this process read last, with the same kinds; tenants whose files have not changed are taken from there.
        on_line: the tenants that are being served now; they keep what a new file claims too (``conflicts.py``).
        more_profiles: profiles besides those of the files.

    Raises:
        ConfigurationError: the folder cannot be listed: it must not look as if all tenants had been removed.
    """
    try:
        drafts = _read_tenants(settings, kinds, more_profiles, previous.drafts if previous is not None else ())
    except OSError as error:
        problem, remedy = _unlisted(settings.conf_d, error)
        raise ConfigurationError(str(Problem(str(settings.source), 0, "conf_d", problem, remedy))) from error
    return _sorted_out(settings, drafts, find_conflicts(drafts, on_line, own_ports(settings)))


def follow(
    settings: Settings, kinds: Kinds, fingerprints: Mapping[str, str], broken: Iterable[str], on_line: Mapping[str, Tenant]
) -> Config:
    """Return the tenants that another process has found in the files, for one that need not look at all of them.

    Blocks on the files of those that are not on line as they are wanted. One that has changed again meanwhile counts as broken:
    nobody has compared it with the other tenants yet, whose domains and ports it may claim. The next reload will.

    Args:
        settings: where the files are.
        kinds: the installed plugins.
        fingerprints: of the tenants to serve, by id.
        broken: ids of those that are to stay as they are.
        on_line: the tenants that this process serves now, by id.
    """
    tenants: dict[str, Tenant] = {}
    problems: dict[str, tuple[Problem, ...]] = dict.fromkeys(broken, ())
    now = datetime.now(UTC)
    for name, fingerprint in fingerprints.items():
        known = on_line.get(name)
        if known is not None and known.fingerprint == fingerprint:
            tenants[name] = known
            continue
        draft = read_tenant(read_document(settings.conf_d / f"{name}.toml"), kinds, now, any_profile)
        if draft.tenant is not None and draft.tenant.fingerprint == fingerprint:
            tenants[name] = draft.tenant
        else:
            problems[name] = draft.problems
    return Config(settings, MappingProxyType(tenants), MappingProxyType(problems))


def _read_tenants(settings: Settings, kinds: Kinds, more_profiles: MoreProfiles, known: Iterable[Draft]) -> list[Draft]:
    paths = sorted(path for path in settings.conf_d.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    now = datetime.now(UTC)
    good = {draft.document.path: draft for draft in known if draft.still_good(now)}
    return [good.get(path) or read_tenant(read_document(path), kinds, now, more_profiles) for path in paths]


def _unlisted(folder: Path, error: OSError) -> tuple[str, str]:
    return f"{folder} cannot be listed: {error.strerror}", "create the folder, or correct conf_d"


def _sorted_out(settings: Settings, drafts: list[Draft], conflicts: Mapping[str, list[Problem]]) -> Config:
    tenants: dict[str, Tenant] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    warnings: list[Problem] = []
    for draft in drafts:
        problems = sorted([*draft.problems, *conflicts.get(draft.id, ())], key=sort_key)
        if draft.tenant is None or any(problem.is_error for problem in problems):
            broken[draft.id] = tuple(problems)
        else:
            tenants[draft.id] = draft.tenant
            warnings += problems
    return Config(settings, MappingProxyType(tenants), MappingProxyType(broken), tuple(warnings), tuple(drafts))


def load_settings(path: Path) -> Settings:
    """Return the settings alone, for what does not concern tenants. Blocks on the file.

    Raises:
        ConfigurationError: ``cgappliance.toml`` is wrong.
    """
    reader, settings = _read_settings(path)
    if settings is None or _any_error(reader.problems):
        raise ConfigurationError("\n".join(map(str, sorted(reader.problems, key=sort_key))))
    return settings


def inspect(path: Path, kinds: Kinds, more_profiles: MoreProfiles = no_more_profiles) -> Inspection:
    """Read everything, raise nothing: a mistake in ``cgappliance.toml`` does not hide those of the tenants. Blocks on the files."""
    reader, settings = _read_settings(path)
    config = None
    if settings is not None:
        try:
            drafts = _read_tenants(settings, kinds, more_profiles, ())
        except OSError as error:
            reader.note(("conf_d",), *_unlisted(settings.conf_d, error))
        else:
            config = _sorted_out(settings, drafts, find_conflicts(drafts, {}, own_ports(settings)))
    return Inspection(tuple(sorted(reader.problems, key=sort_key)), config)


def _any_error(problems: Iterable[Problem]) -> bool:
    return any(problem.is_error for problem in problems)


def _read_settings(path: Path) -> tuple[Reader, Settings | None]:
    """Return the reader with its problems, and the settings if it is known at least where the tenant files are."""
    document = read_document(path)
    reader = Reader(document, NamedFiles(document.folder))
    tables: dict[str, dict[str, Any]] = {}
    for table in schema.APPLIANCE:
        place = (table.name,) if table.name else ()
        reader.refuse_unknown(place, table.names() if table.name else top_level_keys(schema.APPLIANCE), schema.APPLIANCE)
        tables[table.name] = reader.values(place, table.settings)
    metrics = MetricsSettings(**_whole(schema.METRICS, tables)) if schema.METRICS.name in document.data else None
    web = WebSettings(**_whole(schema.WEB, tables)) if schema.WEB.name in document.data else None
    if web is not None:
        check_web(reader, web, datetime.now(UTC))
    known = "conf_d" in tables[""] and (document.complete or "conf_d" in document.data)
    return reader, replace(_settings(path, tables), metrics=metrics, web=web) if known else None


def _whole(table: Table, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return all keys of a table, with the default for what is wrong: a problem has been noted, and ``load`` will not return it."""
    return {setting.key: tables[table.name].get(setting.key, setting.default) for setting in table.settings}


def _settings(path: Path, tables: Mapping[str, Mapping[str, Any]]) -> Settings:
    whole = {table.name: _whole(table, tables) for table in schema.APPLIANCE}
    top = whole[""]
    return Settings(
        source=path,
        conf_d=path.parent / top["conf_d"],
        store=top["store"],
        key_file=path.absolute().parent / top["key_file"],
        run_dir=path.absolute().parent / top["run_dir"],
        node=top["node"] or socket.gethostname(),
        workers=top["workers"],
        stop_notice_s=top["stop_notice_s"],
        drain_timeout_s=top["drain_timeout_s"],
        limits=Limits(**whole["limits"]),
        log=LogSettings(**whole["log"]),
        alerts=_alerts(path, whole["alerts"]),
    )


def _alerts(path: Path, values: Mapping[str, Any]) -> AlertSettings:
    named = values["webhook_url_file"]
    return AlertSettings(**{**values, "webhook_url_file": path.absolute().parent / named if named else None})
