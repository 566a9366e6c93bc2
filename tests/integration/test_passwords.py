"""Every password that somebody may have in the directory, through every way to log in, against a real OpenLDAP.

The manual forbids ``"`` and ``\\`` in passwords, because the old product could not carry them. Here every printable ASCII character
and every letter of Japanese goes, wherever it stands.
"""

import pytest

from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, YUKI, World

from .conftest import at_once
from .seen import logins, questions
from .talking import ACCEPTED, IMAP, POP3, REFUSED, SMTP, WAYS

pytestmark = pytest.mark.usefixtures("tidy")

PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))

PASSWORDS = {
    "printable": PRINTABLE,
    "printable-backwards": PRINTABLE[::-1],
    "japanese": "春はあけぼの、漢字・カナ・ひらがな㍿〜9",
    "accents": "Zoë naïve ﬁ e\u0301 ½ 🔑",
    "only-spaces": "      ",
    "spaces-around": "  two before, two after  ",
    "quotes": '"quoted"',
    "backslashes": "\\\\ends with one\\",
    "like-a-literal": "{5}",
    "like-a-literal-plus": "pass {1000000+}",
    "like-a-cancel": "*",
    "like-an-empty-response": "=",
    "like-a-command": "x a2 LOGOUT QUIT .",
    "percent": "%00%0d%0a%s%n",
    "long": "0123456789abcdef" * 15,
}
PEOPLE = tuple(Person(f"{name}@{DOMAIN}", password) for name, password in PASSWORDS.items())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world"), people=(YUKI, *PEOPLE)) as world:
        yield world


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_password_goes_through(world, talk, way):
    answers = at_once(lambda person: talk(way.protocol).log_in_as(person, way), PEOPLE)
    refused = [person.address for person, answer in zip(PEOPLE, answers, strict=True) if ACCEPTED[way.protocol] not in answer]
    assert refused == []


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_password_that_is_nearly_right_is_wrong(talk, way):
    nearly = [(person.address, person.password.swapcase() + "!") for person in PEOPLE]
    answers = at_once(lambda login: talk(way.protocol).log_in(*login, way), nearly)
    assert set(answers) == {REFUSED[way.protocol]}


def test_gmail_sees_the_account_and_never_the_password(world, talk):
    world.gmail.control.clear_records()
    at_once(lambda person: talk(SMTP).log_in_as(person), PEOPLE)
    connections, tried = world.gmail.control.connections(), logins(world.gmail.control)
    assert {login["username"] for login in tried} == {person.address for person in PEOPLE}
    assert {login["mechanism"] for login in tried} == {"XOAUTH2"}
    telling = [person.password.encode() for person in PEOPLE if len(person.password) > 6]
    assert not any(password in record["before_login"] for record in connections for password in telling)


def test_password_of_control_characters_is_refused_before_the_directory_is_asked(world, talk, log):
    asked = questions(world.slapd)
    for protocol, password in ((IMAP, "tab\there"), (POP3, "bell\a"), (SMTP, "escape\x1b")):
        assert talk(protocol).log_in(YUKI.address, password) == REFUSED[protocol]
    assert [entry["reason"] for entry in log()] == ["bad_characters"] * 3
    assert questions(world.slapd) == asked


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_password_that_is_not_utf_8_is_refused(talk, way):
    conversation = talk(way.protocol)
    *first, last = way.messages(YUKI.address.encode(), b"caf\xe9 latin-1")
    for message in first:
        conversation.ask(message)
    assert conversation.ask(last) == REFUSED[way.protocol]


# ---- POP3 "recent:", Gmail's mode for the last 30 days


@pytest.mark.parametrize("prefix", ["recent:", "Recent:", "RECENT:"])
@pytest.mark.parametrize("way", [way for way in WAYS if way.protocol is POP3], ids=str)
def test_recent_mode_is_for_gmail_and_not_for_the_directory(world, talk, log, way, prefix):
    world.gmail.control.clear_records()
    assert ACCEPTED[POP3] in talk(POP3).log_in(prefix + YUKI.address, YUKI.password, way)
    assert [(login["username"], login["outcome"]) for login in logins(world.gmail.control)] == [(f"recent:{YUKI.address}", "ok")]
    assert [entry["login"] for entry in log()] == [YUKI.address]
    assert world.slapd.count("recent:") == 0


@pytest.mark.parametrize("protocol", [IMAP, SMTP])
def test_recent_mode_is_unknown_to_the_other_protocols(talk, protocol):
    assert talk(protocol).log_in(f"recent:{YUKI.address}", YUKI.password) == REFUSED[protocol]
