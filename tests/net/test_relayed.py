import gc
import types

import pytest

from cgappliance.net.connection import Connection
from cgappliance.net.places import Place
from cgappliance.net.relay import End, Summary
from cgappliance.net.relayed import Relayed
from cgappliance.proto.imap.front import ImapFront
from cgappliance.session.record import SessionEnd


class Book:
    """Stands in for the registry, the places and the recorder: writes down what each is told."""

    def __init__(self):
        self.told = []

    def remove(self, record):
        self.told.append(("remove", record))

    def give_back(self, place):
        self.told.append(("give back", place))

    def ended(self, record, end):
        self.told.append(("ended", record, end))


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def house(book):
    return types.SimpleNamespace(sessions=book, places=book)


SUMMARY = Summary(End.CLOSED, "", 10, 20, 3.0)
END = SessionEnd("closed", "", 10, 20, 3.0)


def test_end_of_a_session_is_told_to_all_who_must_know(book, house):
    place = Place(("all",))
    Relayed(house, book, "record", place).ended(SUMMARY)
    assert book.told == [("remove", "record"), ("give back", place), ("ended", "record", END)]


def test_session_without_a_place_gives_none_back(book, house):
    Relayed(house, book, "record", None).ended(SUMMARY)
    assert book.told == [("remove", "record"), ("ended", "record", END)]


def test_nothing_of_the_login_is_kept_while_a_session_is_relayed(stage):
    _client, serving, _told = stage.log_in()
    serving.get(timeout=5)
    gc.collect()
    left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, Connection | ImapFront)]
    assert (len(stage.house.sessions), left) == (1, [])
