"""The other engines, one file each, at their best and as their users call them.

Every file has `NAME`, `PACKAGE` (on PyPI), `LANGUAGE` (the column of a case that it reads) and

    conditions(text, variables) -> {"how it is called": Way}    one condition, answers bool
    compiler(variables) -> from text to a program               where the language is CEL
    rules(texts, variables) -> {"how it is called": Way}        answers the ids of matched rules

Where something cannot be said or done, they raise `PeerError` with the reason.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import ModuleType

READY = "ready"
DICT = "dict in"

# Names of the files beside this one.
FILES = ("cel_rust", "cel_cpp", "cel_lark", "cedar", "rego", "casbin_py")


class PeerError(Exception):
    """What a peer cannot express or do; the text says why."""


def installed(wanted: Sequence[str]) -> tuple[dict[str, ModuleType], dict[str, str]]:
    """The peers that can be imported by name, and why others are missing.

    `wanted` are parts of names; nothing in it means all.
    """
    found: dict[str, ModuleType] = {}
    missing: dict[str, str] = {}
    for file in FILES:
        try:
            peer = importlib.import_module(f"peers.{file}")
        except ModuleNotFoundError as error:
            missing[file] = f"{error.name} is not installed"
            continue
        if not wanted or any(each in (file, peer.NAME) for each in wanted):
            found[peer.NAME] = peer
    return found, missing


def of_texts(texts: Mapping[str, str], language: str) -> str:
    """A condition in a language; raises `PeerError` where there is none."""
    text = texts.get(language)
    if text is None:
        raise PeerError("not written for this benchmark")
    if text.startswith("n/a: "):
        raise PeerError(text.removeprefix("n/a: "))
    return text
