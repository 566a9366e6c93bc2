"""The browser's login: a random token in a cookie, the session behind it in the database, and what the next page is to say.

The cookie belongs to one tenant and one group of pages. Over HTTPS its name begins with ``__Host-``: no other host can set it, and
no plain HTTP can read it.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Response, g, request

from cgappliance.admin.desk import Actor, Desk
from cgappliance.model import IPAddress, Peer, Tenant
from cgappliance.secret import Secret
from cgappliance.store import web_sessions
from cgappliance.store.administrators import Role
from cgappliance.store.web_sessions import NewSession, Site, WebSession
from cgappliance.web.services import services

NOTICE_KINDS: Final = ("success", "warning", "error")


def cookie_name(site: Site, tenant: str) -> str:
    """Return the name of a login's cookie."""
    return f"{'__Host-' if request.is_secure else ''}cg-{site}-{tenant}"


def client_ip() -> IPAddress:
    """Return the client's address, behind declared proxies."""
    return Peer.of(request.remote_addr or "127.0.0.1", 0).address


def token() -> str:
    """Return the login token that the browser sent for this request's pages; "": none."""
    site, tenant = g.get("site"), g.get("tenant")
    return request.cookies.get(cookie_name(site, tenant.id), "") if site is not None and tenant is not None else ""


def load(site: Site, tenant: Tenant) -> WebSession | None:
    """Return who is logged in, and note that the session is used. Blocks for the database."""
    sent, now = request.cookies.get(cookie_name(site, tenant.id), ""), services().now()
    if not sent:
        return None
    store = services().store
    with store.read() as connection:
        found = web_sessions.find(connection, Secret(sent), services().lifetime, now)
    if found is None or (found.tenant, found.site) != (tenant.id, site):
        return None
    if now - found.seen_at >= web_sessions.TOUCH_EVERY:
        with store.write() as connection:
            web_sessions.touch(connection, found, now)
    return found


def begin(response: Response, new: NewSession) -> None:
    """Log somebody in: a new token, whatever the browser had before. Blocks for the database."""
    old = g.get("login")
    with services().store.write() as connection:
        if old is not None:
            web_sessions.end(connection, old)
        made = web_sessions.begin(connection, new, services().now())
    set_cookie(response, cookie_name(new.site, new.tenant), made.reveal())


def end(response: Response) -> None:
    """Log out whoever is logged in."""
    login: WebSession | None = g.get("login")
    if login is not None:
        with services().store.write() as connection:
            web_sessions.end(connection, login)
        response.delete_cookie(cookie_name(login.site, login.tenant), path="/", secure=request.is_secure, httponly=True)


def set_cookie(response: Response, name: str, value: str) -> None:
    """Set a cookie that scripts cannot read and other sites do not send; it ends with the browser."""
    response.set_cookie(name, value, secure=request.is_secure, httponly=True, samesite="Strict", path="/")


def actor() -> Actor:
    """Return who does what this request does, for the audit log."""
    login: WebSession = g.login
    return Actor(login.subject, str(client_ip()))


def desk() -> Desk:
    """Return the desk of whoever is logged in."""
    return services().desk(actor())


def role() -> Role:
    """Return the role of the administrator who is logged in."""
    return Role(g.login.role)


def notify(kind: str, text: str) -> None:
    """Have the next page say something."""
    login: WebSession = g.login
    g.notices = [*g.get("notices", login.notices), {"kind": kind, "text": text}]
    with services().store.write() as connection:
        web_sessions.set_notices(connection, login, g.notices)


def take_notices() -> list[dict[str, Any]]:
    """Return what this page is to say; the next one does not say it again."""
    login: WebSession | None = g.get("login")
    if login is None:
        return []
    waiting = [dict(notice) for notice in g.get("notices", login.notices)]
    if waiting:
        g.notices = []
        with services().store.write() as connection:
            web_sessions.set_notices(connection, login, [])
    return waiting
