"""Carry orders of operators, and the answers to them, between nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cgappliance.store.columns import UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make both tables; the reasons for each column stand in ``schema.py``."""
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
    )
    op.create_table(
        "order_answers",
        sa.Column("order_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("incarnation", sa.String(32), primary_key=True),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
    )
