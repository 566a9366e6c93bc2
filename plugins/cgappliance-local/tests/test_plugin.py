"""What the tenant file may say, and the whole contract."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cgappliance_local
import pytest
from cgappliance_local import users

from cgappliance.plugin_api import Reason, Secret
from cgappliance.plugins import discover
from cgappliance.testing.contract import ACCOUNTS, DOMAIN, Account, AuthBackendContract, DirectoryUnderTest

DISABLED = Account(f"disabled@{DOMAIN}", "Right-passw0rd")


@contextmanager
def away(file: Path) -> Iterator[None]:
    hidden = file.rename(file.with_name("hidden"))
    try:
        yield
    finally:
        hidden.rename(file)


class TestLocal(AuthBackendContract):
    kind = cgappliance_local.cgappliance_auth_backends()[0]

    @pytest.fixture
    def directory(self, tmp_path: Path, fast_hashes: None) -> DirectoryUnderTest:
        file = tmp_path / "people"
        for account in (*ACCOUNTS, DISABLED):
            users.set_password(file, account.address, Secret(account.password))
        users.set_disabled(file, DISABLED.address, disabled=True)
        return DirectoryUnderTest(
            settings={"users_file": file, "concurrency": 4},
            refused={Reason.DISABLED: DISABLED},
            outage=lambda: away(file),
        )


def test_installed_package_registers_its_kind() -> None:
    assert discover().backends["local"].settings == cgappliance_local.SETTINGS


def problems(file: Path) -> list[str]:
    return [f"{mistake.key}: {mistake.problem} ({mistake.remedy})" for mistake in cgappliance_local.check({"users_file": file})]


def test_good_file_has_no_mistakes(tmp_path: Path, fast_hashes: None) -> None:
    users.set_password(tmp_path / "people", "yuki@acme.example", Secret("pw"))
    assert problems(tmp_path / "people") == []


def test_missing_file_is_a_mistake(tmp_path: Path) -> None:
    assert problems(tmp_path / "people") == [
        f"users_file: {tmp_path}/people: No such file or directory (make it with cgappliance local passwd)"
    ]


def test_wrong_line_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("yuki@acme.example secret\n")
    assert problems(tmp_path / "people") == [
        f"users_file: {tmp_path}/people:1: what follows yuki@acme.example is no argon2 hash (repair or remove the line)"
    ]


def test_file_for_everybody_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "people").touch(mode=0o644)
    assert problems(tmp_path / "people") == [
        f"users_file: everybody on this machine may read the hashes in {tmp_path}/people (chmod 0640 {tmp_path}/people)"
    ]
