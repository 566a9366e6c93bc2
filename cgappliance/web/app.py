"""The application: what every request passes on its way to a page, and every answer on its way out.

In: declared proxies (``client.py``), who may use the view (``access.py``), is it our own form (``forms.py``). Out: headers that
keep browsers from doing what no page here wants. Errors become pages that say no more than their status.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from flask import Blueprint, Flask, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from cgappliance import __version__, log
from cgappliance.admin import own_app_password
from cgappliance.store.errors import StoreUnavailable
from cgappliance.web import access, formatting, forms, i18n, login_session
from cgappliance.web.access import public
from cgappliance.web.admin import blueprint as admin_blueprint
from cgappliance.web.app_password import blueprint as app_password_blueprint
from cgappliance.web.client import BehindProxies
from cgappliance.web.client_setup import blueprint as client_setup_blueprint
from cgappliance.web.reading import REQUEST_MAX_BYTES
from cgappliance.web.services import Services
from cgappliance.web.user_pages import blueprint as user_blueprint

_log = log.get()

#: All groups of pages.
BLUEPRINTS: Final[tuple[Blueprint, ...]] = (admin_blueprint, app_password_blueprint, client_setup_blueprint, user_blueprint)

FORM_FIELDS_MAX: Final = 2000  #: a page of accounts has at most some hundred boxes to tick
ASSET_MAX_AGE_S: Final = 86_400  #: their addresses carry the version, so a new one is fetched at once

#: What browsers may do with the pages: show them, with our own styles, scripts and pictures, and nothing else (CSP level 3).
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRICT_TRANSPORT_SECURITY: Final = "max-age=31536000"  #: a year, this host only: its siblings are not ours to decide about


def create_app(services: Services) -> Flask:
    """Return the application that serves ``services.tenants``."""
    app = Flask("cgappliance.web", static_url_path="/_static")
    app.extensions["cgappliance"] = services
    app.config.update(
        MAX_CONTENT_LENGTH=REQUEST_MAX_BYTES, MAX_FORM_PARTS=FORM_FIELDS_MAX, SEND_FILE_MAX_AGE_DEFAULT=ASSET_MAX_AGE_S
    )
    app.config.update(MAX_FORM_MEMORY_SIZE=REQUEST_MAX_BYTES)
    _set_up_templates(app)
    public(app.view_functions["static"])
    app.add_url_rule("/_language", "language", _choose_language, methods=["POST"])
    app.url_value_preprocessor(_take_tenant)
    app.url_defaults(_give_tenant(app))
    app.before_request(access.enforce)
    app.before_request(forms.check)
    app.after_request(forms.remember)
    app.after_request(_guard_response)
    app.register_error_handler(HTTPException, _show_error)
    app.register_error_handler(StoreUnavailable, _show_unavailable)
    app.register_error_handler(Exception, _show_bug)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    access.check_all(app)
    app.wsgi_app = BehindProxies(app.wsgi_app, services.web.trusted_proxies)  # type: ignore[method-assign]
    return app


def _set_up_templates(app: Flask) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        _=i18n.template_gettext,
        ngettext=i18n.template_ngettext,
        sentence=i18n.sentence,
        language=i18n.language,
        languages=i18n.LANGUAGES,
        csrf_field=forms.csrf_field,
        visitor_csrf_field=forms.visitor_csrf_field,
        notices=login_session.take_notices,
        asset=_asset,
        version=__version__,
        enters_app_passwords=own_app_password.applies,
    )
    app.jinja_env.filters.update(formatting.FILTERS)


def _asset(name: str) -> str:
    return url_for("static", filename=name, v=__version__)


def _take_tenant(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take the tenant out of the URL's values: ``access.enforce`` turns it into ``g.tenant``, and no view has to."""
    g.tenant_name = (values or {}).pop("tenant", None)


def _give_tenant(app: Flask) -> Any:
    """Return what puts the tenant of this request into each address that wants one."""

    def give(endpoint: str, values: dict[str, Any]) -> None:
        if "tenant" not in values and g.get("tenant") is not None and app.url_map.is_endpoint_expecting(endpoint, "tenant"):
            values["tenant"] = g.tenant.id

    return give


@public
def _choose_language() -> ResponseReturnValue:
    """Remember a language, and go back to the page."""
    response = redirect(forms.own_path(forms.text("next"), "/"), 303)
    chosen = forms.text("language")
    if chosen in i18n.LANGUAGES:
        response.set_cookie(i18n.COOKIE, chosen, max_age=31_536_000, secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def _guard_response(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"  # pages with people's names do not lie in a shared browser's cache
        response.vary.add("Cookie")
        response.vary.add("Accept-Language")
    return response


def _show_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error
    return render_template("error.html", status=error.code), error.code


def _show_unavailable(error: StoreUnavailable) -> ResponseReturnValue:
    _log.error("store.unavailable", queue="web", detail=str(error))
    g.login = None  # whatever the page wants to show of the login would ask the database again
    return render_template("error.html", status=503), 503


def _show_bug(error: Exception) -> ResponseReturnValue:
    number = secrets.token_hex(4)
    _log.error("web.failed", endpoint=request.endpoint, number=number, detail=type(error).__name__, exc_info=error)
    return render_template("error.html", status=InternalServerError.code, number=number), 500
