"""Measures the shipped topics and own topics by ten examples, and puts the tables into the card.

    python classifiers/topics/evaluate.py

Nothing is tuned here: topics.practice was never trained on, and the sources of the own topics were
in no training (`public_rows.HELD`). What is done with them is said in CARD.md.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

from public_rows import DATA, read  # noqa: E402

from policyengine.guards import topic  # noqa: E402
from policyengine.guards._topic import custom  # noqa: E402
from policyengine.guards._topic.reading import Skipped  # noqa: E402
from policyengine.guards._topic.reading import read as windows  # noqa: E402
from policyengine.guards._topic.scale import STRENGTHS  # noqa: E402
from policyengine.guards._topic.shipped import TOPICS, phrases, shipped  # noqa: E402
from policyengine.guards._topic.space import space  # noqa: E402

HERE = Path(__file__).resolve().parent
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
SEEDS = range(100, 110)
EXAMPLES = 10
MOST = 250
PRACTICE = {
    "sexual": "sexual_content",
    "hate": "hate",
    "self_harm": "self_harm",
    "violence": "violence",
}
DESCRIBED = {
    "sexual": "Sexual content: explicit or erotic descriptions of sex and bodies.",
    "hate": "Hate against people for their race, religion, gender, sexuality or origin.",
    "self_harm": "Suicide, self-harm and eating disorders.",
    "violence": "Violence: threats, killing, injuries and torture of people.",
}
# An own topic: its description as an author would write it, and the sources of its texts.
OWN = {
    "clinical knowledge": (
        "Medicine: diseases, diagnosis, clinical examination and treatment of patients.",
        ("mmlu-clinical_knowledge",),
    ),
    "nutrition": ("Nutrition: diet, food, vitamins, energy and health.", ("mmlu-nutrition",)),
    "ageing": (
        "Ageing and older people: changes of body and mind, care, retirement and death.",
        ("mmlu-human_aging",),
    ),
    "law": (
        "Law: international law, courts, treaties, rights and legal theory.",
        ("mmlu-international_law", "mmlu-jurisprudence"),
    ),
    "religion": (
        "Religions of the world: gods, scriptures, rituals, beliefs and their history.",
        ("mmlu-world_religions",),
    ),
    "economy": (
        "Economics: money, inflation, unemployment, banks, trade and government spending.",
        ("mmlu-high_school_macroeconomics",),
    ),
    "foreign policy": (
        "Foreign policy of the United States: presidents, wars, treaties and power.",
        ("mmlu-us_foreign_policy",),
    ),
    "banking support": (
        "Questions of bank customers about cards, payments, transfers and accounts.",
        ("banking77",),
    ),
    "music": ("Music: bands, albums, songs, singers, festivals and awards.", ("CrossNER-music",)),
    "harmful requests": (
        "Requests for help with crime, violence, weapons, hacking, drugs or hateful content.",
        ("HarmBench",),
    ),
}
UNSEEN = {
    "medical_advice": ("mmlu-clinical_knowledge", "mmlu-nutrition", "mmlu-human_aging"),
    "legal_advice": ("mmlu-international_law", "mmlu-jurisprudence"),
    "religion": ("mmlu-world_religions",),
    "politics": ("mmlu-us_foreign_policy",),
    "financial_advice": ("mmlu-high_school_macroeconomics",),
    "illegal_acts": ("HarmBench",),
}
OTHERS = (
    "nq-open",
    "self-instruct-user",
    "t-davidson-neither",
    "mmlu-high_school_mathematics",
    "mmlu-machine_learning",
    "mmlu-high_school_computer_science",
)


class Read:
    """Texts read by the guard's own code: the vectors of all windows, and whose they are."""

    def __init__(self, texts: Sequence[str]) -> None:
        readings = [windows(text, Skipped(), phrases().hits, lambda: None) for text in texts]
        self.readings = readings
        self.vectors = np.concatenate([reading.vectors for reading in readings])
        sizes = [len(reading.spans) for reading in readings]
        self.starts = np.cumsum([0, *sizes[:-1]])

    def best(self, scores: np.ndarray) -> np.ndarray:
        """The greatest score of each text's windows."""
        found: np.ndarray = np.maximum.reduceat(scores, self.starts)
        return found

    def shipped(self) -> np.ndarray:
        """Scores of texts (rows) for the shipped topics (columns)."""
        model = shipped()
        raw = np.array([np.max(model.raw(r), axis=0) for r in self.readings])
        found: np.ndarray = np.array(
            [[scale.score(x) for scale, x in zip(model.scales, row, strict=True)] for row in raw]
        )
        return found

    def along(self, vector: Sequence[float]) -> np.ndarray:
        heads = space().heads([vector])
        return self.best(np.array(space().scores(self.vectors, heads))[:, 0])


def auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """The chance that a text on the topic scores above one that is not; ties count half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    upto = np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / 2 / len(negative))


def rate_at(positive: np.ndarray, negative: np.ndarray, false_rate: float) -> float:
    """The share of texts on the topic above the threshold of a false positive rate."""
    return float((positive > np.quantile(negative, 1 - false_rate)).mean())


def interval(
    measure: Callable[[np.ndarray, np.ndarray], float], positive: np.ndarray, negative: np.ndarray
) -> tuple[float, float]:
    """The middle 95 % of a measure over 500 resamplings of both kinds of texts."""
    rng = np.random.default_rng(7)
    values = [
        measure(rng.choice(positive, len(positive)), rng.choice(negative, len(negative)))
        for _ in range(500)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


MEASURES: Mapping[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": auc,
    "tpr_at_1": lambda p, n: rate_at(p, n, 0.01),
    "tpr_at_5": lambda p, n: rate_at(p, n, 0.05),
}


def practice() -> dict[str, Any]:
    """The shipped topics on topics.practice: each against the rows that carry no label."""
    rows = read("topics.practice")
    scores = Read([str(row["text"]) for row in rows]).shipped()
    labels = [row["label"] if isinstance(row["label"], list) else [] for row in rows]
    none = np.array([not label for label in labels])
    found: dict[str, Any] = {}
    for label, name in PRACTICE.items():
        column = scores[:, TOPICS.index(name)]
        mine = column[np.array([label in row for row in labels])]
        found[name] = {"rows": len(mine), "others": int(none.sum())}
        for measure, of in MEASURES.items():
            found[name][measure] = (of(mine, column[none]), *interval(of, mine, column[none]))
        found[name]["strengths"] = {
            strength: (float((mine >= least).mean()), float((column[none] >= least).mean()))
            for strength, least in STRENGTHS.items()
        }
    return found


def unseen() -> dict[str, Any]:
    """The shipped topics on sources that no training saw, against other such sources."""
    others = Read([text for source in OTHERS for text in _of((source,), 1)]).shipped()
    found: dict[str, Any] = {}
    for name, sources in UNSEEN.items():
        column = TOPICS.index(name)
        mine, rest = Read(_of(sources, 2)).shipped()[:, column], others[:, column]
        found[name] = {"rows": len(mine), "others": len(rest)}
        for measure, of in MEASURES.items():
            found[name][measure] = (of(mine, rest), *interval(of, mine, rest))
        found[name]["strengths"] = {
            strength: (float((mine >= least).mean()), float((rest >= least).mean()))
            for strength, least in STRENGTHS.items()
        }
    return found


def harmless() -> dict[str, Any]:
    """False alarms of the shipped topics on harmless sources that no training saw."""
    found: dict[str, Any] = {}
    for source in ("nq-open", "self-instruct-user", "banking77", "CrossNER-music"):
        scores = Read(_of((source,), 0)).shipped()
        found[source] = {
            name: float((scores[:, i] >= STRENGTHS["medium"]).mean())
            for i, name in enumerate(TOPICS)
        }
        found[source]["any"] = float((scores >= STRENGTHS["medium"]).any(axis=1).mean())
    return found


def few_shot() -> dict[str, Any]:
    """Own topics from ten examples, over seeds; the rest of the source against other sources."""
    others = Read([text for source in OTHERS for text in _of((source,), 1)])
    found = {name: _few(_of(of, 2), others, about) for name, (about, of) in OWN.items()}
    rows = read("topics.practice")
    edge = Read([str(row["text"]) for row in rows if not row["label"]])
    for label in PRACTICE:
        mine = [str(r["text"]) for r in rows if label in (r["label"] or ())]  # type: ignore[operator]
        found[f"practice: {label}"] = _few(mine, edge, DESCRIBED[label])
    return found


def _few(texts: list[str], others: Read, description: str) -> dict[str, Any]:
    own = Read(texts)
    results: dict[str, list[float]] = {name: [] for name in MEASURES}
    stated: list[tuple[float, float]] = []
    for seed in SEEDS:
        chosen = np.random.default_rng(seed).permutation(len(texts))[:EXAMPLES]
        examples = [texts[i][:400] for i in chosen]
        about = {"name": "own", "description": description, "examples": examples}
        vector, scale = custom.unpacked(custom.learnt(about))
        mine, rest = np.delete(own.along(vector), chosen), others.along(vector)
        for name, of in MEASURES.items():
            results[name].append(of(mine, rest))
        stated.append((float((mine >= scale.one).mean()), float((rest >= scale.one).mean())))
    return {
        "rows": len(texts),
        **{name: (float(np.mean(v)), float(np.std(v))) for name, v in results.items()},
        "at_medium": [float(x) for x in np.mean(stated, axis=0)],
    }


_ROWS: dict[str, list[str]] = {}


def _of(sources: Sequence[str], seed: int) -> list[str]:
    if not _ROWS:
        for row in (*read("topics.train"), *read("injection.train")):
            texts = _ROWS.setdefault(str(row["source"]).removeprefix("neg:"), [])
            if row["label"] != 1 and row["text"] not in texts[-1:]:
                texts.append(str(row["text"]))
    found: list[str] = []
    for source in sources:
        texts = list(dict.fromkeys(_ROWS[source]))
        order = np.random.default_rng(seed).permutation(len(texts))[:MOST]
        found += [texts[i] for i in order]
    return found


def report(data: Mapping[str, Any]) -> str:
    """The figures as tables of Markdown."""
    lines = ["# Topics: figures", "", "Made by `classifiers/topics/evaluate.py`.", ""]
    lines += _shipped("Shipped topics on topics.practice", data["practice"])
    lines += _shipped("Shipped topics on sources outside training", data["unseen"])
    lines += ["", "## Own topics from ten examples", ""]
    lines += [
        "| topic | rows | AUC | found at 1 % | found at 5 % | medium: found, false |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in data["few_shot"].items():
        cells = [f"{row[m][0]:.3f} ± {row[m][1]:.3f}" for m in MEASURES]
        medium = row["at_medium"]
        lines.append(
            f"| {name} | {row['rows']} | {' | '.join(cells)} | {medium[0]:.3f}, {medium[1]:.3f} |"
        )
    for title, row in data["few_shot_mean"].items():
        lines.append(f"| **mean, {title}** | | {row['auc']:.3f} | {row['tpr_at_1']:.3f} | "
                     f"{row['tpr_at_5']:.3f} | |")  # fmt: skip
    lines += ["", "## False alarms on harmless sources, medium", ""]
    lines += ["| topic | " + " | ".join(data["harmless"]) + " |"]
    lines += ["|---" * (len(data["harmless"]) + 1) + "|"]
    for name in (*TOPICS, "any"):
        cells = [f"{100 * row[name]:.1f} %" for row in data["harmless"].values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "## Data", "", "| file | SHA-256 |", "|---|---|"]
    lines += [f"| {name} | `{digest}` |" for name, digest in data["digests"].items()]
    return "\n".join(lines) + "\n"


def _shipped(title: str, rows: Mapping[str, Any]) -> list[str]:
    lines = [f"## {title}", ""]
    lines += ["| topic | rows | AUC | found at 1 % | found at 5 % | medium: found, false |"]
    lines += ["|---|---|---|---|---|---|"]
    for name, row in rows.items():
        cells = [f"{row[m][0]:.3f} ({row[m][1]:.3f}-{row[m][2]:.3f})" for m in MEASURES]
        medium = row["strengths"]["medium"]
        lines.append(
            f"| {name} | {row['rows']} | {' | '.join(cells)} | {medium[0]:.3f}, {medium[1]:.3f} |"
        )
    return [*lines, ""]


def main() -> None:
    few = few_shot()
    groups = {
        "sources outside training": [few[name] for name in OWN],
        "practice": [few[f"practice: {name}"] for name in PRACTICE],
    }
    files = ("topics.practice", "topics.train", "injection.train")
    data = {
        "practice": practice(),
        "unseen": unseen(),
        "few_shot": few,
        "few_shot_mean": {
            title: {m: float(np.mean([row[m][0] for row in rows])) for m in MEASURES}
            for title, rows in groups.items()
        },
        "harmless": harmless(),
        "seeds": list(SEEDS),
        "digests": {
            f"{name}.jsonl.gz": hashlib.sha256((DATA / f"{name}.jsonl.gz").read_bytes()).hexdigest()
            for name in files
        },
        "model": hashlib.sha256((HERE / "weights" / "manifest.json").read_bytes()).hexdigest()[:12],
        "longest_finding": topic.HOLDBACK,
    }
    (HERE / "report.json").write_text(json.dumps(_rounded(data), indent=2) + "\n")
    _into_card(report(data))
    sys.stdout.write(report(data))


def _into_card(figures: str) -> None:
    """Puts the tables between the marks of the card, one level of headings down."""
    card = HERE / "CARD.md"
    before, _, rest = card.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    tables = figures.partition("## ")[2].replace("\n## ", "\n### ")
    card.write_text(f"{before}{BEGIN}\n\n### {tables}\n{END}{after}")


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 6)
        case dict():
            return {key: _rounded(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_rounded(inner) for inner in value]
        case _:
            return value


if __name__ == "__main__":
    main()
