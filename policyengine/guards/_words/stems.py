"""Stems of words by the Snowball algorithms of the package snowballstemmer."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import Lock
from typing import Final

from policyengine.errors import FactError

LANGUAGES: Final = (
    "arabic", "danish", "dutch", "english", "finnish", "french", "german", "greek", "hindi",
    "hungarian", "indonesian", "italian", "norwegian", "portuguese", "romanian", "russian",
    "spanish", "swedish", "tamil", "turkish",
)  # fmt: skip
# An inflected word is at most so much longer than the one that was written into the policy.
LONGEST_ENDING: Final = 24
# A longer word is none of a language, and stays as it is.
_LONGEST_WORD: Final = 64
_REMEMBERED: Final = 1 << 16


@lru_cache(len(LANGUAGES))
def stemmer(language: str) -> Callable[[str], str]:
    """What gives the stem of a word, which may be called by several threads.

    Raises `FactError` where the package is not installed.
    """
    try:
        from snowballstemmer import stemmer as snowball
    except ImportError:
        message = "`match: stem` needs the package snowballstemmer"
        raise FactError("model-missing", message) from None
    algorithm = snowball(language)
    # A stemmer keeps the word that it works on.
    lock = Lock()

    @lru_cache(_REMEMBERED)
    def stem(word: str) -> str:
        if len(word) > _LONGEST_WORD:
            return word
        with lock:
            found: str = algorithm.stemWord(word)
        return found

    return stem
