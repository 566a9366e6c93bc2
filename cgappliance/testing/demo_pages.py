"""The pictures of the manuals: which page, as whom, and what is typed before. A test says when a page of the site has none.

Each picture is taken in both languages, so a step names fields and buttons by what they are called in the form, not by their words.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cgappliance.testing.demo_people import DISABLED, LOCKED, USER, WITHOUT_POP


class Who(enum.StrEnum):
    """Who looks at a page."""

    NOBODY = "nobody"
    ADMINISTRATOR = "administrator"
    USER = "user"
    OTHER_USER = "other user"  #: of the company with app passwords


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is done on the page before its picture is taken."""

    what: str  #: "fill", "choose", "tick", "press", "upload", "wait"
    where: str  #: CSS selector
    value: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture."""

    name: str  #: of the file
    endpoint: str  #: the view that shows the page
    path: str  #: behind the tenant's URL; a moment like 2026-11-24T10:30 in it is one of the demo's history
    who: Who = Who.ADMINISTRATOR
    steps: tuple[Step, ...] = ()
    width: int = 0  #: of the window; 0: as usual
    height: int = 0  #: of the picture, where its lower part adds nothing; 0: the whole page
    show: str = ""  #: the part of the page, as a CSS selector; "": from the top


def fill(where: str, value: str) -> Step:
    """Type something into a field."""
    return Step("fill", f"[name='{where}']", value)


def press(where: str) -> Step:
    """Press a button, and wait for the page that comes."""
    return Step("press", where)


NETWORKS: Final = "203.0.113.0/24   # Tokyo\n198.51.100.16/28 # Osaka\n2001:db8:20::/48 # VPN"
CSV: Final = (
    "operation,address,new_address,profile,enabled,identity\n"
    "CREATE,akira.mori@acme.example,,branch offices,yes,\n"
    "UPDATE,mika.ito@acme.example,mika.kondo@acme.example,,,\n"
    "UPDATE,sota.watanabe@acme.example,,travel,no,\n"
)

PICTURES: Final = (
    Picture("admin-login", "admin.login", "admin/login", Who.NOBODY, width=720),
    Picture("dashboard", "admin.dashboard", "admin/"),
    Picture("accounts", "admin.accounts", "admin/accounts", height=820),
    Picture("account", "admin.account", f"admin/accounts/{USER.address}"),
    Picture("account-locked", "admin.account", f"admin/accounts/{LOCKED}", show=".columns"),
    Picture("account-google", "admin.google_account", f"admin/accounts/{WITHOUT_POP}/google"),
    Picture(
        "apply-profile",
        "admin.ask_before_apply",
        "admin/accounts",
        steps=(
            Step("tick", f"[name=address][value='{USER.address}']"),
            Step("choose", "form[action$=apply] [name=profile]", "web only"),
            press("form[action$=apply] .inline-form button"),
        ),
    ),
    # without the form: the browser names its button for files in its own language
    Picture("import", "admin.import_form", "admin/accounts/import", show="main > section.card"),
    Picture(
        "import-preview",
        "admin.import_accounts",
        "admin/accounts/import",
        steps=(Step("upload", "[name=file]", CSV), press("form[enctype] button.primary")),
        show="main > form",
    ),
    Picture("person-new", "admin.new_person", "admin/people/new"),
    Picture("initial-password", "admin.initial_password_form", f"admin/accounts/{USER.address}/initial-password"),
    Picture("account-delete", "admin.ask_before_delete", f"admin/accounts/{DISABLED}/delete"),
    Picture(
        "sync",
        "admin.sync",
        "admin/sync",
        steps=(press("form[action$=sync] button"), Step("wait", "[name=digest]")),
    ),
    Picture("profiles", "admin.profiles", "admin/profiles"),
    Picture(
        "profile-new",
        "admin.new_profile",
        "admin/profiles/new",
        steps=(fill("name", "factory"), Step("tick", "[name=rule-0-limited]"), fill("rule-0-networks", NETWORKS)),
    ),
    Picture("profile-rules", "admin.profile", "admin/profiles/travel"),
    Picture("profile-of-file", "admin.profile", "admin/profiles/office"),
    Picture(
        "profile-confirm",
        "admin.save_profile",
        "admin/profiles/branch%20offices",
        steps=(fill("rule-0-networks", "198.51.100.0/24  # Osaka"), press("button[value=save]")),
        show=".confirm",
    ),
    Picture("history", "admin.history", "admin/history?since=2026-11-23T11:00&until=2026-11-24T11:00", height=1100),
    Picture(
        "explain",
        "admin.explain",
        f"admin/explain?account={USER.address}&protocol=imap&ip=192.0.2.21&at=2026-11-24+10:15&reason=ip_not_allowed",
    ),
    Picture("sessions", "admin.sessions", "admin/sessions"),
    Picture(
        "bypass",
        "admin.bypass",
        "admin/bypass",
        steps=(press("form[action$=bypass] button"), Step("wait", ".findings")),
        height=1150,  # what follows is what the internet says today
    ),
    Picture("audit", "admin.audit", "admin/audit", height=820),
    Picture("user-login", "user.login", "login", Who.NOBODY, width=720),
    Picture("user-password", "user.password", "password", Who.USER),
    Picture(
        "user-password-strength",
        "user.change_password",
        "password",
        Who.USER,
        steps=(fill("new", "Rivers-run"), press("button[value=assess]")),
        show=".columns .card",
    ),
    Picture("user-changed", "user.changed", "password/changed", Who.USER),
    Picture("user-history", "user.own_history", "history", Who.USER, height=640),
    Picture("user-app-password", "app_password.page", "app-password", Who.OTHER_USER),
    Picture("user-setup", "client_setup.page", "setup", Who.USER),
    Picture("user-setup-phone", "client_setup.page", "setup", Who.NOBODY, width=390),
)

#: Views that answer GET and are no page to be looked at, each with what it is instead.
NO_PAGES: Final[Mapping[str, str]] = {
    "static": "style sheets, scripts, the icon",
    "admin.export_accounts": "a CSV file",
    "admin.export_history": "a CSV file",
    "admin.export_audit": "a CSV file",
    "client_setup.for_thunderbird": "for programs",
    "client_setup.from_plain_to_tls": "for programs",
    "client_setup.version_2": "for programs",
    "client_setup.for_apple": "a file for the device",
}
