"""What the Debian package must bundle: the requirements of the appliance and of the bundled plugins, one a line.

python packaging/deb/requirements.py                  print them, for script/lock
python packaging/deb/requirements.py --check LOCK     exit status 1 when the lock does not satisfy them
"""
# ruff: noqa: INP001 - a script beside the others, not a package

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

HERE: Final = Path(__file__).resolve().parents[2]

#: Plugins of these names are Debian packages of their own, beside the appliance's.
NOT_BUNDLED: Final = "cgappliance-plugin-"

#: Debian's libpq is used, so psycopg's C part is compiled for it; its binary wheel would bring a libpq and an OpenSSL of its own.
REPLACED: Final = {"psycopg[binary,pool]": "psycopg[c,pool]"}

#: What the Gmail look-alike (``python -m cgappliance.testing.gmail``) imports: it is shipped, for trying a tenant out.
LOOK_ALIKE: Final = ("flask>=3", "trustme>=1.1")


def wanted() -> list[str]:
    """Return the requirements, sorted. The distributions must be installed where this runs (``script/bootstrap``)."""
    found = set(LOOK_ALIKE)
    for name in ("cgappliance", *bundled_plugins()):
        found |= {_replaced(line) for line in metadata.requires(name) or () if "extra ==" not in line}
    return sorted(line for line in found if Requirement(line).name != "cgappliance")


def bundled_plugins() -> list[str]:
    """Return the names of the plugins that the appliance's package carries."""
    names = sorted(packaging.parent.name for packaging in HERE.glob("plugins/*/setup.py"))
    return [name for name in names if not name.startswith(NOT_BUNDLED)]


def _replaced(line: str) -> str:
    requirement = Requirement(line)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    for old, new in REPLACED.items():
        if requirement.name + extras == old:
            return new + str(requirement.specifier)
    return line


def unsatisfied(lock: str, requirements: list[str]) -> Iterator[str]:
    """Yield what ``lock``, the text of a lock file, does not hold."""
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))
    for line in requirements:
        requirement = Requirement(line)
        version = locked.get(requirement.name.lower())
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield line


def main(arguments: list[str]) -> int:
    """Print or check; return the exit status."""
    if arguments[:1] != ["--check"]:
        print("\n".join(wanted()))  # noqa: T201 - its output is what it is for
        return 0
    missing = list(unsatisfied(Path(arguments[1]).read_text(), wanted()))
    for line in missing:
        print(f"{arguments[1]}: {line} is not locked (run script/lock)", file=sys.stderr)  # noqa: T201
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
