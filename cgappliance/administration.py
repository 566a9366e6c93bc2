"""What administrators' tools ask of plugins beside logins: a directory to read or to write, and a Google customer to set up.

A kind of backend or provider that can do it says so (``BackendKind.directory``, ``ProviderKind.administration``). The objects are
made by the command or page that needs them and closed behind it; none of them takes part in a login. Their calls block
cooperatively and have deadlines and retries of their own; they raise nothing but what is said here.

This file may import ``errors``, ``model`` and ``secret``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from cgappliance.errors import CgapplianceError
from cgappliance.model import Reason
from cgappliance.secret import Secret

# ---- a directory


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A person as the directory has it."""

    identity: str  #: stays when the entry is moved or gets another address: objectGUID, entryUUID
    address: str  #: the mail address as it stands there; "": none
    given_name: str = ""
    family_name: str = ""
    disabled: bool = False
    aliases: frozenset[str] = frozenset()  #: further addresses that it can log in with, lower case
    groups: frozenset[str] = frozenset()  #: those of ``DirectoryQuery.groups`` that it is in, written as there
    attribute: str = ""  #: the value of ``DirectoryQuery.attribute``; "": none


@dataclass(frozen=True, slots=True)
class DirectoryQuery:
    """What is wanted of each entry besides."""

    groups: tuple[str, ...] = ()  #: DNs
    attribute: str = ""  #: a name


class DirectoryFailed(CgapplianceError):
    """The directory could not be asked, or refuses; ``reason`` tells which, the message what it said."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.sentence}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """What one server of a directory says to the appliance's own account."""

    server: str
    reason: Reason  #: ACCEPTED: it lets the account search
    detail: str = ""


class Directory(Protocol):
    """One tenant's directory, to be read as a whole."""

    def pages(self, query: DirectoryQuery) -> Iterator[Sequence[DirectoryEntry]]:
        """Yield everybody who may log in by the tenant's settings (filter, required group), disabled ones included, page by page.

        Raises:
            DirectoryFailed: it cannot be read, or not to the end; what came before is not the whole.
        """
        ...

    def find(self, address: str) -> DirectoryEntry | None:
        """Return the entry of an address that ``pages`` would yield, or None when there is none.

        Raises:
            DirectoryFailed: it cannot be asked, or has several of this address.
        """
        ...

    def check(self) -> Sequence[ServerCheck]:
        """Ask each server for the base of the search, as the appliance's own account, and return what each says. Raises nothing."""
        ...

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be put into a directory."""

    address: str
    given_name: str
    family_name: str


@runtime_checkable
class WritableDirectory(Directory, Protocol):
    """A directory whose people the appliance may manage."""

    def create(self, person: NewPerson, password: Secret) -> DirectoryEntry:
        """Make an entry with an initial password, all of it or nothing, and return it.

        Raises:
            DirectoryFailed: there is one of this address or name, the password does not satisfy the directory, or it refuses.
        """
        ...

    def set_disabled(self, address: str, *, disabled: bool) -> None:
        """Switch an entry off or on.

        Raises:
            DirectoryFailed: there is none of this address, or the directory refuses.
        """
        ...

    def set_password(self, address: str, password: Secret) -> None:
        """Give an entry another password, as an administrator does.

        Raises:
            DirectoryFailed: there is none of this address, the password does not satisfy the directory, or it refuses.
        """
        ...

    def delete(self, address: str) -> None:
        """Remove an entry.

        Raises:
            DirectoryFailed: there is none of this address, or the directory refuses.
        """
        ...


# ---- Google


class GoogleFault(enum.Enum):
    """Why Google, or its token endpoint, did not do what was asked; what to do about it."""

    sentence: str
    remedy: str
    of_all: bool  #: True: the next user would meet the same

    def __new__(cls, code: str, sentence: str, remedy: str, of_all: bool) -> GoogleFault:
        """Make a member whose value is its code, as it stands in JSON."""
        member = object.__new__(cls)
        member._value_ = code
        member.sentence, member.remedy, member.of_all = sentence, remedy, of_all
        return member

    NOT_CONFIGURED = (
        "not_configured",
        "the tenant file gives no access to Google's APIs",
        "set service_account_file and admin in [google]",
        True,
    )
    UNREACHABLE = ("unreachable", "Google could not be asked", "look at the appliance's way to the internet, and try again", True)
    BUSY = ("busy", "a quota of Google's is used up for now", "try again in some minutes", True)
    CLOCK = ("clock", "Google finds that this machine's clock is wrong", "set the clock, and keep it by NTP", True)
    KEY = (
        "key",
        "Google does not accept the service account's key",
        "the key or the service account was deleted: make a new JSON key and put it into service_account_file",
        True,
    )
    SCOPE_MISSING = (
        "scope_missing",
        "domain-wide delegation or a scope is not granted",
        "grant it to the client id in Google's Admin console: Security > Access and data control > API controls > "
        "Manage domain-wide delegation; it can take some minutes, at most a day",
        True,
    )
    SUBJECT_UNKNOWN = (
        "subject_unknown",
        "Google does not let the appliance act as this user: it does not exist, is suspended, or this is an alias",
        "look the user up in Google's Admin console; the address must be the primary one",
        False,
    )
    FORBIDDEN = (
        "forbidden",
        "the administrator that the appliance acts as may not do this",
        "give google.admin a role that may read, create and update users; super administrators may be changed only by their like",
        False,
    )
    API_OFF = (
        "api_off",
        "the API is switched off in the service account's Google Cloud project",
        "enable 'Admin SDK API' and 'Gmail API' in the Cloud console: APIs & Services > Library",
        True,
    )
    DOMAIN_POLICY = (
        "domain_policy",
        "a policy of the Google domain forbids it",
        "allow it in Google's Admin console: Apps > Google Workspace > Gmail > End User Access > POP and IMAP access",
        False,
    )
    NO_MAILBOX = (
        "no_mailbox",
        "the user has no Gmail mailbox",
        "give the user a licence for Gmail; after its creation it takes some minutes",
        False,
    )
    NOT_FOUND = ("not_found", "Google does not know it", "look it up in Google's Admin console", False)
    TAKEN = ("taken", "the address is in use at Google", "look it up in Google's Admin console: a user, an alias or a group", False)
    USER_LIMIT = ("user_limit", "the Google customer has no licence left", "buy licences, or delete users at Google", True)
    INVALID = ("invalid", "Google does not accept the request", "the detail says what of it", False)


class GoogleRefused(CgapplianceError):
    """Google did not do it.

    ``uncertain``: a request got no proper answer, so that Google may have done it all the same.
    """

    def __init__(self, fault: GoogleFault, detail: str = "", *, uncertain: bool = False) -> None:
        said = f"{fault.sentence}: {detail}" if detail else fault.sentence
        super().__init__(f"Google: {said} ({fault.remedy})")
        self.fault = fault
        self.detail = detail
        self.uncertain = uncertain


@dataclass(frozen=True, slots=True)
class GoogleUser:
    """A user as Google knows it."""

    id: str  #: stays when the address changes
    address: str  #: the primary one, lower case
    suspended: bool = False
    is_admin: bool = False  #: a super administrator, or one with a role
    two_step: bool = False  #: enrolled in 2-Step Verification: only then it can have app passwords
    has_mailbox: bool = True


@dataclass(frozen=True, slots=True)
class NewGoogleUser:
    """A user to be made at Google."""

    address: str
    given_name: str
    family_name: str


class Taken(enum.Enum):
    """Whether Google has taken a password."""

    YES = "yes"
    NO = "no"  #: Google has answered, and refused
    UNKNOWN = "unknown"  #: no answer, or one that leaves it open: a time-out, a broken connection, a server error


@dataclass(frozen=True, slots=True)
class PasswordAnswer:
    """Google's answer to a new password."""

    taken: Taken
    detail: str = ""  #: Google's words; never a secret


@dataclass(frozen=True, slots=True)
class AppPassword:
    """An app password as Google lists it: everything but the password."""

    code_id: int
    name: str
    created_at: datetime | None
    last_used_at: datetime | None  #: None: never


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """A user's consent to a program: it reaches the user's data at Google by OAuth, and not through the appliance."""

    client_id: str
    name: str  #: as Google shows it: "Thunderbird"
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MailAccess:
    """Whether mail clients may reach a mailbox, as the user's Gmail settings say."""

    imap: bool
    pop: bool
    pop_disposition: str  #: what Gmail does with a message that POP has fetched: leaveInInbox, archive, trash, markRead


@dataclass(frozen=True, slots=True)
class ScopeCheck:
    """What the token endpoint says to one scope."""

    scope: str
    needed_for: str
    subject: str  #: in whose name
    fault: GoogleFault | None  #: None: granted
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GoogleSetup:
    """What the tenant file says about the Google customer."""

    admin: str  #: impersonated for the Directory API; its own password is never touched
    client_id: str  #: the service account's number, to be granted delegation
    scopes: tuple[str, ...]  #: all that the appliance asks for, for this tenant
    sets_passwords: bool  #: the Google password of each account is random, and known to the appliance only
    enables_mail_access: bool  #: POP and IMAP may be switched on where a user has them off


class GoogleAdministration(Protocol):
    """One tenant's Google customer. All its calls raise GoogleRefused when Google cannot be asked or refuses."""

    @property
    def setup(self) -> GoogleSetup:
        """What the tenant file says."""
        ...

    def find(self, address: str) -> GoogleUser | None:
        """Return the user of an address, or None when Google knows none. For an alias, the user has another address."""
        ...

    def users(self) -> Iterator[Sequence[GoogleUser]]:
        """Yield all users of the customer, page by page."""
        ...

    def create(self, user: NewGoogleUser) -> GoogleUser:
        """Make a user with a password that nobody knows, and return it; a licence may be charged for it.

        A user of this address who is there already is a refusal (TAKEN), unless it may be what a lost answer was about.
        """
        ...

    def set_password(self, user_id: str, password: Secret) -> PasswordAnswer:
        """Give a user a password, and say whether Google has it now. What it raises counts as UNKNOWN.

        Google then revokes the user's app passwords and may end web sessions. The administrator of ``setup`` is refused.
        """
        ...

    def app_passwords(self, user_id: str) -> Sequence[AppPassword]:
        """Return a user's app passwords."""
        ...

    def revoke_app_password(self, user_id: str, code_id: int) -> None:
        """Make an app password useless; one that is gone already is no mistake."""
        ...

    def client_grants(self, user_id: str) -> Sequence[ClientGrant]:
        """Return the programs that a user lets act by OAuth."""
        ...

    def mail_access(self, address: str) -> MailAccess:
        """Return what the user's Gmail settings say."""
        ...

    def enable_mail_access(self, address: str, *, imap: bool = True, pop: bool = True) -> MailAccess:
        """Switch on what is wanted and off, and return what Gmail says afterwards: a policy of the domain may win over it."""
        ...

    def check_scopes(self, address: str | None = None) -> Sequence[ScopeCheck]:
        """Ask for a token of each scope: in the administrator's name, and of those for mail in that of ``address`` if given."""
        ...

    def surplus_scopes(self) -> Sequence[str]:
        """Ask for a token of each scope of note that ``setup`` does not need, and return those that are granted all the same."""
        ...

    def key_made_at(self) -> datetime | None:
        """Return when the service account's key was made, as Google's record of its keys says; None: that has no such key."""
        ...

    def clock_offset_s(self) -> float | None:
        """Return how far this machine's clock is ahead of the token endpoint's (negative: behind); None: it has not answered."""
        ...

    def close(self) -> None:
        """Forget all tokens and close the connections."""
