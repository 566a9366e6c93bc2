"""The metrics of the whole appliance, as Prometheus reads them: what all workers have counted, and what is true now.

Workers hand over what they have counted since the last time, every few seconds; it is added here to the totals, which therefore go
on growing when a worker dies. Gauges are asked for at each scrape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from cgappliance import metrics
from cgappliance.metrics import Counter, Delta, Description, Histogram, Labels

Samples = Mapping[str, Mapping[Labels, float]]  #: of gauges: name to label values to value

_COUNTED: Final = {metric.description.name: metric for metric in metrics.COUNTED}


class Totals:
    """What has been counted since the appliance was started."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._rows: dict[str, dict[Labels, list[float]]] = defaultdict(dict)
        for name, metric in _COUNTED.items():
            if isinstance(metric, Counter):
                self._sums[name].update(dict.fromkeys(metric.known, 0.0))

    def add(self, deltas: Iterable[Delta]) -> None:
        """Add what a process has counted since it last told."""
        for name, labels, amount in deltas:
            key = tuple(labels)
            if isinstance(_COUNTED.get(name), Histogram):
                row = self._rows[name].setdefault(key, [0.0] * len(amount))
                self._rows[name][key] = [old + new for old, new in zip(row, amount, strict=True)]
            elif name in _COUNTED:
                self._sums[name][key] += amount

    def tenants(self) -> set[str]:
        """Return the tenants that something was counted for."""
        found = set()
        for name, metric in _COUNTED.items():
            if "tenant" in metric.description.labels:
                at = metric.description.labels.index("tenant")
                found |= {key[at] for table in (self._sums[name], self._rows[name]) for key in table}
        return found

    def forget(self, tenant: str) -> None:
        """Forget what was counted for a tenant that is gone: its name may never come back."""
        for name, metric in _COUNTED.items():
            if "tenant" in metric.description.labels:
                at = metric.description.labels.index("tenant")
                for table in (self._sums[name], self._rows[name]):
                    for key in [key for key in table if key[at] == tenant]:
                        del table[key]

    def families(self) -> Iterator[Metric]:
        """Yield every counter and histogram."""
        for name, metric in _COUNTED.items():
            about = metric.description
            if isinstance(metric, Histogram):
                yield self._histogram(metric)
            else:
                family = CounterMetricFamily(name, about.help, labels=about.labels)
                for key, value in self._sums[name].items():
                    family.add_metric(key, value)
                yield family

    def _histogram(self, metric: Histogram) -> Metric:
        about = metric.description
        family = HistogramMetricFamily(about.name, about.help, labels=about.labels)
        bounds = [*map(str, metric.bounds), "+Inf"]
        for key, (total, *counts) in self._rows[about.name].items():
            family.add_metric(key, list(zip(bounds, accumulate(counts), strict=True)), total)
        return family


class Exposition(Collector):
    """Everything, for a scrape."""

    def __init__(self, totals: Totals, gauges: Callable[[], Samples]) -> None:
        """Show ``totals`` and what ``gauges`` returns when asked; it may block."""
        self._totals = totals
        self._gauges = gauges
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        samples = self._gauges()  # first: asking the workers also brings what they have counted
        yield from self._totals.families()
        for about in metrics.GAUGES:
            yield _family(about, samples.get(about.name, {}))

    def describe(self) -> list[Metric]:
        """Return nothing: the registry would collect to find out, before there is anything to ask."""
        return []


def _family(about: Description, samples: Mapping[Labels, float]) -> Metric:
    kind = CounterMetricFamily if about.kind == "counter" else GaugeMetricFamily
    family = kind(about.name, about.help, labels=about.labels)
    for key, value in samples.items():
        family.add_metric(key, value)
    return family
