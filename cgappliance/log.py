"""Structured logs: one event per fact, ``name.with.dots key=value``, as logfmt text or JSON lines on standard error.

The rules of what is logged stand in ``docs/reference/events``: no secret, no message content, one INFO line per login.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMATS = ("text", "json")


def configure(level: str = "info", fmt: str = "text", stream: TextIO | None = None) -> None:
    """Set level ("debug", "info", "warning", "error") and format ("text" is logfmt, "json") for the whole process.

    Callable again at run time: loggers made before follow.

    Raises:
        KeyError: level is none of ``LEVELS``.
    """
    stream = stream or sys.stderr
    if fmt == "json":
        renderer: Processor = _json_line
    else:
        renderer = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
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
    # what libraries say through the standard module goes to the same place, from WARNING on
    library_format = "level=%(levelname)s event=library logger=%(name)s message=%(message)r"
    logging.basicConfig(level=logging.WARNING, stream=stream, format=library_format, force=True)


def _json_line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Return one object a line that begins like a line of text does: time, level, event."""
    first = {name: event.pop(name) for name in ("timestamp", "level", "event")}
    return json.dumps({**first, **event}, ensure_ascii=False, default=str)


def get() -> FilteringBoundLogger:
    """Return a logger; events are its calls: ``log.info("login", tenant=..., outcome=...)``."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger
