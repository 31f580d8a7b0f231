"""Names with `*` and `?`, as CEL over a string."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from policyengine.cel.ast import Expr
from policyengine.rules.desugar.tree import Path, Tree

_STARS = re.compile(r"\*+")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")


def named(tree: Tree, value: Any, subject: Callable[[], Expr]) -> Expr:
    """Whether a string is one of the names of a clause.

    `value` is a list, or an object with `any` and `not`; `subject` makes a new node for the
    string each time, for no node may stand in a tree twice.
    """
    if isinstance(value, list):
        return _one_of(tree, value, (), subject)
    parts = []
    if value.get("any"):
        parts.append(_one_of(tree, value["any"], ("any",), subject))
    if value.get("not"):
        none = _one_of(tree, value["not"], ("not",), subject)
        parts.append(tree.call("!_", none))
    return tree.all_of(parts)


def _one_of(tree: Tree, names: list[str], path: Path, subject: Callable[[], Expr]) -> Expr:
    places = {name: (*path, i) for i, name in reversed(list(enumerate(names)))}
    exact = [name for name in places if "*" not in name and "?" not in name]
    tests = [_glob(tree, name, places[name], subject) for name in places if name not in exact]
    if len(exact) == 1:
        tree.stand_at(places[exact[0]])
        tests.insert(0, tree.call("_==_", subject(), tree.constant(exact[0])))
    elif exact:
        constants = [tree.literal(name, places[name]) for name in reversed(exact)]
        tree.stand_at(path)
        tests.insert(0, tree.call("@in", subject(), tree.items(constants)))
    tree.stand_at(path)
    return tree.any_of(tests)


def _glob(tree: Tree, glob: str, path: Path, subject: Callable[[], Expr]) -> Expr:
    """One name with wildcards, as the cheapest test that says the same."""
    tree.stand_at(path)
    glob = _STARS.sub("*", glob)
    inner = glob.strip("*")
    if "*" in inner or "?" in inner:
        return tree.call("matches", tree.constant(regex(glob)), target=subject())
    if not inner:
        return tree.constant(True)
    match glob.startswith("*"), glob.endswith("*"):
        case True, True:
            function = "contains"
        case True, False:
            function = "endsWith"
        case _:
            function = "startsWith"
    return tree.call(function, tree.constant(inner), target=subject())


def regex(glob: str) -> str:
    """The RE2 pattern for a whole string that a name with wildcards fits.

    >>> regex("gpt-*-mini")
    '(?s)^gpt\\\\-.*\\\\-mini$'
    """
    pieces = {"*": ".*", "?": "."}
    return (
        "(?s)^"
        + "".join(pieces.get(c) or _PUNCTUATION.sub(lambda m: f"\\{m.group()}", c) for c in glob)
        + "$"
    )
