"""What a request needs of the model that serves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from policyengine.routing.hashing import hashed, share
from policyengine.routing.tiers import Tiers
from policyengine.tokens import estimated

_NOTHING: Final[frozenset[str]] = frozenset()
# What a part of a request that is no text asks a model to be able to do, by words in its kind:
# `image_url`, `input_audio`, `input_file`.
_OF_PARTS: Final = (
    ("image", "vision"),
    ("audio", "audio"),
    ("video", "video"),
    ("file", "files"),
    ("document", "files"),
)
_MOST_PARTS: Final = 10_000
_JSON_FORMATS: Final = frozenset({"json_object", "json_schema"})


class Needs(NamedTuple):
    """What a request needs of a model, and what the choice depends on beside that.

    `output_tokens` is None where the request sets no `max_tokens`. `kinds` are the kinds of data in
    it: names of guards that have found something or could not look, and types of findings. `keys`
    are the values of fields that tiers are sticky by. `draw`, from 0 up to 1, stands for chance:
    equal draws give equal choices. None draws from the time of the choice.
    """

    input_tokens: int = 0
    output_tokens: int | None = None
    capabilities: frozenset[str] = _NOTHING
    region: str = ""
    kinds: frozenset[str] = _NOTHING
    data_class: str = ""
    keys: Mapping[str, str] = {}
    preferred: str = ""
    draw: float | None = None


def kinds_of(found: Iterable[tuple[str, Sequence[Mapping[str, Any]] | None]]) -> frozenset[str]:
    """The kinds of data that guards have found: by their names, and by the types of findings.

    None in place of findings says that a guard could not look; its kind then counts as found.

    >>> sorted(kinds_of([("pii", [{"type": "US_SSN"}]), ("secrets", []), ("injection", None)]))
    ['US_SSN', 'injection', 'pii']
    """
    kinds: set[str] = set()
    for guard, findings in found:
        if findings is None or findings:
            kinds.add(guard)
        for finding in findings or ():
            kinds.add(str(finding.get("type", guard)))
    return frozenset(kinds)


def draw_of(*parts: str | int) -> float:
    """A draw, from 0 up to 1, that depends on nothing but these: a digest, a time.

    >>> draw_of("sha256:00", 1) == draw_of("sha256:00", 1) != draw_of("sha256:00", 2)
    True
    """
    return share(hashed("\0".join(map(str, parts))))


def needs_of(
    tiers: Tiers,
    tier: str,
    input: Mapping[str, Any],
    kinds: frozenset[str] = _NOTHING,
    draw: float | None = None,
) -> Needs:
    """What an `llm.request` routed to a tier needs.

    `kinds` are of `kinds_of`, `draw` is of `draw_of`, where the time shall not decide.

    A field of another class than it should have is as if it were absent. Raises
    `FactError("unknown-tier")`, and where the host tells numbers of tokens that make no sense.

    >>> from policyengine.routing.tiers import normal
    >>> tiers = Tiers.of(normal({"models": {"m": {}}, "tiers": {"t": {"models": ["m"]}}}))
    >>> request = {"model": "m", "tools": [{"name": "search"}], "max_tokens": 100}
    >>> needs_of(tiers, "t", {"request": request})[1:3]
    (100, frozenset({'tools'}))
    """
    request = input.get("request")
    if not isinstance(request, Mapping):
        request = {}
    most = request.get("max_tokens")
    model = request.get("model")
    return Needs(
        estimated(input),
        most if type(most) is int and most > 0 else None,
        _capabilities(request),
        _text(input, tiers.region_from),
        kinds,
        _text(input, tiers.class_from),
        {field: value for field, path in tiers.chain(tier).keys if (value := _text(input, path))},
        model if isinstance(model, str) else "",
        draw,
    )


def _capabilities(request: Mapping[str, Any]) -> frozenset[str]:
    tools, parts = request.get("tools"), request.get("unscanned")
    form = request.get("response_format")
    endpoint = request.get("endpoint")
    if not (tools or parts or form) and endpoint != "embeddings":
        return _NOTHING
    needed = {"tools"} if tools else set()
    if endpoint == "embeddings":
        needed.add("embeddings")
    if isinstance(form, Mapping) and form.get("type") in _JSON_FORMATS:
        needed.add("json")
    if isinstance(parts, list | tuple):
        kinds = {
            part["kind"]
            for part in parts[:_MOST_PARTS]
            if isinstance(part, Mapping) and isinstance(part.get("kind"), str)
        }
        needed |= {able for kind in kinds for word, able in _OF_PARTS if word in kind[:64]}
    return frozenset(needed)


def _text(input: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """A field's value as text; empty where it is absent or no plain value."""
    value: Any = input
    for step in path:
        if not isinstance(value, Mapping):
            return ""
        value = value.get(step)
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else ""
