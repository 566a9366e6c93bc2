"""All peers, workloads and studies, in the order of the table."""

from __future__ import annotations

from benchmarks.peers.appliance import Appliance, ApplianceBind
from benchmarks.peers.bare import BareRelay
from benchmarks.peers.base import Peer
from benchmarks.peers.direct import Direct
from benchmarks.peers.dovecot import Dovecot, DovecotCached
from benchmarks.peers.emailproxy import EmailProxy
from benchmarks.peers.haproxy import HAProxy, HAProxyFull
from benchmarks.peers.nginx import Nginx
from benchmarks.studies import ceiling, growth, latency, workers
from benchmarks.studies.base import Study
from benchmarks.workloads import bulk, commands, idle, logins
from benchmarks.workloads.base import Workload

PEERS: tuple[type[Peer], ...] = (
    Direct,
    Appliance,
    ApplianceBind,
    Dovecot,
    DovecotCached,
    HAProxy,
    HAProxyFull,
    Nginx,
    EmailProxy,
    BareRelay,
)
WORKLOADS: tuple[Workload, ...] = (*logins.WORKLOADS, *bulk.WORKLOADS, *commands.WORKLOADS, *idle.WORKLOADS)
STUDIES: tuple[Study, ...] = (ceiling.STUDY, workers.STUDY, growth.STUDY, latency.STUDY)
