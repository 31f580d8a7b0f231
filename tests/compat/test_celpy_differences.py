"""The table of differences in docs/celpy.md, evaluated with the drop-in and with cel-python."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from policyengine.compat import celpy as drop_in
from policyengine.compat.celpy._values import to_engine
from policyengine.output.literals import literal

PAGE = Path(__file__).resolve().parents[2] / "docs" / "celpy.md"
ROWS = re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \|$", PAGE.read_text(encoding="utf-8"), re.M)
DIFFERENCES = [row for row in ROWS if not row[0].startswith(("test_", "features"))]


def _said(celpy: Any, text: str) -> str:
    """What a package says, as the table has it."""
    environment = celpy.Environment()
    try:
        value = environment.program(environment.compile(text)).evaluate({})
    # It crashes with exceptions of all kinds.
    except Exception:
        return "error"
    plain = str(value) if isinstance(value, float) else _literal(value)
    return f"`{plain}`"


def _literal(value: Any) -> str:
    """By the names of the classes, which both packages share."""
    kind = type(value).__name__
    if kind == "BoolType":
        return "true" if value else "false"
    if kind == "IntType":
        return str(int(value))
    return literal(to_engine(value))


def test_there_is_a_table() -> None:
    assert len(DIFFERENCES) >= 15


@pytest.mark.parametrize(("text", "here", "there"), DIFFERENCES)
def test_the_drop_in_follows_the_specification(text: str, here: str, there: str) -> None:
    assert here != there
    assert _said(drop_in, text) == here


@pytest.mark.parametrize(("text", "here", "there"), DIFFERENCES)
def test_cel_python_does_not(text: str, here: str, there: str) -> None:
    celpy = pytest.importorskip("celpy")
    assert _said(celpy, text) == there
