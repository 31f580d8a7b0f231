"""What all kinds of models share: made once, read strictly, numbers that are numbers."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from policyengine.errors import FactError
from policyengine.guards._models import backend
from policyengine.guards._models.backend import kept, left, sigmoid, softmax, strict_json


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_kept", {})


def test_what_is_kept_is_made_once_by_many_threads() -> None:
    made: list[int] = []

    def make() -> list[int]:
        time.sleep(0.02)
        made.append(1)
        return made

    threads = [threading.Thread(target=kept, args=(("x",), make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_what_could_not_be_made_is_tried_again() -> None:
    def fail() -> Any:
        raise FactError("model-missing", "not yet")

    with pytest.raises(FactError):
        kept(("x",), fail)
    assert kept(("x",), lambda: 3) == 3


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="there are no forks here")
def test_a_fork_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kept(("x",), lambda: 3)
    backend._forget()
    assert kept(("x",), lambda: 4) == 4


@pytest.mark.parametrize(
    "content", [b"[" * 200_000, b'{"a": 1, "a": 2}', b"Infinity", b"", b"\xff"]
)
def test_json_that_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"deep|twice|number|Expecting|decode"):
        strict_json(content)


@pytest.mark.parametrize(
    ("row", "chances"),
    [([0.0, 0.0], [0.5, 0.5]), ([1e308, -1e308], [1.0, 0.0]), ([3.0], [1.0])],
)
def test_softmax(row: list[float], chances: list[float]) -> None:
    assert softmax(row) == chances


@pytest.mark.parametrize("x", [-1e308, -700.0, 0.0, 700.0, 1e308])
def test_sigmoid_is_a_chance(x: float) -> None:
    assert 0.0 <= sigmoid(x) <= 1.0
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(1.0)


@pytest.mark.parametrize("x", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number(x: float) -> None:
    for numbers in (lambda: sigmoid(x), lambda: softmax([x, x])):
        with pytest.raises(FactError) as error:
            numbers()
        assert error.value.code == "model-malformed"


def test_time_left() -> None:
    assert 0 < left(time.monotonic() + 5) <= 5
    with pytest.raises(FactError) as error:
        left(time.monotonic())
    assert error.value.code == "model-timeout"
