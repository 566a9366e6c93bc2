from cgappliance.net.surroundings import Uses


def test_uses_are_over_when_the_last_one_has_left():
    uses = Uses()
    uses.enter()
    uses.enter()
    uses.leave()
    assert not uses.none.is_set()
    uses.leave()
    assert uses.none.is_set()
