"""Drives the load generator (``benchmarks/load``): started, warmed up, released, asked for its figures."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.harness.cores import pinned

LINE_TIMEOUT_S = 180.0  #: 5,000 sessions of the slowest peer log in within a minute
EXIT_TIMEOUT_S = 10.0


class LoadFailed(Exception):
    """The load generator met an error: a refused login, a wrong byte, silence."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a peer listens for one protocol."""

    protocol: str
    port: int
    ca_file: Path
    users: int  #: accounts that may be used, from ``first_user`` on
    first_user: int = 0
    tenants: int = 1
    port_step: int = 0  #: tenant t listens on ``port + t * port_step``

    def arguments(self) -> list[str]:
        """Return the target as arguments of the load generator."""
        numbers = {
            "port": self.port,
            "port-step": self.port_step,
            "tenants": self.tenants,
            "users": self.users,
            "first-user": self.first_user,
        }
        options = [part for name, value in numbers.items() for part in (f"--{name}", str(value))]
        return ["--protocol", self.protocol, "--ca", str(self.ca_file), *options]


class Load:
    """One run of the load generator: ``with Load(...) as load: load.ready(); load.go(); figures = load.done()``."""

    def __init__(self, program: Path, core: int, work: str, target: Target, **options: float | bool) -> None:
        """Start it. ``options``: ``sessions=16``, ``seconds=3``, ``resume=True`` ...; see ``loadgen.c``."""
        arguments = [work, *target.arguments()]
        for name, value in options.items():
            if value is True:
                arguments.append(f"--{name}")
            elif value is not False:
                arguments += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        self._process = subprocess.Popen(
            pinned([str(program), *arguments], core), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._what = f"{work} {target.protocol}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def _line(self) -> Mapping[str, Any]:
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(LINE_TIMEOUT_S):
                raise LoadFailed(f"{self._what}: the load generator said nothing for {LINE_TIMEOUT_S:g} s")
        line = stdout.readline()
        if not line:
            stderr = self._process.stderr.read() if self._process.stderr else b""
            raise LoadFailed(f"{self._what}: the load generator ended: {stderr.decode(errors='replace').strip()}")
        figures: Mapping[str, Any] = json.loads(line)
        if figures["errors"]:
            raise LoadFailed(f"{self._what}: {figures['errors']} errors, the first: {figures['first_error']}")
        return figures

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        self._process.stdin.flush()

    def ready(self) -> None:
        """Wait until sessions are open and warm.

        Raises:
            LoadFailed: a session did not get that far.
        """
        self._line()

    def go(self) -> None:
        """Start the measured part."""
        self._say("go")

    def stop(self) -> None:
        """End the measured part before its time."""
        self._say("stop")

    def done(self) -> Mapping[str, Any]:
        """Wait for the end of the measured part and return its figures.

        Raises:
            LoadFailed: something went wrong in it: no figure of it may be used.
        """
        return self._line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(EXIT_TIMEOUT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


class Together:
    """Several loads at the same time, as if they were one: ``with Together(one, other) as load: ...``."""

    def __init__(self, *loads: Load) -> None:
        """Take loads that were just started."""
        self._loads = loads

    def ready(self) -> None:
        """Wait until all are. Raises LoadFailed, as each."""
        for load in self._loads:
            load.ready()

    def go(self) -> None:
        """Start the measured part of all."""
        for load in self._loads:
            load.go()

    def done(self) -> Mapping[str, Any]:
        """Return the sums of what was done, in the longest time that one took. Raises LoadFailed, as each."""
        figures = [load.done() for load in self._loads]
        sums = {name: sum(each[name] for each in figures) for name in ("operations", "bytes", "cpu_s")}
        return {**sums, "seconds": max(each["seconds"] for each in figures)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: Any) -> None:
        with contextlib.ExitStack() as stack:
            for load in self._loads:
                stack.callback(load.__exit__, *failure)
