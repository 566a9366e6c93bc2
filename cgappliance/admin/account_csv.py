"""Many accounts at once, as a CSV file: written by ``export``, edited in a spreadsheet, read by ``load``.

Columns: ``operation`` (CREATE, UPDATE, DELETE; an empty cell leaves the line alone), ``address``, ``new_address`` (UPDATE:
rename), ``profile`` (a name, or ``(default)``), ``enabled`` (TRUE, FALSE) and ``identity``. Of UPDATE, an empty cell changes
nothing. Columns that are only shown (``locked_until`` and so on) are not read back.

A file is applied as a whole or not at all; every line that is wrong is told, not the first one only. A dry run does everything and
then takes it back, so what it says is what would happen.
"""

from __future__ import annotations

import csv
import enum
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cgappliance.admin import accounts as desk_accounts
from cgappliance.admin import spreadsheet
from cgappliance.admin.desk import Desk, Work
from cgappliance.model import Tenant
from cgappliance.store import accounts, seats
from cgappliance.store.accounts import Account, DisabledBy, ProfileSource
from cgappliance.store.audit import Values
from cgappliance.store.errors import RecordInvalid, StoreError, StoreUnavailable

BYTES_MAX: Final = 16 * 1024 * 1024  #: of a file
LINES_MAX: Final = 50_000
PROBLEMS_MAX: Final = 100  #: lines that are told; who has more has the wrong file

WRITTEN: Final = ("operation", "address", "new_address", "profile", "enabled", "identity")  #: columns that are read back
SHOWN: Final = ("profile_source", "disabled_by", "google_state", "locked_until", "changed_at", "changed_by")
DEFAULT: Final = "(default)"  #: in the column ``profile``: the tenant's default
_TRUE: Final = {"true", "yes", "on", "1"}
_FALSE: Final = {"false", "no", "off", "0"}


class Operation(enum.StrEnum):
    """What is done to the account of a line."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Done:
    """What one line did, or would do."""

    line: int
    operation: Operation
    address: str
    before: Values  #: only what is different
    after: Values


class _Undo(Exception):
    """Takes a dry run back."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    cells: Mapping[str, str]

    def cell(self, name: str) -> str:
        return self.cells.get(name, "")

    @property
    def operation(self) -> Operation:
        try:
            return Operation(self.cell("operation").upper())
        except ValueError:
            raise RecordInvalid(f"operation: {self.cell('operation')!r} is none of {', '.join(Operation)}") from None

    @property
    def enabled(self) -> bool | None:
        text = self.cell("enabled").lower()
        if text and text not in _TRUE | _FALSE:
            raise RecordInvalid(f"enabled: {text!r} is neither true nor false (write TRUE or FALSE)")
        return None if not text else text in _TRUE


def export(desk: Desk, tenant: Tenant, *, bom: bool = False) -> Iterator[str]:
    """Yield all accounts as CSV, some lines at a time. Lines of it change nothing until they are given an operation."""
    return spreadsheet.csv_chunks((*WRITTEN, *SHOWN), _rows(desk, tenant), bom=bom)


def enabled_and_new(done: Sequence[Done]) -> dict[str, str]:
    """Return the addresses that are to log in and could not before, with their profiles."""
    made = (line.after for line in done if line.operation is Operation.CREATE)
    return {account["address"]: account["profile"] for account in made if account["enabled"]}


def load(desk: Desk, tenant: Tenant, content: bytes, *, dry_run: bool, source: str = "") -> list[Done]:
    """Do what a CSV file says, all of it or nothing, and return what each line did. With ``dry_run``, what it would do.

    Args:
        desk: who does it.
        tenant: whose accounts.
        content: of the file, UTF-8 with or without byte order mark.
        dry_run: leave everything as it is.
        source: the file's name, for the audit log.

    Raises:
        RecordInvalid: with a line ``line N: problem (remedy)`` for everything that is wrong.
        StoreUnavailable: the database failed; nothing was changed.
    """
    lines = _parse(content)
    done: list[Done] = []
    try:
        with desk.work() as work:
            done = _apply(work, tenant, lines)
            if dry_run:
                raise _Undo
            work.log(tenant.id, "account.import", source or "CSV file", after={"lines": len(done)})
    except _Undo:
        pass
    return done


def _rows(desk: Desk, tenant: Tenant) -> Iterator[list[Any]]:
    after = ""
    while rows := desk_accounts.listing(desk, tenant, limit=accounts.PAGE_MAX, after=after):
        for row in rows:
            account = row.account
            locked_until = row.locked_until.astimezone(tenant.timezone) if row.locked_until else None
            changed_at = account.changed_at.astimezone(tenant.timezone).isoformat(sep=" ", timespec="seconds")
            written = ["", account.address, "", account.profile or DEFAULT, str(account.enabled).upper(), account.identity]
            shown = [
                account.profile_source,
                account.disabled_by,
                account.google_state,
                locked_until,
                changed_at,
                account.changed_by,
            ]
            yield written + shown
        after = rows[-1].account.address


def _parse(content: bytes) -> list[_Line]:
    if len(content) > BYTES_MAX:
        raise RecordInvalid(f"the file is longer than {BYTES_MAX} bytes (split it)")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecordInvalid("the file is not UTF-8 (in Excel, save it as 'CSV UTF-8')") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        lines = [_Line(reader.line_num, _cells(header, row)) for row in reader]
    except csv.Error as error:
        raise RecordInvalid(f"line {reader.line_num}: {error} (write the file with a spreadsheet)") from None
    wanted = [line for line in lines if line.cell("operation")]
    if len(wanted) > LINES_MAX:
        raise RecordInvalid(f"the file has more than {LINES_MAX} lines with an operation (split it)")
    return wanted


def _check_header(header: list[str]) -> None:
    unknown = [name for name in header if name not in {*WRITTEN, *SHOWN}]
    missing = [name for name in ("operation", "address") if name not in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    problems = [
        *(f"line 1: there is no column {name!r} (columns are {', '.join(WRITTEN)})" for name in unknown),
        *(f"line 1: the column {name!r} is missing" for name in missing),
        *(f"line 1: the column {name!r} is there twice" for name in twice),
    ]
    if problems:
        raise RecordInvalid("\n".join(problems))


def _cells(header: list[str], row: list[str]) -> dict[str, str]:
    return {name: spreadsheet.original(cell.strip()) for name, cell in zip(header, row, strict=False)}


def _apply(work: Work, tenant: Tenant, lines: list[_Line]) -> list[Done]:
    """Do all lines, collecting what is wrong with them. Seats are counted at the end: one line may free what another takes."""
    problems: list[str] = []
    done: list[Done] = []
    try:
        with seats.kept(work.connection, tenant):
            for line in lines:
                try:
                    done.append(_do(work, tenant, line))
                except StoreUnavailable:
                    raise
                except StoreError as error:
                    problems.append(f"line {line.number}: {error}")
    except StoreUnavailable:
        raise
    except StoreError as error:  # the seats
        problems.append(str(error))
    if problems:
        rest = len(problems) - PROBLEMS_MAX
        more = [f"... and {rest} more"] if rest > 0 else []
        raise RecordInvalid("\n".join([*problems[:PROBLEMS_MAX], *more]))
    return done


def _do(work: Work, tenant: Tenant, line: _Line) -> Done:
    operation = line.operation
    before, after = _STEPS[operation](work, tenant, line)
    shown_before, shown_after = ({} if account is None else desk_accounts.seen(account) for account in (before, after))
    if before is not None and after is not None:
        shown_before, shown_after = desk_accounts.difference(shown_before, shown_after)
    return Done(line.number, operation, line.cell("address"), shown_before, shown_after)


_Step = tuple[Account | None, Account | None]


def _create(work: Work, tenant: Tenant, line: _Line) -> _Step:
    if line.cell("new_address"):
        raise RecordInvalid("new_address: a line that creates has none (leave it empty)")
    enabled = line.enabled is not False
    profile, identity = _profile(line) or "", line.cell("identity")
    return None, desk_accounts.add(work, tenant, line.cell("address"), profile=profile, identity=identity, enabled=enabled)


def _update(work: Work, tenant: Tenant, line: _Line) -> _Step:
    before = account = accounts.get(work.connection, tenant.id, line.cell("address"))
    values: dict[str, Any] = {}
    profile, enabled = _profile(line), line.enabled
    if profile is not None and profile != account.profile:
        values |= {"profile": _allowed_profile(work, tenant, account, profile)}
    if enabled is not None and enabled != account.enabled:
        values |= {"enabled": enabled, "disabled_by": DisabledBy.NOBODY if enabled else DisabledBy.ADMIN}
    if line.cell("identity"):
        values |= {"identity": line.cell("identity")}
    account = desk_accounts.alter(work, account, "account.update", **values)
    if line.cell("new_address"):
        account = desk_accounts.move(work, tenant, account, line.cell("new_address"))
    return before, account


def _delete(work: Work, tenant: Tenant, line: _Line) -> _Step:
    return desk_accounts.remove(work, tenant, line.cell("address")), None


_STEPS: Final[Mapping[Operation, Callable[[Work, Tenant, _Line], _Step]]] = {
    Operation.CREATE: _create,
    Operation.UPDATE: _update,
    Operation.DELETE: _delete,
}


def _profile(line: _Line) -> str | None:
    text = line.cell("profile")
    return ("" if text == DEFAULT else text) if text else None


def _allowed_profile(work: Work, tenant: Tenant, account: Account, profile: str) -> str:
    if account.profile_source is ProfileSource.DIRECTORY:
        raise RecordInvalid("profile: the directory chooses this account's profile (change it there, or leave the cell empty)")
    desk_accounts.require_profile(work.connection, tenant, profile)
    return profile
