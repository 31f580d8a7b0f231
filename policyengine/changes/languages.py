"""The language of a file, by the end of its name."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files


def language(path: str) -> str:
    """The language's name in lower case; empty where the name does not tell.

    >>> language("src/auth/login.py"), language("Dockerfile"), language("LICENSE")
    ('python', 'dockerfile', '')
    """
    name = path.rpartition("/")[2].lower()
    return _by_ending().get(name.rpartition(".")[2], "")


@cache
def _by_ending() -> dict[str, str]:
    text = files(__package__).joinpath("languages.json").read_text("utf-8")
    table: dict[str, list[str]] = json.loads(text)
    return {ending: name for name, endings in table.items() for ending in endings}
