"""The figures of a benchmark: samples of single runs, and their median, minimum and maximum over the runs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of one workload against one peer gave."""

    peer: str
    workload: str
    run: int
    values: Mapping[str, float]  #: by name with unit: ``logins_per_cpu_s``, ``p50_us`` ...
    load: Mapping[str, float] = field(default_factory=dict)  #: shares of a core that proxy, load generator and upstream used
    disturbed: tuple[str, ...] = ()  #: why this run is doubtful; empty: it is not


@dataclass(frozen=True, slots=True)
class Gap:
    """A figure that there is not, and why."""

    peer: str
    workload: str
    reason: str
    failed: bool = False  #: True: it was tried and went wrong


@dataclass(frozen=True, slots=True)
class Summary:
    """One figure over all runs."""

    median: float
    minimum: float
    maximum: float
    runs: int
    all_disturbed: bool  #: there was no undisturbed run to take it from


@dataclass(slots=True)
class Results:
    """All that a benchmark found out."""

    about: dict[str, Any]  #: machine, versions, date, scale
    samples: list[Sample] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def summary(self, peer: str, workload: str, value: str) -> Summary | None:
        """Return one figure; None when it was not measured.

        Runs that were disturbed are left out as long as an undisturbed one remains.
        """
        mine = [sample for sample in self.samples if (sample.peer, sample.workload) == (peer, workload) and value in sample.values]
        quiet = [sample for sample in mine if not sample.disturbed] or mine
        if not mine:
            return None
        numbers = [sample.values[value] for sample in quiet]
        return Summary(statistics.median(numbers), min(numbers), max(numbers), len(numbers), all(s.disturbed for s in mine))

    def peers(self) -> list[str]:
        """Return the peers in the order of their first sample or gap."""
        return _in_order([sample.peer for sample in self.samples] + [gap.peer for gap in self.gaps])

    def workloads(self) -> list[str]:
        """Return the workloads in the order of their first sample."""
        return _in_order(sample.workload for sample in self.samples)

    def gap(self, peer: str, workload: str) -> Gap | None:
        """Return why there is no figure, when that is known."""
        return next((gap for gap in self.gaps if (gap.peer, gap.workload) == (peer, workload)), None)

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, default=str) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Return what ``write`` has written."""
        data = json.loads(path.read_text())
        samples = [Sample(**{**sample, "disturbed": tuple(sample["disturbed"])}) for sample in data["samples"]]
        return cls(data["about"], samples, [Gap(**gap) for gap in data["gaps"]])


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
