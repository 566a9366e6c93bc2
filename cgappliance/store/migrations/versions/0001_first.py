"""Make the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgappliance.store.columns import SortableIp, UtcTime

revision = "0001"
down_revision = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table; the reasons for each column stand in ``schema.py``."""
    _people()
    _credentials()
    _records()
    _shared_state()


def _people() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False, unique=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("identity", sa.String(1024), nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column("profile_source", sa.String(16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_by", sa.String(16), nullable=False),
        sa.Column("google_id", sa.String(64), nullable=False),
        sa.Column("google_state", sa.String(16), nullable=False),
        sa.Column("reset_due", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(320), nullable=False),
        sa.UniqueConstraint("tenant", "address"),
    )
    op.create_index(None, "accounts", ["tenant", "profile"])
    op.create_table(
        "account_logins",
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("protocol", sa.String(8), primary_key=True),
        sa.Column("success_at", UtcTime()),
        sa.Column("success_ip", SortableIp()),
        sa.Column("failure_at", UtcTime()),
        sa.Column("failure_ip", SortableIp()),
        sa.Column("failure_reason", sa.String(32)),
    )
    op.create_table(
        "profiles",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(320), nullable=False),
        sa.UniqueConstraint("tenant", "name"),
    )


def _credentials() -> None:
    op.create_table(
        "credentials",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.UniqueConstraint("account_id", "kind", "state"),
    )
    op.create_index(None, "credentials", ["key_id"])


def _records() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(320), nullable=False),
        sa.Column("origin", sa.String(128), nullable=False),
        sa.Column("action", sa.String(48), nullable=False),
        sa.Column("target", sa.String(320), nullable=False),
        sa.Column("before", sa.JSON()),
        sa.Column("after", sa.JSON()),
        sa.Column("reason", sa.String(500), nullable=False),
    )
    op.create_index(None, "audit", ["tenant", "id"])
    op.create_index(None, "audit", ["tenant", "target", "id"])
    op.create_table(
        "history",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("account", sa.String(320), nullable=False),
        sa.Column("protocol", sa.String(8), nullable=False),
        sa.Column("local_port", sa.Integer(), nullable=False),
        sa.Column("remote_ip", SortableIp(), nullable=False),
        sa.Column("remote_port", sa.Integer(), nullable=False),
        sa.Column("tls_version", sa.String(16), nullable=False),
        sa.Column("client", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(500), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("duration_ms", sa.BigInteger()),
        sa.Column("phases_ms", sa.JSON(), nullable=False),
        sa.Column("bytes_up", sa.BigInteger(), nullable=False),
        sa.Column("bytes_down", sa.BigInteger(), nullable=False),
        sa.Column("ended_by", sa.String(32), nullable=False),
        sa.Column("end_detail", sa.String(500), nullable=False),
        sa.Column("session", sa.String(32), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("incarnation", sa.String(32), nullable=False),
    )
    op.create_index("ix_history_at", "history", ["at", "id"])
    op.create_index("ix_history_tenant_at", "history", ["tenant", "at", "id"])
    op.create_index("ix_history_account_at", "history", ["tenant", "account", "at", "id"])
    op.create_index("ix_history_ip_at", "history", ["tenant", "remote_ip", "at", "id"])
    op.create_index("ix_history_session", "history", ["session"])
    is_open = sa.text("state = 'open'")
    op.create_index("ix_history_open", "history", ["node", "incarnation"], sqlite_where=is_open, postgresql_where=is_open)


def _shared_state() -> None:
    op.create_table(
        "lockouts",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("address", sa.String(320), primary_key=True),
        sa.Column("binds", sa.JSON(), nullable=False),
        sa.Column("locked_until", UtcTime()),
        sa.Column("touched_at", UtcTime(), nullable=False),
    )
    op.create_index(None, "lockouts", ["touched_at"])
    counter = op.create_table(
        "change_counter",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(counter, [{"id": 1, "n": 0}])
    op.create_table(
        "changes",
        sa.Column("n", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("key", sa.String(320), primary_key=True),
    )
