"""A value that cannot print itself: passwords, tokens and keys travel in this type from the socket to the bind.

This file may import nothing of the project. Its one rule: ``reveal()`` is the only way out.
"""

from __future__ import annotations

import hmac
from typing import Any, NoReturn

MASK = "****"


class Secret:
    """A text that shows as ``****`` in repr, str, format, logs, tracebacks and JSON (which refuses it).

    Two secrets compare equal when their texts do, in time that does not depend on where they differ. It cannot be hashed
    or pickled: both are ways for a secret to end up somewhere unnoticed.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a Secret holds str, not {type(text).__name__}")
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. Call it where the text is used and nowhere before."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # typeshed wants a method; None is Python's way to say "not hashable"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")
