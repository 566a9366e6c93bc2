"""Who may use a view. Each view says so with one of six decorators; the application does not start with one that does not.

* ``public``: everybody.
* ``for_machines``: everybody, programs above all: what is posted comes from no form of ours, and changes nothing.
* ``enters``: everybody who comes from the admin site's networks: the login page.
* ``needs(role)``: administrators of the tenant in the URL who have this role, or one that includes it.
* ``visits``: everybody; the view may look whether a user is logged in.
* ``own_pages``: the user of the tenant in the URL who is logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from cgappliance.model import Tenant
from cgappliance.store.administrators import Role
from cgappliance.store.web_sessions import Site
from cgappliance.web import login_session
from cgappliance.web.client import is_among
from cgappliance.web.services import services

View = TypeVar("View", bound=Callable[..., Any])
_MARK: Final = "cgappliance_access"


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a view."""

    site: Site | None = None  #: None: belongs to no login
    role: Role | None = None  #: of an administrator
    login: bool = False  #: somebody must be logged in
    form: bool = True  #: what is posted comes from a form of ours


def public(view: View) -> View:
    """Let everybody use a view."""
    return _marked(view, Access())


def for_machines(view: View) -> View:
    """Let everybody use a view that answers programs; it must change nothing."""
    return _marked(view, Access(form=False))


def enters(view: View) -> View:
    """Let everybody who comes from the admin site's networks use a view; it may look who is logged in."""
    return _marked(view, Access(Site.ADMIN))


def needs(role: Role) -> Callable[[View], View]:
    """Let administrators with a role use a view."""
    return lambda view: _marked(view, Access(Site.ADMIN, role, login=True))


def visits(view: View) -> View:
    """Let everybody use a view of the users' pages; it may look who is logged in."""
    return _marked(view, Access(Site.USER))


def own_pages(view: View) -> View:
    """Let the user who is logged in use a view."""
    return _marked(view, Access(Site.USER, login=True))


def _marked(view: View, access: Access) -> View:
    setattr(view, _MARK, access)
    return view


def access_of(view: Callable[..., Any]) -> Access | None:
    """Return who may use a view; None: it does not say."""
    found: Access | None = getattr(view, _MARK, None)
    return found


def check_all(app: Flask) -> None:
    """Return when each view of an application says who may use it.

    Raises:
        AssertionError: with those that do not; a mistake in the program.
    """
    silent = [name for name, view in app.view_functions.items() if access_of(view) is None]
    if silent:
        raise AssertionError(f"views that do not say who may use them: {', '.join(sorted(silent))}")


def enforce() -> Response | None:
    """Before each request: find the tenant of the URL, and let nobody in who may not. None: go on."""
    if request.endpoint is None:
        return None  # no such page: 404
    access = access_of(current_app.view_functions[request.endpoint]) or abort(403)
    tenant = _tenant()
    g.site = access.site
    if tenant is None or access.site is None:
        return None
    if access.site is Site.ADMIN and not _from_here(tenant):
        abort(403)
    g.login = login_session.load(access.site, tenant)
    if not access.login:
        return None
    if g.login is None:
        return _to_login(access.site, tenant)
    if access.role is not None and not login_session.role().includes(access.role):
        abort(403)
    return None


def _tenant() -> Tenant | None:
    """Return the tenant that the URL names, and keep it for the pages; 404 when there is none of this name."""
    name = g.get("tenant_name")
    if name is None:
        return None
    tenant = services().tenants.get(name)
    if tenant is None:
        abort(404)
    g.tenant = tenant
    return tenant


def _from_here(tenant: Tenant) -> bool:
    networks = tenant.admin_site.networks
    return not networks or is_among(login_session.client_ip(), networks)


def _to_login(site: Site, tenant: Tenant) -> Response:
    """Send somebody to the login; a page that only shows something is where he comes back to."""
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    endpoint = "admin.login" if site is Site.ADMIN else "user.login"
    return redirect(url_for(endpoint, tenant=tenant.id, next=back), 303)
