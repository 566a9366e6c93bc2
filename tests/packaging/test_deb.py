"""The Debian package's own files: versions agree, the lock holds what is wanted, the unit asks for what the appliance needs."""

from __future__ import annotations

import configparser
import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from cgappliance import __version__
from cgappliance.cli.common import EXIT_CONFIGURATION
from tests.documents import ROOT

DEB = ROOT / "packaging/deb"
SCRIPTS = sorted(
    path
    for folder in (
        DEB,
        DEB / "debian",
        DEB / "debian/tests",
        ROOT / "packaging/certbot",
        ROOT / "packaging/backup",
        ROOT / "script",
    )
    for path in folder.iterdir()
    if path.is_file()
    and path.read_bytes().startswith((b"#!/bin/sh", b"#!/bin/bash", b"#!/usr/bin/env bash", b"# Shared", b"# Clean"))
)


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DEB / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


requirements = load("requirements")
assemble = load("assemble")


def unit() -> dict[str, list[str]]:
    """Return the service's settings; one that stands twice has two values."""
    settings: dict[str, list[str]] = {}
    for line in (DEB / "debian/cgappliance.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def test_changelog_begins_with_this_version() -> None:
    first = (DEB / "debian/changelog").read_text().partition("\n")[0]
    assert re.match(rf"cgappliance \({re.escape(__version__)}-\d+\) ", first)


def test_lock_holds_what_appliance_and_plugins_want() -> None:
    lock = (ROOT / "requirements/bundle.txt").read_text()
    assert list(requirements.unsatisfied(lock, requirements.wanted())) == [], "run script/lock"


def test_every_locked_version_has_hashes() -> None:
    for name in ("bundle.txt", "build.txt"):
        entries = re.split(r"(?m)^(?=[a-z0-9])", (ROOT / "requirements" / name).read_text())[1:]
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize(
    ("lock", "wanted", "missing"),
    [
        ("click==8.1.0 \\\n", ["click>=8.1"], []),
        ("click==8.0.9 \\\n", ["click>=8.1"], ["click>=8.1"]),
        ("zope-event==6 \\\n", ["click>=8.1"], ["click>=8.1"]),
        ("pyopenssl==26.4.0 \\\n", ["pyOpenSSL>=24"], []),
    ],
)
def test_lock_that_is_behind_is_told(lock: str, wanted: list[str], missing: list[str]) -> None:
    assert list(requirements.unsatisfied(lock, wanted)) == missing


def test_libpq_is_debians() -> None:
    names = [line.partition(">")[0] for line in requirements.wanted()]
    assert "psycopg[c,pool]" in names
    assert "psycopg[binary,pool]" not in names


def test_what_is_compiled_is_left_out_of_the_wheels(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "click==8 \\\n    --hash=sha256:aa\npsycopg==3 \\\n    --hash=sha256:bb\npsycopg-c==3 \\\n    --hash=sha256:cc\n"
    )
    text = assemble._without_compiled(lock, tmp_path).read_text()
    assert text == "click==8 \\\n    --hash=sha256:aa\npsycopg==3 \\\n    --hash=sha256:bb\n"


def test_module_that_names_an_interpreter_keeps_its_lines(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("#!/usr/bin/env python\nx = 1\n")
    assemble._make_module(module)
    assert module.read_text() == "#/usr/bin/env python\nx = 1\n"


def test_list_says_what_debian_does_not_mend() -> None:
    assert assemble._line("cryptography", "50", "Apache-2.0", "OpenSSL 9").startswith(
        "cryptography 50 (Apache-2.0), with OpenSSL 9"
    )
    assert assemble._line("python-ldap", "3", "MIT", "") == "python-ldap 3 (MIT), compiled against Debian's libldap2"


def test_unit_gives_no_privilege() -> None:
    settings = unit()
    assert settings["User"] == ["cgappliance"]
    assert settings["CapabilityBoundingSet"] == [""]
    assert settings["NoNewPrivileges"] == ["yes"]


def test_unit_allows_50_000_sessions() -> None:
    assert int(unit()["LimitNOFILE"][0]) > 2 * 50_000


def test_unit_keeps_the_sockets_of_all_tenants() -> None:
    # 500 tenants, three protocols, two addresses
    assert int(unit()["FileDescriptorStoreMax"][0]) > 500 * 3 * 2


def test_unit_does_not_try_again_what_only_a_person_can_mend() -> None:
    assert unit()["RestartPreventExitStatus"] == [str(EXIT_CONFIGURATION)]


def test_every_test_of_the_package_is_run() -> None:
    control = configparser.ConfigParser(delimiters=":")
    control.read_string("[control]\n" + (DEB / "debian/tests/control").read_text())
    named = control["control"]["Tests"].split(", ")
    there = {path.name for path in (DEB / "debian/tests").iterdir()} - {"control", "common"}
    assert set(named) == there
    assert named[-1] == "purge"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_script_parses(script: Path) -> None:
    shell = "sh" if script.read_text().startswith("#!/bin/sh") else "bash"
    run = subprocess.run([shell, "-n", script], check=False, capture_output=True, text=True, timeout=20)
    assert (run.returncode, run.stderr) == (0, "")
