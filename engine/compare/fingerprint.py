"""What the look-ahead's results depend on: the code of its modules, without comments and docstrings, and its data."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

PACKAGE = "engine.dialer"
ROOTS = ("simulator", "baselines")


@cache
def code_of_the_rule() -> str:
    """A digest that changes with the rule."""
    return code_below(resources.files(PACKAGE))


def code_below(folder: Traversable) -> str:
    """A digest over everything that `ROOTS` import of their own package, and over the data files beside them."""
    pending, trees = list(ROOTS), {}
    while pending:
        name = pending.pop()
        if name not in trees:
            tree = ast.parse(folder.joinpath(f"{name}.py").read_text("utf-8"))
            trees[name] = _bare(tree)
            pending += _neighbours(tree)
    data = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".json")}
    whole = repr((sorted(trees.items()), sorted(data.items())))
    return hashlib.sha256(whole.encode()).hexdigest()


def _neighbours(tree: ast.AST) -> list[str]:
    """Modules of the same package that are imported by name."""
    return [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module is not None
    ]


def _bare(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # a string that stands alone says something to people only
            node.body = [part for part in body if not _is_words(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_words(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
