"""The exit codes, in one place."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the process says to a shell or a CI job."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INVALID_POLICY = 3
    TESTS_FAILED = 4
    UNCOVERED = 5
    LOOSENED = 6
    DENIED = 7
    DISAGREED = 8
    INTERRUPTED = 130
    PIPE_CLOSED = 141


MEANINGS = {
    Exit.OK: "all is well",
    Exit.INTERNAL: "a bug in policyengine",
    Exit.USAGE: "the command line, a file or an input cannot be used",
    Exit.INVALID_POLICY: "a policy is invalid, or not formatted (`fmt --check`)",
    Exit.TESTS_FAILED: "a policy test failed, or there was none",
    Exit.UNCOVERED: "coverage or mutation score below the bar",
    Exit.LOOSENED: "a change loosens the policy",
    Exit.DENIED: "the decision is not `allow`",
    Exit.DISAGREED: "all else is well, but the second engine says otherwise (`--engine`)",
    Exit.INTERRUPTED: "interrupted (Ctrl-C)",
    Exit.PIPE_CLOSED: "the reader of the output went away",
}
