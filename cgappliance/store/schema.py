"""Every table and column of the store, and why each is there. The migrations build it; a test proves that they build exactly this.

This file knows the shape of what is kept and nothing of what happens with it.

Rules
    * Addresses are lower case. A tenant is its file's name; there is no tenant table, for the files are the truth.
    * An account is referred to by ``accounts.id`` inside the database, and by ``accounts.uid`` where a reference must survive a
      backup or be bound into a ciphertext. Both stay when the address changes.
    * History and audit hold texts, not references: they tell what was, also when the account has gone.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from cgappliance.store.columns import SortableIp, UtcTime

SCHEMA_VERSION: Final = "0004"  #: the newest migration; a test compares it with the migrations folder

TENANT_MAX_CHARS = 64  #: a file name's stem
ADDRESS_MAX_CHARS = 320  #: 64 + @ + 255 (RFC 5321 4.5.3.1)
NAME_MAX_CHARS = 64  #: names of profiles: they stand in columns of a terminal
IDENTITY_MAX_CHARS = 1024  #: a distinguished name; Active Directory allows fewer
DETAIL_MAX_CHARS = 500  #: what a server said; enough for Google's longest refusal
CLIENT_MAX_CHARS = 200  #: IMAP ID or EHLO, as the client liked to call itself
REASON_MAX_CHARS = 500  #: why an administrator did it
ORIGIN_MAX_CHARS = 128  #: an IP address, or the name of a terminal

#: Stable names for constraints, so that a migration can name what it changes.
NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING)

#: A growing number: SQLite only counts by itself when the type is exactly INTEGER.
_Serial = BigInteger().with_variant(Integer(), "sqlite")

#: Who may use the appliance, one row per mail address of a tenant.
accounts = Table(
    "accounts",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),  # random; bound into the ciphertexts of its credentials
    Column("tenant", String(TENANT_MAX_CHARS), nullable=False),
    Column("address", String(ADDRESS_MAX_CHARS), nullable=False),
    Column("identity", String(IDENTITY_MAX_CHARS), nullable=False),  # the directory's name for it (DN, objectGUID); "" unknown
    Column("profile", String(NAME_MAX_CHARS), nullable=False),  # "" means the tenant's default profile
    Column("profile_source", String(16), nullable=False),  # accounts.ProfileSource: who chose it
    Column("enabled", Boolean(), nullable=False),
    Column("disabled_by", String(16), nullable=False),  # accounts.DisabledBy: sync re-enables only what sync disabled
    Column("google_id", String(64), nullable=False),  # Google's stable user id; "" unknown
    Column("google_state", String(16), nullable=False),  # accounts.GoogleState: what Google said last
    Column("reset_due", Boolean(), nullable=False),  # the address changed and Google's password did not yet (manual 3.5)
    Column("version", Integer(), nullable=False),  # counts changes; two administrators cannot overwrite each other unseen
    Column("created_at", UtcTime(), nullable=False),
    Column("changed_at", UtcTime(), nullable=False),
    Column("changed_by", String(ADDRESS_MAX_CHARS), nullable=False),
    UniqueConstraint("tenant", "address"),
    Index(None, "tenant", "profile"),
)

#: The last success and failure of an account over each protocol: the history may be long gone when an administrator asks.
account_logins = Table(
    "account_logins",
    metadata,
    Column("account_id", BigInteger(), ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("protocol", String(8), primary_key=True),
    Column("success_at", UtcTime()),
    Column("success_ip", SortableIp()),
    Column("failure_at", UtcTime()),
    Column("failure_ip", SortableIp()),
    Column("failure_reason", String(32)),
)

#: Security profiles made by administrators; those of the tenant file are not here.
profiles = Table(
    "profiles",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("tenant", String(TENANT_MAX_CHARS), nullable=False),
    Column("name", String(NAME_MAX_CHARS), nullable=False),
    Column("rules", JSON(), nullable=False),  # ordered; profiles.py is its only reader and writer
    Column("version", Integer(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("changed_at", UtcTime(), nullable=False),
    Column("changed_by", String(ADDRESS_MAX_CHARS), nullable=False),
    UniqueConstraint("tenant", "name"),
)

#: Google-side secrets, encrypted (vault.py). "pending" is a password that Google may or may not have taken.
credentials = Table(
    "credentials",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("account_id", BigInteger(), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(24), nullable=False),  # credentials.Kind
    Column("state", String(16), nullable=False),  # credentials.State
    Column("secret", LargeBinary(), nullable=False),
    Column("key_id", String(16), nullable=False, index=True),  # also inside ``secret``; here so that a rotation finds its rows
    Column("created_at", UtcTime(), nullable=False),
    Column("created_by", String(ADDRESS_MAX_CHARS), nullable=False),
    UniqueConstraint("account_id", "kind", "state"),
)

#: Who changed what, before and after. Rows are only ever added.
audit = Table(
    "audit",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("at", UtcTime(), nullable=False),
    Column("tenant", String(TENANT_MAX_CHARS), nullable=False),  # "" for the appliance itself
    Column("actor", String(ADDRESS_MAX_CHARS), nullable=False),
    Column("origin", String(ORIGIN_MAX_CHARS), nullable=False),  # from where: "command line", an IP address
    Column("action", String(48), nullable=False),  # "account.disable"
    Column("target", String(ADDRESS_MAX_CHARS), nullable=False),  # an address, a profile's name
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
    Column("reason", String(REASON_MAX_CHARS), nullable=False),
    Index(None, "tenant", "id"),
    Index(None, "tenant", "target", "id"),
)

#: One row per login attempt; that of an accepted login is also its session.
history = Table(
    "history",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("at", UtcTime(), nullable=False),  # when the client was accepted on the port
    Column("tenant", String(TENANT_MAX_CHARS), nullable=False),
    Column("account", String(ADDRESS_MAX_CHARS), nullable=False),  # the address, or what was typed where there is none
    Column("protocol", String(8), nullable=False),
    Column("local_port", Integer(), nullable=False),
    Column("remote_ip", SortableIp(), nullable=False),
    Column("remote_port", Integer(), nullable=False),
    Column("tls_version", String(16), nullable=False),  # "TLSv1.3"
    Column("client", String(CLIENT_MAX_CHARS), nullable=False),
    Column("outcome", String(16), nullable=False),  # model.Outcome
    Column("reason", String(32), nullable=False),  # model.Reason
    Column("detail", String(DETAIL_MAX_CHARS), nullable=False),
    Column("state", String(8), nullable=False),  # history.State: open, closed, lost
    Column("duration_ms", BigInteger()),  # of the attempt, or of the whole session; empty while it is open
    Column("phases_ms", JSON(), nullable=False),  # {"tls": 12, "directory": 3, ...}
    Column("bytes_up", BigInteger(), nullable=False),  # from the client to Gmail
    Column("bytes_down", BigInteger(), nullable=False),  # from Gmail to the client
    Column("ended_by", String(32), nullable=False),  # net.relay.End: who ended the session; "" while it is open
    Column("end_detail", String(DETAIL_MAX_CHARS), nullable=False),
    Column("session", String(32), nullable=False),  # the connection's id in log lines
    Column("node", String(64), nullable=False),
    Column("incarnation", String(32), nullable=False),  # one life of one worker process
    Index("ix_history_at", "at", "id"),  # all tenants at once, for the operator
    Index("ix_history_tenant_at", "tenant", "at", "id", "outcome", "reason"),  # the last two: plots and rare reasons read no rows
    Index("ix_history_account_at", "tenant", "account", "at", "id"),
    Index("ix_history_ip_at", "tenant", "remote_ip", "at", "id"),
    Index("ix_history_session", "session"),
    Index(
        "ix_history_open",
        "node",
        "incarnation",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

#: What the appliance did to an account at its directory lately: policy/lockout.py's state, shared by all processes and nodes.
lockouts = Table(
    "lockouts",
    metadata,
    Column("tenant", String(TENANT_MAX_CHARS), primary_key=True),
    Column("address", String(ADDRESS_MAX_CHARS), primary_key=True),
    Column("binds", JSON(), nullable=False),  # bounded by the policy's limit; holds keyed digests, never a password
    Column("locked_until", UtcTime()),
    Column("touched_at", UtcTime(), nullable=False, index=True),  # for the sweep
)

#: Who may log in to a tenant's admin site besides the members of a directory group.
administrators = Table(
    "administrators",
    metadata,
    Column("id", _Serial, primary_key=True),
    Column("uid", String(32), nullable=False, unique=True),  # random; bound into the ciphertext of its second factor
    Column("tenant", String(TENANT_MAX_CHARS), nullable=False),
    Column("name", String(NAME_MAX_CHARS), nullable=False),  # what is typed to log in; never a mail address
    Column("role", String(16), nullable=False),  # administrators.Role
    Column("password_hash", String(256), nullable=False),  # argon2id, with its parameters
    Column("totp_secret", LargeBinary()),  # encrypted (vault.py); empty: no second factor
    Column("key_id", String(16), nullable=False),  # of the ciphertext; "" without one
    Column("totp_step", BigInteger(), nullable=False),  # the last half minute whose code was used: a code works once
    Column("created_at", UtcTime(), nullable=False),
    Column("changed_at", UtcTime(), nullable=False),
    Column("changed_by", String(ADDRESS_MAX_CHARS), nullable=False),
    Column("last_login_at", UtcTime()),
    UniqueConstraint("tenant", "name"),
)

#: Who is logged in to the web site. The browser has a random token, this table its digest: who reads the table cannot log in.
web_sessions = Table(
    "web_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("tenant", String(TENANT_MAX_CHARS), nullable=False),
    Column("site", String(16), nullable=False),  # web_sessions.Site: an administrator's session is none of the user's pages
    Column("subject", String(ADDRESS_MAX_CHARS), nullable=False),  # an administrator's name, or a mail address
    Column("source", String(16), nullable=False),  # web_sessions.Source: what has verified the password
    Column("role", String(16), nullable=False),  # administrators.Role; "" on the user's pages
    Column("remote_ip", SortableIp(), nullable=False),  # of the login
    Column("created_at", UtcTime(), nullable=False),
    Column("seen_at", UtcTime(), nullable=False, index=True),  # for the sweep
    Column("notices", JSON(), nullable=False),  # what the next page is to say
    Index(None, "tenant", "subject"),
)

#: One row: the number of the last administrative change. Its row lock puts such changes in one order on every database.
change_counter = Table(
    "change_counter",
    metadata,
    Column("id", Integer(), primary_key=True, autoincrement=False),
    Column("n", BigInteger(), nullable=False),
)

#: What the last changes touched, so that every process drops just that from its memory (changes.py).
changes = Table(
    "changes",
    metadata,
    Column("n", BigInteger(), primary_key=True, autoincrement=False),
    Column("tenant", String(TENANT_MAX_CHARS), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("key", String(ADDRESS_MAX_CHARS), primary_key=True),
)

#: What an operator of one node wants of all others, for an hour.
orders = Table(
    "orders",
    metadata,
    Column("id", BigInteger(), primary_key=True, autoincrement=False),  # the number of the change that it is
    Column("at", UtcTime(), nullable=False),
    Column("node", String(64), nullable=False),  # who gave it
    Column("kind", String(16), nullable=False),
    Column("payload", JSON(), nullable=False),
)

#: What the processes of other nodes have answered.
order_answers = Table(
    "order_answers",
    metadata,
    Column("order_id", BigInteger(), primary_key=True, autoincrement=False),
    Column("incarnation", String(32), primary_key=True),  # one life of one worker process
    Column("node", String(64), nullable=False),
    Column("at", UtcTime(), nullable=False),
    Column("body", JSON(), nullable=False),
)
