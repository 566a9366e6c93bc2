"""What is wrong, in words."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from cgappliance.config.problem import Problem as ConfigProblem
from cgappliance.model import Reason
from cgappliance.net.health import Health, Part
from cgappliance.server.alert_book import Key
from cgappliance.server.conditions import DETAIL_MAX_CHARS, Conditions
from cgappliance.server.health_board import HealthBoard, rows_of


@dataclass
class Files:
    """As much of a Config as conditions look at."""

    broken: dict
    settings: object


@pytest.fixture
def look():
    """Return a function that says what is wrong now, as texts by key."""
    conditions = Conditions()

    def now(*notes, broken=None, days_left=None, store_healthy=True, at=100.0):
        board, health = HealthBoard(), Health(clock=lambda: 50.0)
        for part, reason, detail in notes:
            health.note(part, reason, detail)
        board.update(rows_of("acme", health))
        config = Files(broken or {}, SimpleNamespace(alerts=SimpleNamespace(certificate_days=30)))
        return conditions.now(config, board, days_left or {}, store_healthy=store_healthy, now=at)

    return now


def test_all_is_well(look):
    assert look((Part.DIRECTORY, Reason.ACCEPTED, ""), days_left={"acme": 60}) == {}


def test_an_outage_is_told_with_the_part_and_its_words(look):
    [(key, problem)] = look((Part.DIRECTORY, Reason.DIRECTORY_TIMEOUT, "ldaps://dc1: no answer")).items()
    assert key == Key("directory", "acme")
    assert problem.text == "directory: the directory did not answer in time (ldaps://dc1: no answer)"
    assert problem.since == 50.0


def test_failing_delegation_is_told_as_such(look):
    [(key, problem)] = look((Part.TOKEN, Reason.DELEGATION_MISSING, "unauthorized_client")).items()
    assert key == Key("delegation", "acme")
    assert "domain-wide delegation" in problem.text


def test_others_words_are_cut(look):
    [problem] = look((Part.DIRECTORY, Reason.DIRECTORY_UNAVAILABLE, "x" * 5000)).values()
    assert len(problem.text) < DETAIL_MAX_CHARS + 100


def test_a_broken_file_is_told_with_its_first_mistake_and_since_when(look):
    mistakes = (
        ConfigProblem("acme.toml", 3, "edition", "missing", "add it"),
        ConfigProblem("acme.toml", 4, "name", "missing", "add it"),
    )
    look(broken={"acme": mistakes}, at=100.0)
    [(key, problem)] = look(broken={"acme": mistakes}, at=130.0).items()
    assert key == Key("tenant_file", "acme")
    assert problem.text.startswith("the tenant file cannot be used: acme.toml:3: edition")
    assert problem.text.endswith("(and 1 more)")
    assert problem.since == 100.0


def test_a_file_that_was_well_in_between_begins_anew(look):
    mistakes = (ConfigProblem("acme.toml", 3, "edition", "missing", "add it"),)
    look(broken={"acme": mistakes}, at=100.0)
    look(at=110.0)
    [problem] = look(broken={"acme": mistakes}, at=130.0).values()
    assert problem.since == 130.0


@pytest.mark.parametrize(
    ("days", "text"), [(29.9, "the certificate expires in 29 days"), (-2.5, "the certificate expired 2 days ago"), (30.1, None)]
)
def test_a_certificate_is_told_of_in_time(look, days, text):
    found = look(days_left={"acme": days})
    assert [problem.text for problem in found.values()] == ([text] if text else [])
    assert all(problem.at_once for problem in found.values())


def test_a_database_that_fails_is_told(look):
    assert list(look(store_healthy=False)) == [Key("database")]
