"""Puts the appliance, the bundled plugins and their locked libraries into one folder that works wherever Debian's Python is.

The folder is what Python calls a virtual environment, laid out by hand: nothing of it names the place where it was built, and there
is nothing in it that the appliance does not use. ``packaging/deb/debian/rules`` calls this.
"""
# ruff: noqa: INP001 - a script beside the others, not a package

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

ENTRY: Final = """\
#!/usr/lib/cgappliance/bin/python3 -IB
import sys

from cgappliance.__main__ import main

sys.exit(main())
"""

#: Where other packages put plugins. Nothing else of the machine is on the path (-I): no library that an administrator installs for
#: something else can change what a login does.
PLUGINS: Final = "/usr/lib/cgappliance/plugins"

#: In wheels, but of no use at run time: tests, C sources, and what pip notes for itself.
NEEDLESS: Final = (
    "gevent/tests",
    "gevent/testing",
    "greenlet/tests",
    "greenlet/platform",
    "**/*.c",
    "**/*.h",
    "**/*.pxd",
    "**/*.pyx",
    "**/*.pyi",
    "*.dist-info/RECORD",
    "*.dist-info/REQUESTED",
    "*.dist-info/INSTALLER",
    "*.dist-info/direct_url.json",
    "*.dist-info/sboms",
    "slapdtest",
)

#: Libraries in C or Rust that some wheels carry inside: no package of Debian mends them, only a new version of this package.
INSIDE: Final = {
    "argon2-cffi-bindings": "libargon2",
    "cffi": "libffi",
    "cryptography": "{openssl} (encrypts stored credentials, signs Google tokens; TLS is done by Debian's OpenSSL)",
    "gevent": "libev, libuv, c-ares",
}
COMPILED: Final = {"python-ldap": "libldap2", "psycopg-c": "libpq5"}


def main() -> None:
    """Do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--python", "--house", "--wheelhouse", "--wheels", "--lock", "--list"):
        parser.add_argument(option, type=Path, required=True)
    given = parser.parse_args()
    house: Path = given.house
    version = _output(given.python, "import sys; print('{}.{}.{}'.format(*sys.version_info))")
    site = house / "lib" / f"python{version.rpartition('.')[0]}" / "site-packages"
    site.mkdir(parents=True)
    _lay_out(house, version)
    _install(site, given.wheelhouse, ["--require-hashes", "-r", str(_without_compiled(given.lock, given.wheels))])
    _install(site, given.wheels, [str(wheel) for wheel in sorted(given.wheels.glob("*.whl"))])
    _strip(site)
    (site / "cgappliance-plugins.pth").write_text(f"{PLUGINS}\n")
    given.list.write_text(_listing(site, house / "bin/python3"))


def _lay_out(house: Path, version: str) -> None:
    (house / "bin").mkdir()
    (house / "bin/python3").symlink_to("/usr/bin/python3")  # dh_link makes it relative, as the policy wants it
    # without "version" Python works too; with it, a reader sees what the compiled modules are made for
    (house / "pyvenv.cfg").write_text(f"home = /usr/bin\ninclude-system-site-packages = false\nversion = {version}\n")
    entry = house / "bin/cgappliance"
    entry.write_text(ENTRY)
    entry.chmod(0o755)


def _without_compiled(lock: Path, folder: Path) -> Path:
    """Write the lock without what is compiled here: the hashes are of the sources, which were checked before compiling."""
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", lock.read_text())
    kept = [entry for entry in entries if entry.partition("==")[0] not in COMPILED]
    result = folder / "wheels.txt"
    result.write_text("".join(kept))
    return result


def _install(site: Path, source: Path, what: list[str]) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--no-compile", "--no-warn-script-location"]
    subprocess.run([*pip, "--find-links", str(source), "--target", str(site), *what], check=True)
    shutil.rmtree(site / "bin", ignore_errors=True)  # command lines of libraries


def _strip(site: Path) -> None:
    for pattern in NEEDLESS:
        for path in list(site.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.parent.name != "include":
                path.unlink()
    for path in site.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            _make_module(path)


def _make_module(path: Path) -> None:
    """Take the first line from a module that claims to be a program: it is none here, and its interpreter is not there."""
    content = path.read_bytes()
    if path.suffix == ".py" and content.startswith(b"#!"):
        path.write_bytes(b"#" + content[2:])


def _listing(site: Path, python: Path) -> str:
    """Return the list of what is bundled, for the documentation folder and for those who follow security notices."""
    query = "from cryptography.hazmat.backends.openssl import backend as b; print(b.openssl_version_text())"
    openssl = _output(python, query)
    lines = [
        "What this package carries in /usr/lib/cgappliance, apart from the appliance itself and its plugins.",
        "Debian's security updates do not reach these; a new version of this package does.",
        "",
        *(_line(name, version, licence, openssl) for name, version, licence in _distributions(site)),
        "",
        "Debian's own, and mended by Debian: the Python interpreter with its ssl module and OpenSSL (all TLS towards mail clients,",
        "Gmail and Google's APIs), libldap, libsasl2, libpq, SQLite, the certificates of ca-certificates.",
        "",
    ]
    return "\n".join(lines)


def _line(name: str, version: str, licence: str, openssl: str) -> str:
    line = f"{name} {version} ({licence})"
    if name in COMPILED:
        return f"{line}, compiled against Debian's {COMPILED[name]}"
    inside = INSIDE.get(name)
    return line if inside is None else f"{line}, with {inside.format(openssl=openssl)} inside"


def _distributions(site: Path) -> Iterator[tuple[str, str, str]]:
    for found in sorted(metadata.distributions(path=[str(site)]), key=lambda each: each.name.lower()):
        name = re.sub(r"[-_.]+", "-", found.name).lower()
        if not name.startswith("cgappliance"):
            yield name, found.version, _licence(found.metadata)


def _licence(data: metadata.PackageMetadata) -> str:
    words: Iterable[str] = (
        data.get("License-Expression") or "",
        *(line.rpartition(" :: ")[2] for line in data.get_all("Classifier", ()) if line.startswith("License :: OSI")),
        (data.get("License") or "").partition("\n")[0],
    )
    return next((word for word in words if word), "see its dist-info folder")


def _output(python: Path, code: str) -> str:
    environment = {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, env=environment).stdout.strip()


if __name__ == "__main__":
    main()
