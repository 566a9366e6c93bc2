"""How much is measured: the full benchmark, and the quick one that only shows that everything still runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of one benchmark."""

    name: str
    runs: int
    seconds: float  #: of each measured part
    warmup_s: float
    bulk_mib_one: int  #: message size with one session
    bulk_mib_eight: int  #: with eight sessions
    users: int  #: accounts that log in again and again: their answers are cached where a peer caches
    accounts: int  #: in the directory; those above ``users`` are for logins of accounts that are not remembered
    block: int  #: of such accounts, for one measurement: more than the fastest peer logs in
    idle: tuple[int, int]  #: sessions of the two idle figures
    idle_quiet_s: float  #: how long idle sessions are watched for CPU time
    commands: int  #: sessions that send commands at the same time
    tenants: tuple[int, ...]
    growth_accounts: int  #: accounts of the biggest tenant set
    growth_quiet_s: float  #: after its logins: longer than anything is kept ready that only a rush of logins has use for
    latency_logins: int  #: logins through the delay line, per protocol

    @property
    def quick(self) -> bool:
        """Whether the figures are worth nothing but that they exist."""
        return self.name == "quick"


FULL = Scale(
    name="full",
    runs=3,
    seconds=3.0,
    warmup_s=1.0,
    bulk_mib_one=100,
    bulk_mib_eight=25,
    users=500,
    accounts=12_500,
    block=6000,
    idle=(2000, 5000),
    idle_quiet_s=5.0,
    commands=100,
    tenants=(1, 10, 500),
    growth_accounts=100_000,
    growth_quiet_s=90.0,
    latency_logins=20,
)

QUICK = Scale(
    name="quick",
    runs=1,
    seconds=0.25,
    warmup_s=0.1,
    bulk_mib_one=4,
    bulk_mib_eight=1,
    users=20,
    accounts=1220,
    block=600,
    idle=(20, 40),
    idle_quiet_s=0.2,
    commands=10,
    tenants=(1, 5),
    growth_accounts=500,
    growth_quiet_s=0.1,
    latency_logins=2,
)
