from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from cgappliance.testing.lab.postgresql import HOST, PostgreSQL
from cgappliance.testing.lab.process import port_open

pytestmark = pytest.mark.integration


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), connect_timeout=5)


def test_databases_are_apart_and_can_be_copied() -> None:
    with PostgreSQL() as server:
        first = server.create_database()
        with connect(first) as connection:
            connection.execute("CREATE TABLE t AS SELECT 7 AS x")
        copy = server.create_database(make_url(first).database or "")
        with connect(copy) as connection:
            assert connection.execute("SELECT x FROM t").fetchone() == (7,)
        with connect(server.create_database()) as connection, pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT x FROM t")


def test_a_wrong_password_is_refused_over_tcp() -> None:
    with PostgreSQL() as server:
        url = make_url(server.create_database()).set(password="wrong").render_as_string(hide_password=False)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(url)


def test_stop_leaves_no_server_and_no_files_even_with_a_client_connected() -> None:
    server = PostgreSQL().start()
    client = connect(server.create_database())
    home = Path(server.process.log).parent
    server.stop()
    client.close()
    assert not port_open(HOST, server.port)
    assert not home.exists()
