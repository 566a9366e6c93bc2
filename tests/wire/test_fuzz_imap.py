"""Any bytes, however cut: only events of the vocabulary, bounded memory, and the same result for every way of cutting."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cgappliance.model import Grant, Outcome, Reason
from cgappliance.proto.events import Accepted, NeedData, Refused
from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.imap.front import ImapFront
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits
from cgappliance.proto.sasl import xoauth2_response
from tests.proto.imap.driver import TOKEN, Talk, greeted, one_byte_each, outcome, password, talk, xoauth2
from tests.wire.script import parse

TRANSCRIPTS = Path(__file__).parent / "imap"

# Small limits, so that small inputs reach them; the default ones are reached in tests/proto/imap.
SMALL = PreLoginLimits(
    imap_command=64,
    imap_arguments=8,
    imap_tag=6,
    imap_login_literal=20,
    imap_login_literals=30,
    imap_nonsync_literal=40,
    imap_id_pairs=3,
    imap_id_field=8,
    imap_id_value=20,
    sasl_line=80,
    reply_line=64,
    reply_lines=6,
    reply_octets=200,
    commands=6,
    bad_commands=3,
)
FRONT_HOLDS_AT_MOST = SMALL.sasl_line * 2 + SMALL.imap_command + SMALL.imap_login_literals
BACK_HOLDS_AT_MOST = SMALL.reply_line + SMALL.reply_octets

CLIENT_WORDS = [
    *(b" ", b"\r\n", b"\n", b"\r", b"\0", b'"', b"\\", b"(", b")", b"{", b"}", b"+", b"*", b"=", b"\xff", b"x" * 30),
    *(
        b"{3}\r\nabc",
        b"{3+}\r\nabc",
        b"{17+}\r\ntaro@acme.example",
        b"{0}\r\n",
        b"{21}\r\n",
        b"{25+}\r\n",
        b"{41+}\r\n",
        b"{9999999999999+}\r\n",
    ),
    *(
        b"a LOGIN ",
        b"b AUTHENTICATE PLAIN ",
        b"c AUTHENTICATE LOGIN",
        b"d ID (",
        b"e NOOP",
        b"f CAPABILITY",
        b"g LOGOUT",
        b"h SELECT INBOX",
    ),
    *(
        b"taro@acme.example",
        b'"p\\"w"',
        b"AHRhcm9AYWNtZS5leGFtcGxlAHB3",
        b"dGFybw==",
        b"i AUTHENTICATE XOAUTH2 ",
        b"j APPEND x {30+}\r\n",
    ),
]
SERVER_WORDS = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\0",
        b"\xff",
        b"* ",
        b"+",
        b"+ ",
        b"A1 ",
        b"A2 ",
        b"OK ",
        b"NO ",
        b"BAD ",
        b"BYE ",
        b"PREAUTH ",
        b"[ALERT] ",
    ),
    *(
        b"[UNAVAILABLE] ",
        b"* CAPABILITY IMAP4rev1 IDLE\r\n",
        b"* NO [WEBALERT https://x] Web login required.\r\n",
        b"A1 OK done\r\n",
        b"y" * 40,
    ),
    *(
        b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n",
        b"A1 NO no\r\n",
        TOKEN.encode(),
        TOKEN.encode()[:15],
        b"* BYE\r\n",
        b"* OK [CAPABILITY X] hi\r\n",
    ),
]


def seeds(kind: str, peer: str) -> list[bytes]:
    """What the peer says in each transcript of a kind."""
    scripts = [parse(path) for path in sorted((TRANSCRIPTS / kind).glob("*.txt"))]
    return [b"".join(step.text for step in script.steps if step.kind == peer) for script in scripts]


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    at = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]


def made_of(words: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(words) | st.binary(max_size=4), max_size=25).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes], words: list[bytes]) -> bytes:
    """A transcript's bytes, damaged at up to four places."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 5)))
        data = data[:start] + draw(st.sampled_from([b"", data[start:end] * 2, *words])) + data[end:]
    return data


client_bytes = st.one_of(
    st.binary(max_size=200), made_of(CLIENT_WORDS), mutated(seeds("ok", "C") + seeds("bad", "C"), CLIENT_WORDS)
)
server_bytes = st.one_of(st.binary(max_size=200), made_of(SERVER_WORDS), mutated(seeds("back", "S"), SERVER_WORDS))


def result(heard: Talk) -> tuple[object, ...]:
    return heard.said, heard.attempts, heard.closed


@pytest.mark.parametrize("limits", [SMALL, DEFAULT_LIMITS], ids=["small limits", "default limits"])
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_how_a_clients_bytes_are_cut_does_not_change_what_the_front_does(limits: PreLoginLimits, data: st.DataObject) -> None:
    sent = data.draw(client_bytes)
    whole = talk(ImapFront(limits), [sent], Reason.WRONG_PASSWORD)
    pieces = talk(ImapFront(limits), data.draw(cut(sent)), Reason.WRONG_PASSWORD)
    single = talk(ImapFront(limits), one_byte_each(sent), Reason.WRONG_PASSWORD)

    assert result(whole) == result(pieces) == result(single)


@given(client_bytes)
@settings(max_examples=300, deadline=None)
def test_a_front_keeps_its_promises_whatever_a_client_sends(sent: bytes) -> None:
    heard = talk(ImapFront(SMALL), [sent], Reason.WRONG_PASSWORD)

    assert heard.most_held <= FRONT_HOLDS_AT_MOST
    assert len(heard.attempts) <= SMALL.login_tries
    assert not heard.said or heard.said.endswith(b"\r\n")
    assert all(line.isascii() and line.decode().isprintable() for line in heard.said.split(b"\r\n"))


@given(client_bytes, client_bytes)
@settings(max_examples=200, deadline=None)
def test_all_that_comes_behind_an_accepted_login_comes_back_unread(before: bytes, behind: bytes) -> None:
    front = ImapFront()
    if talk(front, [before], Reason.WRONG_PASSWORD).closed:
        return
    front = ImapFront()
    talk(front, [b"a LOGIN taro@acme.example pw\r\n" + behind], Accepted(b"OK"))

    assert front.unread() == behind


@pytest.mark.parametrize("limits", [SMALL, DEFAULT_LIMITS], ids=["small limits", "default limits"])
@pytest.mark.parametrize("grant", [xoauth2, password], ids=["token", "password"])
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_how_a_servers_bytes_are_cut_does_not_change_what_the_back_does(
    limits: PreLoginLimits, grant: Callable[[], Grant], data: st.DataObject
) -> None:
    def ends(pieces: list[bytes]) -> object:
        return outcome(greeted(grant(), limits=limits), pieces)

    sent = data.draw(server_bytes)
    assert ends([sent]) == ends(data.draw(cut(sent))) == ends(one_byte_each(sent))


@given(server_bytes)
@example(b"A1 NO " + TOKEN.encode() * 2 + b"\r\n")
@example(b"* BYE \xff" + TOKEN.encode() + b"\r\n")
@settings(max_examples=300, deadline=None)
def test_a_back_keeps_its_promises_whatever_a_server_sends(sent: bytes) -> None:
    message = xoauth2_response(xoauth2()) + b"\r\n"
    back = greeted(xoauth2(), limits=SMALL)
    answers, event = outcome(back, [sent])

    assert answers in ([], [message], [b"\r\n"], [message, b"\r\n"])
    assert isinstance(event, NeedData | Accepted | Refused)
    if isinstance(event, Refused):
        assert event.reason.outcome not in {Outcome.ACCEPTED, Outcome.REFUSED}
        assert event.text.isprintable()
        assert len(event.text) <= 300
        assert TOKEN[:15] not in event.text
    if isinstance(event, NeedData):
        assert len(back._buffer) + sum(map(len, back._remarks + back._capability)) <= BACK_HOLDS_AT_MOST


@given(server_bytes)
@settings(max_examples=200, deadline=None)
def test_only_a_server_that_greets_is_given_a_login(sent: bytes) -> None:
    back = ImapBack(SMALL)
    back.feed(sent)
    event = back.next_event()
    if not sent[:5].upper().startswith((b"* OK ", b"* OK\r", b"* OK\n")):
        assert isinstance(event, NeedData | Refused)
        with pytest.raises(RuntimeError):
            back.login(xoauth2())
