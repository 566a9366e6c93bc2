"""Keep administrators of the web site, and who is logged in there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgappliance.store.columns import SortableIp, UtcTime

revision = "0002"
down_revision = "0001"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make both tables; the reasons for each column stand in ``schema.py``."""
    op.create_table(
        "administrators",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("uid", sa.String(32), nullable=False, unique=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("password_hash", sa.String(256), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary()),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(320), nullable=False),
        sa.Column("last_login_at", UtcTime()),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_table(
        "web_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("site", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(320), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("remote_ip", SortableIp(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
    )
    op.create_index(None, "web_sessions", ["seen_at"])
    op.create_index(None, "web_sessions", ["tenant", "subject"])
