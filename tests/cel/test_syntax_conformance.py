"""Every expression of the CEL language suite parses, and survives being written again.

The suite is read from a folder beside the repository; it is not part of it.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from policyengine.cel.macros import LIBRARIES
from policyengine.cel.parser import parse
from policyengine.cel.unparse import unparse

SUITE = Path(__file__).parents[2].parent / "shared" / "conformance" / "cel-spec"
MACROS = [name for names in LIBRARIES.values() for name in names]
PLACES = {"id", "start", "end", "name_start", "field_start"}


def bare(part: object) -> object:
    if isinstance(part, tuple):
        return tuple(map(bare, part))
    if is_dataclass(part):
        kept = [getattr(part, f.name) for f in fields(part) if f.name not in PLACES]
        return (type(part).__name__, *map(bare, kept))
    return (type(part).__name__, repr(part))


@pytest.mark.skipif(not SUITE.is_dir(), reason=f"the CEL suite is not there: {SUITE.name}")
def test_every_expression_of_the_suite_parses_and_survives() -> None:
    # None of the suite's errors is one of syntax.
    count = 0
    for path in sorted(SUITE.glob("*.json")):
        records = json.loads(path.read_text(encoding="utf-8"))
        for record in records if isinstance(records, list) else records["tests"]:
            tree = parse(record["expr"], macros=MACROS)
            again = parse(unparse(tree), macros=MACROS)
            assert bare(again.root) == bare(tree.root), record["expr"]
            count += 1
    assert count > 2_400
