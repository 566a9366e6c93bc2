"""``cgappliance key``: the keys that encrypt the stored credentials."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from cgappliance.cli.common import State, config_option, json_option, pass_state, print_json, print_table, tell
from cgappliance.cli.desk import local_time, open_desk, vault_of
from cgappliance.config.load import load_settings
from cgappliance.store import keyfile, rotation

_key_file = click.option(
    "--key-file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Another file than that of the settings."
)


@click.group()
def command() -> None:
    """Make and change the keys that encrypt the stored credentials."""


def _path(state: State, given: Path | None) -> Path:
    return load_settings(state.config).key_file if given is None else given


@command.command("init")
@_key_file
@config_option()
@json_option
@pass_state
def init_key(state: State, key_file: Path | None, as_json: bool) -> None:
    """Make the key file, with one new key, readable by its owner only."""
    path = _path(state, key_file)
    key = keyfile.create(path, datetime.now(UTC))
    done = f"{path}: key {key.id} made (keep a copy, apart from the backups of the database)"
    tell({"file": path, "key": key.id}, done, as_json=as_json)


@command.command("add")
@_key_file
@config_option()
@json_option
@pass_state
def add_key(state: State, key_file: Path | None, as_json: bool) -> None:
    """Add a new key and encrypt nothing with it yet: for a file that the service reads a copy of, as a systemd credential."""
    path = _path(state, key_file)
    keys = keyfile.change(path, lambda old: (keyfile.new_key(datetime.now(UTC)), *old))
    done = f"{path}: key {keys[0].id} added (restart the service if it reads a copy, then run 'cgappliance key rotate')"
    tell({"file": path, "key": keys[0].id}, done, as_json=as_json)


@command.command("list")
@config_option()
@json_option
@pass_state
def list_keys(state: State, as_json: bool) -> None:
    """List the keys, and how many stored credentials need each."""
    with open_desk(state) as desk:
        uses = rotation.uses(desk.store, vault_of(state))
    if as_json:
        print_json([asdict(use) for use in uses])
        return
    cells = [(use.id, _made(use), str(use.secrets), "yes" if use.encrypts else "no") for use in uses]
    print_table(("KEY", "MADE (UTC)", "CREDENTIALS", "ENCRYPTS"), cells)


def _made(use: rotation.KeyUse) -> str:
    return "NOT IN THE FILE" if use.made_at is None else local_time(use.made_at, UTC)


@command.command("rotate")
@config_option()
@json_option
@pass_state
def rotate_keys(state: State, as_json: bool) -> None:
    """Encrypt all stored credentials with a new key while the appliance runs, or finish a rotation that was interrupted."""
    path = _path(state, None)
    with open_desk(state) as desk:
        done = rotation.rotate(desk.store, path, desk.now())
        with desk.work() as work:
            work.log("", "key.rotate", done.key_id, after={"added": done.added, "reencrypted": done.reencrypted})
    key = f"key {done.key_id} {'added' if done.added else 'of an earlier rotation'}"
    data = {"key": done.key_id, "added": done.added, "reencrypted": done.reencrypted}
    tell(data, f"{key}; {done.reencrypted} credentials encrypted anew", as_json=as_json)


@command.command("prune")
@config_option()
@json_option
@pass_state
def prune_keys(state: State, as_json: bool) -> None:
    """Remove old keys that no stored credential needs. Backups from before the last rotation need them still."""
    path = _path(state, None)
    with open_desk(state) as desk:
        removed = rotation.prune(desk.store, path, desk.now())
        for key_id in removed:
            with desk.work() as work:
                work.log("", "key.prune", key_id)
    tell({"removed": list(removed)}, f"{len(removed)} keys removed", *removed, as_json=as_json)
