"""Short ways to write the rows of the standard library."""

from __future__ import annotations

from policyengine.cel.functions import Overload
from policyengine.cel.types import Type, TypeParam

A = TypeParam("A")
B = TypeParam("B")


def safe(id_: str, args: tuple[Type, ...], result: Type, *, fast: str | None = None) -> Overload:
    """An overload of a function that cannot fail."""
    return Overload(id_, args, result, fast=fast)


def risky(id_: str, args: tuple[Type, ...], result: Type, *, fast: str | None = None) -> Overload:
    """An overload of a function that can fail."""
    return Overload(id_, args, result, can_fail=True, fast=fast)


def method(
    id_: str,
    args: tuple[Type, ...],
    result: Type,
    *,
    can_fail: bool = False,
    fast: str | None = None,
) -> Overload:
    """An overload that is called on its first argument."""
    return Overload(id_, args, result, can_fail=can_fail, receiver=True, fast=fast)
