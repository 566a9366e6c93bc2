"""What can go wrong with the store, split by blame. ``str(error)`` is for operator and administrator, never for a mail client.

This file imports nothing but the project's base error.
"""

from __future__ import annotations

from cgappliance.errors import CgapplianceError


class StoreError(CgapplianceError):
    """Base of everything that the store raises on purpose."""


class StoreUnavailable(StoreError):
    """The database could not be reached, stayed locked, is full or broke off: try again later. Nothing was written."""


class SchemaMismatch(StoreError):
    """The database's schema is not the one that this version works with; the message says which command helps."""


class KeyProblem(StoreError):
    """The key file is missing, unsafe or damaged, or is not the one that a secret was encrypted with."""


class RecordMissing(StoreError):
    """There is no such account, profile or credential."""


class RecordConflict(StoreError):
    """The change collides with what is there: a name that is taken, a profile in use, a record changed by somebody else."""


class RecordInvalid(StoreError):
    """A value cannot be stored; the message has one line ``field: problem (remedy)`` for each mistake."""


class LimitReached(StoreError):
    """A contract's or a named limit does not allow one more."""
