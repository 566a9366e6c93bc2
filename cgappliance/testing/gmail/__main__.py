"""The look-alike as a process: ``python -m cgappliance.testing.gmail --certificate C --private-key K [--state FILE] ...``.

Prints one line of JSON when it is ready: the ports by service. Ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import click
import gevent

from cgappliance.testing.gmail.seed import BadSeed, load
from cgappliance.testing.gmail.server import SERVICES, GmailLookAlike
from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import UnknownSwitch
from cgappliance.testing.lab.certificates import KeyPair

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, path_type=Path)


def _ports(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    ports = {}
    for value in values:
        name, _, number = value.partition("=")
        if name not in SERVICES or not number.isdigit():
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER (names: {', '.join(SERVICES)})")
        ports[name] = int(number)
    return ports


@click.command()
@click.option("--certificate", type=EXISTING, required=True, help="PEM chain of the TLS services.")
@click.option("--private-key", type=EXISTING, required=True, help="PEM key of the TLS services.")
@click.option("--state", "seed", type=EXISTING, help="TOML file of accounts and messages to start with.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", "ports", multiple=True, callback=_ports, help="SERVICE=NUMBER, repeatable; a free port where left out.")
@click.option("--service-account", type=WRITABLE, help="Key file of the service account; made (mode 0600) when it does not exist.")
@click.option("--ready-file", type=WRITABLE, help="Write the line of JSON here, too, when ready.")
def main(
    *,
    certificate: Path,
    private_key: Path,
    seed: Path | None,
    host: str,
    ports: dict[str, int],
    service_account: Path | None,
    ready_file: Path | None,
) -> None:
    """Run the Gmail look-alike until SIGTERM."""
    state = GmailState()
    try:
        if seed is not None:
            load(state, seed)
    except (BadSeed, UnknownSwitch, ValueError) as error:
        raise click.ClickException(f"{seed}: {error}") from error
    gmail = GmailLookAlike(KeyPair(certificate, private_key), state, host=host, ports=ports)
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, gmail.order_stop)
    try:
        gmail.serve(on_ready=lambda: _announce(gmail, service_account, ready_file))
    except OSError as error:
        raise click.ClickException(str(error)) from error


def _announce(gmail: GmailLookAlike, service_account: Path | None, ready_file: Path | None) -> None:
    if service_account is not None:
        _provide_key(gmail, service_account)
    line = json.dumps(gmail.ports)
    if ready_file is not None:
        beside = ready_file.with_name(ready_file.name + ".new")
        beside.write_text(line)
        beside.rename(ready_file)  # whoever waits for the file never sees half of it
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _provide_key(gmail: GmailLookAlike, path: Path) -> None:
    """Know the service account of the key file, so that it survives a restart; make both when there is no file."""
    known = ServiceAccount.from_key_json(path.read_text()) if path.exists() else ServiceAccount.generate()
    gmail.state.add_service_account(known)
    path.touch(mode=0o600)
    path.write_text(gmail.key_json(known))


if __name__ == "__main__":
    main()
