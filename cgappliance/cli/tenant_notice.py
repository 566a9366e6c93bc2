"""``cgappliance tenant notice``: what a customer's administrator is told when the service begins."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from cgappliance.admin import notice
from cgappliance.admin.notice import Language
from cgappliance.cli.common import State, config_option, json_option, pass_state, print_json
from cgappliance.cli.desk import open_store, tenant_argument, tenant_named, write_chunks
from cgappliance.config.load import load_settings
from cgappliance.config.values import Settings
from cgappliance.model import Tenant

HTTPS_PORT = 443  # the one that an address need not name


@click.command("notice")
@tenant_argument
@click.option("--language", type=click.Choice([language.value for language in Language]), help="Default: the tenant's.")
@click.option("--format", "form", type=click.Choice(["text", "html"]), default="text", help="Default: text.")
@click.option("--site", metavar="URL", help="The web site's address, where a reverse proxy gives it another one.")
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="A new file; default: standard output.")
@config_option()
@json_option
@pass_state
def show_notice(
    state: State, /, tenant: str, *, language: str | None, form: str, site: str | None, output: Path | None, as_json: bool
) -> None:
    """Write the service notice for the administrators of TENANT: contract, web pages, server name and ports."""
    settings = load_settings(state.config)
    with open_store(state) as store:
        found = tenant_named(state, store, tenant)
    facts = notice.facts_of(found, _site(settings, found) if site is None else site)
    if as_json:
        print_json(asdict(facts))
        return
    written = notice.write(facts, Language(language or found.language))
    write_chunks([notice.as_html(written) if form == "html" else notice.as_text(written)], output)


def _site(settings: Settings, tenant: Tenant) -> str:
    """Return the site's address as the settings let guess it; "": there is no site."""
    if settings.web is None:
        return ""
    port = settings.web.port if settings.web.tls else HTTPS_PORT  # without TLS a reverse proxy stands in front
    return f"https://{tenant.listen.hostname}{'' if port == HTTPS_PORT else f':{port}'}"
