import dataclasses
from pathlib import Path

import pytest

from cgappliance import proto
from cgappliance.proto.limits import DEFAULT_LIMITS, PreLoginLimits

RFC_FLOORS = {
    "imap_command": 8000,  # RFC 2683 3.2.1.5
    "imap_id_pairs": 30,  # RFC 2971 3.3
    "imap_id_field": 30,
    "imap_id_value": 1024,
    "sasl_line": 12288,  # RFC 4954 4
    "pop3_line": 255,  # RFC 2449 4
    "smtp_line": 512,  # RFC 5321 4.5.3.1.4
}


@pytest.mark.parametrize(("name", "floor"), RFC_FLOORS.items())
def test_a_limit_is_not_below_what_its_rfc_grants_clients(name: str, floor: int) -> None:
    assert getattr(DEFAULT_LIMITS, name) >= floor


def test_literals_without_a_continuation_keep_to_rfc_7888() -> None:
    assert DEFAULT_LIMITS.imap_nonsync_literal == 4096


def test_no_single_thing_may_be_larger_than_its_sum() -> None:
    assert DEFAULT_LIMITS.imap_login_literal <= DEFAULT_LIMITS.imap_login_literals <= DEFAULT_LIMITS.imap_nonsync_literal
    assert DEFAULT_LIMITS.reply_line <= DEFAULT_LIMITS.reply_octets


def test_limits_cannot_be_changed_by_accident() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT_LIMITS.commands = 1  # type: ignore[misc]


def test_every_limit_is_a_positive_number() -> None:
    assert all(value > 0 for value in dataclasses.asdict(PreLoginLimits()).values())


def test_every_limit_is_enforced_somewhere() -> None:
    sources = "".join(path.read_text() for path in Path(proto.__path__[0]).rglob("*.py"))

    assert [field.name for field in dataclasses.fields(PreLoginLimits) if f"limits.{field.name}" not in sources] == []
