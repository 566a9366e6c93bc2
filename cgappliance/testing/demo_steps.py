"""What every demo is made of: steps that are run one after the other, shown with what came of them, and summed up."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Final

import click

COLUMN: Final = 76


class StepFailed(Exception):
    """A step did not give what it should; the message says what came instead."""


class Steps:
    """Steps, and what became of them."""

    def __init__(self) -> None:
        self.results: list[tuple[str, bool]] = []

    @property
    def held(self) -> bool:
        """Whether all of them held."""
        return all(held for _, held in self.results)

    def step(self, title: str, action: Callable[[], str]) -> None:
        """Run one step, print what came of it, and remember it."""
        say(f"  {title}")
        try:
            said, held = action(), True
        except (StepFailed, TimeoutError, subprocess.TimeoutExpired) as error:
            said, held = str(error), False
        say(f"    {'ok ' if held else 'FAILED '} {said}")
        self.results.append((title, held))

    def summary(self) -> None:
        """Print the table of all steps."""
        heading("Summary")
        for title, held in self.results:
            say(f"  {title:<{COLUMN}} {'ok' if held else 'FAILED'}")
        number = sum(held for _, held in self.results)
        say(f"\n  {number} of {len(self.results)} steps hold")


def say(line: str) -> None:
    """Print for the person who watches."""
    click.echo(line)


def heading(title: str) -> None:
    """Print a heading."""
    say(f"\n{title}\n{'-' * len(title)}")
