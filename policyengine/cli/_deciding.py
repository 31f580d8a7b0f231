"""What verbs that decide have in common."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

import click

from policyengine.cli._console import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from policyengine.cel.types import ObjectType
    from policyengine.rules.model import CheckedBundle


_F = TypeVar("_F", bound=Callable[..., Any])


def bundle_argument() -> Callable[[_F], _F]:
    """`BUNDLE`, the folder of one bundle."""
    return click.argument("bundle", type=click.Path())


def clock_option() -> Callable[[_F], _F]:
    """`--clock`, the time at which to decide."""
    return click.option(
        "--clock", metavar="TIME", help="Decide as at this time (RFC 3339), not now."
    )


def point_type(checked: CheckedBundle, point: str) -> ObjectType:
    """The type of a decision point's input. Raises `Refusal` when there is no such point."""
    points = checked.points
    if point not in points:
        close = get_close_matches(point, points, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(points)}"
        raise Refusal(f"the bundle has no decision point `{point[:80]}`", hint)
    return points[point].point.input


def clock_reading(text: str | None) -> datetime | None:
    """The time that `--clock` names. Raises `Refusal` for what is no time."""
    from policyengine.testing.clock import moment

    try:
        return None if text is None else moment(text)
    except ValueError as error:
        raise Refusal(str(error)) from None
