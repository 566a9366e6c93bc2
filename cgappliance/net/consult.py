"""Asks a tenant's plugins, its directory and its credential provider, from behind a fence.

A plugin can raise anything and return anything, or hang: that fails this login, with a reason, and no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import gevent

from cgappliance import log
from cgappliance.errors import LoginFailed
from cgappliance.model import AuthAnswer, Credentials, Grant, MailProtocol, Outcome, Reason
from cgappliance.net.health import Part
from cgappliance.net.surroundings import Surroundings
from cgappliance.plugins import BROKEN

_log = log.get()

Result = TypeVar("Result")


def ask_directory(around: Surroundings, credentials: Credentials, conn: str) -> AuthAnswer:
    """Return the directory's answer; ``conn`` is the connection that asks, for the log. Blocks up to the directory's time-out."""
    timeout_s = around.timeouts.directory_s
    started = time.monotonic()
    try:
        answer = fenced(timeout_s, lambda: around.backend.authenticate(credentials, timeout_s), AuthAnswer)
    except LoginFailed as failure:
        answer = AuthAnswer(failure.reason, failure.detail)
    except gevent.Timeout:
        answer = AuthAnswer(Reason.DIRECTORY_TIMEOUT, f"no answer within {timeout_s:g} s")
    except PluginBroke as broke:
        _tell(around, "auth", credentials, conn, broke)
        answer = AuthAnswer(Reason.BACKEND_FAILED, str(broke))
    now = time.monotonic()
    if answer.reason.outcome is Outcome.REFUSED:
        around.pace.observe(now - started, now)
    around.health.note(Part.DIRECTORY, answer.reason, answer.detail)
    return answer


def ask_provider(around: Surroundings, credentials: Credentials, protocol: MailProtocol, conn: str, *, fresh: bool) -> Grant:
    """Return the Google-side credential. Blocks up to the token time-out.

    Raises:
        LoginFailed: there is none.
    """
    timeout_s = around.timeouts.token_s
    address, provider = credentials.address, around.provider
    try:
        grant = fenced(timeout_s, lambda: provider.grant(address, protocol, fresh=fresh, timeout_s=timeout_s), Grant)
    except LoginFailed as failure:
        around.health.note(Part.TOKEN, failure.reason, failure.detail)
        raise
    except gevent.Timeout as error:
        raise _no_grant(around, Reason.TOKEN_UNAVAILABLE, f"no answer within {timeout_s:g} s") from error
    except PluginBroke as broke:
        _tell(around, "google", credentials, conn, broke)
        raise _no_grant(around, Reason.PROVIDER_FAILED, str(broke)) from broke
    if not grant.from_cache:
        around.health.note(Part.TOKEN, Reason.ACCEPTED)
    return grant


def _no_grant(around: Surroundings, reason: Reason, detail: str) -> LoginFailed:
    around.health.note(Part.TOKEN, reason, detail)
    return LoginFailed(reason, detail)


def _tell(around: Surroundings, table: str, credentials: Credentials, conn: str, broke: PluginBroke) -> None:
    _log.error("plugin.failed", tenant=around.tenant.id, table=table, conn=conn, login=credentials.login, detail=str(broke))


class PluginBroke(Exception):
    """A plugin raised, or returned what its contract does not know. Says where, not what: the text might hold a secret."""


def fenced(timeout_s: float, call: Callable[[], Result], expected: type[Result]) -> Result:
    """Run a plugin's method under a time-out that it cannot catch by ``except Exception``, and check what it returns.

    Raises:
        gevent.Timeout: it took too long.
        LoginFailed: as its contract allows.
        PluginBroke: anything else.
    """
    try:
        with gevent.Timeout(timeout_s):
            result = call()
    except LoginFailed:
        raise
    except BROKEN as error:  # a plugin can raise anything, and it is its tenant's problem alone
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown place"
        raise PluginBroke(f"{type(error).__name__} at {place}") from None
    if not isinstance(result, expected):
        raise PluginBroke(f"returned {type(result).__name__}, not {expected.__name__}")
    return result
