"""Options and arguments that verbs share, so that they look the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from policyengine.output import DEFAULT_FORMAT, Kind, formats

_F = TypeVar("_F", bound=Callable[..., Any])


def _set_color(context: click.Context, _: click.Parameter, value: bool | None) -> None:
    if value is not None:
        context.color = value


def common_options() -> list[click.Option]:
    """What every verb takes; the group adds them, no verb has to."""
    return [
        click.Option(
            ["--color/--no-color"],
            default=None,
            expose_value=False,
            is_eager=True,
            callback=_set_color,
            help="Colours: by default only on a terminal; NO_COLOR and FORCE_COLOR count too.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            # The group looks for it itself: an error may come before options are read.
            expose_value=False,
            help="Show the traceback of an internal error.",
        ),
    ]


def format_option(kind: Kind) -> Callable[[_F], _F]:
    """`--format`, with every format that can say this kind of result."""
    return click.option(
        "--format",
        "format",
        type=click.Choice(formats(kind)),
        default=DEFAULT_FORMAT,
        show_default=True,
        help="How to write the result.",
    )


def bundles_argument() -> Callable[[_F], _F]:
    """`PATH...`: bundles, or folders that hold some; the working directory where none is given."""
    return click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())
