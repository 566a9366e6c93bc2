from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import gevent
import pytest
from sqlalchemy import func, select

from cgappliance.policy.lockout import Answer, Limits, Result
from cgappliance.store import changes, lockout, lockout_rows
from cgappliance.store.changes import Change, Kind
from cgappliance.store.engine import Store
from cgappliance.store.errors import StoreUnavailable
from cgappliance.store.lockout import SharedLockouts, locked_until, sweep, unlock
from cgappliance.store.schema import lockouts
from cgappliance.testing.lab.process import clean_environment
from cgappliance.testing.stores import PostgresqlStores

ROOT = Path(__file__).parents[2]
YUKI = ("acme", "yuki@acme.example")
LIMITS = Limits(distinct_max=3)
EPOCH_S = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = EPOCH_S

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(store: Store, clock: Clock) -> Iterator[SharedLockouts]:
    shared = SharedLockouts(store, LIMITS, clock)
    shared.start()
    yield shared
    shared.stop(5)


def bind(shared: SharedLockouts, password: str, result: Result = Result.WRONG, key: tuple[str, str] = YUKI) -> Answer:
    reserved = shared.reserve(*key, password)
    if reserved.answer is Answer.GO:
        shared.resolve(*key, reserved.bind_id, result)
    return reserved.answer


def locks(store: Store) -> dict[str, datetime]:
    with store.read() as connection:
        return locked_until(connection, "acme", [YUKI[1]])


def test_what_one_process_counts_another_knows(store: Store, shared: SharedLockouts, clock: Clock) -> None:
    other = SharedLockouts(store, LIMITS, clock)
    other.start()
    assert bind(shared, "a") is Answer.GO
    assert bind(other, "a") is Answer.KNOWN_WRONG
    assert [bind(other, text) for text in ("b", "c", "d")] == [Answer.GO, Answer.GO, Answer.LOCKED]
    other.stop(5)


def test_accounts_are_counted_apart(shared: SharedLockouts) -> None:
    assert bind(shared, "a") is Answer.GO
    assert bind(shared, "a", key=("other", YUKI[1])) is Answer.GO
    assert bind(shared, "a", key=("acme", "ken@acme.example")) is Answer.GO


def test_a_lock_is_told_to_all_processes(store: Store, shared: SharedLockouts) -> None:
    heard: list[Change] = []
    store.listeners.append(lambda found: heard.extend(found or ()))
    for text in "abc":
        bind(shared, text)
    assert heard == [Change(*YUKI[:1], Kind.LOCK, YUKI[1])]
    assert locks(store) == {YUKI[1]: datetime.fromtimestamp(EPOCH_S, UTC) + timedelta(seconds=LIMITS.lock_s)}


def test_an_unlock_forgets_all_and_says_whether_there_was_anything(store: Store, shared: SharedLockouts) -> None:
    for text in "abc":
        bind(shared, text)
    with changes.change(store) as transaction:
        assert unlock(transaction, *YUKI)
        assert not unlock(transaction, *YUKI)
    assert bind(shared, "a") is Answer.GO


def test_many_at_once_reserve_no_more_than_the_limit(shared: SharedLockouts) -> None:
    greenlets = [gevent.spawn(shared.reserve, *YUKI, f"password {number}") for number in range(50)]
    answers = [greenlet.get(timeout=30).answer for greenlet in greenlets]
    assert (answers.count(Answer.GO), answers.count(Answer.BUSY)) == (3, 47)


def test_the_end_of_a_bind_comes_before_the_beginning_of_the_next(shared: SharedLockouts) -> None:
    for number in range(10):  # were one still under way for the next, the fourth would be too many
        assert bind(shared, f"password {number}", Result.ACCEPTED) is Answer.GO


def test_the_end_of_a_bind_that_cannot_be_noted_is_an_error(shared: SharedLockouts) -> None:
    reserved = shared.reserve(*YUKI, "a")
    shared.stop(5)
    with pytest.raises(StoreUnavailable):
        shared.resolve(*YUKI, reserved.bind_id, Result.ACCEPTED)


def test_a_database_that_fails_allows_no_bind(shared: SharedLockouts) -> None:
    shared.stop(5)
    with pytest.raises(StoreUnavailable):
        shared.reserve(*YUKI, "a")


def test_what_no_longer_counts_is_swept_away(
    store: Store, shared: SharedLockouts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockout, "SWEEP_BATCH", 2)
    for number in range(5):
        bind(shared, "a", key=("acme", f"u{number}@x"))
    clock.now += 100
    bind(shared, "a")
    assert sweep(store, datetime.fromtimestamp(clock.now - 50, UTC)) == 5
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(lockouts)) == 1


@pytest.mark.integration
def test_on_postgresql_an_account_is_locked_while_it_is_counted(postgresql: PostgresqlStores) -> None:
    taken = select(lockouts).with_for_update(nowait=True)
    with postgresql.store() as store:
        with store.write() as connection:
            lockout_rows.load(connection, [YUKI], EPOCH_S)
        with store.write() as connection:
            lockout_rows.load(connection, [YUKI], EPOCH_S)
            with pytest.raises(StoreUnavailable, match="could not obtain lock"), store.write() as other:
                other.execute(taken)


@pytest.mark.integration
def test_the_directory_sees_no_more_bad_binds_than_promised_from_all_processes_together(
    store: Store, shared: SharedLockouts, tmp_path: Path
) -> None:
    directory = tmp_path / "binds"
    directory.touch()
    bind(shared, "an earlier one", Result.HARMLESS)  # the row is there: nobody wins by being the first to insert it
    command = [
        sys.executable,
        "-m",
        "tests.store.guessing_process",
        store.url.render_as_string(hide_password=False),
        str(directory),
    ]
    run_together(command, processes=4)
    seen = directory.read_text().split()
    assert len(seen) == len(set(seen)) == Limits().distinct_max


def run_together(command: list[str], processes: int) -> None:
    """Run a command several times, all let loose at the same moment."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(subprocess.Popen(command, env=clean_environment(), cwd=ROOT, **pipes)) for _ in range(processes)
        ]
        assert [process.stdout.readline() for process in running] == [b"ready\n"] * processes
        for process in running:
            process.stdin.close()
        assert [process.wait(timeout=60) for process in running] == [0] * processes


def test_a_login_that_its_process_died_with_does_not_wait_for_the_lease(store: Store, clock: Clock) -> None:
    dead, living, other = (
        SharedLockouts(store, LIMITS, clock, node=node, incarnation=name)
        for node, name in (("here", "1-a"), ("here", "2-b"), ("there", "1-a"))
    )
    for process, password in ((dead, "a"), (living, "b"), (other, "c")):
        process.start()
        process.reserve(*YUKI, password)
    dead.stop(5)
    assert living.close_lost("here", {"2-b"}) == 1
    told = states_by_password(store)
    assert told == {"a": "unanswered", "b": "open", "c": "open"}
    living.stop(5)
    other.stop(5)


def test_a_worker_that_starts_slowly_gives_up_nothing_of_one_that_was_started_after_it(store: Store, clock: Clock) -> None:
    slow = SharedLockouts(store, LIMITS, clock, node="here", incarnation="1-a")
    clock.now += 1
    younger = SharedLockouts(store, LIMITS, clock, node="here", incarnation="1-b")
    younger.start()
    younger.reserve(*YUKI, "a")
    assert slow.close_lost("here", {"1-a"}) == 0
    assert states_by_password(store) == {"a": "open"}
    younger.stop(5)


def states_by_password(store: Store) -> dict[str, str]:
    with store.read() as connection:
        (binds,) = connection.execute(select(lockouts.c.binds)).scalars()
    return {digest: state for _, digest, state, _ in binds}
