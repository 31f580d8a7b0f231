"""The peer, Google's C++ engine, behind a process that is started again when it dies."""

from __future__ import annotations

import pickle
import selectors
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from policyengine.cel.types import ListType, MapType, Type
from policyengine.values.kinds import UInt
from policyengine.values.times import Duration, Timestamp

WORKER = Path(__file__).with_name("peer_worker.py")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATIENCE_S = 5.0

Answer = tuple[str, Any]
"""`("value", encoded)`, `("error", message)`, `("compile", message)` or `("died", "")`."""


def is_installed() -> bool:
    """Whether the peer can be asked at all."""
    return find_spec("cel_expr_python") is not None


class Peer:
    """Answers one expression after the other; use it as a context."""

    def __init__(self, variables: Mapping[str, Type]) -> None:
        self._variables = {name: _named(type_) for name, type_ in variables.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def answer(self, text: str, inputs: Mapping[str, Any]) -> Answer:
        """What the peer makes of an expression with its inputs."""
        try:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            pickle.dump((text, _plain(dict(inputs))), process.stdin)
            process.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                if selector.select(_PATIENCE_S):
                    # INVARIANT: the worker is ours, and pickles nothing but text and lists.
                    found: Answer = pickle.load(process.stdout)
                    return found
        except (BrokenPipeError, EOFError, pickle.UnpicklingError):
            pass  # it died
        self.deaths += 1
        self._stop()
        return "died", ""

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert self._process.stdin is not None
            pickle.dump(self._variables, self._process.stdin)
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it did not read goes nowhere
                    pipe.close()
        process.wait()


def _named(type_: Type) -> Any:
    match type_:
        case ListType(element=element):
            return ("List", _named(element))
        case MapType(key=key, value=value):
            return ("Map", _named(key), _named(value))
    return str(type_)


def _plain(value: Any) -> Any:
    """An input as the peer takes it."""
    match value:
        case UInt():
            return int(value)
        case Timestamp():
            return _EPOCH + timedelta(microseconds=value.nanoseconds // 1_000)
        case Duration():
            return timedelta(microseconds=value.nanoseconds // 1_000)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
    return value
