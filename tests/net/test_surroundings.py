from cgappliance.net.surroundings import Uses, connection_ids


def test_uses_are_over_when_the_last_one_has_left():
    uses = Uses()
    uses.enter()
    uses.enter()
    uses.leave()
    assert not uses.none.is_set()
    uses.leave()
    assert uses.none.is_set()


def test_two_processes_give_no_connection_the_same_name():
    ours, theirs = connection_ids(), connection_ids()
    assert len({next(ours), next(ours), next(theirs), next(theirs)}) == 4
