"""Forms: proof that they come from our own pages, and their fields as values.

Each form carries a code made from the browser's cookie with a key that only the server has; another site can neither read the
cookie nor make the code. Before the login a cookie of its own takes the token's place, or another site could log a browser in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any, Final

from flask import Response, abort, current_app, g, request
from markupsafe import Markup

from cgappliance.web import access, login_session
from cgappliance.web.services import services

FIELD: Final = "form_code"
FIELD_MAX_CHARS: Final = 2000  #: of a line; texts that may be longer have limits of their own


def anchor() -> str:
    """Return what the browser's forms are tied to: its login, or a cookie that it gets with this response."""
    return login_session.token() or _visitor()


def _visitor() -> str:
    """Return what tells this browser from others, logged in or not."""
    known = request.cookies.get(_form_cookie(), "") or g.get("form_anchor")
    if not known:
        known = g.form_anchor = secrets.token_urlsafe(32)
    return str(known)


def csrf_field() -> Markup:
    """Return the hidden field that each form must have."""
    return _field(anchor())


def visitor_csrf_field() -> Markup:
    """Return the hidden field of a form whose address belongs to no login: the one that chooses the language."""
    return _field(_visitor())


def _field(tied_to: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, _code(tied_to))


def check() -> None:
    """End a request that changes something and did not come from a page of ours."""
    if request.method in ("GET", "HEAD", "OPTIONS") or _from_programs():
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        abort(403)
    sent = request.form.get(FIELD, "")
    if not hmac.compare_digest(sent.encode(), _code(anchor()).encode()):
        abort(403)


def _from_programs() -> bool:
    """Tell whether the view answers programs that have no form; it changes nothing."""
    view = current_app.view_functions.get(request.endpoint or "")
    found = None if view is None else access.access_of(view)
    return found is not None and not found.form


def remember(response: Response) -> Response:
    """Give the browser the cookie that a form of this page is tied to."""
    made = g.pop("form_anchor", None)
    if made is not None:
        login_session.set_cookie(response, _form_cookie(), made)
    return response


def text(name: str, default: str = "") -> str:
    """Return a line that was typed, without blanks around it."""
    return request.values.get(name, default)[:FIELD_MAX_CHARS].strip()


def flag(name: str) -> bool:
    """Tell whether a box is ticked."""
    return request.values.get(name, "") == "1"


def choice(name: str, kind: Any) -> Any:
    """Return the member of an enumeration that was chosen, or None when none was, or none that exists."""
    try:
        return kind(text(name))
    except ValueError:
        return None


def own_path(target: str, otherwise: str) -> str:
    """Return ``target`` if it is a path of this site, else ``otherwise``: nobody is sent elsewhere."""
    plain = target.startswith("/") and not target.startswith("//") and target.isprintable() and "\\" not in target
    return target if plain else otherwise


def _form_cookie() -> str:
    return f"{'__Host-' if request.is_secure else ''}cg-form"


def _code(tied_to: str) -> str:
    return hmac.digest(services().form_key, tied_to.encode(), hashlib.sha256).hex()
