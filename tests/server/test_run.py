import os

import pytest

from cgappliance.errors import ConfigurationError
from cgappliance.server import run as module
from cgappliance.store.errors import SchemaMismatch, StoreUnavailable


@pytest.mark.parametrize(
    ("failure", "status", "told"),
    [
        (None, 0, ""),
        (SchemaMismatch("store: of another version"), 2, "store: of another version"),
        (ConfigurationError("store: no URL"), 2, "store: no URL"),
        (StoreUnavailable("connection refused"), 75, "connection refused"),
        (RuntimeError("a mistake"), 70, "a mistake"),
        (SystemExit(0), 70, "SystemExit"),
    ],
)
def test_what_keeps_the_store_from_being_ready_is_told_and_gives_the_exit_status(monkeypatch, capfd, failure, status, told):
    def prepare(_settings: object) -> None:
        if failure is not None:
            raise failure

    monkeypatch.setattr(module, "prepare", prepare)
    assert module._prepare_apart(None) == status
    captured = capfd.readouterr()
    assert told in captured.out + captured.err


def test_process_that_is_killed_is_no_success(monkeypatch):
    monkeypatch.setattr(module, "prepare", lambda _settings: os.kill(os.getpid(), 9))
    assert module._prepare_apart(None) == os.EX_SOFTWARE


def test_what_it_loads_stays_away_from_this_process(monkeypatch):
    loaded = []
    monkeypatch.setattr(module, "prepare", loaded.append)
    assert module._prepare_apart(None) == 0
    assert loaded == []
