"""`--engine`: what another CEL engine says of the same conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from policyengine.cli._console import Refusal, complain, shown
from policyengine.cli._exits import Exit
from policyengine.output.text import line

if TYPE_CHECKING:
    from policyengine.rules.model import CheckedBundle
    from policyengine.testing.second_opinion import Disagreement, Opinion, SecondOpinion

_F = TypeVar("_F", bound=Callable[..., Any])

ENGINES = ("cel-python",)


def engine_option() -> Callable[[_F], _F]:
    """`--engine`, the engine whose opinion is asked for as well."""
    return click.option(
        "--engine",
        "second",
        type=click.Choice(ENGINES),
        help="Evaluate every condition with this engine as well, and say where the two differ.",
    )


def second_opinion(checked: CheckedBundle) -> SecondOpinion:
    """Another engine for a bundle. Raises `Refusal` where it is not installed."""
    from policyengine.testing.second_opinion import INSTALL, NoSecondEngineError, SecondOpinion

    try:
        return SecondOpinion(checked)
    except NoSecondEngineError as error:
        raise Refusal(str(error), f"`{INSTALL}` installs it") from None


def report(opinion: Opinion) -> None:
    """Write what another engine said to the standard error stream, which keeps results apart."""
    for found in opinion.disagreements:
        complain(line(_told(found, opinion.engine)))
    for left in opinion.not_asked:
        place = f"{shown(left.span.path)}:{left.span.line}"
        complain(
            line(
                f"not asked: {place}: `{left.rule}`, `{left.clause}`: {opinion.engine}: {left.why}"
            )
        )
    known = len(opinion.disagreements) - len(opinion.unexplained)
    told = f"{opinion.engine}: {opinion.agreed:,} answers are the same"
    told += f", {len(opinion.unexplained):,} differ"
    if known:
        told += f", {known:,} more differ by its known defects"
    if opinion.not_asked:
        told += f", {len(opinion.not_asked):,} conditions could not be asked"
    complain(told)


def _told(found: Disagreement, engine: str) -> str:
    place = f"{shown(found.span.path)}:{found.span.line}"
    said = f"here {found.ours}, with {engine} {found.theirs}"
    kind = "differs" if found.defect is None else f"known defect {found.defect.name}"
    why = "" if found.defect is None else f" ({found.defect.sentence})"
    text = f": {found.text}" if found.text else ""
    return f"{kind}: {place}: `{found.rule}`, `{found.clause}`: {said}{why}{text}"


def exit_of(code: Exit, opinion: Opinion) -> Exit:
    """The exit code, where an opinion counts only if all else is well.

    Differences that a known defect of the other engine explains do not count.
    """
    return Exit.DISAGREED if code is Exit.OK and opinion.unexplained else code
