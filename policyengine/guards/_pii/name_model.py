"""The shipped names model: a spaCy pipeline made by this code, into which plain numbers are put.

Nothing that is read says what to run: `model.json` holds shapes, `numbers.f16` the parameters,
`words.txt` and `words.i8` a table of word vectors. So weights are data, never code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any, Final

from policyengine.errors import FactError
from policyengine.guards import _weights

LABELS: Final = ("PERSON", "LOCATION", "ORGANIZATION")
FORMS: Final = ("several", "one", "small")
FILES: Final = ("model.json", "numbers.f16", "words.txt", "words.i8")
DIMENSIONS: Final = 64
_WIDTH: Final = 96
_ROWS: Final = {"NORM": 4000, "PREFIX": 1000, "SUFFIX": 2500, "SHAPE": 1500}
# What the parser does with a token: begin, continue, end, be alone; and a token out of all.
_MOVES: Final = {
    0: {},
    **{move: {"PERSON": 3, "LOCATION": 2, "ORGANIZATION": 1} for move in (1, 2, 3)},
    4: {"PERSON": 3, "LOCATION": 2, "ORGANIZATION": 1, "": 1},
    5: {"": 1},
}
_PARSER: Final[dict[str, Any]] = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": True,
    "nO": None,
    "tok2vec": {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": _WIDTH,
            "attrs": list(_ROWS),
            "rows": list(_ROWS.values()),
            "include_static_vectors": True,
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": _WIDTH,
            "depth": 4,
            "window_size": 1,
            "maxout_pieces": 3,
        },
    },
}


def pipeline(words: Iterable[str], table: Any) -> Any:
    """An untrained pipeline over `table`: a row of 64 signed bytes for each of `words`.

    A token is looked up by its lower-case form; one that is not there has a vector of zeros.
    """
    import numpy
    import spacy
    from spacy.training import Example
    from spacy.vectors import Vectors

    nlp = spacy.blank("en")
    nlp.vocab.vectors = Vectors(
        strings=nlp.vocab.strings,
        data=numpy.asarray(table, dtype=numpy.float32) / 127,
        keys=[nlp.vocab.strings.add(word) for word in words],
        attr="LOWER",
    )
    finder: Any = nlp.add_pipe("ner", config={"model": _PARSER})
    example = Example.from_dict(nlp.make_doc("x"), {"entities": []})
    finder.initialize(lambda: [example], nlp=nlp, labels=_MOVES)
    return nlp


def parameters(nlp: Any) -> list[tuple[Any, str, Any]]:
    """All numbers that training changes, in a fixed order: part, name, array."""
    return [
        (node, name, node.get_param(name))
        for node in nlp.get_pipe("ner").model.walk()
        for name in node.param_names
        if node.has_param(name)
    ]


def form(name: str) -> str:
    """How a name is written, on which it depends how often such a find is right.

    >>> form("Ann Lee"), form("Ann"), form("ann lee")
    ('several', 'one', 'small')
    """
    if name == name.lower():
        return "small"
    return "several" if " " in name else "one"


def scores() -> dict[tuple[str, str], float]:
    """The score of a find by label and form: how many such were right on held-out sources."""
    try:
        found = json.loads(_weights.read("ner", "model.json"))["scores"]
        return {(label, each): float(found[label][each]) for label in LABELS for each in FORMS}
    except (ValueError, KeyError, TypeError):
        raise FactError("model-damaged", "the weights of the model `ner` do not fit") from None


def load() -> Any:
    """The pipeline with the shipped weights.

    Raises `FactError`: `model-missing` (spaCy or the weights are not installed) or
    `model-damaged`.
    """
    try:
        import numpy
        import spacy  # noqa: F401
    except ImportError:
        raise FactError(
            "model-missing", "names need spaCy: install `policyengine-gateway[pii]`"
        ) from None
    shapes, numbers, words, table = (_weights.read("ner", file) for file in FILES)
    try:
        listed = words.decode("utf-8").split("\n")
        rows = numpy.frombuffer(table, dtype=numpy.int8).reshape(len(listed), DIMENSIONS)
        nlp = pipeline(listed, rows)
        _fill(nlp, json.loads(shapes)["shapes"], numpy.frombuffer(numbers, dtype="<f2"))
    except (ValueError, KeyError, TypeError):
        raise FactError("model-damaged", "the weights of the model `ner` do not fit") from None
    return nlp


def _fill(nlp: Any, shapes: list[list[int]], numbers: Any) -> None:
    place = 0
    places = parameters(nlp)
    if [list(array.shape) for _, _, array in places] != shapes:
        raise ValueError("other shapes")
    for node, name, array in places:
        part = numbers[place : place + array.size]
        node.set_param(name, part.astype("float32").reshape(array.shape))
        place += array.size
    if place != len(numbers) or not isfinite(numbers.sum(dtype="f8")):
        raise ValueError("other numbers")
