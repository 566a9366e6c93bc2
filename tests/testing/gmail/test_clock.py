from cgappliance.testing.gmail.clock import Clock


def test_clock_shows_its_source_and_what_was_added():
    clock = Clock(source=lambda: 1000.0)

    clock.advance(60)
    clock.advance(-10)

    assert clock.now() == 1050.0


def test_listeners_hear_of_each_move():
    clock, heard = Clock(source=lambda: 0.0), []
    clock.on_move(lambda: heard.append(clock.now()))

    clock.advance(1)
    clock.poke()

    assert heard == [1.0, 1.0]
