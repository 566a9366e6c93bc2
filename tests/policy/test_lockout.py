from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgappliance.model import Outcome, Reason
from cgappliance.policy.lockout import (
    AccountState,
    Answer,
    BindState,
    Limits,
    Result,
    aged,
    is_memorable,
    reserve,
    resolve,
    result_of,
)

LIMITS = Limits(distinct_max=3, window_s=900, lock_s=1000, probe_s=60, lease_s=30)


class Account:
    """An account, and the bad binds that its directory has seen."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.state = AccountState()
        self.limits = limits
        self.now = 1_000_000.0
        self.bad: list[float] = []
        self._count = 0

    def ask(self, password: str) -> tuple[Answer, str]:
        self._count += 1
        self.state, answer = reserve(self.state, str(self._count), password, self.now, self.limits)
        return answer, str(self._count)

    def end(self, bind_id: str, result: Result) -> None:
        if result in (Result.WRONG, Result.UNANSWERED):
            self.bad.append(self.now)
        self.state = resolve(self.state, bind_id, result, self.now, self.limits)

    def bind(self, password: str, result: Result = Result.WRONG) -> Answer:
        answer, bind_id = self.ask(password)
        if answer is Answer.GO:
            self.end(bind_id, result)
        return answer


def test_a_wrong_password_is_asked_once_and_then_known() -> None:
    account = Account()
    assert [account.bind("old phone") for _ in range(5)] == [Answer.GO] + [Answer.KNOWN_WRONG] * 4


def test_enough_distinct_wrong_passwords_lock_the_account_for_every_password() -> None:
    account = Account()
    assert [account.bind(text) for text in ("a", "b", "c")] == [Answer.GO] * 3
    assert [account.bind(text) for text in ("d", "a", "the right one")] == [Answer.LOCKED] * 3


@pytest.mark.parametrize(("after_s", "answer"), [(999.0, Answer.LOCKED), (1000.0, Answer.GO)])
def test_a_lock_ends_by_itself(after_s: float, answer: Answer) -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.bind(text)
    account.now += after_s
    assert account.bind("a", Result.ACCEPTED) is answer


@pytest.mark.parametrize(("after_s", "answer"), [(899.0, Answer.KNOWN_WRONG), (900.0, Answer.GO)])
def test_a_quiet_window_forgets(after_s: float, answer: Answer) -> None:
    account = Account()
    account.bind("a")
    account.now += after_s
    assert account.bind("a") is answer


def test_slow_guessing_does_not_outlive_the_count() -> None:
    account = Account()
    answers = []
    for number in range(4):
        answers.append(account.bind(f"guess {number}"))
        account.now += 899
    assert answers == [Answer.GO, Answer.GO, Answer.GO, Answer.LOCKED]


def test_a_success_gives_no_wrong_password_back() -> None:
    account = Account()
    account.bind("a")
    account.bind("b")
    account.bind("right", Result.ACCEPTED)
    account.bind("c")
    assert account.bind("right", Result.ACCEPTED) is Answer.LOCKED


def test_right_passwords_do_not_count() -> None:
    account = Account()
    assert {account.bind("right", Result.ACCEPTED) for _ in range(50)} == {Answer.GO}


def test_answers_that_are_no_wrong_password_do_not_count() -> None:
    account = Account()
    assert {account.bind(f"password {number}", Result.HARMLESS) for number in range(50)} == {Answer.GO}


def test_the_same_password_waits_for_its_own_answer() -> None:
    account = Account()
    _, first = account.ask("a")
    assert account.ask("a")[0] is Answer.BUSY
    account.end(first, Result.WRONG)
    assert account.ask("a")[0] is Answer.KNOWN_WRONG


def test_no_more_binds_are_under_way_than_could_be_wrong() -> None:
    account = Account()
    assert [account.ask(text)[0] for text in ("a", "b", "c", "d")] == [Answer.GO] * 3 + [Answer.BUSY]


def test_an_outage_is_never_called_a_lock() -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.bind(text, Result.UNANSWERED)
    assert account.ask("right")[0] is Answer.UNRESOLVED


@pytest.mark.parametrize(("after_s", "answer"), [(59.0, Answer.UNRESOLVED), (60.0, Answer.GO)])
def test_a_directory_that_does_not_answer_is_tried_now_and_then(after_s: float, answer: Answer) -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.bind(text, Result.UNANSWERED)
    account.now += after_s
    assert account.ask("right")[0] is answer


def test_a_success_ends_the_doubt_about_an_outage() -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.bind(text, Result.UNANSWERED)
    account.now += 60
    account.bind("right", Result.ACCEPTED)
    assert [account.bind(text) for text in ("d", "e", "f")] == [Answer.GO] * 3


def test_a_success_does_not_excuse_what_got_no_answer_after_it() -> None:
    account = Account()
    _, right = account.ask("right")  # the directory has accepted it; that is noted a moment later
    account.now += 1
    for text in ("a", "b"):
        account.bind(text, Result.UNANSWERED)
    account.end(right, Result.ACCEPTED)
    assert [account.bind(text, Result.UNANSWERED) for text in ("c", "d")] == [Answer.GO, Answer.UNRESOLVED]


def test_a_success_that_comes_after_its_lease_excuses_only_itself() -> None:
    account = Account()
    _, right = account.ask("right")
    account.bind("a", Result.UNANSWERED)
    account.now += 31
    account.bind("b", Result.UNANSWERED)  # with this, the lease is known to be over
    account.end(right, Result.ACCEPTED)
    assert [bind.digest for bind in account.state.binds] == ["a", "b"]


def test_a_bind_whose_process_died_counts_like_one_without_answer() -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.ask(text)
    account.now += 30
    assert account.ask("d")[0] is Answer.UNRESOLVED
    assert {bind.state for bind in account.state.binds} == {BindState.UNANSWERED}


def test_a_bind_that_ends_after_its_lease_still_counts() -> None:
    account = Account()
    _, late = account.ask("a")
    account.now += 31
    account.bind("b")
    account.end(late, Result.WRONG)
    account.bind("c")
    assert account.ask("d")[0] is Answer.LOCKED


def test_an_unlock_forgets_all() -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.bind(text)
    account.state = AccountState()
    assert account.bind("a") is Answer.GO


def test_time_alone_leaves_nothing_behind() -> None:
    account = Account()
    for text in ("a", "b", "c"):
        account.bind(text)
    assert aged(account.state, account.now + 1000, LIMITS) == AccountState()


@pytest.mark.parametrize("numbers", [{"distinct_max": 0}, {"window_s": 0}, {"probe_s": -1}, {"window_s": 901}, {"lock_s": 899}])
def test_limits_that_cannot_hold_the_bound_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Limits(**numbers)


@pytest.mark.parametrize(
    ("reason", "result"),
    [
        (Reason.ACCEPTED, Result.ACCEPTED),
        (Reason.WRONG_PASSWORD, Result.WRONG),
        (Reason.DISABLED, Result.HARMLESS),
        (Reason.UNKNOWN_ADDRESS, Result.HARMLESS),
        (Reason.DIRECTORY_UNAVAILABLE, Result.HARMLESS),
        (Reason.DIRECTORY_TIMEOUT, Result.UNANSWERED),
        (Reason.BACKEND_FAILED, Result.UNANSWERED),
    ],
)
def test_what_a_directorys_answer_means_for_the_count(reason: Reason, result: Result) -> None:
    assert result_of(reason) is result


def test_only_refusals_are_worth_remembering() -> None:
    assert {reason.outcome for reason in Reason if is_memorable(reason)} == {Outcome.REFUSED}


# ---- the bound, whatever happens

RIGHT = "right"
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from([RIGHT, *"abcdefgh"])),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(st.just("wait"), st.sampled_from([1, 29, 31, 59, 61, 400, 899, 901, 1001])),
    ),
    max_size=120,
)


def play(events: list[tuple[str, object]], *, answers: bool) -> Account:
    """Let a directory that knows ``RIGHT`` see what the events make of the policy; without ``answers`` it never says anything."""
    account, open_binds = Account(), []
    for name, value in events:
        if name == "ask":
            answer, bind_id = account.ask(str(value))
            if answer is Answer.GO:
                open_binds.append((bind_id, value))
        elif name == "end" and open_binds:
            bind_id, password = open_binds.pop(int(str(value)) % len(open_binds))
            known = Result.ACCEPTED if password == RIGHT else Result.WRONG
            account.end(bind_id, known if answers else Result.UNANSWERED)
        elif name == "wait" and not open_binds:  # binds end before their lease does: a directory's time-out is shorter
            account.now += float(str(value))
    return account


def most_in_a_window(moments: list[float], window_s: float) -> int:
    return max((sum(start <= moment < start + window_s for moment in moments) for start in moments), default=0)


@given(EVENTS)
@settings(max_examples=400, deadline=None)
def test_the_directory_never_sees_more_bad_binds_in_a_window_than_promised(events: list[tuple[str, object]]) -> None:
    assert most_in_a_window(play(events, answers=True).bad, LIMITS.window_s) <= LIMITS.distinct_max


@given(EVENTS)
@settings(max_examples=400, deadline=None)
def test_a_silent_directory_sees_at_most_one_more_a_probe(events: list[tuple[str, object]]) -> None:
    seen = most_in_a_window(play(events, answers=False).bad, LIMITS.window_s)
    assert seen <= LIMITS.distinct_max + LIMITS.window_s / LIMITS.probe_s


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_a_distinct_wrong_password_reaches_the_directory_once_a_window(events: list[tuple[str, object]]) -> None:
    account = play(events, answers=True)
    digests = [bind.digest for bind in account.state.binds if bind.state is BindState.WRONG]
    assert len(digests) == len(set(digests))
