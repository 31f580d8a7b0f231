"""`--store` and `--reserve`: what limits count, kept or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from policyengine.cli._console import Refusal, shown
from policyengine.errors import StateError

_F = TypeVar("_F", bound=Callable[..., Any])


def store_option(text: str) -> Callable[[_F], _F]:
    """`--store`, the address of a store."""
    return click.option("--store", "address", metavar="ADDRESS", help=text)


@contextmanager
def opened_store(address: str | None, *, spends: bool = False) -> Iterator[Any]:
    """The store of an address, an empty one in memory for None; closed at the end.

    Raises `Refusal` where there is no such store; what only asks (not `spends`) makes no file.
    """
    from policyengine.state.opening import opened

    file = None if address is None else _file_of(address)
    if file is not None and not spends and not file.exists():
        # A misspelt path would look as if nothing were spent.
        raise Refusal(f"`--store`: there is no file `{shown(file)}`", _NO_FILE)
    if file is not None and not file.parent.is_dir():
        raise Refusal(f"`--store`: there is no folder `{shown(file.parent)}`")
    if address == "":
        # Such as that of a variable that is not set: an empty store would say all is well.
        raise Refusal("`--store` is empty", _KINDS)
    try:
        store = opened("memory" if address is None else address)
    except StateError as error:
        raise Refusal(f"`--store`: {error.message}", _KINDS) from None
    try:
        yield store
    finally:
        store.close()


_KINDS = "such as `sqlite:state.db`, `redis://host:6379/0` or `memory`"
_NO_FILE = "a gateway makes it with its first request, or `eval --reserve` does"


def _file_of(address: str) -> Path | None:
    """The file of a store that is one."""
    kind, _, rest = address.partition(":")
    if kind == "sqlite":
        return Path(rest.partition("?")[0])
    return Path(address) if address.endswith(".db") and ":" not in address else None
