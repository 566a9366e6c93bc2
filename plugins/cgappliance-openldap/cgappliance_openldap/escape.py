"""Filters from values that a stranger typed. No other file of this plugin builds a filter.

Every value is escaped here (RFC 4515 3), so an address such as ``*)(uid=*`` is a very long name that nobody has.
"""

from __future__ import annotations

from ldap.filter import escape_filter_chars


def equals(attribute: str, value: str) -> str:
    """Return the filter for entries whose ``attribute`` is ``value``, whatever characters that holds."""
    return f"({attribute}={escape_filter_chars(value)})"


def every(*filters: str) -> str:
    """Return the filter for entries that match all of ``filters``."""
    return f"(&{''.join(filters)})"


def either(*filters: str) -> str:
    """Return the filter for entries that match one of ``filters``."""
    return f"(|{''.join(filters)})"
