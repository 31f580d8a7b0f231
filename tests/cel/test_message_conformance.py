"""cel-spec's conformance tests of message types, each run three ways like the others.

The two sections that want an enum to be a type of its own run with `strong_enums`, as the suite
gives both its ways.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

pytest.importorskip("google.protobuf", reason="there is no protobuf")

from conformance import DATA, failure, records, suites
from conformance_types import file_set

from policyengine.protobuf import Messages
from policyengine.values.messages import enum_value

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA.name} data")

WEAK, STRONG = Messages(file_set()), Messages(file_set(), strong_enums=True)

# Suite -> how many of its tests name a message or enum type, and pass.
PASSED = {
    "block_ext": 12,
    "comparisons": 44,
    "dynamic": 154,
    "enums": 85,
    "optionals": 11,
    "parse": 26,
    "proto2": 106,
    "proto2_ext": 18,
    "proto3": 85,
    "string_ext": 3,
    "type_deduction": 21,
    "wrappers": 36,
}


def why(test: dict[str, Any]) -> str:
    """Why a test fails; empty where it passes."""
    messages = STRONG if test["section"].startswith("strong_") else WEAK

    def message(data: dict[str, Any]) -> Any:
        if "enum" in data:
            return enum_value(data["enum"], data["value"])
        if "of" in data:  # what an `Any` holds
            return message(data["of"])
        held = messages.parsed(data["message"], base64.b64decode(data["binary"]))
        return messages.value(held)

    return failure(test, messages, message)


def test_the_table_covers_all_that_needs_message_types() -> None:
    assert sum(PASSED.values()) == 601
    counts = {suite: len(records(suite, "message")) for suite in suites()}
    assert {suite: count for suite, count in counts.items() if count} == PASSED


@pytest.mark.parametrize("suite", PASSED)
def test_the_suite_passes(suite: str) -> None:
    run = records(suite, "message")
    failures = [
        f"{test['section']}/{test['name']}: `{test['expr']}` {reason}"
        for test in run
        if (reason := why(test))
    ]
    assert len(run) - len(failures) == PASSED[suite], "\n".join(failures)
