"""The watch over an appliance whose workers are made up."""

import time
from types import SimpleNamespace

import gevent
import pytest

from cgappliance.config.load import load_settings
from cgappliance.model import MailProtocol, Reason
from cgappliance.net.health import Health, Part
from cgappliance.server import watchtower
from cgappliance.server.health_board import rows_of
from cgappliance.server.watchtower import Watchtower


class FakeCrew:
    """Two workers that report what the test has noted in ``health``, and do what they are asked."""

    def __init__(self, config):
        self.config = config
        self.started_at = time.time()
        self.is_stopping = False
        self.health = {"acme": Health()}
        self.store_healthy = True
        self.asked = []
        self.alerts = []
        self.probed = lambda tenant, part, which: None
        self.failing = False

    @property
    def tenants(self):
        listen = SimpleNamespace(ports={MailProtocol.IMAP: 10993}, certificate=None)
        return {name: SimpleNamespace(id=name, listen=listen, fingerprint="1") for name in self.health}

    def silent_s(self):
        return {0: 0.1, 1: 0.2}

    def ask_all(self, command, fds=None, *, timeout_s=0, **arguments):
        assert command == "report"
        return [
            {
                "worker": 0,
                "store_healthy": self.store_healthy,
                "health": [row for name, health in self.health.items() for row in rows_of(name, health)],
            }
        ]

    def ask_one(self, command, *, timeout_s, **arguments):
        self.asked.append((command, arguments))
        if self.failing:
            raise ChildProcessError("no worker is ready")
        if command == "alert":
            self.alerts.append(arguments["alert"])
            return ""
        for tenant, part, which in arguments["parts"]:
            self.probed(tenant, part, which)
        return [row for name, health in self.health.items() for row in rows_of(name, health)]


@pytest.fixture
def crew(tmp_path, monkeypatch):
    monkeypatch.setattr(watchtower.Watchtower, "_days_left", lambda self: {})
    file = tmp_path / "cgappliance.toml"
    file.write_text('[alerts]\nmail_to = ["a@b.example"]\nafter_s = 0.02\n[limits]\nhealth_interval_s = 1.0\n')
    settings = load_settings(file)
    crew = FakeCrew(SimpleNamespace(settings=settings, broken={}))
    yield crew
    crew.is_stopping = True
    gevent.sleep(0.05)


@pytest.fixture
def tower(crew):
    tower = Watchtower(crew)
    tower.start()
    return tower


def soon(condition):
    with gevent.Timeout(5):
        while not condition():
            gevent.sleep(0.01)


def test_an_outage_that_lasts_is_told_and_its_end(crew, tower):
    crew.health["acme"].note(Part.DIRECTORY, Reason.DIRECTORY_UNAVAILABLE, "refused")
    soon(lambda: crew.alerts)
    assert (crew.alerts[0]["kind"], crew.alerts[0]["tenant"], crew.alerts[0]["over"]) == ("directory", "acme", False)
    crew.health["acme"].note(Part.DIRECTORY, Reason.ACCEPTED)
    soon(lambda: len(crew.alerts) == 2)
    assert crew.alerts[1]["over"]


def test_an_event_is_told(crew, tower):
    tower.happened("account_locked", "acme", "yuki@acme.example", "locked")
    soon(lambda: crew.alerts)
    assert crew.alerts[0]["subject"] == "yuki@acme.example"


def test_what_nobody_has_used_is_tried_once_and_then_left_alone(crew, tower):
    def probed(tenant, part, which):
        crew.health[tenant].note(Part(part), Reason.ACCEPTED, which=which)

    crew.probed = probed
    soon(lambda: [command for command, _ in crew.asked] == ["probe"])
    assert crew.asked[0][1] == {"parts": [["acme", "directory", ""], ["acme", "token", "trial"], ["acme", "upstream", "imap"]]}
    gevent.sleep(0.1)
    assert len(crew.asked) == 1


def test_what_a_trial_says_nothing_about_is_not_tried_again_at_once(crew, tower):
    soon(lambda: [command for command, _ in crew.asked] == ["probe"])
    gevent.sleep(0.1)
    assert len(crew.asked) == 1
    soon(lambda: len(crew.asked) == 2)


def test_not_everything_is_tried_at_the_same_time(crew, tower):
    crew.health |= {f"tenant{number}": Health() for number in range(100)}
    soon(lambda: crew.asked)
    assert len(crew.asked[0][1]["parts"]) <= watchtower.PROBES_PER_TICK


def test_without_a_worker_nothing_is_sent_and_nothing_breaks(crew, tower):
    crew.failing = True
    tower.happened("worker", "", "0", "died")
    soon(lambda: "alert" in [command for command, _ in crew.asked])
    assert crew.alerts == []
    crew.failing = False
    tower.happened("worker", "", "1", "died")
    soon(lambda: crew.alerts)


def test_a_node_is_ready_while_it_can_serve_whatever_one_tenants_directory_does(crew, tower):
    crew.health["acme"].note(Part.DIRECTORY, Reason.DIRECTORY_UNAVAILABLE)
    soon(lambda: not tower._ready("acme")[0])
    assert tower._ready("")[0]
    with pytest.raises(KeyError):
        tower._ready("nobody")


@pytest.mark.parametrize("what", ["stopping", "database"])
def test_a_node_that_cannot_serve_is_not_ready(crew, tower, what):
    assert tower._ready("")[0]
    crew.is_stopping = what == "stopping"
    crew.store_healthy = what != "database"
    soon(lambda: not tower._ready("")[0])


def test_status_shows_why_and_since_when(crew, tower):
    crew.health["acme"].note(Part.DIRECTORY, Reason.DIRECTORY_TIMEOUT, "no answer")
    soon(tower.health)
    entry = tower.health()["acme"]["directory"]
    assert (entry["healthy"], entry["reason"], entry["detail"]) == (False, "directory_timeout", "no answer")
