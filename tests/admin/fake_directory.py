"""A directory in memory, which may fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cgappliance.administration import (
    DirectoryEntry,
    DirectoryFailed,
    DirectoryQuery,
    NewPerson,
    ServerCheck,
    WritableDirectory,
)
from cgappliance.model import Reason
from cgappliance.secret import Secret

PAGE = 2  # entries


class FakeDirectory(WritableDirectory):
    def __init__(self, *entries: DirectoryEntry) -> None:
        self.entries = list(entries)
        self.passwords: dict[str, str] = {}
        self.query: DirectoryQuery | None = None
        self.fails: DirectoryFailed | None = None
        self.closed = False
        self.asked: list[str] = []  # to be changed

    def pages(self, query: DirectoryQuery) -> Iterator[Sequence[DirectoryEntry]]:
        self.query = query
        for start in range(0, len(self.entries), PAGE):
            yield self.entries[start : start + PAGE]
        self._fail()

    def find(self, address: str) -> DirectoryEntry | None:
        self._fail()
        return next((entry for entry in self.entries if entry.address == address), None)

    def check(self) -> Sequence[ServerCheck]:
        if self.fails is not None:
            return [ServerCheck("fake", self.fails.reason, self.fails.detail)]
        return [ServerCheck("fake", Reason.ACCEPTED)]

    def close(self) -> None:
        self.closed = True

    def create(self, person: NewPerson, password: Secret) -> DirectoryEntry:
        self.asked.append(f"create {person.address}")
        self._fail()
        if self.find(person.address) is not None:
            raise DirectoryFailed(Reason.DIRECTORY_MISCONFIGURED, f"it has an entry of {person.address} already")
        made = DirectoryEntry(f"id of {person.address}", person.address, person.given_name, person.family_name)
        self.entries.append(made)
        self.passwords[person.address] = password.reveal()
        return made

    def set_disabled(self, address: str, *, disabled: bool) -> None:
        index = self._index(address)
        old = self.entries[index]
        self.entries[index] = DirectoryEntry(old.identity, old.address, old.given_name, old.family_name, disabled)

    def set_password(self, address: str, password: Secret) -> None:
        self._index(address)
        self.passwords[address] = password.reveal()

    def delete(self, address: str) -> None:
        del self.entries[self._index(address)]

    def _index(self, address: str) -> int:
        self._fail()
        for index, entry in enumerate(self.entries):
            if entry.address == address:
                return index
        raise DirectoryFailed(Reason.UNKNOWN_ADDRESS, address)

    def _fail(self) -> None:
        if self.fails is not None:
            raise self.fails
