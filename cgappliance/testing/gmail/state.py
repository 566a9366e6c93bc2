"""Everything that the look-alike is, in one object that servers, APIs and tests share.

No lock: changes are single assignments or list operations, made whole under Python's own lock, and nothing here switches
greenlets. Tests may change it from another thread.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cgappliance.model import MailProtocol
from cgappliance.testing.gmail.clock import Clock
from cgappliance.testing.gmail.directory import Directory
from cgappliance.testing.gmail.records import Records
from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.switches import HttpSwitches, ServerSwitches
from cgappliance.testing.gmail.tokens import Tokens


@dataclass(slots=True)
class GmailState:
    """Accounts, tokens, keys, switches, records and the clock."""

    clock: Clock = field(default_factory=Clock)
    records: Records = field(default_factory=Records)
    service_accounts: dict[str, ServiceAccount] = field(default_factory=dict)  #: by e-mail address
    servers: dict[MailProtocol, ServerSwitches] = field(default_factory=lambda: {name: ServerSwitches() for name in MailProtocol})
    token_endpoint: HttpSwitches = field(default_factory=HttpSwitches)
    directory_api: HttpSwitches = field(default_factory=HttpSwitches)
    settings_api: HttpSwitches = field(default_factory=HttpSwitches)
    user_limit: int | None = None  #: accounts that the Workspace contract allows
    live: Counter[tuple[MailProtocol, str]] = field(default_factory=Counter)  #: logged-in sessions by protocol and account id
    directory: Directory = field(init=False)
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.directory = Directory(self.clock)
        self.tokens = Tokens(self.clock)

    def add_service_account(self, service_account: ServiceAccount) -> ServiceAccount:
        """Make a service account known to the token endpoint and return it."""
        self.service_accounts[service_account.email] = service_account
        return service_account
