import io
import json
import sys
from datetime import date

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from cgappliance import log
from cgappliance.model import MailProtocol

ODD = (
    'a "quoted" one',
    "a=b",
    "two\nlines",
    "C:\\temp",
    "back\\ slash",
    "tab\t",
    "\x1c",
    "\x85",
    "\xa0",
    "é",
    "名前",
    "\ud800",
    "",
)
VALUES = st.one_of(st.text(), st.sampled_from(ODD), st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.binary())
NAMES = st.one_of(st.sampled_from(("tenant", "detail", "ms", "exception")), st.text())


@pytest.fixture
def stream():
    """Return where everybody's log goes during the test."""
    yield io.StringIO()
    log.configure(stream=sys.__stderr__)


def text_or_refusal(renderer, fields):
    """Return the line that a renderer makes of an event, or what it says against it."""
    try:
        return renderer(None, "info", {"level": "info", "event": "it happened", "timestamp": "2026-11-24T20:25:04Z", **fields})
    except ValueError as error:
        return repr(error)


@given(st.dictionaries(NAMES, VALUES))
@example({"a b": 1})
@example({"a\tb": 1})
@example({"a\u2028b": 1})
@example({"a=b": "c"})
@example({'a"b': "c"})
@example({"protocol": MailProtocol.IMAP, "on": date(2026, 11, 24), "error": ValueError("a=1"), "all": ["a", "b"]})
def test_text_is_what_structlogs_own_logfmt_is(fields):
    own = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    assert text_or_refusal(log._text_line, fields) == text_or_refusal(own, fields)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", ["detail", "event", "level"])
def test_odd_text_is_what_structlogs_own_logfmt_is(place, odd):
    own = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    assert text_or_refusal(log._text_line, {place: odd}) == text_or_refusal(own, {place: odd})


def test_a_line_begins_with_time_level_and_event(stream):
    log.configure(stream=stream)
    log.get().warning("listener.paused", listener="acme/imap", seconds=0.5)
    time, rest = stream.getvalue().split(" ", 1)
    assert time.startswith("timestamp=2")
    assert rest == "level=warning event=listener.paused listener=acme/imap seconds=0.5\n"


def test_an_object_begins_with_time_level_and_event(stream):
    log.configure("info", "json", stream)
    log.get().info("login", tenant="acme", detail='says "no"')
    line = json.loads(stream.getvalue())
    assert list(line) == ["timestamp", "level", "event", "tenant", "detail"]
    assert line["detail"] == 'says "no"'


def test_a_logger_follows_a_change_of_level_format_and_stream(stream):
    logger = log.get()
    log.configure("warning", stream=stream)
    logger.info("unwanted")
    log.configure("debug", "json", stream)
    logger.debug("wanted")
    log.configure(stream=io.StringIO())
    logger.info("elsewhere")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["wanted"]


def test_an_exception_is_written_in_one_line(stream):
    log.configure(stream=stream)
    try:
        raise LookupError("nothing here")
    except LookupError:
        log.get().error("greenlet.died", exc_info=True)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith('nothing here"\n')


def test_events_can_be_captured(stream):
    log.configure("warning", stream=stream)
    with capture_logs() as logs:
        log.get().error("store.unavailable", detail="full")
    assert logs == [{"event": "store.unavailable", "log_level": "error", "detail": "full"}]
    assert stream.getvalue() == ""


def test_before_anything_is_configured_structlogs_own_logger_writes():
    with capture_logs() as logs:
        log.Logger().error("early")
    assert [line["event"] for line in logs] == ["early"]
