"""One tenant's Google customer, for administrators: users, passwords, app passwords, POP and IMAP, and what of it is not granted.

Each purpose has a scope of its own and asks for it alone: what is not granted breaks that one purpose and no other. The
administrator that the Directory API is asked as never gets another password, whatever name or alias it is asked for by.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from cgappliance.plugin_api import (
    AppPassword,
    ClientGrant,
    GoogleFault,
    GoogleRefused,
    GoogleSetup,
    GoogleUser,
    LoginFailed,
    MailAccess,
    NewGoogleUser,
    PasswordAnswer,
    ScopeCheck,
    Secret,
    Taken,
)
from cgappliance_google import faults, key_record, mail_settings, users
from cgappliance_google.api import TOKEN_TIMEOUT_S, GoogleApi, Request

AUTH = "https://www.googleapis.com/auth/"
USER_SCOPE = AUTH + "admin.directory.user"
SECURITY_SCOPE = AUTH + "admin.directory.user.security"
SETTINGS_SCOPE = AUTH + "gmail.settings.basic"

#: What each scope is for, in words for whoever is to grant it.
NEEDED_FOR = {
    USER_SCOPE: "users at Google: find and create them, set passwords",
    SECURITY_SCOPE: "app passwords: list and revoke them",
    SETTINGS_SCOPE: "POP and IMAP: switch them on",
}
#: What a delegation is easily given too much of: other ways to the mail, and power over people and data. None is needed here.
OF_NOTE = (
    "https://mail.google.com/",
    AUTH + "gmail.imap_admin",
    AUTH + "gmail.modify",
    AUTH + "gmail.send",
    AUTH + "gmail.settings.sharing",
    AUTH + "admin.directory.domain",
    AUTH + "admin.directory.group",
    AUTH + "admin.directory.orgunit",
    AUTH + "admin.directory.rolemanagement",
    AUTH + "apps.groups.settings",
    AUTH + "calendar",
    AUTH + "cloud-platform",
    AUTH + "contacts",
    AUTH + "drive",
    AUTH + "ediscovery",
)
PAGES_MAX = 2000  #: a million users; a list that does not end must not fill the memory
THROWAWAY_BYTES = 48  #: of the password of a new user: 64 characters, which nobody ever sees


class GoogleCustomer:
    """Speaks for one tenant. Its calls block cooperatively; ``GoogleApi.call`` says for how long."""

    def __init__(self, api: GoogleApi, setup: GoogleSetup, *, directory_url: str, gmail_url: str) -> None:
        """Ask nobody yet.

        Args:
            api: sends requests; closed together with this.
            setup: what the tenant file says.
            directory_url: of the Directory API, without path.
            gmail_url: of the Gmail API, likewise.
        """
        self._api = api
        self._setup = setup
        self._directory_url = directory_url.rstrip("/")
        self._gmail_url = gmail_url.rstrip("/")

    @property
    def setup(self) -> GoogleSetup:
        """What the tenant file says."""
        return self._setup

    def find(self, address: str) -> GoogleUser | None:
        """Return the user of an address, or None when Google knows none. For an alias, the user has another address."""
        try:
            return users.user_of(self._directory("GET", users.path_of(address), params={"fields": users.FIELDS}))
        except GoogleRefused as refused:
            if refused.fault is GoogleFault.NOT_FOUND:
                return None
            raise

    def users(self) -> Iterator[Sequence[GoogleUser]]:
        """Yield all users of the customer, page by page."""
        page_token = ""
        for _ in range(PAGES_MAX):
            page = self._directory("GET", users.PATH, params=users.list_params(page_token))
            yield [users.user_of(content) for content in page.get("users", ())]
            page_token = str(page.get("nextPageToken", ""))
            if not page_token:
                return
        raise GoogleRefused(GoogleFault.INVALID, f"the list of users does not end after {PAGES_MAX} pages")

    def create(self, user: NewGoogleUser) -> GoogleUser:
        """Make a user with a password that nobody knows, and return it; a licence may be charged for it."""
        content = users.new_user(user, Secret(secrets.token_urlsafe(THROWAWAY_BYTES)))
        try:
            return users.user_of(self._directory("POST", users.PATH, content=content))
        except GoogleRefused as refused:
            made = self.find(user.address) if refused.uncertain and refused.fault is GoogleFault.TAKEN else None
            if made is None or made.address != user.address:
                raise
            return made  # an earlier try had made it, and its answer was lost

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        """Give a user a password, and say whether Google has it now."""
        try:
            admin_id = self._admin_id
        except GoogleRefused as refused:
            return PasswordAnswer(Taken.NO, f"nothing was sent: {refused.fault.sentence}: {refused.detail}")
        if user_id == admin_id:
            return PasswordAnswer(Taken.NO, f"{self._setup.admin} is the API administrator: its password is never touched")
        try:
            self._directory("PUT", users.path_of(user_id), content=users.new_password(password))
        except GoogleRefused as refused:
            said = f"{refused.fault.sentence}: {refused.detail}"
            return PasswordAnswer(Taken.UNKNOWN if refused.uncertain else Taken.NO, said)
        return PasswordAnswer(Taken.YES)

    def app_passwords(self, user_id: str) -> Sequence[AppPassword]:
        """Return a user's app passwords."""
        found = self._directory("GET", f"{users.path_of(user_id)}/asps", scope=SECURITY_SCOPE)
        return [users.app_password_of(content) for content in found.get("items", ())]

    def revoke_app_password(self, user_id: str, code_id: int) -> None:
        """Make an app password useless; one that is gone already is no mistake."""
        try:
            self._directory("DELETE", f"{users.path_of(user_id)}/asps/{code_id}", scope=SECURITY_SCOPE)
        except GoogleRefused as refused:
            if refused.fault is not GoogleFault.NOT_FOUND:
                raise

    def client_grants(self, user_id: str) -> Sequence[ClientGrant]:
        """Return the programs that a user lets act by OAuth."""
        found = self._directory("GET", f"{users.path_of(user_id)}/tokens", scope=SECURITY_SCOPE)
        return [users.grant_of(content) for content in found.get("items", ())]

    def mail_access(self, address: str) -> MailAccess:
        """Return what the user's Gmail settings say."""
        return mail_settings.access_of(self._settings(address, "imap"), self._settings(address, "pop"))

    def enable_mail_access(self, address: str, *, imap: bool = True, pop: bool = True) -> MailAccess:
        """Switch on what is wanted and off, and return what Gmail says afterwards: a policy of the domain may win over it."""
        imap_now, pop_now = self._settings(address, "imap"), self._settings(address, "pop")
        if imap and not imap_now.get("enabled"):
            self._settings(address, "imap", mail_settings.imap_switched_on(imap_now))
            imap_now = self._settings(address, "imap")  # Gmail answers an update with what was sent, also where it changed nothing
        if pop and not mail_settings.pop_is_on(pop_now):
            self._settings(address, "pop", mail_settings.pop_switched_on(pop_now))
            pop_now = self._settings(address, "pop")
        return mail_settings.access_of(imap_now, pop_now)

    def check_scopes(self, address: str | None = None) -> Sequence[ScopeCheck]:
        """Ask for a token of each scope: in the administrator's name, and of those for mail in that of ``address`` if given."""
        return [self._check_scope(scope, address) for scope in self._setup.scopes]

    def surplus_scopes(self) -> Sequence[str]:
        """Ask for a token of each scope of note that ``setup`` does not need, and return those that are granted all the same."""
        if not self._setup.admin:
            raise GoogleRefused(GoogleFault.NOT_CONFIGURED, "google.admin is missing")
        checks = [self._check_scope(scope, None) for scope in OF_NOTE if scope not in self._setup.scopes]
        for check in checks:
            if check.fault not in (None, GoogleFault.SCOPE_MISSING):
                raise GoogleRefused(check.fault, check.detail)
        return [check.scope for check in checks if check.fault is None]

    def key_made_at(self) -> datetime | None:
        """Return when the service account's key was made, as Google's record of its keys says; None: that has no such key."""
        key = self._api.endpoint.key
        if not key.certificates_url:
            raise GoogleRefused(GoogleFault.NOT_CONFIGURED, "the key file has no client_x509_cert_url")
        return key_record.made_at(self._api.fetch_public(key.certificates_url), key.signer.key_id)

    def clock_offset_s(self) -> float | None:
        """Return how far this machine's clock is ahead of the token endpoint's (negative: behind); None: it has not answered."""
        return self._api.endpoint.clock_offset_s

    def close(self) -> None:
        """Forget all tokens and close the connections."""
        self._api.close()

    @cached_property
    def _admin_id(self) -> str:
        """The API administrator's id: by it an alias cannot hide who it is."""
        admin = self.find(self._setup.admin)
        if admin is None:
            raise GoogleRefused(GoogleFault.SUBJECT_UNKNOWN, self._setup.admin)
        return admin.id

    def _directory(
        self,
        method: str,
        path: str,
        *,
        scope: str = USER_SCOPE,
        params: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if not self._setup.admin:
            raise GoogleRefused(GoogleFault.NOT_CONFIGURED, "google.admin is missing")
        return self._api.call(Request(method, self._directory_url + path, self._setup.admin, scope, params or {}, content))

    def _settings(self, address: str, kind: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        url = self._gmail_url + mail_settings.path_of(address, kind)
        return self._api.call(Request("GET" if content is None else "PUT", url, address, SETTINGS_SCOPE, content=content))

    def _check_scope(self, scope: str, address: str | None) -> ScopeCheck:
        needed_for = NEEDED_FOR.get(scope, "mail: IMAP, POP3 and SMTP")
        subject = self._setup.admin if scope in (USER_SCOPE, SECURITY_SCOPE) else address or self._setup.admin
        if not subject:
            return ScopeCheck(scope, needed_for, "", GoogleFault.NOT_CONFIGURED, "google.admin is missing")
        try:
            self._api.endpoint.fetch(subject, scope, TOKEN_TIMEOUT_S)
        except LoginFailed as refusal:
            meaning = faults.of_token(refusal)
            return ScopeCheck(scope, needed_for, subject, meaning.fault, meaning.detail)
        return ScopeCheck(scope, needed_for, subject, None)
