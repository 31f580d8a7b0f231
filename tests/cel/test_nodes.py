"""Nodes are frozen dataclasses in all that can be seen of them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.cel import ast
from policyengine.cel.ast import Bind, Call, Constant, Expr, Ident, ListExpr, Select
from policyengine.cel.nodes import maker
from policyengine.cel.parser import parse

NAME = Ident(1, 0, 1, "a")
CLASSES = [
    ast.Ast, Bind, Call, ast.Comprehension, Constant, ast.Entry, ast.Field, Ident, ListExpr,
    ast.MapExpr, Select, ast.Struct,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Usual:
    """What a node would be without its fast constructor."""

    id: int
    start: int
    end: int
    elements: tuple[Expr, ...]
    optional: frozenset[int] = frozenset()


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_closed(cls: Any) -> None:
    names = [field.name for field in fields(cls)]
    made = cls(*names)
    for name in names:
        assert getattr(made, name) == name
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, "x")
        with pytest.raises(FrozenInstanceError):
            delattr(made, name)
    with pytest.raises((AttributeError, TypeError)):
        made.other = 1
    assert not hasattr(made, "__dict__")
    assert type(made) is cls
    assert cls.__match_args__ == tuple(names)
    assert maker(cls)(*names) == made == cls(**dict(zip(names, names, strict=True)))


def test_equality_and_hash_are_those_of_the_fields_and_the_class() -> None:
    assert Ident(1, 0, 1, "a") == NAME
    assert hash(Ident(1, 0, 1, "a")) == hash(NAME)
    assert Ident(1, 0, 1, "b") != NAME
    assert maker(ast.Field)(1, 0, "a", NAME) != ast.Entry(1, NAME, NAME)
    assert repr(NAME) == "Ident(id=1, start=0, end=1, name='a')"


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2, 3, "a", "b")])
def test_wrong_arguments_are_refused(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        Ident(*arguments)
    with pytest.raises(TypeError):
        Ident(1, 2, 3, name="a", other="b")  # type: ignore[call-arg]


@given(st.integers(), st.lists(st.just(NAME)), st.booleans())
def test_defaults_are_those_of_the_dataclass(id: int, elements: list[Expr], given: bool) -> None:
    optional = [frozenset({1})] if given else []
    mine = ListExpr(id, 0, 1, tuple(elements), *optional)
    usual = Usual(id, 0, 1, tuple(elements), *optional)
    assert (mine.optional, hash(mine)) == (usual.optional, hash(usual))


def test_copies_are_equal() -> None:
    root = parse("a.b in [1, 'x'] && f(c)").root
    for copied in (copy.copy(root), copy.deepcopy(root), pickle.loads(pickle.dumps(root))):
        assert copied == root
        assert type(copied) is Call
    assert replace(NAME, name="b") == Ident(1, 0, 1, "b")


def test_nodes_match_by_position() -> None:
    match parse("a.b").root:
        case Select(_, 0, 3, Ident(name="a"), "b"):
            return
    pytest.fail("`a.b` is not a selection")
