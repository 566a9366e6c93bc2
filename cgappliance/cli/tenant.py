"""``cgappliance tenant``: the tenants as their files say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cgappliance.cli import tenant_bypass, tenant_doctor, tenant_notice
from cgappliance.cli.common import EXIT_PROBLEMS, State, config_option, json_option, pass_state, print_json, print_table
from cgappliance.config.convert import nearest
from cgappliance.config.load import inspect, load
from cgappliance.config.values import Config
from cgappliance.errors import CgapplianceError
from cgappliance.model import PluginChoice, Tenant
from cgappliance.plugins import Kinds, discover


@click.group()
def command() -> None:
    """Show the tenants."""


for _verb in (tenant_doctor.doctor, tenant_bypass.bypass, tenant_notice.show_notice):
    command.add_command(_verb)


@command.command("list")
@config_option()
@json_option
@pass_state
@click.pass_context
def list_tenants(context: click.Context, state: State, as_json: bool) -> None:
    """List all tenants, those with mistakes too.

    The exit status is 1 when a tenant has an error.
    """
    config = load(state.config, discover())
    rows = sorted([*map(_row, config.tenants.values()), *({"id": name, "state": "broken"} for name in config.broken)], key=_id)
    if as_json:
        print_json(rows)
    else:
        cells = [[str(row.get(key, "-")) for key in ("id", "state", "edition", "ports", "domains", "name")] for row in rows]
        print_table(("ID", "STATE", "EDITION", "PORTS", "DOMAINS", "NAME"), cells)
    context.exit(EXIT_PROBLEMS if config.broken else 0)


def _complete_tenant(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    found = inspect(context.ensure_object(State).config, Kinds())
    names = {*found.config.tenants, *found.config.broken} if found.config is not None else set()
    return sorted(name for name in names if name.startswith(incomplete))


@command.command("show")
@click.argument("tenant", shell_complete=_complete_tenant)
@config_option()
@json_option
@pass_state
@click.pass_context
def show_tenant(context: click.Context, state: State, tenant: str, as_json: bool) -> None:
    """Show what the file of TENANT says, defaults included, secrets masked.

    The exit status is 1 when the tenant has an error, and there is none of this name.
    """
    config = load(state.config, discover())
    data = _details(config, tenant)
    if as_json:
        print_json(data)
    else:
        for key, value in _flat(data):
            click.echo(f"{key}: {value}")
    context.exit(0 if tenant in config.tenants else EXIT_PROBLEMS)


def _details(config: Config, name: str) -> dict[str, Any]:
    if name in config.tenants:
        warnings = [str(problem) for problem in config.warnings if Path(problem.file).stem == name]
        return {**_as_data(config.tenants[name]), "problems": warnings}
    if name in config.broken:
        return {"id": name, "state": "broken", "problems": [str(problem) for problem in config.broken[name]]}
    known = sorted([*config.tenants, *config.broken])
    slip = nearest(name, known)
    hint = f"did you mean {slip!r}?" if slip else f"known: {', '.join(known) or 'none'}"
    raise CgapplianceError(f"there is no tenant {name!r} ({hint})")


def _id(row: dict[str, Any]) -> str:
    return str(row["id"])


def _row(tenant: Tenant) -> dict[str, Any]:
    return {
        "id": tenant.id,
        "state": "ok",
        "edition": tenant.edition,
        "ports": ", ".join(f"{protocol}s {port}" for protocol, port in sorted(tenant.listen.ports.items())),
        "domains": ", ".join(sorted(tenant.domains)),
        "name": tenant.name,
    }


def _as_data(tenant: Tenant) -> dict[str, Any]:
    listen = tenant.listen
    return {
        "id": tenant.id,
        "state": "ok",
        "name": tenant.name,
        "source": tenant.source,
        "edition": tenant.edition,
        "domains": sorted(tenant.domains),
        "seats": tenant.seats,
        "history_days": tenant.history_days,
        "starts_on": tenant.starts_on,
        "ends_on": tenant.ends_on,
        "timezone": tenant.timezone.key,
        "language": tenant.language,
        "listen": {
            "hostname": listen.hostname,
            "addresses": listen.addresses,
            **{f"{protocol}s": port for protocol, port in sorted(listen.ports.items())},
            "certificate": listen.certificate,
            "private_key": listen.private_key,
            "proxy_protocol_from": [str(network) for network in listen.proxy_protocol_from],
        },
        "auth": {"backend": tenant.auth.name, **_settings(tenant.auth)},
        "google": {"provider": tenant.google.name, **_settings(tenant.google)},
        "upstream": {
            **{f"{protocol}s": str(server) for protocol, server in sorted(tenant.upstream.servers.items())},
            "ca_file": tenant.upstream.ca_file,
        },
        "policy": {
            "default_profile": tenant.default_profile,
            "profile_by_group": dict(tenant.profile_by_group),
            "profile_attribute": tenant.profile_attribute,
        },
        "limits": {"sessions": tenant.max_sessions, "sessions_per_account": tenant.max_sessions_per_account},
        "profiles": {
            profile.name: {
                "mail_access": sorted(profile.mail_access),
                "remote_ips": [str(entry.network) for entry in profile.remote_ips],
            }
            for profile in tenant.profiles.values()
        },
    }


def _settings(choice: PluginChoice) -> dict[str, Any]:
    return dict(choice.settings)


def _flat(data: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Return nested data as lines: ``listen.imaps``, ``10993``."""
    lines: list[tuple[str, str]] = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{before}{key}.")
        elif isinstance(value, list | tuple):
            lines.append((f"{before}{key}", ", ".join(map(str, value)) or "-"))
        else:
            lines.append((f"{before}{key}", "-" if value is None or value == "" else str(value)))
    return lines
