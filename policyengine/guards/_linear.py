"""A linear model over hashed pieces of a text, scored in windows.

A text is read as its character 3-, 4- and 5-grams and its word 1-, 2- and 3-grams, each hashed
into one of 2**18 buckets and counted once in each block of 150 characters. A window is two
neighbouring blocks; its score is the sum of the buckets' weights over the square root of their
number, plus a bias. So cost is linear in the length, and what is hidden in a long text is judged
by what stands around it, not by the whole.

With numpy the work is vectorised; without it the same figures come from plain Python, slower.
Weights are one signed byte for each bucket. The form is feature hashing (Weinberger et al. 2009).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

BITS = 18
BUCKETS = 1 << BITS
BLOCK = 150
_MAGIC = b"PELINEAR"
# Name of the form, version, bits of the buckets' numbers, scale of a weight, bias.
_HEAD = struct.Struct("<8sHHdd")
_VERSION = 1

_MASK = 0xFFFFFFFF
_A = 0x2C9277B5
_A_INVERSE = pow(_A, -1, 1 << 32)
_WORD_A = 0x5F356495
_GOLDEN = 0x9E3779B1
_SHIFT = 32 - BITS
# Of grams with equal sums, those of another kind and length must differ.
_CHARS = {3: 0x1B873593, 4: 0x3C6EF372, 5: 0x510E527F}
_WORDS = {1: 0x6A09E667, 2: 0x7BB67AE9, 3: 0x428A2F98}

_SPACES = frozenset("\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0")
_FOLD = {ord(c): ord("0") for c in "123456789"} | {ord(c): ord(" ") for c in _SPACES}

_FOLDED = "".join(map(chr, range(128))).lower().translate(_FOLD).encode() + bytes(128)
_IS_LETTER = bytes(97 <= code <= 122 or code == 48 for code in range(256))


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text, in its characters, and what the model thinks of it, as log-odds."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A text's windows in order, and the score of the whole text as if it were one window."""

    windows: Sequence[Window]
    whole: float


@dataclass(frozen=True, slots=True)
class Linear:
    """Weights (a signed byte for each bucket), what one step of a weight is worth, and the bias."""

    weights: bytes
    scale: float
    bias: float

    @classmethod
    def of(cls, content: bytes) -> Linear:
        """The model that a file holds; raises `ValueError` where it is no such file."""
        if len(content) != _HEAD.size + BUCKETS:
            raise ValueError("not weights of a linear model: wrong size")
        magic, version, bits, scale, bias = _HEAD.unpack_from(content)
        if (magic, version, bits) != (_MAGIC, _VERSION, BITS):
            raise ValueError("not weights of a linear model: wrong head")
        if not (math.isfinite(scale) and math.isfinite(bias)):
            raise ValueError("not weights of a linear model: no finite numbers")
        return cls(content[_HEAD.size :], scale, bias)

    def file(self) -> bytes:
        """The model as a file.

        >>> model = Linear(bytes(BUCKETS), 0.5, -1.0)
        >>> Linear.of(model.file()) == model
        True
        """
        return _HEAD.pack(_MAGIC, _VERSION, BITS, self.scale, self.bias) + self.weights

    def scored(self, text: str) -> Scored:
        """The score of each window and of the whole; without windows for an empty text.

        >>> Linear(bytes(BUCKETS), 0.5, -1.0).scored("hello").whole
        -1.0
        """
        numpy = _numpy()
        if numpy is None:
            sums, counts, starts = self._sums_slowly(text)
        else:
            sums, counts, starts = self._sums(text, numpy)
        return self._judged(text, sums, counts, starts)

    def _sums(self, text: str, numpy: Any) -> tuple[list[int], list[int], list[int]]:
        keys, starts = _keys(text, numpy)
        if not starts:
            return [], [], []
        keys = _distinct(keys, numpy)
        # The buckets of a block lie together.
        edges = keys.searchsorted(_tables(len(text), numpy).edges[: len(starts)])
        picked = numpy.frombuffer(self.weights, dtype="i1").take(keys & (BUCKETS - 1))
        totals = numpy.empty(len(keys) + 1, "i8")
        totals[0] = 0
        picked.cumsum(0, "i8", totals[1:])
        ends = [*edges.tolist(), len(keys)]
        sums = totals[ends].tolist()
        return (
            [after - before for before, after in pairwise(sums)],
            [after - before for before, after in pairwise(ends)],
            starts,
        )

    def _sums_slowly(self, text: str) -> tuple[list[int], list[int], list[int]]:
        blocks, starts = pieces_slowly(text)
        weights = memoryview(self.weights).cast("b")
        sums = [sum(weights[bucket] for bucket in block) for block in blocks]
        return sums, [len(block) for block in blocks], starts

    def _judged(self, text: str, sums: list[int], counts: list[int], starts: list[int]) -> Scored:
        bias, scale, sqrt = self.bias, self.scale, math.sqrt

        def score(total: int, count: int) -> float:
            return bias + (scale * total / sqrt(count) if count else 0.0)

        last = len(starts) - 1
        windows = []
        for i in range(max(last, 1) if starts else 0):
            j = min(i + 1, last)
            total, count = (
                (sums[i], counts[i]) if i == j else (sums[i] + sums[j], counts[i] + counts[j])
            )
            end = starts[j + 1] if j < last else len(text)
            windows.append(Window(starts[i], end, score(total, count)))
        return Scored(windows, score(sum(sums), sum(counts)))


_found: list[Any] = []


def _numpy() -> Any:
    """numpy, or None where it is not installed; imported when a text is first scored."""
    if not _found:
        try:
            import numpy
        except ImportError:
            _found.append(None)
        else:
            _found.append(numpy)
    return _found[0]


@dataclass(frozen=True, slots=True)
class _Tables:
    """What depends on places only, for texts up to a length: powers, their inverses, blocks.

    The rest are constants as numpy's numbers, which take long to make.
    """

    folded: Any
    powers: Any
    inverses: Any
    blocks: Any
    edges: Any
    golden: Any
    shift: Any
    step: Any
    steps: Mapping[int, Any]
    characters: Mapping[int, Any]
    words: Mapping[int, Any]

    @classmethod
    def of(cls, length: int, numpy: Any) -> _Tables:
        folded = numpy.frombuffer(
            "".join(map(chr, range(256))).lower().translate(_FOLD).encode("utf-32-le"), "u4"
        )
        blocks = numpy.arange(length, dtype=numpy.uint64) // numpy.uint64(BLOCK)
        blocks <<= numpy.uint64(BITS)
        if length <= _SMALL:
            blocks = blocks.astype("u4")
        powers, inverses = _powers(_A, length, numpy), _powers(_A_INVERSE, length, numpy)
        u4 = numpy.uint32
        return cls(
            folded,
            powers,
            inverses,
            blocks,
            blocks[::BLOCK].copy(),
            u4(_GOLDEN),
            u4(_SHIFT),
            u4(_WORD_A),
            {length: powers[length - 1] for length in (2, 3, 4, 5)},
            {length: u4(kind * _GOLDEN & _MASK) for length, kind in _CHARS.items()},
            {length: u4(kind * _GOLDEN & _MASK) for length, kind in _WORDS.items()},
        )


# Numbers of blocks beside those of buckets fit 32 bits up to this length, in characters.
_SMALL = BLOCK << (32 - BITS)
_LENGTHS = (2_000, 20_000, 200_000, _SMALL)
_made: dict[int, _Tables] = {}


def _tables(length: int, numpy: Any) -> _Tables:
    for longest in _LENGTHS:
        if length <= longest:
            tables = _made.get(longest)
            if tables is None:
                tables = _made[longest] = _Tables.of(longest, numpy)
            return tables
    return _Tables.of(length, numpy)


def _powers(base: int, length: int, numpy: Any) -> Any:
    powers = numpy.full(length + 1, base, "u4")
    powers[0] = 1
    return numpy.multiply.accumulate(powers, dtype="u4")


def pieces(text: str, numpy: Any) -> tuple[Any, Any, list[int]]:
    """Buckets and their blocks, sorted by block, and the place in the text where each block begins.

    Both are arrays of equal length; a bucket stands once in a block.
    """
    keys, starts = _keys(text, numpy)
    keys = _distinct(keys, numpy) if starts else keys
    return keys & (BUCKETS - 1), keys >> BITS, starts


def _keys(text: str, numpy: Any) -> tuple[Any, list[int]]:
    """Buckets with the number of their block above them, and where each block begins.

    The last factor of a hash is multiplied in first: there are three times as many grams as
    characters.
    """
    tables = _tables(len(text) * 2, numpy)
    codes, letters, places = _codes(text, tables, numpy)
    n = len(codes)
    starts: list[int] = list(range(0, n, BLOCK)) if places is None else places[::BLOCK].tolist()
    if n == 0:
        return numpy.zeros(0, "u4"), starts
    codes = codes * tables.golden
    begins, words = _words(codes, letters, tables, numpy)
    blocks = tables.blocks
    parts, where = [], []
    gram = codes
    for length in (2, 3, 4, 5)[: n - 1]:
        gram = gram[:-1] + codes[length - 1 :] * tables.steps[length]
        if length > 2:
            parts.append(gram + tables.characters[length])
            where.append(blocks[: n - length + 1])
    begun = blocks.take(begins)
    gram = words
    for length in (1, 2, 3)[: len(words)]:
        if length > 1:
            gram = gram[:-1] * tables.step + words[length - 1 :]
        parts.append(gram + tables.words[length])
        where.append(begun[: len(gram)])
    if not parts:
        return numpy.zeros(1, "u4"), starts
    keys = numpy.concatenate(parts)
    keys >>= tables.shift
    return keys | numpy.concatenate(where), starts


def _distinct(keys: Any, numpy: Any) -> Any:
    """Each key once, in order."""
    keys.sort()
    first = numpy.empty(len(keys), bool)
    first[0] = True
    numpy.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]


def _codes(text: str, tables: _Tables, numpy: Any) -> tuple[Any, Any, Any]:
    """The characters that are read, as numbers; with a margin of one, which of them are letters.

    The third is the place of each character, or None where it is its own.
    """
    if text.isascii():
        folded = text.encode("ascii").translate(_FOLDED)
        codes = numpy.frombuffer(folded, "u1")
        spaces = b"  " in folded
    else:
        raw = numpy.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), "u4")
        codes = numpy.where(raw < 256, tables.folded[numpy.minimum(raw, 255)], raw)
        folded, spaces = b"", True
    same = codes[1:] == codes[:-1]
    drop = same[1:] & same[:-1]
    places = None
    if spaces or drop.any():
        kept = numpy.ones(len(codes), bool)
        kept[2:] = ~drop
        kept[1:] &= ~(same & (codes[1:] == 32))
        places = kept.nonzero()[0]
        if len(places) == len(codes):
            places = None
        else:
            codes = codes[places]
            folded = codes.tobytes() if folded else folded
    if folded:
        return codes, numpy.frombuffer(b"\0%b\0" % folded.translate(_IS_LETTER), bool), places
    letters = numpy.zeros(len(codes) + 2, bool)
    # Letters end at 122; between them and 128 stand four brackets and a control character.
    numpy.greater_equal(codes, 97, out=letters[1:-1])
    letters[1:-1] &= (codes <= 122) | (codes >= 128)
    letters[1:-1] |= codes == 48
    return codes, letters, places


def _words(codes: Any, letters: Any, tables: _Tables, numpy: Any) -> tuple[Any, Any]:
    """Where each word begins, and its number: a word is letters and digits without a break."""
    n = len(codes)
    edges = (letters[1:] != letters[:-1]).nonzero()[0]
    begins = edges[::2]
    sums = numpy.empty(n + 1, "u4")
    sums[0] = 0
    (codes * tables.powers[:n]).cumsum(0, "u4", sums[1:])
    sums = sums.take(edges)
    return begins, (sums[1::2] - sums[::2]) * tables.inverses.take(begins)


def pieces_slowly(text: str) -> tuple[list[set[int]], list[int]]:
    """What `pieces` gives, as a set of buckets for each block, without numpy."""
    codes: list[int] = []
    places: list[int] = []
    last = before = -1
    for place, character in enumerate(text.lower()):
        code = ord(character)
        code = _FOLD.get(code, code)
        if not (code == 32 == last or code == last == before):
            codes.append(code)
            places.append(place)
        before, last = last, code
    blocks: list[set[int]] = [set() for _ in range(0, len(codes), BLOCK)]
    _add_characters(codes, blocks)
    _add_words(codes, blocks)
    if codes and not any(blocks):
        blocks[0].add(0)
    return blocks, places[::BLOCK]


def _bucket(number: int) -> int:
    return (number * _GOLDEN & _MASK) >> _SHIFT


def _add_characters(codes: list[int], blocks: list[set[int]]) -> None:
    second, third, fourth = (pow(_A, i, 1 << 32) for i in (2, 3, 4))
    n = len(codes)
    for i in range(n - 2):
        block = blocks[i // BLOCK]
        gram = codes[i] + codes[i + 1] * _A + codes[i + 2] * second
        block.add(_bucket(gram + _CHARS[3]))
        if i + 3 < n:
            gram += codes[i + 3] * third
            block.add(_bucket(gram + _CHARS[4]))
        if i + 4 < n:
            gram += codes[i + 4] * fourth
            block.add(_bucket(gram + _CHARS[5]))


def _add_words(codes: list[int], blocks: list[set[int]]) -> None:
    words: list[tuple[int, int]] = []
    word, power, start = 0, 1, -1
    for i, code in enumerate([*codes, 32]):
        if 97 <= code <= 122 or code == 48 or code >= 128:
            if start < 0:
                word, power, start = 0, 1, i
            word = (word + code * power) & _MASK
            power = power * _A & _MASK
        elif start >= 0:
            words.append((start, word))
            start = -1
    for i, (start, word) in enumerate(words):
        block, gram = blocks[start // BLOCK], word
        block.add(_bucket(gram + _WORDS[1]))
        for length, (_, following) in enumerate(words[i + 1 : i + 3], start=2):
            gram = (gram * _WORD_A + following) & _MASK
            block.add(_bucket(gram + _WORDS[length]))
