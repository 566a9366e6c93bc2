"""Keeps the house in order: which room may import which, what the pure rooms may touch, where a few things live.

A failure names the file and line. To change a rule, change docs/architecture first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cgappliance"
PLUGINS = ROOT / "plugins"

#: Lowest first. A room imports from lower lines only, or from its own line where that is one kit (plugin contract, helpers).
LEVELS = (
    {"secret"},
    {"model"},
    {"errors"},
    {"log", "greenlets", "metrics", "pooling", "failover", "shared_tls", "tls_errors"},
    {"administration", "password_change", "config", "directory", "hookspecs", "plugin_api", "plugins"},
    {"proto", "policy"},
    {"session"},
    {"net", "store"},
    {"server", "admin"},
    {"web"},
    {"cli"},
    {"__main__"},
)

#: Rooms whose list is closed: exactly these, whatever the levels say.
ONLY = {
    "secret": set(),
    "model": {"secret"},
    "errors": {"model"},
    "administration": {"model", "secret", "errors"},
    "password_change": {"secret", "errors"},
    "proto": {"model", "secret"},
    "policy": {"model", "secret", "errors"},
    "session": {"model", "secret", "errors", "proto", "policy"},
    "__main__": {"cli", "tls_errors"},
}

#: Arrows that the levels would allow and the design does not.
NEVER = {
    "web": {"net", "session", "proto", "server"},
    "admin": {"net", "session"},  # proto it may: the address grammar and the reply table are values, and explain shows them
    "cli": {"net", "session", "proto"},
    "net": {"store"},
    "store": {"net"},
    "proto": {"policy"},
    "policy": {"proto"},
    "server": {"admin"},
}

#: All that the pure rooms may import besides the project: values and text, nothing that waits, logs, reads or knows the time.
PURE_ROOMS = ("proto", "policy")
PURE_IMPORTS = {
    *(
        "__future__",
        "abc",
        "binascii",
        "collections",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
        "ipaddress",
        "itertools",
        "json",
    ),
    *("math", "re", "string", "types", "typing", "unicodedata", "zoneinfo"),
}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "now", "today", "utcnow", "getenv"}

#: Who may import a library that has a room of its own.
HOMES = {
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "flask": {"web"},
    "click": {"cli"},
    "OpenSSL": {"net", "config"},
    "prometheus_client": {"server"},
}


def python_files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py") if "build" not in path.parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each module that a file imports, inside functions too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(path, node)
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def _absolute(path: Path, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).parts[: -node.level]
    return ".".join((*package, *([node.module] if node.module else [])))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_imported(path: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] == "cgappliance" and len(parts) > 1 and parts[1] != "__version__":
            yield line, parts[1]


def level(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def may_import(room: str, other: str) -> bool:
    if room == other:
        return True
    if room in ONLY:
        return other in ONLY[room]
    return level(other) <= level(room) and other not in NEVER.get(room, set())


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


SOURCES = [path for path in python_files(PACKAGE) if path.parent != PACKAGE or path.name != "__init__.py"]
PRODUCT = [path for path in SOURCES if room_of(path) != "testing"]
PURE = [path for path in SOURCES if room_of(path) in PURE_ROOMS]
PLUGIN_SOURCES = [path for path in python_files(PLUGINS) if "tests" not in path.parts and path.name != "setup.py"]


def test_every_room_has_its_level() -> None:
    known = set().union(*LEVELS) | {"testing"}

    assert {room_of(path) for path in SOURCES} <= known


def test_arrows_point_down() -> None:
    wrong = [
        f"{place(path, line)}: {room_of(path)} must not import {other}"
        for path in PRODUCT
        for line, other in rooms_imported(path)
        if other == "testing" or not may_import(room_of(path), other)
    ]
    assert wrong == []


def test_pure_rooms_import_nothing_that_waits_logs_or_knows_the_time() -> None:
    wrong = [
        f"{place(path, line)}: {name}"
        for path in PURE
        for line, name in imports(path)
        if name.split(".")[0] not in PURE_IMPORTS | {"cgappliance"}
    ]
    assert wrong == []


def test_pure_rooms_call_nothing_that_reads_writes_or_asks_the_clock() -> None:
    wrong = [
        f"{place(path, node.lineno)}: {_called(node)}()"
        for path in PURE
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _called(node) in IMPURE_CALLS
    ]
    assert wrong == []


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [
        f"{place(path, line)}: {name} belongs to {sorted(HOMES[name.split('.')[0]])}"
        for path in PRODUCT
        for line, name in imports(path)
        if room_of(path) not in HOMES.get(name.split(".")[0], {room_of(path)})
    ]
    assert wrong == []


def test_plugins_import_the_plugin_api_and_nothing_else_of_the_project() -> None:
    wrong = [
        f"{place(path, line)}: {name}"
        for path in PLUGIN_SOURCES
        for line, name in imports(path)
        if name.split(".")[0] == "cgappliance" and not name.startswith(("cgappliance.plugin_api", "cgappliance.testing"))
    ]
    assert wrong == []


def test_only_main_patches() -> None:
    patching = {
        place(path, node.lineno)
        for path in [*SOURCES, *PLUGIN_SOURCES]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and _called(node).startswith("patch_")
    }
    assert {where.partition(":")[0] for where in patching} == {"cgappliance/__main__.py"}


def test_no_except_is_bare() -> None:
    wrong = [
        place(path, node.lineno)
        for path in [*SOURCES, *PLUGIN_SOURCES]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert wrong == []


def test_nothing_that_runs_in_greenlets_sleeps_through_time() -> None:
    """time.sleep stops the hub where nobody has patched, and hides that something should be waited for where somebody has."""
    wrong = [
        place(path, node.lineno)
        for path in [*PRODUCT, *PLUGIN_SOURCES]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "path", [path for path in PURE if path.name != "__init__.py"], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_each_file_of_the_pure_rooms_has_its_test_file(path: Path) -> None:
    own = ROOT / "tests" / path.relative_to(PACKAGE).with_name(f"test_{path.name}")

    assert own.is_file(), f"{path.relative_to(ROOT)} has no {own.relative_to(ROOT)}"


# The rules above must be able to fail.


@pytest.mark.parametrize(
    ("room", "other", "allowed"),
    [
        ("proto", "net", False),
        ("proto", "errors", False),
        ("policy", "proto", False),
        ("session", "proto", True),
        ("session", "net", False),
        ("net", "session", True),
        ("net", "store", False),
        ("store", "config", True),
        ("web", "admin", True),
        ("web", "net", False),
        ("admin", "store", True),
        ("cli", "server", True),
        ("server", "cli", False),
        ("config", "net", False),
        ("model", "errors", False),
    ],
)
def test_the_rule_knows_the_arrows_of_the_design(room: str, other: str, allowed: bool) -> None:
    assert may_import(room, other) is allowed


def test_imports_are_found_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_architecture.ROOT", tmp_path)
    path = tmp_path / "cgappliance" / "proto" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "import socket, ssl as s\nfrom cgappliance import net\nfrom ..store import engine\ndef f():\n    from os import path\n"
    )

    assert [name for _, name in imports(path)] == ["socket", "ssl", "cgappliance.net", "cgappliance.store.engine", "os.path"]
