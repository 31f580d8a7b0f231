"""cel-spec's conformance tests, each of them run three ways: fast code, reference, interpreter.

A test passes when all three give what it expects, of the type that it expects. The data lies
beside the repository; without it the tests are skipped.
"""

from __future__ import annotations

import pytest
from conformance import DATA, failure, records, suites

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"there is no {DATA.name} data")

# Suite -> how many of its tests need no message type but the well-known ones, and pass.
PASSED = {
    "basic": 43,
    "bindings_ext": 8,
    "block_ext": 25,
    "comparisons": 362,
    "conversions": 109,
    "dynamic": 72,
    "encoders_ext": 4,
    "fields": 60,
    "fp_math": 30,
    "integer_math": 64,
    "lists": 39,
    "logic": 30,
    "macros": 44,
    "macros2": 46,
    "math_ext": 199,
    "namespace": 14,
    "network_ext": 69,
    "optionals": 59,
    "parse": 193,
    "plumbing": 5,
    "proto2": 12,
    "string": 51,
    "string_ext": 213,
    "timestamps": 78,
    "type_deduction": 26,
}


def test_the_table_covers_all_that_needs_no_message_type() -> None:
    assert sum(PASSED.values()) == 1855
    counts = {suite: len(records(suite, "none", "wkt")) for suite in suites()}
    assert {suite: count for suite, count in counts.items() if count} == PASSED


@pytest.mark.parametrize("suite", PASSED)
def test_the_suite_passes(suite: str) -> None:
    run = records(suite, "none", "wkt")
    failures = [
        f"{test['section']}/{test['name']}: `{test['expr']}` {why}"
        for test in run
        if (why := failure(test))
    ]
    assert len(run) - len(failures) == PASSED[suite], "\n".join(failures)
