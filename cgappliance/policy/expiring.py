"""A map that forgets: each entry after a fixed time, the oldest when there are too many. Pure; clock passed in.

Memory that outsiders can fill (every address that a guesser invents is a key) must be bounded, and what it answers must be no older
than promised.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ExpiringMap(Generic[Key, Value]):
    """Values by key, for ``ttl_s`` seconds each. All operations take constant time, spread over the calls."""

    __slots__ = ("_entries", "_max_entries", "_ttl_s")

    def __init__(self, ttl_s: float, max_entries: int) -> None:
        """Keep up to ``max_entries`` for ``ttl_s`` seconds."""
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self._entries: dict[Key, tuple[Value, float]] = {}  # in the order of their ends, for all live equally long

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key, now: float) -> Value | None:
        """Return the value of ``key``, or None when there is none or its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, ends_at = entry
        if now < ends_at:
            return value
        del self._entries[key]
        return None

    def put(self, key: Key, value: Value, now: float) -> None:
        """Keep ``value`` for ``key`` from now on."""
        self._entries.pop(key, None)  # a dict keeps a replaced key's old place
        self._entries[key] = (value, now + self._ttl_s)
        self._shrink(now)

    def pop(self, key: Key) -> None:
        """Forget ``key``."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _shrink(self, now: float) -> None:
        while self._entries:
            oldest = next(iter(self._entries))
            if len(self._entries) <= self._max_entries and now < self._entries[oldest][1]:
                return
            del self._entries[oldest]
