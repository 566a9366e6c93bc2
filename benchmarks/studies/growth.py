"""Growth: from one tenant with 10 accounts to hundreds of tenants with 100,000 accounts.

Logins must cost the same; an idle appliance must stay small; and a change of one tenant must not wait for the others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from benchmarks.harness.bench import Bench, Measured
from benchmarks.harness.lab import people
from benchmarks.peers.appliance import Appliance, Shape
from benchmarks.studies.base import Study, keep, log_in_all, logins, running
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.slapd import Slapd

SMALLEST_ACCOUNTS = 10
ACTIVE_ACCOUNTS = 5000  #: of the accounts, so many log in: spread over all tenants, more than any cache of recent ones
RELOAD_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Grown:
    """One size of appliance, measured."""

    tenants: int
    accounts: int
    measured: Measured
    start_s: float
    fresh_mb: float  #: before the first login
    idle_mb: float  #: after the logins of all active accounts, as soon as the last of them is over
    rested_mb: float  #: when nobody has come for a while
    reload_s: float

    @property
    def logins_per_cpu_s(self) -> float:
        """What counts."""
        return self.measured.operations / self.measured.proxy_cpu_s


def accounts_of(bench: Bench, tenants: int) -> int:
    """Return how many accounts belong to a number of tenants: few for the smallest, all for the biggest."""
    sizes = bench.scale.tenants
    if tenants == sizes[0]:
        return SMALLEST_ACCOUNTS
    return bench.scale.growth_accounts if tenants == sizes[-1] else bench.scale.growth_accounts // 100


def directory(bench: Bench, tenants: int) -> Slapd:
    """Return the directory of one size, made in the first run and kept."""
    name = f"growth-{tenants}"
    if name not in bench.directories:
        bench.directories[name] = bench.lab.directory(name, people(accounts_of(bench, tenants), tenants))
    return bench.directories[name]


def _reload_s(appliance: Appliance, tenant: int) -> float:
    """Change one tenant's file and return how long the appliance took to act on it."""
    name = f"t{tenant:03d}"
    path = appliance.folder / "conf.d" / f"{name}.toml"
    read = len(appliance.log_text())
    beside = path.with_suffix(".new")
    beside.write_text(path.read_text().replace(f'"Tenant {tenant}"', f'"Tenant {tenant}, changed"'))
    started = time.monotonic()
    beside.rename(path)
    wait_until(lambda: f"event=tenant.changed tenant={name}" in appliance.log_text()[read:], f"reload of {name}", RELOAD_TIMEOUT_S)
    return time.monotonic() - started


def _grown(bench: Bench, tenants: int) -> Grown:
    accounts = accounts_of(bench, tenants)
    with directory(bench, tenants) as slapd:
        started = time.monotonic()
        with running(bench, f"growth-{tenants}", Shape(tenants=tenants, directory=slapd)) as appliance:
            start_s, fresh_mb = time.monotonic() - started, _mb(appliance)
            target = appliance.target("imap", min(accounts, ACTIVE_ACCOUNTS))
            log_in_all(bench, target)
            measured = logins(bench, appliance, target)
            idle_mb, reload_s = _mb(appliance), _reload_s(appliance, tenants // 2)
            return Grown(tenants, accounts, measured, start_s, fresh_mb, idle_mb, _rested_mb(bench, appliance), reload_s)


def _rested_mb(bench: Bench, appliance: Appliance) -> float:
    """Return the memory after a while without logins; waits for it where there is a crowd of tenants, for only they are slimmed."""
    if appliance.shape.tenants == bench.scale.tenants[-1]:
        time.sleep(bench.scale.growth_quiet_s)
    return _mb(appliance)


def _mb(appliance: Appliance) -> float:
    return (appliance.pss_kib() or 0) * 1024 / 1e6


def run(bench: Bench, number: int) -> None:
    """Measure all sizes, one after the other."""
    grown = [_grown(bench, tenants) for tenants in bench.scale.tenants]
    for each in grown:
        name = f"growth-{each.tenants}"
        cost = {"logins_per_cpu_s": each.logins_per_cpu_s, "share_of_smallest": each.logins_per_cpu_s / grown[0].logins_per_cpu_s}
        keep(bench, name, number, cost, grown[0].measured, each.measured)
        # a slower core during the logins does not change these
        sizes = ("accounts", "start_s", "fresh_mb", "idle_mb", "rested_mb", "reload_s")
        keep(bench, name, number, {value: float(getattr(each, value)) for value in sizes})


STUDY = Study("growth", "1 to 500 tenants, 10 to 100,000 accounts: logins, memory, start, reload of one tenant", run)
