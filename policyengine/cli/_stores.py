"""`--store` and `--reserve`: what limits count, kept or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from policyengine.cli._console import Refusal, complain, shown
from policyengine.errors import StateError

_F = TypeVar("_F", bound=Callable[..., Any])


def store_option(text: str) -> Callable[[_F], _F]:
    """`--store`, the address of a store."""
    return click.option("--store", "address", metavar="ADDRESS", help=text)


@contextmanager
def opened_store(address: str | None) -> Iterator[Any]:
    """The store of an address, an empty one in memory for None; closed at the end.

    Raises `Refusal` where there is no such store.
    """
    from policyengine.state.opening import opened

    if address is not None:
        _warn_of_nothing(address)
    try:
        store = opened(address or "memory")
    except StateError as error:
        raise Refusal(f"`--store`: {error.message}", _KINDS) from None
    try:
        yield store
    finally:
        store.close()


_KINDS = "such as `sqlite:state.db`, `redis://host:6379/0` or `memory`"


def _warn_of_nothing(address: str) -> None:
    """A misspelt path of a file looks as if nothing were spent."""
    kind, _, path = address.partition(":")
    path = path if kind == "sqlite" else address if address.endswith(".db") else ""
    if path and not Path(path).exists():
        complain(f"warning: there was no file `{shown(path)}`, so nothing is spent in it yet")
