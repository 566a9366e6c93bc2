"""What a benchmark ran on: the machine, the versions, the date. Figures mean nothing without them."""

from __future__ import annotations

import platform
import re
import ssl
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

VERSION_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "Dovecot": ("/usr/sbin/dovecot", "--version"),
    "HAProxy": ("/usr/sbin/haproxy", "-v"),
    "nginx": ("/usr/sbin/nginx", "-v"),
    "OpenLDAP": ("/usr/sbin/slapd", "-VV"),
}
PACKAGES = ("cgappliance", "gevent", "greenlet", "python-ldap")
TIMEOUT_S = 10.0


def about(scale: str, runs: int) -> dict[str, object]:
    """Return everything that belongs beside the figures."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "scale": scale,
        "runs": runs,
        "machine": _machine(),
        "versions": {**_source(), **_programs(), **_packages()},
    }


def _source() -> dict[str, str]:
    """Return which commit was measured, and whether the tree had changes; nothing outside a clone."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError:
        return {}
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}


def _machine() -> dict[str, str]:
    cpus = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    release = platform.freedesktop_os_release()
    return {
        "cpu": f"{len(cpus)} x {cpus[0] if cpus else platform.machine()}",
        "memory": f"{int(memory[1]) // (1 << 20)} GiB" if memory else "unknown",
        "kernel": platform.release(),
        "system": release.get("PRETTY_NAME", "unknown"),
    }


def _programs() -> dict[str, str]:
    versions = {"Python": platform.python_version(), "OpenSSL": ssl.OPENSSL_VERSION.split()[1]}
    for name, command in VERSION_COMMANDS.items():
        if Path(command[0]).exists():
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
            found = re.search(r"\d+\.\d+(\.\d+)*", done.stdout + done.stderr)
            versions[name] = found[0] if found else "unknown"
    return versions


def _packages() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
