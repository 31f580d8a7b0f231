"""The errors that policyengine raises. All of them are `PolicyEngineError`."""

from __future__ import annotations


class PolicyEngineError(Exception):
    """Any error of this library."""


class EvaluationError(PolicyEngineError):
    """An expression could not be evaluated: a CEL error value, raised.

    `code` is a short slug from the table in `policyengine/values/failures.py`
    (`no-such-key`, `overflow`, `divide-by-zero`, `no-such-overload`, ...). Messages name types,
    fields and limits but never quote text of the request.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class FactError(PolicyEngineError):
    """A guard or another source of facts failed, timed out or could not read the content."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ProgramError(PolicyEngineError):
    """A compiled program could not be loaded: damaged, or made by another version."""


class StateError(PolicyEngineError):
    """A key, a vault or another store is missing, was misused or could not be reached.

    Messages name what is missing but never quote a key, a value or text of a request.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
