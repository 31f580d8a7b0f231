"""How much a request asks for: points of features, each with its reason.

Nothing here is learnt. Learned difficulty did not hold on unseen data; these features, their points
and their most are set by hand, and what sum of points is hard is for each operator to find out on
his own traffic (`policyengine tune`). A hundred points are a score of 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policyengine.guards._task.asked import Asked
from policyengine.guards._task.reading import Reading

FULL = 100
"""Points of the score 1."""

# What kinds of work a word asks for. Each kind counts once.
_DEMANDS: Final = {
    word: demand
    for demand, words in {
        "to judge": "analyse analyze analysing analyzing analysis review audit assess evaluate "
        "critique compare contrast investigate interpret diagnose examine weigh tradeoffs "
        "tradeoff analysiere analysieren bewerte vergleiche untersuche prufe begutachte analysez "
        "comparez evalue evaluez examinez analiza compara evalua examina revisa analise avalie",
        "security": "vulnerability vulnerabilities exploit exploits injection security threat "
        "threats attack attacks schwachstellen sicherheitslucken sicherheit failles securite "
        "vulnerabilidades seguridad seguranca",
        "a proof": "prove proof proofs derive derivation theorem lemma formally rigorously "
        "beweise beweis herleiten demontre preuve demuestra demostracion demonstre prova",
        "a design": "architecture architect migrate migration redesign strategy roadmap scalable "
        "distributed concurrent concurrency refactor architektur strategie arquitectura estrategia "
        "arquitetura estrategia",
        "a cause": "debug debugging rootcause bottleneck bottlenecks deadlock outage postmortem "
        "ursache cause causa",
        "to improve": "optimise optimize optimal minimise minimize maximise maximize efficient "
        "complexity optimiere ameliore optimiza otimize",
        "depth": "comprehensive thorough thoroughly detailed exhaustive rigorous reasoning "
        "implications ausfuhrlich grundlich detaille approfondi detallado exhaustivo detalhado",
    }.items()
    for word in words.split()
}
_HAN: Final = (
    ("to judge", re.compile("分析|レビュー|比較|評価|评估|比较|对比|审查|분석")),
    ("security", re.compile("脆弱性|漏洞|安全|セキュリティ|취약")),
    ("a proof", re.compile("証明|证明")),
    ("a design", re.compile("設計|设计|架构|アーキテクチャ")),
    ("depth", re.compile("詳しく|详细|全面")),
)  # fmt: skip
_STEPS = re.compile(r"step[ -]by[ -]step|schritt fur schritt|etape par etape|paso a paso|passo a")
_STEP = ("step", "schritt", "etape", "paso", "passo")
_SAID_LINES = re.compile(
    r"\b(\d{1,6})(?:,(\d{3}))? (?:lines?|loc|zeilen|lignes|lineas|linhas)\b|(\d{1,6}) ?行"
)
_WORD = re.compile(r"[^\W_]{3,20}")
# Work of these kinds is routine however long it is, so they take points away.
_LIGHT: Final = {"translation": -15, "summary": -5, "chat": -20}


@dataclass(frozen=True, slots=True)
class Feature:
    """Something of a request that makes it harder.

    It gives `points` for each, from the one after `free` on, or for each doubling of `free`; at
    most `most`. `said` is how it is told.
    """

    name: str
    said: str
    points: float
    free: int
    most: float
    doubling: bool = False

    def worth(self, count: int) -> float:
        """The points of so many.

        >>> Feature("files", "files", 4, 1, 16).worth(3)
        8.0
        """
        if count <= self.free:
            return 0.0
        steps = math.log2(count / self.free) if self.doubling else count - self.free
        return float(min(self.points * steps, self.most))


FEATURES: Final[Sequence[Feature]] = (
    Feature("characters", "characters", 4, 40, 32, doubling=True),
    Feature("code_lines", "lines of code", 4, 5, 24, doubling=True),
    Feature("code_blocks", "code blocks", 4, 1, 12),
    Feature("code_languages", "languages of code", 4, 1, 8),
    Feature("files", "files", 4, 1, 16),
    Feature("items", "list items", 2, 2, 12),
    Feature("formulas", "formulas", 4, 0, 12),
    Feature("questions", "questions", 3, 1, 9),
    Feature("scripts", "writings", 3, 1, 3),
    Feature("context", "characters of context", 4, 2_000, 16, doubling=True),
    Feature("turns", "turns", 2, 2, 8, doubling=True),
    Feature("tools", "tools", 3, 1, 12, doubling=True),
    Feature("attachments", "attachments", 5, 0, 10),
)
"""What counts, and for how much, in the order in which it is told."""
DEMAND, MOST_DEMANDS = 12, 36
"""Points for each kind of demanding work that is asked for, and the most of them."""
STEPS = 6
"""Points for asking for an answer step by step."""


def counts(asked: Asked, reading: Reading) -> dict[str, int]:
    """How many there are of each feature."""
    shape = reading.shape
    return {
        "characters": shape.characters,
        "code_lines": max(shape.code_lines, _said_lines(reading.head) if shape.numbers else 0),
        "code_blocks": shape.code_blocks,
        "code_languages": shape.code_languages,
        "files": shape.files,
        "items": shape.items,
        "formulas": shape.formulas,
        "questions": shape.questions,
        "scripts": shape.scripts,
        "context": asked.context,
        "turns": asked.turns,
        "tools": asked.tools,
        "attachments": asked.attachments,
    }


def _said_lines(head: str) -> int:
    """Lines that a prompt says it has: they may come in another way."""
    found = _SAID_LINES.search(head)
    return int("".join(part or "" for part in found.groups())) if found else 0


def points(reading: Reading, counted: dict[str, int]) -> list[tuple[str, float]]:
    """The points of a request, each with what it is for; their sum may be below zero."""
    return [part for part in _points(reading, counted) if part[1]]


def _points(reading: Reading, counted: dict[str, int]) -> Iterator[tuple[str, float]]:
    demands = _demands(reading)
    yield f"asks for {_listed(demands)}", min(DEMAND * len(demands), MOST_DEMANDS)
    by_step = any(stem in reading.head for stem in _STEP) and _STEPS.search(reading.head)
    yield "step by step", STEPS if by_step else 0
    for feature in FEATURES:
        count = counted[feature.name]
        yield f"{count:,} {feature.said}", feature.worth(count)
    rule = reading.ruled()
    if rule is not None and rule.kind in _LIGHT:
        yield rule.kind, _LIGHT[rule.kind]


def _demands(reading: Reading) -> list[str]:
    """Kinds of demanding work that words of the prompt ask for, in a fixed order."""
    words = {*_WORD.findall(reading.head), *_WORD.findall(reading.tail)}
    found = {_DEMANDS[word] for word in words & _DEMANDS.keys()}
    if not reading.head.isascii():
        found |= {demand for demand, form in _HAN if form.search(reading.head)}
    return sorted(found)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def score(parts: Sequence[tuple[str, float]]) -> float:
    """The sum of points as a score from 0 to 1."""
    return round(min(max(sum(value for _, value in parts) / FULL, 0.0), 1.0), 4)


# Less would be told as nothing.
_TOLD = 0.5


def told(parts: Sequence[tuple[str, float]]) -> str:
    """What gave the points, what gave most first.

    >>> told([("300 lines of code", 21.5), ("asks for a proof", 12)])
    '34 points: 300 lines of code 22, asks for a proof 12'
    """
    whole = sum(value for _, value in parts)
    counting = [part for part in parts if abs(part[1]) >= _TOLD]
    listed = sorted(counting, key=lambda part: -abs(part[1]))
    reasons = ", ".join(f"{name} {value:.0f}" for name, value in listed)
    return f"{whole:.0f} points{': ' if reasons else ''}{reasons}"
