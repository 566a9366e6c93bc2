import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest
from gevent.threadpool import ThreadPool

from cgappliance import hookspecs, plugin_api
from cgappliance.secret import Secret
from cgappliance.testing.observe import Held, left_behind, secrets_in, untyped_secrets, watched_hub


@pytest.fixture(autouse=True, scope="module")
def _others_are_left_alone() -> Iterator[None]:
    """Let the collector, and whoever counts, not look at what thousands of tests before have left: that takes seconds each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_wait_outside_gevent_is_a_gap() -> None:
    with watched_hub() as hub:
        time_sleep_of_the_operating_system(0.1)
    assert 0.1 <= hub.longest_gap_s < 0.5


def time_sleep_of_the_operating_system(seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass


def test_wait_inside_gevent_is_none() -> None:
    with watched_hub() as hub:
        gevent.sleep(0.1)
    assert hub.longest_gap_s < 0.09


def leaves_a_descriptor(kept: list[object]) -> None:
    kept.append(Path(os.devnull).open("rb"))  # noqa: SIM115 - that is the point


def leaves_a_greenlet(kept: list[object]) -> None:
    kept.append(gevent.spawn(gevent.sleep, 60))
    gevent.sleep(0)


def leaves_a_thread(kept: list[object]) -> None:
    kept.append(pool := ThreadPool(1))
    pool.apply(int)


@pytest.mark.parametrize(
    ("work", "what"),
    [(leaves_a_descriptor, "1 more descriptors"), (leaves_a_greenlet, "1 more greenlets"), (leaves_a_thread, "1 more threads")],
)
def test_what_is_left_behind_is_named(
    work: Callable[[list[object]], None], what: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("cgappliance.testing.observe.SETTLE_S", 0.1)
    kept: list[object] = []
    request.addfinalizer(lambda: [release(thing) for thing in kept])
    old_ones_have_gone()
    assert what in left_behind(lambda: work(kept))


def old_ones_have_gone(steady: int = 10, at_most: int = 200) -> None:
    """Wait until no thread of an earlier test ends any more: each that did now would hide the one that is looked for."""
    counts = [Held.now()]
    while len(set(counts[-steady:])) > 1 or len(counts) < steady:
        assert len(counts) < at_most, "threads come and go"
        gevent.sleep(0.05)
        counts.append(Held.now())


def release(thing: object) -> None:
    for ending in ("close", "kill"):
        if hasattr(thing, ending):
            getattr(thing, ending)()


def test_what_is_cleaned_up_is_not_left_behind() -> None:
    def work() -> None:
        pool = ThreadPool(2)
        pool.apply(int)
        pool.kill()
        gevent.spawn(int).join()

    assert left_behind(work) == []


def test_what_is_made_once_is_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgappliance.testing.observe.SETTLE_S", 0.1)
    kept: list[object] = []
    assert left_behind(lambda: kept or leaves_a_descriptor(kept)) == []
    release(kept[0])


def test_secrets_are_found_and_not_repeated() -> None:
    assert secrets_in("a=hidden b=****", "other", Secret("hidden"), "") == [1]


class Careless:
    def bind(self, name: str, password: str) -> None: ...

    def renew(self, refresh_token: "str | Secret") -> None: ...


class Careful:
    def bind(self, name: str, password: Secret, bind_password_file: str) -> None: ...

    def renew(self, refresh_token: Secret | None = None) -> None: ...


def test_untyped_secrets_are_named() -> None:
    assert [name.rpartition(".")[2] for name in untyped_secrets(Careless)] == ["bind(password)", "renew(refresh_token)"]
    assert untyped_secrets(Careful) == []


def test_the_project_itself_types_its_secrets() -> None:
    hooks = [hook for name, hook in vars(hookspecs).items() if name.startswith("cgappliance_")]
    classes = [plugin_api.AuthBackend, plugin_api.CredentialProvider]
    assert hooks
    assert untyped_secrets(*hooks, *classes) == []
