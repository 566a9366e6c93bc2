"""What mail clients ask for when they set themselves up, and the page for those who do it by hand.

Nobody is logged in here, and no account is looked up: the answers depend on the mail domain alone, so that known and unknown
addresses cannot be told apart. Which tenant is meant, the address says, else the host name that was asked.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BaseConverter

from cgappliance import log
from cgappliance.admin import accounts
from cgappliance.admin.autoconfig import apple, outlook, thunderbird
from cgappliance.admin.autoconfig.table import MailSetup, NotPublishable, ensure_certificate, load_setup, setup_page
from cgappliance.model import Tenant
from cgappliance.store.errors import RecordInvalid
from cgappliance.web import forms
from cgappliance.web.access import for_machines, visits
from cgappliance.web.i18n import gettext as _
from cgappliance.web.services import services

_log = log.get()

blueprint = Blueprint("client_setup", __name__)

ADDRESS_MAX: Final = outlook.ADDRESS_MAX
PREFIXES: Final = ("autoconfig.", "autodiscover.")  #: of the names that clients ask, in front of the mail domain
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._@+-]")


class _AnyCase(BaseConverter):
    """Part of a path in any case: Outlook writes it in several."""

    def __init__(self, url_map: object, word: str) -> None:
        super().__init__(url_map)  # type: ignore[arg-type]  # werkzeug's own Map
        self.regex = f"(?i:{re.escape(word)})"


blueprint.record_once(lambda state: state.app.url_map.converters.update(any_case=_AnyCase))


@blueprint.get("/mail/config-v1.1.xml")
@blueprint.get("/.well-known/autoconfig/mail/config-v1.1.xml")
@for_machines
def for_thunderbird() -> ResponseReturnValue:
    """Answer Thunderbird and its kind."""
    domain = _domain(request.args.get("emailaddress", ""))
    setup = _setup(domain)
    if setup is None:
        return _plain("no configuration for this domain", 404)
    return Response(thunderbird.render(setup, domain), content_type=thunderbird.CONTENT_TYPE)


@blueprint.post("/<any_case('autodiscover'):folder>/<any_case('autodiscover.xml'):file>")
@for_machines
def for_outlook(folder: str, file: str) -> ResponseReturnValue:  # noqa: ARG001 - in whatever case
    """Answer Outlook's question; an error is an answer with status 200, as Exchange gives it."""
    try:
        question = outlook.parse(request.get_data(cache=False) if _is_short() else b"")
        setup = _setup(question.domain)
        if setup is None:
            raise outlook.BadQuestion(outlook.NO_PROVIDER, "Provider is not available")
        answer = outlook.answer(setup, question)
    except outlook.BadQuestion as problem:
        answer = outlook.refusal(problem, services().now())
    return Response(answer, content_type=outlook.CONTENT_TYPE)


@blueprint.get("/<any_case('autodiscover'):folder>/<any_case('autodiscover.xml'):file>")
@for_machines
def from_plain_to_tls(folder: str, file: str) -> ResponseReturnValue:  # noqa: ARG001
    """Send Outlook, which asks without TLS where to ask, to the name that the certificate is for."""
    tenant = _tenant_of(_domain(""))
    if tenant is None or request.is_secure:
        return _plain("post a question", 405)
    return redirect(_pox_url(tenant), 302)


@blueprint.get("/<any_case('autodiscover'):folder>/<any_case('autodiscover.json'):file>")
@blueprint.get("/<any_case('autodiscover'):folder>/<any_case('autodiscover.json'):file>/v1.0/<address>")
@for_machines
def version_2(folder: str, file: str, address: str = "") -> ResponseReturnValue:  # noqa: ARG001
    """Say where version 1 is."""
    tenant = _tenant_of(_domain(address or request.args.get("Email", "")))
    if tenant is None:
        return {"ErrorCode": "UserNotFound", "ErrorMessage": "no configuration for this domain"}, 404
    status, told = outlook.pointer(request.args.get("Protocol", ""), _pox_url(tenant))
    return told, status


@blueprint.get("/<tenant>/setup")
@visits
def page() -> ResponseReturnValue:
    """Show server, ports and steps."""
    return _page("")


@blueprint.get("/<tenant>/setup/apple")
@visits
def for_apple() -> ResponseReturnValue:
    """Hand out the profile of an address, whosoever it is."""
    tenant: Tenant = g.tenant
    setup = _of_tenant(tenant)
    try:
        address = accounts.checked(tenant, forms.text("address")[:ADDRESS_MAX])
    except RecordInvalid:
        return _page(_("Please type your whole mail address.")), 400
    if setup is None:
        return redirect(url_for(".page"), 303)
    try:
        profile = _signed(apple.render(setup, address))
    except NotPublishable:
        return _page(_("There is no profile for Apple devices: your company does not allow both reading and sending.")), 404
    response = Response(profile, content_type=apple.CONTENT_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{_UNSAFE.sub("_", address)}{apple.SUFFIX}"'
    return response


def _signed(profile: bytes) -> bytes:
    """Return the profile in the site's signature, or as it is: without one the device only warns. Blocks on the files."""
    certificate, private_key = services().web.profile_certificate, services().web.profile_private_key
    if certificate is None or private_key is None:
        return profile
    try:
        return apple.sign(profile, apple.load_signer(certificate, private_key))
    except apple.SignerUnfit as unfit:
        _log.error("web.certificate", file=str(certificate), detail=str(unfit))
        return profile


def _page(problem: str) -> str:
    setup = _of_tenant(g.tenant)
    login = g.get("login")
    address = forms.text("address") or (login.subject if login is not None else "")
    return render_template(
        "user/setup.html", page="setup", tenant=g.tenant, login=login, setup=setup, problem=problem, address=address
    )


# ---- whose configuration


def _domain(address: str) -> str:
    """Return the mail domain that is meant: of the address, else of the host name; it need not be anybody's."""
    domain = address[:ADDRESS_MAX].rpartition("@")[2].strip().lower()
    return domain or _domain_of_host()


def _domain_of_host() -> str:
    try:
        name = (urlsplit(f"//{request.host}").hostname or "").rstrip(".")
    except ValueError:  # half a bracket
        return ""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    tenant = next((tenant for tenant in services().tenants.values() if tenant.listen.hostname == name), None)
    return name if tenant is None else min(tenant.domains)


def _tenant_of(domain: str) -> Tenant | None:
    return next((tenant for tenant in services().tenants.values() if domain in tenant.domains), None)


def _setup(domain: str) -> MailSetup | None:
    tenant = _tenant_of(domain)
    return None if tenant is None else _of_tenant(tenant)


def _of_tenant(tenant: Tenant) -> MailSetup | None:
    """Return what a tenant tells; None: nothing. Blocks for the database, and for files once for each version of the tenant."""
    if not _certificates().good(tenant):
        return None
    try:
        return load_setup(services().store, tenant, setup_page(tenant, services().web))
    except NotPublishable:
        return None


class _Certificates:
    """Remembers whose certificate covers its host name: the files are not read again for each stranger's question."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, bool]] = {}

    def good(self, tenant: Tenant) -> bool:
        """Tell whether clients would take the certificate. Blocks on the files when they, or the tenant's file, are new."""
        fingerprint, good = self._known.get(tenant.id, ("", False))
        if fingerprint != tenant.fingerprint or not fingerprint:
            try:
                ensure_certificate(tenant, services().now())
                good = True
            except NotPublishable:
                good = False
            self._known[tenant.id] = (tenant.fingerprint, good)
        return good


def _certificates() -> _Certificates:
    """Return what this application remembers."""
    found: _Certificates = current_app.extensions.setdefault("cgappliance.certificates", _Certificates())
    return found


def _pox_url(tenant: Tenant) -> str:
    origin = setup_page(tenant, services().web).removesuffix(f"/{tenant.id}/setup")
    return f"{origin}{outlook.PATH}"


def _is_short() -> bool:
    """Tell whether a body may be read at all: without a length nobody knows, and Outlook always gives it."""
    return request.content_length is not None and request.content_length <= outlook.REQUEST_MAX


def _plain(text: str, status: int) -> Response:
    return Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
