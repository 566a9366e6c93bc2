"""``cgappliance db``: the database itself."""

from __future__ import annotations

from pathlib import Path

import click

from cgappliance.cli.common import State, config_option, json_option, pass_state, print_json, tell
from cgappliance.cli.desk import open_desk, open_store
from cgappliance.store import backup, migrate
from cgappliance.store.schema import SCHEMA_VERSION


@click.group()
def command() -> None:
    """Upgrade, check, back up and restore the database."""


@command.command("upgrade")
@config_option()
@json_option
@pass_state
def upgrade(state: State, as_json: bool) -> None:
    """Bring the database to the schema of this version. Make a backup before: there is no way back but that."""
    with open_store(state) as store:
        done = migrate.upgrade(store)
    unchanged = done.before == done.after
    line = f"schema {done.after}: nothing to do" if unchanged else f"schema {done.before or 'none'} -> {done.after}"
    tell({"before": done.before or None, "after": done.after}, line, as_json=as_json)


@command.command("check")
@config_option()
@json_option
@pass_state
def check(state: State, as_json: bool) -> None:
    """Say which schema the database has. The exit status is 1 when this version cannot work with it."""
    with open_store(state) as store:
        found = migrate.version(store)
        if as_json:
            print_json({"schema": found or None, "wanted": SCHEMA_VERSION, "good": found == SCHEMA_VERSION})
        migrate.check(store)
    if not as_json:
        click.echo(f"schema {found}: good")


@command.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@config_option()
@json_option
@pass_state
def make_backup(state: State, file: Path, as_json: bool) -> None:
    """Copy everything to a new file while the appliance runs. The key file is not in it: keep a copy of that elsewhere."""
    with open_desk(state) as desk:
        made = backup.backup(desk.store, file, desk.now())
        with desk.work() as work:
            work.log("", "db.backup", str(file), after=dict(made.rows))
    tell({"file": file, "rows": dict(made.rows)}, f"{file}: {made.total} rows", as_json=as_json)


@command.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@config_option()
@json_option
@pass_state
def restore_backup(state: State, file: Path, as_json: bool) -> None:
    """Fill an empty database from a backup, of SQLite or PostgreSQL alike. The appliance must not be running."""
    with open_desk(state) as desk:
        made = backup.restore(desk.store, file)
        with desk.work() as work:
            work.log("", "db.restore", str(file), after={"made_at": made.made_at.isoformat(), **made.rows})
    data = {"file": file, "made_at": made.made_at.isoformat(), "rows": dict(made.rows)}
    tell(data, f"{made.total} rows of {made.made_at:%Y-%m-%d %H:%M:%S} UTC restored", as_json=as_json)
