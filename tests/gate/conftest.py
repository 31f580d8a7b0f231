"""A repository with a policy, and changes to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

POLICY = Path(__file__).parent / "shop"


@dataclass(frozen=True)
class Shop:
    """Makes the repository with a change on the branch `work`, by Mallory."""

    new: Callable[..., Any]
    files: Mapping[Any, Any]

    def __call__(self, change: Mapping[Any, Any], base: Mapping[Any, Any] | None = None) -> Any:
        """`base` are the files before, by default those of the shop."""
        repository = self.new(self.files if base is None else base)
        repository.commit("work", change, onto="main", author="Mallory", message="A change")
        return repository


@pytest.fixture
def shop(new_repository: Callable[..., Any]) -> Shop:
    policy = {
        path.relative_to(POLICY).as_posix(): path.read_text("utf-8")
        for path in sorted(POLICY.rglob("*.yaml"))
    }
    code = {
        "src/auth/login.py": "def login(): ...\n" * 20,
        "src/payment/charge.py": "def charge(): ...\n" * 20,
        "src/cart.py": "def cart(): ...\n" * 20,
        ".github/workflows/ci.yml": "on: push\n",
        "CODEOWNERS": "* @all\n",
    }
    return Shop(new_repository, {**policy, **code})
