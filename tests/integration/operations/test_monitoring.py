"""Metrics and health of a running appliance with two workers."""

import http.client
import json
import os
import signal

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cgappliance import metrics
from cgappliance.testing.lab.process import free_port, wait_until
from cgappliance.testing.lab.world import TARO, YUKI, World
from tests.integration.conftest import at_once
from tests.integration.talking import ACCEPTED, IMAP, POP3, SMTP

CONDITION_S = 8.0  # a look every second, and what it finds
REFUSAL_REMEMBERED_S = 30.0  # that a user is unknown, by the provider


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("monitoring"), workers=2, limits={"health_interval_s": 2.0, "sessions_per_account": 3})
    world.metrics_port = free_port()
    file = world.appliance.config
    file.write_text(file.read_text() + f"\n[metrics]\nport = {world.metrics_port}\n")
    with world:
        yield world


@pytest.fixture
def get(world):
    """Return a function: status and body of a path."""

    def ask(path):
        connection = http.client.HTTPConnection("127.0.0.1", world.metrics_port, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    return ask


@pytest.fixture
def scrape(get):
    """Return a function: the value of a metric, summed over the labels that are not given."""

    def value(name, **labels):
        families = text_string_to_metric_families(get("/metrics")[1])
        found = [s.value for f in families for s in f.samples if s.name == name and labels.items() <= s.labels.items()]
        return sum(found)

    return value


def test_logins_of_all_workers_are_counted_by_what_became_of_them(scrape, talk):
    before = {reason: scrape("cgappliance_logins_total", tenant="acme", reason=reason) for reason in ("accepted", "wrong_password")}
    phases = scrape("cgappliance_login_phase_seconds_count", phase="tls", protocol="imap")
    answers = [*at_once(lambda _: talk(IMAP).log_in_as(TARO), range(3)), talk(POP3).log_in_as(YUKI)]
    assert sum(answer[:2] in (b"OK", b"+O") for answer in answers) == 4
    talk(SMTP).log_in(TARO.address, "wrong, and new")
    after = {reason: scrape("cgappliance_logins_total", tenant="acme", reason=reason) for reason in before}
    assert {reason: after[reason] - before[reason] for reason in before} == {"accepted": 4, "wrong_password": 1}
    assert scrape("cgappliance_login_phase_seconds_count", phase="tls", protocol="imap") - phases == 3
    assert scrape("cgappliance_logins_total", protocol="smtp", outcome="refused") >= 1


def test_sessions_bytes_and_their_ends(world, scrape, talk):
    sent, ended = (scrape(name) for name in ("cgappliance_relayed_bytes_total", "cgappliance_sessions_ended_total"))
    client = talk(IMAP)
    client.log_in_as(YUKI)
    assert scrape("cgappliance_sessions", tenant="acme", protocol="imap") >= 1
    client.ask(b"a1 NOOP")
    client.close()
    wait_until(lambda: scrape("cgappliance_sessions_ended_total") > ended, "the end was counted", CONDITION_S)
    assert scrape("cgappliance_relayed_bytes_total") >= sent + len("a1 NOOP\r\n") + len("a1 OK Success\r\n")


def test_limits_that_were_reached_are_counted(scrape, talk):
    before = scrape("cgappliance_limit_reached_total", limit="sessions_per_account")
    clients = [talk(IMAP) for _ in range(4)]
    answers = [client.log_in_as(TARO) for client in clients]
    assert sum(answer.startswith(ACCEPTED[IMAP]) for answer in answers) <= 3
    assert scrape("cgappliance_limit_reached_total", limit="sessions_per_account") > before
    assert scrape("cgappliance_limit", limit="sessions_per_account") == 3


def test_everything_that_is_declared_is_shown(get):
    text = get("/metrics")[1]
    assert [about.name for about in metrics.descriptions() if f"# HELP {about.name} " not in text] == []


def test_counts_survive_the_death_of_a_worker(world, scrape, talk):
    for _ in range(4):
        talk(IMAP).log_in_as(YUKI)
    before, restarts = scrape("cgappliance_logins_total"), scrape("cgappliance_worker_restarts_total", cause="died")
    victim = world.appliance.ask("status")["workers"][0]["pid"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: scrape("cgappliance_worker_restarts_total", cause="died") == restarts + 1, "counted", CONDITION_S)
    wait_until(lambda: scrape("cgappliance_workers") == 2, "two workers again", CONDITION_S)
    assert scrape("cgappliance_logins_total") >= before


def test_a_directory_that_is_down_shows_without_any_login_and_so_does_its_return(world, scrape, get):
    wait_until(lambda: scrape("cgappliance_tenant_healthy", part="directory") == 1, "healthy", CONDITION_S)
    world.slapd.process.kill()
    try:
        wait_until(lambda: scrape("cgappliance_tenant_healthy", part="directory") == 0, "noticed", CONDITION_S)
        assert get("/readyz?tenant=acme")[0] == 503
        assert get("/readyz")[0] == 200  # others may be well: the node stays in the load balancer
        assert not json.loads(get("/readyz")[1])["tenants"]["acme"]["directory"]
    finally:
        world.slapd.start()
    wait_until(lambda: scrape("cgappliance_tenant_healthy", part="directory") == 1, "noticed", 40)
    assert get("/readyz?tenant=acme")[0] == 200


def test_a_token_endpoint_that_is_down_shows_without_any_login_and_so_does_its_return(world, scrape, get):
    wait_until(lambda: scrape("cgappliance_tenant_healthy", part="token") == 1, "healthy", CONDITION_S)
    world.gmail.control.switch("token", fail_next=["internal_failure"] * 1000)
    try:
        wait_until(lambda: scrape("cgappliance_tenant_healthy", part="token") == 0, "noticed", REFUSAL_REMEMBERED_S + CONDITION_S)
        assert not json.loads(get("/readyz")[1])["tenants"]["acme"]["token"]
    finally:
        world.gmail.control.switch("token", fail_next=[])
    wait_until(lambda: scrape("cgappliance_tenant_healthy", part="token") == 1, "noticed", REFUSAL_REMEMBERED_S + CONDITION_S)
    assert get("/readyz?tenant=acme")[0] == 200


def test_gmail_that_is_down_shows_without_any_login(world, scrape):
    fault = {"kind": "drop", "stage": "accept"}
    world.gmail.control.switch("imap", faults=[fault])
    try:
        wait_until(lambda: scrape("cgappliance_tenant_healthy", part="upstream") == 0, "noticed", CONDITION_S)
    finally:
        world.gmail.control.switch("imap", faults=[])
    wait_until(lambda: scrape("cgappliance_tenant_healthy", part="upstream") == 1, "noticed", CONDITION_S)


def test_probes_are_no_ones_wrong_password_and_hammer_nobody(world, scrape):
    world.gmail.control.clear_records()
    searches = world.slapd.count("SRCH")
    before = scrape("cgappliance_logins_total")
    for _ in range(30):
        scrape("cgappliance_tenants")
    assert scrape("cgappliance_logins_total") == before
    assert world.slapd.count("SRCH") - searches <= 2
    assert len(world.gmail.control.connections()) <= 6


def test_a_broken_file_and_the_certificate_show(world, scrape):
    assert scrape("cgappliance_certificate_days_left", tenant="acme") > 30
    world.appliance.tenant("broken", "name = 1\n")
    world.appliance.ask("reload")
    assert scrape("cgappliance_tenant_broken", tenant="broken") == 1
    assert scrape("cgappliance_tenant_broken", tenant="acme") == 0
    (world.appliance.conf_d / "broken.toml").unlink()
    world.appliance.ask("reload")
    assert scrape("cgappliance_tenant_broken", tenant="broken") == 0


def test_the_endpoint_is_for_this_machine_only(world):
    process = psutil.Process(world.appliance.ask("status")["pid"])
    listening = [entry for entry in process.net_connections("tcp") if entry.laddr.port == world.metrics_port]
    assert {entry.laddr.ip for entry in listening} == {"127.0.0.1"}
