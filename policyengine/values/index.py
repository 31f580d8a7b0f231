"""Bisection, for rules that compare a number with a bound."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

__all__ = ["bisect_left", "bisect_right"]
