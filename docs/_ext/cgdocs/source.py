"""The role ``:src:`` names a file of the project, and perhaps something in it; what is not there is a warning of the build.

``:src:`net/handler.py``` is a file of the package, ``:src:`script/demo``` one of the repository,
``:src:`net/connection.py#Connection.finished``` a class or function.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from docutils import nodes

ROOT = Path(__file__).parents[3]


def source_role(
    _name: str, rawtext: str, text: str, lineno: int, inliner: Any, _options: Any = None, _content: Any = ()
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Show file and symbol as code."""
    path, _, symbol = text.partition("#")
    problem = missing(path, symbol)
    messages = [inliner.reporter.warning(problem, line=lineno)] if problem else []
    return [nodes.literal(rawtext, f"{path}: {symbol}" if symbol else path)], messages


def missing(path: str, symbol: str) -> str | None:
    """Return what is not there, in words; None: all is."""
    file = next((place for place in (ROOT / "cgappliance" / path, ROOT / path) if place.exists()), None)
    if file is None:
        return f"there is no file {path}"
    if symbol and not defines(ast.parse(file.read_text(encoding="utf-8")), symbol.split(".")):
        return f"{path} has no {symbol}"
    return None


def defines(tree: ast.AST, names: list[str]) -> bool:
    """Tell whether a class, a function or a constant stands there, each name inside the one before it."""
    for node in ast.iter_child_nodes(tree):
        if names[0] in _names(node):
            return len(names) == 1 or defines(node, names[1:])
    return False


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
