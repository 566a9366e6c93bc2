"""What to do about each reason for which a login fails: the manual's troubleshooting (section 4), reason by reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cgappliance.model import Reason

_CLIENT: Final = (
    "in the mail client: the user name is the whole mail address, the password that of the directory, the port has five digits"
)
_PROFILE: Final = "give the account a profile that lets in: 'cgappliance profile apply'"
_GOOGLE_LOGIN: Final = "run 'cgappliance credential reset' for the account; with app passwords: make a new one and 'credential set'"

ADVICE: Final[Mapping[Reason, str]] = {
    Reason.BAD_LOGIN_NAME: _CLIENT,
    Reason.BAD_CHARACTERS: _CLIENT,
    Reason.EMPTY_PASSWORD: "type the directory's password into the mail client",
    Reason.OTHER_IDENTITY: "leave the client's field for another identity (authorization) empty",
    Reason.CLIENT_TOKEN: "choose 'normal password' in the mail client, not OAuth2: the appliance has its own way to Google",
    Reason.UNKNOWN_DOMAIN: _CLIENT,
    Reason.UNKNOWN_ADDRESS: "give the directory's entry this mail address, or look at filter and base_dn in [auth]",
    Reason.AMBIGUOUS_ADDRESS: "give each entry of the directory an address of its own",
    Reason.WRONG_PASSWORD: _CLIENT,
    Reason.NO_PROFILE: _PROFILE,
    Reason.PROTOCOL_OFF: "allow the protocol in the account's profile, or give it another one: 'cgappliance profile edit'",
    Reason.IP_NOT_ALLOWED: "add the network to the account's profile: 'cgappliance profile edit'",
    Reason.TIME_NOT_ALLOWED: "change the hours of the account's profile: 'cgappliance profile edit'",
    Reason.NOT_IN_GROUP: "put the entry into the group of auth.required_group",
    Reason.LOCKED: "find the device that has an old password, then 'cgappliance account unlock'",
    Reason.DISABLED: "switch the account on: 'cgappliance account enable', or in the directory",
    Reason.ACCOUNT_EXPIRED: "extend the account in the directory",
    Reason.PASSWORD_EXPIRED: "change the password, then type the new one into the mail client",
    Reason.PASSWORD_MUST_CHANGE: "change the password on the password page, then type the new one into the mail client",
    Reason.LOGON_HOURS: "allow the hours in the directory",
    Reason.WORKSTATION: "allow the logon from this computer in the directory",
    Reason.OUTSIDE_SERVICE_PERIOD: "correct starts_on and ends_on in the tenant file",
    Reason.NO_SEAT: "disable accounts that are not needed, or raise seats in the tenant file",
    Reason.NO_CREDENTIAL: "run 'cgappliance account provision' for the account, or 'credential set' for its app password",
    Reason.CREDENTIAL_REFUSED: _GOOGLE_LOGIN,
    Reason.APP_PASSWORD_REQUIRED: "the user has 2-Step Verification: use the provider service-account, or an app password",
    Reason.WEB_LOGIN_REQUIRED: (
        "Google has locked the account: log in once in a browser, and open https://accounts.google.com/DisplayUnlockCaptcha"
    ),
    Reason.DELEGATION_MISSING: "grant client id and scopes in Google's Admin console, as 'cgappliance tenant doctor' prints them",
    Reason.GOOGLE_USER_UNKNOWN: "make the user: 'cgappliance account provision --create-google-users'; an alias cannot log in",
    Reason.SERVICE_ACCOUNT_INVALID: "make a new JSON key of the service account, and set this machine's clock",
    Reason.IMAP_OFF: "run 'cgappliance account mail-access --enable'",
    Reason.POP_OFF: "run 'cgappliance account mail-access --enable'",
    Reason.UPSTREAM_OVERQUOTA: "Gmail lets the account in again within a day; fetch less often, and fewer old messages",
    Reason.UPSTREAM_LIMIT: "close mail clients of this account: Gmail allows 15 connections",
    Reason.CONNECTION_LIMIT: "close mail clients of this account, or raise limits.sessions_per_account",
}
