"""Finding a plug-in by the name that users write.

A built-in is the file `policyengine/<group>/<name>.py`; a third party's is an entry point in the
group `policyengine.<group>`. There is no list to edit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, Final, Literal, Protocol

from policyengine.errors import FactError

# The floors' rooms in which a provider of facts may live, in the order of search.
FACT_GROUPS = ("guards", "changes", "limits", "sessions")

Finding = Mapping[str, Any]
"""A typed finding: `type`, and where it was found.

Guards over text give `type`, `field` (which text), `start` and `end` (characters in it), `score`
(0 to 1) and `why`. Never the text itself.
"""

TEXT_FINDING: Final[Mapping[str, str]] = {
    "type": "string",
    "field": "string",
    "start": "int",
    "end": "int",
    "score": "double",
    "why": "string",
}
"""The CEL types of what a guard over texts finds, by field."""

ORIGINS: Final = ("user", "assistant", "system", "tool", "document", "memory", "unknown")
"""Whose words a text may be. What nobody vouches for is `unknown`, and trusted least."""


class Texts(Sequence[tuple[str, str]]):
    """The texts of one decision: a field's name such as `request.messages[0].content`, its text.

    `memo` lives as long as the decision and is shared by its questions, so that a guard which two
    rules ask looks at each text once; a guard keeps its own under keys that begin with its name.
    `deadline` is a time of `time.monotonic`, in seconds, after which no text is given any more.

    >>> texts = Texts([("request.system", "Be kind.")], origins={"request.system": "system"})
    >>> list(texts), texts.source("request.system"), texts.source("elsewhere")
    ([('request.system', 'Be kind.')], 'system', 'unknown')
    """

    __slots__ = ("_origins", "_pairs", "deadline", "memo")

    def __init__(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        origins: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> None:
        self._pairs = tuple(pairs)
        self._origins = origins or {}
        self.deadline = deadline
        self.memo: dict[Any, Any] = {}

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> Texts:
        """The texts, where they come as plain pairs."""
        return pairs if isinstance(pairs, Texts) else cls(pairs)

    def source(self, field: str) -> str:
        """Whose words the text of a field is."""
        return self._origins.get(field, "unknown")

    def check(self) -> None:
        """Raises `FactError("fact-timeout")` when the time for facts is over.

        Iterating does so before each text; work that is long within one text asks now and then.
        """
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise FactError("fact-timeout", "there was no time left to look at all texts")

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for pair in self._pairs:
            self.check()
            yield pair

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: Any) -> Any:
        return self._pairs[index]


Finder = Callable[[Any], Sequence[Finding]]


class FactProvider(Protocol):
    """What a module that provides facts offers under these names.

    `READS` says what a finder is given: `texts` is a `Texts`, `input` the whole input, a dict.
    Where it is `charges` or `events`, `build` gives no finder but a `Meter` or a `Watch` of
    `policyengine.charges`, and the engine asks a store; such a provider may offer `fields(config)`,
    the fields of the input that a question reads, by where in the clause's value they are named
    (`{("per", 0): "subject.id"}`): each must be a plain value, and no text, of the point's input.
    One with charges may offer `counters(config)`, the names of the counters that it charges, or,
    with `LOOKS = True`, that it only reads: somebody else must charge them.
    `COST` orders providers, cheapest first (about microseconds per 1,000 characters).
    `SCHEMA` is the JSON Schema of the clause's value, `FINDING` the CEL types of a finding's
    fields by name (`{"type": "string", "start": "int"}`).

    A provider may also offer `prepare(config)`, which turns a normal configuration into the one
    that is stored in the compiled bundle and given to `build` (JSON; raises `ValueError`);
    `problems(value)`, what no schema can say about a clause's value as it was written: pairs of a
    path of keys and indexes in it, and what is wrong there; `advice(config)`, lines for the author
    of a question, such as what lies near to a topic of his; `cost(config)`, where costs depend on
    the question; `types(config)`, the types that its findings may have, so that a redaction of
    another type is an error; `scored(config, input)`, the score by which it divides whole inputs
    (None for an input that has none), so that `tune` can move a threshold; `BLOCKING = True` where
    a finder waits for a network or a large model, so that it runs in a thread; and `HOLDBACK`, the
    most characters from the first of a finding to the last that has a say in it (and back to the
    first that has), which a stream holds back. There a run of what is neither letter nor digit may
    count as one character. A finder may have a `blocking` and a `holdback` of its own, and where a
    few of its findings are much longer than others, `unfinished(text)`: the first place in the end
    of a text where something has begun that needs more to be found (the length of the text, if
    nothing has). A stream then holds back from there, and `holdback` is about the others. `build`
    reads no weights: a finder does when it is first called.
    """

    READS: Literal["texts", "input", "charges", "events"]
    COST: int
    SCHEMA: Mapping[str, Any]
    FINDING: Mapping[str, str]

    def normal(self, value: Any) -> Any:
        """The clause's value in its one long form, as JSON; equal questions become equal."""

    def build(self, config: Any) -> Finder:
        """A finder for a normal configuration; raises `ValueError` where it makes no sense."""


def find(group: str, name: str) -> Any:
    """The plug-in of a group; raises `KeyError` with the name when there is none."""
    found = _built_in(group, name) or _third_party(group, name)
    if found is None:
        raise KeyError(name)
    return found


def _third_party(group: str, name: str) -> Any:
    """What another package offers in a group, or None."""
    for entry in entry_points(group=f"policyengine.{group}", name=name):
        return entry.load()
    return None


def _built_in(group: str, name: str) -> Any:
    """The built-in of a group, or None."""
    if name.isidentifier() and not name.startswith("_"):
        module = f"policyengine.{group}.{name}"
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    return None


def names(group: str) -> list[str]:
    """The names of all plug-ins of a group, sorted."""
    package = import_module(f"policyengine.{group}")
    own = [m.name for m in iter_modules(package.__path__) if not m.name.startswith("_")]
    return sorted({*own, *(entry.name for entry in entry_points(group=f"policyengine.{group}"))})


def fact_provider(name: str) -> FactProvider:
    """The provider of facts that a clause or a CEL call names.

    Raises `KeyError` with the name when no room has it.
    """
    # Entry points are read from the disk each time, so all rooms' own files go first.
    for look in (_built_in, _third_party):
        for group in FACT_GROUPS:
            found = look(group, name)
            if hasattr(found, "build") and hasattr(found, "SCHEMA"):
                provider: FactProvider = found
                return provider
    raise KeyError(name)


def fact_provider_names() -> list[str]:
    """The names of all providers of facts, sorted."""
    found = []
    for name in sorted({name for group in FACT_GROUPS for name in names(group)}):
        try:
            fact_provider(name)
        except KeyError:
            continue
        found.append(name)
    return found
