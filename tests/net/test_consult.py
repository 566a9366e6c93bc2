import contextlib
import sys

import gevent
import pytest
from gevent import GreenletExit

from cgappliance.errors import LoginFailed
from cgappliance.model import AuthAnswer, Reason
from cgappliance.net.consult import PluginBroke, fenced

UNAVAILABLE = b"a1 NO [UNAVAILABLE]"


def hang():
    gevent.sleep(60)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: 1 / 0, Reason.BACKEND_FAILED),
        (lambda: "yes", Reason.BACKEND_FAILED),
        (lambda: sys.exit(1), Reason.BACKEND_FAILED),
        (hang, Reason.DIRECTORY_TIMEOUT),
        (lambda: AuthAnswer(Reason.DIRECTORY_UNAVAILABLE), Reason.DIRECTORY_UNAVAILABLE),
    ],
)
def test_backend_that_fails_is_an_outage(stage, answer, reason):
    stage.backend.answer = answer
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.recorder.reasons() == [reason]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: 1 / 0, Reason.PROVIDER_FAILED),
        (lambda: None, Reason.PROVIDER_FAILED),
        (hang, Reason.TOKEN_UNAVAILABLE),
    ],
)
def test_provider_that_fails_is_an_outage(stage, answer, reason):
    stage.provider.answer = answer
    assert stage.log_in()[2].startswith(UNAVAILABLE)
    assert stage.recorder.reasons() == [reason]


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), KeyboardInterrupt(), GreenletExit(), RecursionError()])
def test_fence_tells_the_kind_and_place_of_an_error_and_not_its_words(error):
    def broken():
        raise error

    with pytest.raises(PluginBroke, match=rf"{type(error).__name__} at .*test_consult\.py:\d+") as broke:
        fenced(1.0, broken, str)
    assert "secret" not in str(broke.value)
    assert broke.value.__cause__ is None


def test_fence_lets_a_refusal_through():
    def refuse():
        raise LoginFailed(Reason.DELEGATION_MISSING)

    with pytest.raises(LoginFailed):
        fenced(1.0, refuse, str)


def test_fence_checks_what_comes_back():
    assert fenced(1.0, lambda: "text", str) == "text"
    with pytest.raises(PluginBroke, match="returned int, not str"):
        fenced(1.0, lambda: 5, str)


def test_fence_ends_what_catches_every_exception():
    def stubborn():
        while True:
            with contextlib.suppress(Exception):
                gevent.sleep(60)

    with pytest.raises(gevent.Timeout):
        fenced(0.05, stubborn, str)
