"""The scores that a rule's guard gives to texts, whatever the rule's threshold is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from policyengine.analysis.labelled import Row
from policyengine.errors import FactError
from policyengine.plugins import Finder, Texts, fact_provider
from policyengine.program import FactInfo, Program

# The keys of a clause that hold its threshold.
PARAMETERS: Final = ("threshold", "min_score")
# What is found at any threshold, and what at none.
ALWAYS: Final = 1.0
NEVER: Final = -1.0


@dataclass(frozen=True, slots=True)
class Question:
    """The guard that a rule asks at a point, and the key that holds its threshold."""

    rule: str
    policy: str
    point: str
    fact: FactInfo
    parameter: str

    @property
    def threshold(self) -> Any:
        """The threshold that the rule has now: a number, or a level by name."""
        return self.fact.config[self.parameter]

    @property
    def shares(self) -> bool:
        """Whether the guard divides requests by a score of its own, as `complexity` does."""
        return hasattr(fact_provider(self.fact.provider), "scored")

    @property
    def origin(self) -> str:
        """Whose texts the rule is about, if it says so; users' else."""
        sources = self.fact.config.get("sources") or ["user"]
        return "user" if "user" in sources else str(sources[0])


def question(
    program: Program,
    rule: str,
    *,
    point: str | None = None,
    guard: str | None = None,
    parameter: str | None = None,
) -> Question:
    """The one question of a rule (`id` or `policy/id`) that has a threshold.

    Raises `ValueError` where there is none or several, with a way out.
    """
    found = [
        one
        for one in _questions(program, parameter)
        if rule in (one.rule, f"{one.policy}/{one.rule}")
    ]
    if not found:
        raise ValueError(_none(program, rule, parameter))
    found = [one for one in found if point in (None, one.point)]
    found = [one for one in found if guard in (None, one.fact.provider)]
    distinct = {(one.fact.provider, str(one.fact.config)) for one in found}
    if not found:
        raise ValueError(f"`{rule}` asks nothing with a threshold there")
    if len(distinct) > 1:
        guards = ", ".join(sorted({f"`{one.fact.provider}`" for one in found}))
        raise ValueError(f"`{rule}` asks several questions with a threshold ({guards}): name one")
    return found[0]


def _questions(program: Program, parameter: str | None) -> Iterator[Question]:
    names = (parameter,) if parameter else PARAMETERS
    for point in program.points.values():
        for rule in point.rules:
            for position in rule.facts:
                fact = point.facts[position]
                config = fact.config if isinstance(fact.config, Mapping) else {}
                key = next((name for name in names if _is_threshold(config.get(name))), None)
                if key is not None:
                    yield Question(rule.id, rule.policy, point.name, fact, key)


def _is_threshold(value: Any) -> bool:
    """Whether a key holds a threshold: a number, or a level by name."""
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _none(program: Program, rule: str, parameter: str | None) -> str:
    rules = {rule.id for point in program.points.values() for rule in point.rules}
    tunable = sorted({one.rule for one in _questions(program, None)})
    if rule.rpartition("/")[2] in rules:
        what = f"a key `{parameter}`" if parameter else "a threshold"
        return f"no guard of `{rule}` has {what}; these rules have one: {', '.join(tunable)}"
    close = get_close_matches(rule, tunable or sorted(rules), n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"the bundle has no rule `{rule}`{hint}"


@dataclass(frozen=True, slots=True)
class Scorer:
    """Gives texts the least threshold at which the guard would not find them any more."""

    loose: Finder
    strict: Finder
    origin: str
    # Of facts about whole inputs: the score of one, where the provider tells it.
    of_input: Callable[[Any], float | None] | None = None
    reads: str = "texts"

    @classmethod
    def of(cls, asked: Question, origin: str) -> Scorer:
        """The scorer of a question, for texts that come from `origin` (`user`, `tool`, ...)."""
        provider = fact_provider(asked.fact.provider)
        config = {**asked.fact.config}
        loose = provider.build({**config, asked.parameter: 0.0})
        # Some findings have no score of their own to compare: no threshold keeps them out.
        strict = provider.build({**config, asked.parameter: 1.0})
        scored = getattr(provider, "scored", None)
        of_input = None if scored is None else partial(scored, config)
        return cls(loose, strict, origin, of_input, provider.READS)

    def score(self, row: Row) -> float:
        """The score of a row. Raises `FactError` where it cannot be judged."""
        read = self._read(row)
        if self.of_input is not None:
            score = self.of_input(read)
            return NEVER if score is None else score
        found = self.loose(read)
        if not found:
            return NEVER
        if self.strict(read):
            return ALWAYS
        return max(float(one["score"]) for one in found)

    def _read(self, row: Row) -> Any:
        """What the guard is given: a text, or a request whose prompt it is."""
        if self.reads == "texts":
            if row.input is not None:
                raise FactError("unreadable-text", "the guard reads texts: rows need a `text`")
            return Texts([("text", row.text)], origins={"text": self.origin})
        if row.input is not None:
            return row.input
        return {"request": {"messages": [{"role": "user", "content": row.text}]}}


def scores(scorer: Scorer, rows: Iterable[Row]) -> Iterator[tuple[float, FactError | None]]:
    """The score of each row. What cannot be judged counts as found at any threshold."""
    for row in rows:
        try:
            yield scorer.score(row), None
        except FactError as error:
            yield ALWAYS, error
