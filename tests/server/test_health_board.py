"""Findings of several workers, put together."""

import pytest

from cgappliance.model import Reason
from cgappliance.net.health import Health, Part
from cgappliance.server.health_board import TRIAL, HealthBoard, rows_of


@pytest.fixture
def board():
    return HealthBoard()


def worker(*notes):
    """Return the rows of a worker that noted (at, part, reason, which) of acme."""
    health = Health(clock=lambda: worker.now)
    for at, part, reason, which in notes:
        worker.now = at
        health.note(part, reason, "detail", which)
    return rows_of("acme", health)


def states(board):
    return {(tenant, part.value): state for tenant, part, state in board.states()}


DOWN, UP = Reason.DIRECTORY_UNAVAILABLE, Reason.ACCEPTED


def test_the_newest_finding_counts_whoever_found_it(board):
    board.update(worker((10, Part.DIRECTORY, DOWN, "")))
    board.update(worker((20, Part.DIRECTORY, UP, "")))
    assert states(board)["acme", "directory"].healthy
    board.update(worker((15, Part.DIRECTORY, DOWN, "")))
    assert states(board)["acme", "directory"].healthy


def test_an_outage_began_when_the_first_worker_saw_it(board):
    board.update(worker((10, Part.DIRECTORY, DOWN, "")))
    board.update(worker((20, Part.DIRECTORY, DOWN, "")))
    state = states(board)["acme", "directory"]
    assert (state.healthy, state.since, state.at, state.reason) == (False, 10, 20, DOWN)


def test_a_part_with_several_servers_is_healthy_when_all_are(board):
    board.update(worker((10, Part.UPSTREAM, UP, "imap"), (11, Part.UPSTREAM, Reason.UPSTREAM_TIMEOUT, "smtp")))
    assert not states(board)["acme", "upstream"].healthy
    board.update(worker((12, Part.UPSTREAM, UP, "smtp")))
    assert states(board)["acme", "upstream"].healthy


def test_tenants_that_are_gone_are_forgotten(board):
    board.update(worker((10, Part.TOKEN, UP, "")))
    board.keep_only(["blossom"])
    assert states(board) == {}


def test_it_is_known_how_old_a_finding_is(board):
    board.update(worker((10, Part.UPSTREAM, UP, "imap")))
    assert board.age_s("acme", Part.UPSTREAM, "imap", now=25) == 15
    assert board.age_s("acme", Part.UPSTREAM, "pop3", now=25) == float("inf")


LOGIN = ""
OUTAGE, MISTAKE = Reason.TOKEN_UNAVAILABLE, Reason.DELEGATION_MISSING


@pytest.mark.parametrize(
    ("earlier", "later", "healthy"),
    [
        ((OUTAGE, LOGIN), (UP, TRIAL), True),  # nobody has to log in before the end of an outage shows
        ((OUTAGE, TRIAL), (UP, LOGIN), True),
        ((UP, LOGIN), (OUTAGE, TRIAL), False),
        ((UP, TRIAL), (OUTAGE, LOGIN), False),
        ((MISTAKE, LOGIN), (UP, TRIAL), False),  # a trial asks for no user that there is
        ((MISTAKE, TRIAL), (UP, TRIAL), True),
        ((MISTAKE, LOGIN), (UP, LOGIN), True),
        ((UP, LOGIN), (MISTAKE, TRIAL), False),
    ],
)
def test_of_a_login_and_a_trial_at_the_token_endpoint_that_disagree_one_counts(board, earlier, later, healthy):
    board.update(worker((10, Part.TOKEN, *earlier)))
    board.update(worker((20, Part.TOKEN, *later)))
    assert states(board)["acme", "token"].healthy is healthy


def test_a_token_endpoint_that_logins_use_need_not_be_tried(board):
    board.update(worker((10, Part.TOKEN, UP, TRIAL)))
    board.update(worker((20, Part.TOKEN, UP, LOGIN)))
    assert board.age_s("acme", Part.TOKEN, TRIAL, now=25) == 5
