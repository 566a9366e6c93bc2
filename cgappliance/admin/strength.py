"""How hard a password is to guess, and which of the directory's rules it meets: for the page, before the directory is asked.

The directory alone decides. What is said here is advice, and it says no more about a password than a number from 0 to 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zxcvbn import zxcvbn

from cgappliance.password_change import PasswordRules
from cgappliance.secret import Secret

SCORE_MAX: Final = 4
CONSIDERED: Final = 64  #: characters that are looked at: the time grows faster than the length, and so many are strong anyway

#: Characters that some mail clients do not send as they are typed (manual 3.3).
TROUBLESOME: Final = '"\\'


@dataclass(frozen=True, slots=True)
class Assessment:
    """What can be said of a new password."""

    score: int  #: 0: guessed at once; SCORE_MAX: not within a lifetime
    long_enough: bool | None  #: None: there is no such rule, or nobody knows it
    mixed_enough: bool | None
    troublesome: bool  #: some mail clients have trouble with a character of it


def assess(password: Secret, rules: PasswordRules, about: Sequence[str] = ()) -> Assessment:
    """Return what can be said of a new password.

    Args:
        password: not empty.
        rules: of the directory.
        about: what a guesser would try first: name, address, company.
    """
    text = password.reveal()
    found = zxcvbn(text[:CONSIDERED], user_inputs=[part for word in about for part in (word, *word.replace("@", ".").split("."))])
    return Assessment(
        score=int(found["score"]),
        long_enough=None if rules.min_length is None else len(text) >= rules.min_length,
        mixed_enough=None if rules.classes is None else classes(text) >= rules.classes,
        troublesome=any(character in TROUBLESOME or not character.isascii() for character in text),
    )


def classes(text: str) -> int:
    """Return how many kinds of character there are: upper case, lower case, digits, others (MS-SAMR 3.1.1.7.2)."""
    kinds = {
        "upper" if character.isupper() else "lower" if character.islower() else "digit" if character.isdigit() else "other"
        for character in text
    }
    return len(kinds)
