"""Structured logs: one event per fact, ``name.with.dots key=value``, as logfmt text or JSON lines on standard error.

The rules of what is logged stand in ``docs/reference/events``: no secret, no message content, one INFO line per login.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMATS = ("text", "json")


Write = Callable[..., Any]  #: writes an event of this name with these fields, or nothing if its level is not wanted


class Logger:
    """The logger of everybody; events are its calls: ``log.info("login", tenant=..., outcome=...)``.

    It holds on to structlog's methods: structlog's own proxy makes a logger anew for each event, even for one that is not wanted.
    """

    debug: Write
    info: Write
    warning: Write
    error: Write

    def hold(self, bound: FilteringBoundLogger) -> None:
        """Write with another logger of structlog from now on."""
        self.debug, self.info, self.warning, self.error = bound.debug, bound.info, bound.warning, bound.error

    def __getattr__(self, name: str) -> Any:
        """Return a method of structlog's as long as nothing has been configured."""
        return getattr(structlog.get_logger(), name)


_logger: Final = Logger()


def get() -> Logger:
    """Return the logger; it follows ``configure`` whenever that is called."""
    return _logger


def configure(level: str = "info", fmt: str = "text", stream: TextIO | None = None) -> None:
    """Set level ("debug", "info", "warning", "error") and format ("text" is logfmt, "json") for the whole process.

    Callable again at run time: loggers that somebody got before follow.

    Raises:
        KeyError: level is none of ``LEVELS``.
    """
    stream = stream or sys.stderr
    renderer: Processor = _json_line if fmt == "json" else _text_line
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,  # a level changed at run time must reach every logger
    )
    _logger.hold(structlog.get_logger().bind())
    # what libraries say through the standard module goes to the same place, from WARNING on
    library_format = "level=%(levelname)s event=library logger=%(name)s message=%(message)r"
    logging.basicConfig(level=logging.WARNING, stream=stream, format=library_format, force=True)


def _in_order(event: EventDict) -> EventDict:
    """Return the fields as a line has them: time, level and event first."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return {**first, **event}


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return one object a line that begins like a line of text does."""
    return json.dumps(_in_order(event), ensure_ascii=False, default=str)


_logfmt = structlog.processors.LogfmtRenderer()
_AS_THEY_ARE: Final = frozenset({str, int, float})  #: types whose text is the value's; True and None are written otherwise


def _text_line(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """Return what structlog's own logfmt is; it is asked only for a line with something to quote, to escape or to refuse."""
    fields = _in_order(event)
    if _AS_THEY_ARE.issuperset(map(type, fields.values())):
        line = " ".join([f"{name}={value}" for name, value in fields.items()])
        signs = line.count("="), line.count(" "), line.count('"')
        if signs == (len(fields), len(fields) - 1, 0) and line.isprintable():  # so none of them stands in a name or a value
            return line
    return _logfmt(logger, method, fields)
