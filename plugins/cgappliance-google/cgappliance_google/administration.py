"""The settings by which administrators' tools reach Google, and the customer that they make; the same for all three providers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from cgappliance.plugin_api import GoogleFault, GoogleRefused, GoogleSetup, Mistake, Setting, SettingType, TenantContext
from cgappliance_google import key_file
from cgappliance_google.api import GoogleApi
from cgappliance_google.customer import SECURITY_SCOPE, SETTINGS_SCOPE, USER_SCOPE, GoogleCustomer
from cgappliance_google.endpoint import TokenEndpoint
from cgappliance_google.transport import problem_of_url

LOCK_PASSWORD = "lock_password"


def _check_admin(address: str) -> str | None:
    local, at, domain = address.rpartition("@")
    return None if local and at and "." in domain else "not a mail address (name an administrator of the Google domain)"


def _check_url(url: str) -> str | None:
    problem = problem_of_url(url)
    return problem and f"{problem} (leave it out: it is for stand-ins of Google)"


SERVICE_ACCOUNT_FILE = Setting(
    "service_account_file",
    SettingType.SECRET_FILE,
    "Key file (JSON) of the service account that has domain-wide delegation.",
    check=key_file.check,
)

SETTINGS = (
    Setting(
        "admin",
        SettingType.STRING,
        "Administrator to act as in the Directory API; its own password is never touched.",
        default=None,
        check=_check_admin,
    ),
    Setting(
        "enable_mail_access",
        SettingType.BOOLEAN,
        "Switch POP and IMAP on in a user's Gmail settings where they are off, when the account is provisioned.",
        default=False,
    ),
    Setting(
        "ca_file",
        SettingType.FILE,
        "CAs (PEM) of a token endpoint and APIs that are not Google's; absent: the system's.",
        default=None,
    ),
    Setting(
        "directory_api",
        SettingType.STRING,
        "Address of the Directory API; Google's unless a stand-in is to be used.",
        default="https://admin.googleapis.com",
        check=_check_url,
    ),
    Setting(
        "gmail_api",
        SettingType.STRING,
        "Address of the Gmail API; Google's unless a stand-in is to be used.",
        default="https://gmail.googleapis.com",
        check=_check_url,
    ),
)

#: For providers that log in without the service account, and may do without it.
OPTIONAL_SERVICE_ACCOUNT_FILE = dataclasses.replace(
    SERVICE_ACCOUNT_FILE,
    default=None,
    help=f"{SERVICE_ACCOUNT_FILE.help.removesuffix('.')}; absent: Google's APIs are not used.",
)


def check(settings: Mapping[str, Any]) -> list[Mistake]:
    """Return what is missing for the switches that are on."""
    needed = [key for key in ("service_account_file", "admin") if not settings[key]]
    switched_on = [key for key in ("enable_mail_access", LOCK_PASSWORD) if settings.get(key)]
    return [Mistake(key, f"needs {' and '.join(needed)}", "add what is missing, or switch it off") for key in switched_on if needed]


def administration(context: TenantContext, *, scopes: tuple[str, ...] = (), sets_passwords: bool) -> GoogleCustomer:
    """Make a tenant's Google customer. Asks nobody.

    Args:
        context: of the tenant.
        scopes: what its logins need besides.
        sets_passwords: whether its accounts get random passwords at Google.

    Raises:
        GoogleRefused: NOT_CONFIGURED, there is no service account.
    """
    settings = context.settings
    if not settings["service_account_file"]:
        raise GoogleRefused(GoogleFault.NOT_CONFIGURED, "google.service_account_file is missing")
    key = key_file.read(settings["service_account_file"])
    setup = GoogleSetup(
        admin=(settings["admin"] or "").lower(),
        client_id=key.client_id,
        scopes=(*scopes, USER_SCOPE, SECURITY_SCOPE, SETTINGS_SCOPE),
        sets_passwords=sets_passwords,
        enables_mail_access=settings["enable_mail_access"],
    )
    api = GoogleApi(TokenEndpoint(key, settings["ca_file"]), settings["ca_file"])
    return GoogleCustomer(api, setup, directory_url=settings["directory_api"], gmail_url=settings["gmail_api"])
