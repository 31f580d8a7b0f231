"""The error of a pattern that is refused."""

from __future__ import annotations

from policyengine.errors import EvaluationError


class RegexError(EvaluationError):
    """RE2 would refuse the pattern, or it is larger than the limits here.

    `offset` is the index of the character of the pattern at which the trouble begins. `code` is
    `bad-regex`.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__("bad-regex", f"{message} at offset {offset} of the pattern")
        self.offset = offset
