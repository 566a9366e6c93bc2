from __future__ import annotations

from cgappliance.policy.expiring import ExpiringMap


def test_an_entry_lives_up_to_its_end_and_not_longer() -> None:
    memory: ExpiringMap[str, int] = ExpiringMap(10, 100)
    memory.put("a", 1, 0)
    assert [memory.get("a", now) for now in (0, 9.999, 10, 10.001)] == [1, 1, None, None]


def test_an_entry_put_again_lives_anew() -> None:
    memory: ExpiringMap[str, int] = ExpiringMap(10, 100)
    memory.put("a", 1, 0)
    memory.put("a", 2, 9)
    assert memory.get("a", 18) == 2


def test_the_oldest_gives_way_when_there_are_too_many() -> None:
    memory: ExpiringMap[str, int] = ExpiringMap(10, 2)
    for number, key in enumerate("abac"):
        memory.put(key, number, number)
    assert [memory.get(key, 4) for key in "abc"] == [2, None, 3]
    assert len(memory) == 2


def test_what_has_ended_takes_no_place() -> None:
    memory: ExpiringMap[int, int] = ExpiringMap(10, 100)
    for key in range(50):
        memory.put(key, key, 0)
    memory.put(99, 99, 10)
    assert len(memory) == 1


def test_a_forgotten_key_is_gone_and_may_be_forgotten_twice() -> None:
    memory: ExpiringMap[str, int] = ExpiringMap(10, 100)
    memory.put("a", 1, 0)
    memory.pop("a")
    memory.pop("a")
    assert memory.get("a", 0) is None


def test_everything_can_be_forgotten() -> None:
    memory: ExpiringMap[str, int] = ExpiringMap(10, 100)
    memory.put("a", 1, 0)
    memory.clear()
    assert (memory.get("a", 0), len(memory)) == (None, 0)
