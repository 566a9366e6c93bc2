"""A plugin that raises, lies, hangs or gives up means "unavailable" for its own tenant, and nothing at all for the others."""

import shutil
import time
from pathlib import Path

import pytest

from cgappliance.testing.lab.appliance import AppliancePorts, ApplianceProcess
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import TARO, World

from .conftest import at_once, workers
from .seen import outcomes
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, REFUSED, SMTP, UNAVAILABLE

pytestmark = pytest.mark.usefixtures("tidy", "as_before", "neighbour")

PLUGIN = Path(__file__).with_name("misbehaving.py")
TIMEOUT_S = 0.6
PASSWORD = "secret-of-the-client-81f3"

#: tenant -> (backend, provider)
TENANTS = {"bad-backend": ("misbehaving", None), "bad-provider": ("trusting", "misbehaving")}


def install(folder):
    """Install the plugin and return what to put into PYTHONPATH."""
    installed = folder / "installed"
    info = installed / "misbehaving-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(PLUGIN, installed)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cgappliance]\nmisbehaving = misbehaving\n")
    return str(installed)


class Worlds(World):
    """A world with the plugin installed, and with tenants that use it."""

    def __init__(self, folder):
        super().__init__(folder, limits={"directory_timeout_s": TIMEOUT_S, "token_timeout_s": TIMEOUT_S, "refusal_delay_s": 0.1})
        self.appliance.process.environment["PYTHONPATH"] = install(folder)
        self.bad_ports = {tenant: AppliancePorts() for tenant in TENANTS}

    def start(self):
        for tenant, (backend, provider) in TENANTS.items():
            self.appliance.tenant(tenant, self.bad_tenant(tenant, backend, provider))
        return super().start()

    def bad_tenant(self, tenant, backend, provider=None, ports=None):
        listen = (
            f'hostname = "localhost"\naddresses = ["127.0.0.1"]\n{(ports or self.bad_ports[tenant]).toml()}'
            f'certificate = "{self.certificate.certificate}"\nprivate_key = "{self.certificate.private_key}"'
        )
        tables = {"google": f'provider = "{provider}"'} if provider else {}
        top = f'name = "Bad"\nedition = "light"\ndomains = ["{tenant}.example"]'
        return self.tenant_file(top=top, listen=listen, auth=f'backend = "{backend}"', **tables)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Worlds(tmp_path_factory.mktemp("world")) as world:
        for tenant in TENANTS:
            for name in ("good", "slow"):
                world.gmail.control.add_account(f"{name}@{tenant}.example", app_passwords=["app password"])
        yield world


@pytest.fixture
def neighbour(talk):
    """A session of another tenant, logged in before the test, that must be alive after it."""
    client = talk(IMAP)
    assert client.log_in_as(TARO).startswith(b"OK")
    yield client
    assert client.ask(b"a1 NOOP").startswith(b"OK")


@pytest.fixture
def bad(world, talk):
    """Return a function: log in at a tenant of the misbehaving plugin."""

    def log_in(tenant, name, protocol=IMAP, password=PASSWORD):
        client = talk(protocol, port=world.bad_ports[tenant].of(protocol))
        return client.log_in(f"{name}@{tenant}.example", password)

    return log_in


BROKEN = ("raises", "exits", "interrupts", "kills", "none", "true", "text", "recurses")
LATE = ("hangs", "hangs-on", "times-out")


@pytest.mark.parametrize("behaviour", BROKEN)
@pytest.mark.parametrize(("tenant", "reason"), [("bad-backend", "backend_failed"), ("bad-provider", "provider_failed")])
def test_plugin_that_breaks_is_unavailable_in_all_protocols(bad, log, tenant, reason, behaviour):
    told = at_once(lambda protocol: bad(tenant, behaviour, protocol), PROTOCOLS)
    assert dict(zip(PROTOCOLS, told, strict=True)) == UNAVAILABLE
    assert {entry["reason"] for entry in log()} == {reason}
    assert all(entry["level"] == "error" for entry in log("plugin.failed"))
    assert len(log("plugin.failed")) == len(PROTOCOLS)


@pytest.mark.parametrize("behaviour", LATE)
@pytest.mark.parametrize(("tenant", "reason"), [("bad-backend", "directory_timeout"), ("bad-provider", "token_unavailable")])
def test_plugin_that_hangs_is_abandoned_in_time(bad, log, tenant, reason, behaviour):
    started = time.monotonic()
    assert bad(tenant, behaviour) == UNAVAILABLE[IMAP]
    assert time.monotonic() - started < 3 * TIMEOUT_S
    assert [entry["reason"] for entry in log()] == [reason]


@pytest.mark.parametrize("tenant", TENANTS)
def test_plugin_may_say_itself_that_it_cannot(bad, log, tenant):
    assert bad(tenant, "refuses") == UNAVAILABLE[IMAP]
    assert [(entry["reason"], entry["detail"]) for entry in log()] == [("directory_unavailable", "said by the plugin")]


@pytest.mark.parametrize("behaviour", ["good", "slow"])
def test_backend_of_a_third_party_that_behaves_serves(bad, behaviour):
    assert all(bad("bad-backend", behaviour, protocol).startswith(ACCEPTED[protocol]) for protocol in PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_provider_of_a_third_party_logs_in_by_password(world, bad, protocol):
    world.gmail.control.clear_records()
    assert bad("bad-provider", "good", protocol).startswith(ACCEPTED[protocol])
    assert outcomes(world.gmail.control) == ["ok"]


def test_wrong_password_of_a_plugin_is_refused_as_ever(bad):
    assert bad("bad-backend", "good", POP3, "wrong") == REFUSED[POP3]


def test_what_a_plugin_says_of_a_secret_is_in_no_log(world, bad):
    bad("bad-backend", "raises", SMTP)
    assert PASSWORD not in world.appliance.process.log_text()


def test_many_hanging_logins_do_not_slow_the_neighbour_down(bad, talk):
    def measure(_):
        started = time.monotonic()
        assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
        return time.monotonic() - started

    def hang(number):
        return bad("bad-backend", "hangs", password=f"secret {number}")

    jobs = [*((hang, number) for number in range(30)), *((measure, number) for number in range(3))]
    took = at_once(lambda job: job[0](job[1]), jobs)
    assert set(took[:30]) == {UNAVAILABLE[IMAP]}
    assert max(took[30:]) < TIMEOUT_S


@pytest.mark.parametrize("backend", ["raises-at-make", "exits-at-make", "raises-at-start", "exits-at-start"])
def test_tenant_whose_plugin_cannot_start_is_reported_and_others_are_served(world, talk, backend):
    before = [worker.pid for worker in workers(world)]
    world.appliance.tenant("stillborn", world.bad_tenant("stillborn", backend, ports=AppliancePorts()))
    try:
        report = world.appliance.ask("reload")
        assert report["stillborn"].startswith("failed: ")
        assert backend in report["stillborn"]
        assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
        assert [worker.pid for worker in workers(world)] == before
    finally:
        (world.appliance.conf_d / "stillborn.toml").unlink()
        world.appliance.ask("reload")


CHECKS = (
    *("exits-at-check", "raises-at-check", "checks-to-nonsense", "finds-nonsense"),
    *("exits-at-setting", "nonsense-at-setting"),
)


@pytest.mark.parametrize("backend", CHECKS)
def test_tenant_whose_plugin_cannot_check_its_settings_is_reported_and_others_are_served(world, talk, backend):
    text = world.bad_tenant("unchecked", backend, ports=AppliancePorts())
    if "setting" in backend:
        text = text.replace(f'backend = "{backend}"', f'backend = "{backend}"\nword = "another"')
    path = world.appliance.tenant("unchecked", text)
    try:
        assert world.appliance.ask("reload")["unchecked"] == "broken"
        [problem] = [line for line in world.appliance.ask("status")["problems"] if "unchecked.toml" in line]
        assert "mistake of" in problem
        assert talk(IMAP).log_in_as(TARO).startswith(b"OK")
    finally:
        path.unlink()
        world.appliance.ask("reload")


def test_plugin_that_raises_when_stopped_is_reported_and_the_tenant_goes(world):
    start = len(world.appliance.process.log_text())
    world.appliance.tenant("stubborn", world.bad_tenant("stubborn", "raises-at-stop", ports=AppliancePorts()))
    world.appliance.ask("reload")
    (world.appliance.conf_d / "stubborn.toml").unlink()
    assert world.appliance.ask("reload")["stubborn"] == "removed"
    text = world.appliance.process.log_text()[start:]
    assert "event=plugin.failed" in text
    assert "cannot stop" in text


class Doomed(ApplianceProcess):
    """Counts as started once its worker has died twice."""

    def _ready(self):
        return len(self.log_lines("worker.died")) > 1


def test_appliance_whose_workers_die_at_start_is_not_ready_until_the_file_is_mended(world, tmp_path):
    doomed = Doomed(tmp_path / "appliance")
    doomed.process.environment["PYTHONPATH"] = install(tmp_path)
    text = world.bad_tenant("doom", "takes-the-worker-along", ports=AppliancePorts())
    doomed.tenant("doom", text)
    with doomed:
        assert not doomed.log_lines("ready")
        assert doomed.ask("status")["tenants"]
        doomed.tenant("doom", text.replace("takes-the-worker-along", "trusting"))
        wait_until(lambda: doomed.log_lines("ready"), "worker that lives")
