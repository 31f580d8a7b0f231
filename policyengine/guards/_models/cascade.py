"""Finders that ask a model: about all, or only where the shipped classifier is unsure.

In a cascade the shipped classifier scores first. Below the uncertain band nothing is found, above
it a finding stands, and only texts whose score lies in between are sent. `why` says who decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policyengine.guards._models.asking import Window, bounded, scores, windows
from policyengine.guards._models.config import INJECTION, Model
from policyengine.plugins import Finder, Finding, Texts


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: what to find, called what, in whose texts, and from which score on.

    `types` is the finding's type by name (`injection`, or topics); `user` and `other` are the least
    scores for texts of users and of all others. `sources` is None where all texts are looked at.
    `plain` sends texts without invisible and look-alike characters.
    """

    model: Model
    types: Mapping[str, str]
    user: float
    other: float
    sources: frozenset[str] | None = None
    plain: bool = False

    def __post_init__(self) -> None:
        unknown = sorted(set(self.types) - self.model.known())
        if unknown == [INJECTION]:
            raise ValueError("say under `labels` which of the model's labels mean `injection`")
        if unknown:
            raise ValueError(
                f"no label of the model means `{unknown[0]}`: say one under `labels`, or ask for "
                "it in another rule"
            )

    def windows(self, field: str, text: str) -> Iterator[Window]:
        return windows(field, text, self.model.backend.window, self.plain)

    def least(self, source: str) -> float:
        return self.user if source == "user" else self.other


@dataclass(frozen=True, slots=True)
class Cascade:
    """The shipped classifier's finder for all scores in the uncertain band or above it.

    `sure` says for a source from which score on a finding stands, and whose score 1 never does.
    `near` sends only the windows in which it found something; otherwise the whole text is sent.
    """

    first: Finder
    sure: Callable[[str], float]
    near: bool


@dataclass(frozen=True, slots=True)
class ModelFinder:
    """A finder that waits for a model, so that the engine runs it in a thread.

    `rest` finds what the model isn't asked about; its findings of the model's types don't count.
    """

    question: Question
    cascade: Cascade | None
    rest: Finder | None
    holdback: int
    blocking: bool = True

    def __call__(self, texts: Texts) -> Sequence[Finding]:
        """Findings in the order of the texts, of each text by place.

        Raises `FactError` as the model does, and `text-too-long`.
        """
        texts = Texts.of(texts)
        types = frozenset(self.question.types.values())
        found = [] if self.rest is None else [f for f in self.rest(texts) if f["type"] not in types]
        found += _cascaded(self.question, self.cascade, texts) if self.cascade else self._all(texts)
        order = {field: number for number, (field, _) in enumerate(texts)}
        return sorted(found, key=lambda f: (order[f["field"]], f["start"], f["end"], f["type"]))

    def _all(self, texts: Texts) -> Iterator[Finding]:
        question = self.question
        parts = bounded(
            [
                part
                for field, text in texts
                if question.sources is None or texts.source(field) in question.sources
                for part in question.windows(field, text)
            ]
        )
        why = f"model `{question.model.kind}`"
        for part, row in zip(
            parts, scores(question.model, parts, texts, question.types), strict=True
        ):
            least = question.least(texts.source(part.field))
            for name, type_ in question.types.items():
                if (score := row.get(name, 0.0)) >= least:
                    yield _finding(type_, part.field, (part.start, part.end), score, why)


def _cascaded(question: Question, cascade: Cascade, texts: Texts) -> Iterator[Finding]:
    """What the first stage is sure of, and what the model says where it is not."""
    unsure: dict[str, list[Finding]] = {}
    types = frozenset(question.types.values())
    for finding in cascade.first(texts):
        if finding["type"] not in types:
            continue
        sure = cascade.sure(texts.source(finding["field"]))
        # Scores are rounded, and a band up to 1 leaves nothing to the first stage alone.
        if sure < 1.0 and finding["score"] >= sure:
            yield {**finding, "why": f"{finding['why']}; above the uncertain band"}
        else:
            unsure.setdefault(finding["field"], []).append(finding)
    parts = bounded(
        [
            part
            for field, text in texts
            if field in unsure
            for part in question.windows(field, text)
            if not cascade.near or any(_meet(part, finding) for finding in unsure[field])
        ]
    )
    rows = scores(question.model, parts, texts, question.types)
    answers = list(zip(parts, rows, strict=True))
    for field, findings in unsure.items():
        least = question.least(texts.source(field))
        told = [(part, row) for part, row in answers if part.field == field]
        for finding in findings:
            near = [answer for answer in told if not cascade.near or _meet(answer[0], finding)]
            yield from _judged(question, finding, near, least)


def _judged(
    question: Question,
    finding: Finding,
    answers: Sequence[tuple[Window, Mapping[str, float]]],
    least: float,
) -> Iterator[Finding]:
    """What becomes of a doubt by what the model says about the windows that it was asked about."""
    if not answers:
        # There is nothing that a model could be asked, and a doubt that remains.
        yield finding
        return
    name = next(name for name, type_ in question.types.items() if type_ == finding["type"])
    best, row = max(answers, key=lambda answer: answer[1].get(name, 0.0))
    score = row.get(name, 0.0)
    if score >= least:
        where = (finding["start"], finding["end"])
        place = where if _meet(best, finding) else (best.start, best.end)
        why = f"model `{question.model.kind}`, where the classifier was unsure"
        yield _finding(finding["type"], finding["field"], place, score, why)


def _meet(part: Window, finding: Finding) -> bool:
    return bool(part.start < finding["end"] and finding["start"] < part.end)


def _finding(
    type_: str, field: str, place: tuple[int, int], score: float, why: str
) -> dict[str, str | int | float]:
    start, end = place
    return {
        "type": type_,
        "field": field,
        "start": start,
        "end": end,
        "score": round(score, 4),
        "why": why,
    }
