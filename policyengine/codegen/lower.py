"""The passes over the decision IR, in the order in which they run.

| pass | what it does |
|---|---|
| split | clauses and top-level `&&` become conjuncts |
| order | conjuncts without facts come first |
| partition | rules are grouped by the optional paths that they read |
| separate | rules that ask for facts go behind the others, cheapest first |
| index | rules are looked up by the constants that they ask for |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policyengine.codegen.index import index
from policyengine.codegen.ir import PointIR
from policyengine.codegen.passes import order, partition, separate, split
from policyengine.rules.model import CheckedPoint


def lower(point: CheckedPoint, constants: Mapping[str, Any]) -> PointIR:
    """The IR of a checked point, through all passes; `constants` are the bundle's."""
    return index(constants, separate(partition(order(split(point)))))
