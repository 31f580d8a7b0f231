"""How well the fast path of the guard `pii` finds what Presidio finds, on the same texts.

    python classifiers/pii/evaluate.py [--write]

Reads `../shared/data` or `$POLICYENGINE_DATA`. A span counts as found where a finding of its type
overlaps it; a finding that overlaps no span of any label is a false alarm, one that overlaps only
spans of other labels has the wrong type. Both finders get the same texts and the same entities,
each with its own default threshold: ours keeps what scores 0.5 and more, Presidio keeps all. No
threshold was chosen on this set, and no text of it was read; the totals of a first run led to
wider tables of card issuers and of driving licences. `--json` keeps the
figures.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from policyengine.guards import pii

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("POLICYENGINE_DATA", ROOT.parent / "shared" / "data"))
SET = "pii.practice-synthetic.jsonl.gz"
MIN_SCORE = 0.5
# Labels of the set, and the types that count as finding them: ours and Presidio's.
TYPES: Mapping[str, frozenset[str]] = {
    "CREDIT_CARD": frozenset({"CREDIT_CARD"}),
    "DATE_TIME": frozenset({"DATE_TIME", "DATE_OF_BIRTH"}),
    "PHONE_NUMBER": frozenset({"PHONE_NUMBER"}),
    "EMAIL_ADDRESS": frozenset({"EMAIL_ADDRESS"}),
    "DOMAIN_NAME": frozenset({"DOMAIN_NAME", "URL"}),
    "IBAN_CODE": frozenset({"IBAN_CODE"}),
    "US_SSN": frozenset({"US_SSN"}),
    "IP_ADDRESS": frozenset({"IP_ADDRESS"}),
    "US_DRIVER_LICENSE": frozenset({"US_DRIVER_LICENSE"}),
    "ADDRESS": frozenset({"ADDRESS"}),
    "ZIP_CODE": frozenset({"ZIP_CODE", "UK_POSTCODE", "CA_POSTAL_CODE"}),
    "AGE": frozenset({"AGE"}),
}
ASKED = sorted(frozenset().union(*TYPES.values()))
# What an address has inside is not of the wrong type.
INSIDE = frozenset({"ZIP_CODE"})
# Prompts in which nobody is a person: what is found there is nearly always a false alarm.
CLEAN = "injection.practice-overdefence.jsonl.gz"
Span = tuple[str, int, int]
Find = Callable[[str], Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Score:
    """Of so many spans so many were found; `alarms` findings of the type overlap no span."""

    spans: int
    found: int
    alarms: int
    wrong: int
    exact: int

    @property
    def recall(self) -> float:
        """The share of spans that were found."""
        return self.found / self.spans if self.spans else 0.0

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the recall (E. B. Wilson, 1927)."""
        n, p, z = self.spans, self.recall, 1.96
        if not n:
            return 0.0, 1.0
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        # At an end of the scale the formula leaves it by a rounding error.
        return (0.0 if p == 0 else centre - half), (1.0 if p == 1 else centre + half)


def ours() -> Find:
    """The fast path, as shipped."""
    finder = pii.build(pii.normal({"entities": ASKED, "min_score": MIN_SCORE}))

    def find(text: str) -> list[Span]:
        return [(each["type"], each["start"], each["end"]) for each in finder([("text", text)])]

    return find


def presidio() -> Find | None:
    """presidio-analyzer with its predefined recognisers and no language model; None without it."""
    try:
        import spacy
        import tldextract
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
        from presidio_analyzer.predefined_recognizers import EmailRecognizer
    except ImportError:
        return None
    # No list of top levels is fetched: the packaged one serves.
    offline = tldextract.TLDExtract(suffix_list_urls=())
    tldextract.extract = offline  # type: ignore[assignment]
    assert EmailRecognizer

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(
                models=[{"lang_code": "en", "model_name": "blank"}],
                ner_model_configuration=NerModelConfiguration(labels_to_ignore=[]),
            )
            self.nlp = {"en": spacy.blank("en")}

    engine = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
    known = set(engine.get_supported_entities("en"))
    entities = [entity for entity in ASKED if entity in known]

    def find(text: str) -> list[Span]:
        results = engine.analyze(text, "en", entities=entities)
        return [(each.entity_type, each.start, each.end) for each in results]

    return find


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def scores(find: Find, texts: Iterable[Mapping[str, Any]]) -> dict[str, Score]:
    """The score of a finder by label."""
    spans: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    exact: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    label_of = {kind: label for label, kinds in TYPES.items() for kind in kinds}
    for row in texts:
        found = find(row["text"])
        for span in row["spans"]:
            if span["label"] not in TYPES:
                continue
            kinds = TYPES[span["label"]]
            over = [f for f in found if f[0] in kinds and _overlap(f, span)]
            spans[span["label"]] += 1
            hit[span["label"]] += bool(over)
            exact[span["label"]] += any(f[1:] == (span["start"], span["end"]) for f in over)
        for each in found:
            over_ = {span["label"] for span in row["spans"] if _overlap(each, span)}
            label = label_of[each[0]]
            if not over_:
                alarms[label] += 1
            elif label not in over_ and not (label in INSIDE and "ADDRESS" in over_):
                wrong[label] += 1
    return {
        name: Score(spans[name], hit[name], alarms[name], wrong[name], exact[name])
        for name in TYPES
    }


def _overlap(found: Span, span: Mapping[str, Any]) -> bool:
    return bool(found[1] < span["end"] and span["start"] < found[2])


def report() -> dict[str, Any]:
    """The figures of all finders, with the digest of the data."""
    path = DATA / SET
    texts = list(rows(path))
    clean = [row["text"] for row in rows(DATA / CLEAN)]
    finders = {"policyengine": ours(), "presidio-analyzer, patterns": presidio()}
    return {
        "set": SET,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "texts": len(texts),
        "min_score": MIN_SCORE,
        "clean": {
            "set": CLEAN,
            "sha256": hashlib.sha256((DATA / CLEAN).read_bytes()).hexdigest(),
            "texts": len(clean),
            "findings": {
                name: dict(sorted(Counter(f[0] for t in clean for f in find(t)).items()))
                for name, find in finders.items()
                if find is not None
            },
        },
        "finders": {
            name: {label: _figures(score) for label, score in scores(find, texts).items()}
            for name, find in finders.items()
            if find is not None
        },
    }


def _figures(score: Score) -> dict[str, Any]:
    low, high = score.interval()
    return {
        "spans": score.spans,
        "found": score.found,
        "recall": round(score.recall, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "exact": score.exact,
        "false_alarms": score.alarms,
        "wrong_type": score.wrong,
    }


def markdown(figures: Mapping[str, Any]) -> str:
    """The report as a page."""
    lines = [
        "# How well `pii` finds",
        "",
        "Made by `classifiers/pii/evaluate.py`; do not edit.",
        "",
        f"`{figures['set']}` ({figures['texts']} texts, sha256 `{figures['sha256'][:16]}`). "
        f"Each finder has its own default threshold: policyengine keeps scores of {MIN_SCORE} and "
        "more, Presidio keeps all. Recall counts a span as found where a finding of its type "
        "overlaps it, with Wilson's 95 % interval; a false alarm overlaps no labelled span at all. "
        "No text of this set was read and no threshold was chosen on it; the totals of a "
        "first run led to wider tables of card issuers and of driving licences.",
        "",
    ]
    names = list(figures["finders"])
    for name in names:
        lines += [
            f"## {name}",
            "",
            "| entity | spans | recall | same place | false alarms | wrong type |",
            "|---|---|---|---|---|---|",
        ]
        for label, f in figures["finders"][name].items():
            recall = f"{f['recall']:.2f} ({f['low']:.2f}-{f['high']:.2f})"
            lines.append(
                f"| {label} | {f['spans']} | {recall} | {f['exact']} | {f['false_alarms']} "
                f"| {f['wrong_type']} |"
            )
        lines.append("")
    clean = figures["clean"]
    lines += [
        "## Texts without personal data",
        "",
        f"`{clean['set']}` ({clean['texts']} texts, sha256 `{clean['sha256'][:16]}`): what is "
        "found there is nearly always a false alarm.",
        "",
        "| finder | findings | of these |",
        "|---|---|---|",
    ]
    for name, kinds in clean["findings"].items():
        each = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
        lines.append(f"| {name} | {sum(kinds.values())} | {each} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    asked = parser.parse_args()
    if not (DATA / SET).exists():
        sys.stderr.write(f"there is no {SET}; set POLICYENGINE_DATA\n")
        return 2
    figures = report()
    page = markdown(figures)
    sys.stdout.write(page)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
