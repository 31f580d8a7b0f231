"""How the guards do on our own labelled texts, as Markdown: `python -m corpus.measure [guard ...]`.

For each guard the clause that it is asked with, then recall and false positive rate with their
95 % intervals: of all rows, by language, by kind of text and by whose words they are. Nothing is
demanded here and nothing was tuned on these rows.

A row counts as found when the guard finds anything in it, whatever and where; how often the right
type is found at exactly the right place stands in a table of its own.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from json import dumps, loads
from typing import Any, Final

from corpus.labelled import GUARDS, Example, path, read
from policyengine import plugins
from policyengine.analysis.rates import Counts, Rate
from policyengine.errors import FactError

_FIELD: Final = "request.text"
# Languages with fewer rows than this are told together.
_FEW: Final = 10
# Labels in fewer rows than this are added up.
_RARE: Final = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """An example, whether it is what is looked for, and what was found; None where that failed."""

    example: Example
    positive: bool
    found: tuple[Mapping[str, Any], ...] | None

    @property
    def matched(self) -> bool:
        """Whether a rule would match: also where the guard failed."""
        return self.found is None or bool(self.found)


@dataclass(frozen=True, slots=True)
class Asked:
    """A guard, the clause it is asked with, what to call it, and which labels the clause is about.

    Without `wanted` it is about all of them. A row with other labels only is left out: it is
    neither what is looked for nor harmless.
    """

    guard: str
    title: str
    clause: Any
    wanted: frozenset[str] = frozenset()


def asked(guard: str) -> list[Asked]:
    """The questions that are put to a guard."""
    return [ask() for ask in _ASKED[guard]]


def _common() -> Asked:
    from policyengine.guards._pii.table import COMMON

    return Asked("pii", "pii: the common entities", list(COMMON), frozenset(COMMON))


def _labelled() -> Asked:
    names = sorted({label for example in read("pii") for label in example.labels})
    return Asked("pii", f"pii: all {len(names)} entities that are labelled", names)


def _topics() -> Asked:
    from policyengine.guards._topic.shipped import TOPICS

    return Asked("topic", "topic: all shipped topics, medium strength", {"any": list(TOPICS)})


_ASKED: Final[Mapping[str, Sequence[Callable[[], Asked]]]] = {
    "pii": (_common, _labelled),
    "injection": (lambda: Asked("injection", "injection: balanced", True),),
    "topic": (_topics,),
    "secrets": (lambda: Asked("secrets", "secrets: all kinds", "all"),),
    "words": (lambda: Asked("words", "words: the clause of each row", None),),
}


def judge(question: Asked) -> list[Judged]:
    """All rows of a question's guard that it is about, judged."""
    judged = []
    for example in read(question.guard):
        positive = bool(example.labels & (question.wanted or example.labels))
        if positive or not example.labels:
            found = _found(question, example)
            judged.append(Judged(example, positive, found))
    return judged


def _found(question: Asked, example: Example) -> tuple[Mapping[str, Any], ...] | None:
    clause = question.clause if question.clause is not None else example.clause
    texts = plugins.Texts([(_FIELD, example.text)], origins={_FIELD: example.origin})
    try:
        return tuple(_finder(question.guard, dumps(clause))(texts))
    except FactError:
        return None


@cache
def _finder(guard: str, clause: str) -> plugins.Finder:
    provider: Any = plugins.fact_provider(guard)
    config = provider.normal(loads(clause))
    return _built(provider, provider.prepare(config) if hasattr(provider, "prepare") else config)


def _built(provider: Any, config: Any) -> plugins.Finder:
    finder: plugins.Finder = provider.build(config)
    return finder


def counts(judged: Iterable[Judged]) -> Counts:
    """The counts of judged rows."""
    rows = list(judged)
    failed = sum(row.found is None for row in rows)
    return Counts.of([(row.positive, row.matched) for row in rows], failed)


def groups(judged: Sequence[Judged]) -> Iterator[tuple[str, list[Judged]]]:
    """The rows of each table line: all, then by language, kind and origin."""
    yield "all", list(judged)
    langs = Counter(row.example.lang for row in judged)
    aspects: tuple[tuple[str, Callable[[Example], str]], ...] = (
        ("language", lambda e: e.lang if langs[e.lang] >= _FEW else "others"),
        ("kind", lambda e: e.kind),
        ("origin", lambda e: e.origin),
    )
    for name, aspect in aspects:
        by: dict[str, list[Judged]] = defaultdict(list)
        for row in judged:
            by[aspect(row.example)].append(row)
        for value in sorted(by, key=lambda value: (value == "others", -len(by[value]), value)):
            yield f"{name} {value}", by[value]


def types(judged: Sequence[Judged], wanted: frozenset[str]) -> Iterator[tuple[str, list[Rate]]]:
    """For each label: found in its rows, at exactly its places, and in the rows without it.

    Labels of one or two rows are added up.
    """
    often = Counter(label for row in judged for label in row.example.labels - {"1"})
    rare = []
    for label in sorted(often):
        if not wanted or label in wanted:
            if often[label] < _RARE:
                rare.append(_rates(judged, label))
            else:
                yield label, _rates(judged, label)
    if rare:
        found, exact, _ = zip(*rare, strict=True)
        yield f"{len(rare)} rarer ones", [_sum(found), _sum(exact), Rate(0, 0)]


def _rates(judged: Sequence[Judged], label: str) -> list[Rate]:
    of = [row for row in judged if label in row.example.labels]
    others = [row for row in judged if label not in row.example.labels]
    spans = [(row, span) for row in of for span in row.example.spans if span.label == label]
    return [
        Rate(sum(_has(row, label) for row in of), len(of)),
        Rate(sum(_exact(row, s.label, s.start, s.end) for row, s in spans), len(spans)),
        Rate(sum(_has(row, label) for row in others), len(others)),
    ]


def _sum(rates: Iterable[Rate]) -> Rate:
    hits, totals = zip(*((rate.hits, rate.total) for rate in rates), strict=True)
    return Rate(sum(hits), sum(totals))


def _has(row: Judged, label: str) -> bool:
    return any(found["type"] == label.upper() for found in row.found or ())


def _exact(row: Judged, label: str, start: int, end: int) -> bool:
    return any(
        (found["type"], found["start"], found["end"]) == (label, start, end)
        for found in row.found or ()
    )


def report(guards: Iterable[str] = GUARDS) -> str:
    """The measured tables of some guards as Markdown."""
    parts = ["# Our own labelled texts", _FILES_HEAD + "\n".join(map(_file, GUARDS))]
    for guard in guards:
        parts += [section(question) for question in asked(guard)]
    return "\n\n".join(parts) + "\n"


_FILES_HEAD: Final = "| file | rows | with a label | SHA-256 |\n|---|---|---|---|\n"


def _file(guard: str) -> str:
    rows = read(guard)
    digest = hashlib.sha256(path(guard).read_bytes()).hexdigest()
    labelled = sum(bool(row.labels) for row in rows)
    return f"| {path(guard).name} | {len(rows)} | {labelled} | `{digest[:16]}` |"


def section(question: Asked) -> str:
    """The tables of one question."""
    judged = judge(question)
    lines = [f"## {question.title}", "", "| rows | harmful | harmless | recall | false positives |"]
    lines.append("|---|---|---|---|---|")
    lines += [_line(name, rows) for name, rows in groups(judged)]
    failed = sum(row.found is None for row in judged)
    if failed:
        lines += ["", f"{failed} rows could not be judged and count as found."]
    by_type = list(types(judged, question.wanted))
    if by_type:
        lines += ["", "| label | found | at the exact place | in rows without it |"]
        lines.append("|---|---|---|---|")
        lines += [_row(name, *rates) for name, rates in by_type]
    return "\n".join(lines)


def _line(name: str, rows: Sequence[Judged]) -> str:
    four = counts(rows)
    recall, alarms = four.recall, four.false_positive_rate
    return _row(f"{name} | {recall.total} | {alarms.total}", recall, alarms)


def _row(name: str, *rates: Rate) -> str:
    return f"| {' | '.join([name, *(str(rate) if rate.total else '' for rate in rates)])} |"


if __name__ == "__main__":
    unknown = sorted(set(sys.argv[1:]) - set(GUARDS))
    if unknown:
        sys.exit(f"no guard of the corpus: {', '.join(unknown)}; there are {', '.join(GUARDS)}")
    print(report(sys.argv[1:] or GUARDS), end="")
