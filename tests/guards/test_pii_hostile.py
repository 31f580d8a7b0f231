"""Hostile texts: the work of every scanner is linear in the length, whatever the text is made of.

Work is counted, not timed: the lines of Python that the guard runs and the characters that regular
expressions may look at are bounded by what a text twice as short costs.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from policyengine.errors import FactError
from policyengine.guards import pii
from policyengine.guards._pii.view import View
from policyengine.plugins import Texts

UNITS = [
    "1", "9", "a.", "@", "1-", "4-", "4 ", "4111 ", "44 ", "1.", "1:", "::", "a:", "ff:", "f", "a@",
    "@a.", "a1", "1a", "0x", "AA99", "DE89 3704 0044 ", "+", "+1 ", "(1)", "((", "http://", "://",
    "www.", "www.a", "1 a ", "1 Main ", "12 rue ", "via a ", "1 of ", "May 1 ", "1/", "2024-01-01 ",
    "password=", "pass ", "user:", "pin ", "swift ", "exp ", "x@y.z ", "-ff", "-ffff", ".ffff",
    "\u200b", "\u0661", "\u0661\u200b", "\uff11", "\u2013", "\U0001d7d8", "é", "é1", "\n", "1\n",
    "QUJD", "deadbeef", "A", "A1B2C3D4E5F6G7H8I9", "4111111111111111", "123-45-6789", "1,", "$1 ",
    ".com", "a.com/", "?key=", "//a:b@", "1 1/", "straße 1 ", "box 1 ", "123 ", "12 ", "9 A ",
]  # fmt: skip
QUESTIONS = {
    "all": {"entities": ["all"], "min_score": 0.5},
    "weak": {"entities": ["all"], "min_score": 0, "overlaps": "all"},
}


def lines(work: Callable[[], Any]) -> int:
    """How many lines of the guard run."""
    counted = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal counted
        if "_pii" not in frame.f_code.co_filename:
            return None
        counted += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        # Too many findings are an error, and an end as well.
        with suppress(FactError):
            work()
    finally:
        sys.settrace(before)
    return counted


@pytest.mark.parametrize("unit", UNITS, ids=ascii)
def test_twice_the_text_is_twice_the_work(unit: str) -> None:
    finder = pii.build(pii.normal(QUESTIONS["all"]))
    short, long = ((unit * size)[:size] for size in (2_000, 4_000))
    # What is made when first needed is made before it is counted.
    lines(lambda: finder([("f", short)]))
    once = lines(lambda: finder([("f", short)]))
    twice = lines(lambda: finder([("f", long)]))
    assert twice <= 2.2 * once + 500
    assert once <= 60 * len(short)


# Each unit for 100,000 characters: a scanner that is not linear would take hours.
SCRIPT = """
import sys
from policyengine.errors import FactError
from policyengine.guards import pii
finder = pii.build(pii.normal({"entities": ["all"]}))
for unit in sys.argv[1:]:
    try:
        finder([("f", (unit * 100_000)[:100_000])])
    except FactError as error:
        assert error.code == "too-many-findings", error.code
print("done")
"""


def test_long_hostile_texts_end() -> None:
    units = [unit for unit in UNITS if "\u200b" not in unit]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *units],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr


@pytest.mark.parametrize("unit", ["4-", "1 ", "ff:", "a.", "(1)", "@"])
def test_what_stands_behind_hostile_text_is_still_found(unit: str) -> None:
    finder = pii.build(pii.normal(["common"]))
    text = unit * 5_000 + " x 4111 1111 1111 1111, a@b.io"
    found = {each["type"] for each in finder([("f", text)])}
    assert {"CREDIT_CARD", "EMAIL_ADDRESS"} <= found


def test_long_work_in_one_text_ends_when_no_time_is_left() -> None:
    texts = Texts([("f", "1 4111 " * 50_000)], deadline=time.monotonic() + 1e9)
    finder = pii.build(pii.normal(["all"]))
    asked = []

    def check() -> None:
        asked.append(1)
        if len(asked) > 20:
            raise FactError("fact-timeout", "no time")

    texts.memo["pii", "f", texts[0][1]] = View("f", texts[0][1], check)
    with pytest.raises(FactError, match="no time"):
        finder(texts)
