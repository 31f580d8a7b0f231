"""`policyengine tune`: which threshold should a rule have?"""

from __future__ import annotations

import json
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

import policyengine
from policyengine.analysis.json_lines import MAX_BYTES
from policyengine.analysis.labelled import (
    GOOD_ENOUGH,
    LabelError,
    Labelled,
    read_labelled,
)
from policyengine.analysis.scoring import Question, Scorer, question, scores
from policyengine.analysis.sweep import Step, Sweep, sweep
from policyengine.analysis.writing import CannotWriteError, with_threshold
from policyengine.cli._bundles import bundles
from policyengine.cli._console import Refusal, complain, say, shown
from policyengine.cli._exits import Exit
from policyengine.cli._plots import as_png, in_terminal
from policyengine.cli._replacing import replace
from policyengine.cli._sharing import HARD, MIN_RECALL, evidence
from policyengine.cli._sharing import told as shares_told
from policyengine.diagnostics import CompileError
from policyengine.output.text import line
from policyengine.plugins import ORIGINS
from policyengine.rules.yaml import decode

_EPILOG = """\b
Examples:
  policyengine tune policies/content --rule data-gives-no-orders --data mine.jsonl
  policyengine tune policies/content --rule advice-is-no-substitute \\
      --data mine.jsonl --label medical_advice --max-false-positives 0.02
  policyengine tune policies/content --rule data-gives-no-orders --data mine.jsonl \\
      --origin tool --write --plot sweep.png
  policyengine tune policies/routing --rule hard-goes-up --data requests.jsonl \\
      --min-recall 0.95 --write

Each line of the data is a text with a label: {"text": "...", "label": 1}, or a list
of names as label. The threshold that is proposed finds most while raising at most
the false alarms that you allow. Take texts that the guard was not made from, and
keep others for the tests: a threshold looks best on the texts that it was chosen on.

For a rule about `complexity` the lines are recorded requests and whether a cheap model
was good enough: {"input": {"request": ...}, "label": "hard"} (or `routine`), or instead
of a label its {"score": 0.7} from 0 to 1, which is hard below --good-enough."""

# Rows of the table that is shown; all steps are in `--format json`.
_SHOWN = 12
_ROUND = 4


@dataclass(frozen=True, slots=True)
class _Tuning:
    """What was measured."""

    asked: Question
    origin: str
    data: Labelled
    scored: tuple[tuple[float, bool], ...]
    failed: int
    found: Sweep
    chosen: Step | None
    wish: _Wish


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the threshold shall do: raise few false alarms, or find at least so much."""

    most: float
    least: float | None

    def of(self, found: Sweep) -> Step | None:
        """The threshold that does it."""
        return found.best(self.most) if self.least is None else found.least(self.least)


@click.command(epilog=_EPILOG)
@click.argument("path", metavar="BUNDLE", type=click.Path())
@click.option("--rule", required=True, metavar="ID", help="The rule, as `id` or `policy/id`.")
@click.option("--data", "data_path", required=True, type=click.Path(), help="Labelled texts.")
@click.option("--label", "labels", multiple=True, help="What is looked for; any label if unsaid.")
@click.option("--point", help="Decision point, where the rule asks otherwise at each.")
@click.option("--guard", help="The guard, where the rule asks several.")
@click.option("--parameter", help="Key of the clause that holds the threshold.")
@click.option("--origin", type=click.Choice(ORIGINS), help="Whose texts they are.")
@click.option(
    "--max-false-positives",
    type=click.FloatRange(0, 1),
    help="Highest rate of false positives; 0.01 if nothing is said.",
)
@click.option(
    "--min-recall",
    type=click.FloatRange(0, 1),
    help=f"Find at least this share, with the fewest matches; {MIN_RECALL} for complexity.",
)
@click.option(
    "--good-enough",
    type=click.FloatRange(0, 1),
    default=GOOD_ENOUGH,
    show_default=True,
    help="Least score of a row at which the cheap model was good enough.",
)
@click.option("--plot", type=click.Path(dir_okay=False), help="Write plots to this PNG file.")
@click.option("--write", is_flag=True, help="Write the threshold and its evidence to the policy.")
@click.option(
    "--format", "format", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True
)
def command(
    path: str,
    rule: str,
    data_path: str,
    labels: tuple[str, ...],
    point: str | None,
    guard: str | None,
    parameter: str | None,
    origin: str | None,
    max_false_positives: float | None,
    min_recall: float | None,
    good_enough: float,
    plot: str | None,
    write: bool,
    format: str,
) -> Exit:
    """Sweep the threshold of a rule's guard over labelled texts."""
    [folder, *others] = bundles((path,))
    if others:
        raise Refusal(f"there are several bundles below `{shown(path)}`", "name one of them")
    checked = policyengine.check(policyengine.load(folder))
    program = policyengine.compile(checked)
    try:
        asked = question(program, rule, point=point, guard=guard, parameter=parameter)
        asked = _for_origin(asked, origin, parameter)
        data = read_labelled(_bytes(data_path), shown(data_path), good_enough)
    except (ValueError, LabelError) as error:
        raise Refusal(str(error)) from None
    wish = _wish(asked, max_false_positives, min_recall)
    if asked.shares and not labels:
        labels = (HARD,)
    tuned = _measured(asked, origin or asked.origin, data, labels, wish)
    if plot is not None:
        title = f"{asked.rule} ({asked.fact.provider}) on {data.name}"
        try:
            as_png(Path(plot), tuned.found, tuned.scored, tuned.chosen, title)
        except OSError as error:
            raise Refusal(f"`{shown(plot)}` cannot be written ({error.strerror})") from None
    if format == "json":
        say(json.dumps(_plain(tuned), indent=2))
    else:
        say("\n".join(_told(tuned)))
    if plot is not None:
        complain(f"plots written to {shown(plot)}")
    if write:
        _write(checked, tuned)
    return Exit.OK


def _wish(asked: Question, most: float | None, least: float | None) -> _Wish:
    """What the user wants; raises `Refusal` where he wants two things."""
    if most is not None and least is not None:
        raise Refusal("--max-false-positives and --min-recall each choose the threshold: give one")
    if least is None and most is None and asked.shares:
        least = MIN_RECALL
    return _Wish(0.01 if most is None else most, least)


def _for_origin(asked: Question, origin: str | None, parameter: str | None) -> Question:
    """Where texts that are no user's have a threshold of their own, that one."""
    other = "indirect_threshold"
    if parameter is None and (origin or asked.origin) != "user" and other in asked.fact.config:
        return Question(asked.rule, asked.policy, asked.point, asked.fact, other)
    return asked


def _bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            # What is one byte too long is refused by who reads it.
            return file.read(MAX_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise Refusal(f"there is no file `{shown(path)}`") from None
    except OSError as error:
        raise Refusal(f"`{shown(path)}` cannot be read ({error.strerror})") from None


def _measured(
    asked: Question, origin: str, data: Labelled, labels: Sequence[str], wish: _Wish
) -> _Tuning:
    wanted = frozenset(labels)
    known = frozenset(label for row in data.rows for label in row.labels)
    for label in sorted(wanted - known):
        raise Refusal(f"no text has the label `{label}`", f"labels are: {', '.join(sorted(known))}")
    scored = []
    failed = 0
    scorer = Scorer.of(asked, origin)
    with click.progressbar(data.rows, label="scoring", file=sys.stderr, hidden=_unseen()) as rows:
        for row, (score, error) in zip(data.rows, scores(scorer, rows), strict=True):
            failed += error is not None
            if failed == len(data.rows) and error is not None:
                raise Refusal(f"the guard cannot judge these texts: {error.message}")
            scored.append((score, row.is_one_of(wanted)))
    found = sweep(scored)
    if not found.positives or not found.negatives:
        what = "is looked for" if not found.positives else "is harmless"
        raise Refusal(f"no text {what}", "a threshold needs both kinds: see --label")
    return _Tuning(asked, origin, data, tuple(scored), failed, found, wish.of(found), wish)


def _unseen() -> bool:
    return not sys.stderr.isatty()


def _told(tuned: _Tuning) -> Iterator[str]:
    asked, found = tuned.asked, tuned.found
    yield f"{asked.policy}/{asked.rule}: {asked.fact.provider} at {asked.point}"
    if asked.shares:
        counted = f"{found.positives:,} hard requests, {found.negatives:,} routine"
        yield f"{line(tuned.data.name)}: {counted}"
        yield from _judged(tuned)
        yield from shares_told(found, tuned.chosen, asked.threshold, tuned.wish.least or 0.0)
        return
    yield (
        f"{line(tuned.data.name)}: {found.positives:,} texts to find, {found.negatives:,} harmless,"
        f" read as words of: {tuned.origin}"
    )
    yield from _judged(tuned)
    yield "threshold  recall                false positives       precision"
    for step in _some(found, tuned.chosen):
        counts = step.counts
        mark = "  <- proposed" if step is tuned.chosen else ""
        yield (
            f"{step.threshold:<9.{_ROUND}f}  {counts.recall!s:20}  "
            f"{counts.false_positive_rate!s:20}  {counts.precision!s:20}{mark}"
        ).rstrip()
    yield ""
    now = asked.threshold
    if isinstance(now, float | int):
        counts = found.at(float(now))
        yield f"now {now:g}: recall {counts.recall}, false positives {counts.false_positive_rate}"
    else:
        yield f"now: `{line(str(now))}`, a level that the guard's own evaluation has set"
    if tuned.chosen is None:
        wish = tuned.wish
        yield (
            f"no threshold keeps false positives at or below {wish.most:g}"
            if wish.least is None
            else f"no threshold finds {wish.least:g} of the texts"
        )
    yield ""
    yield from in_terminal(found)


def _judged(tuned: _Tuning) -> Iterator[str]:
    if tuned.failed:
        yield f"{tuned.failed:,} texts could not be judged and count as matched"
    yield f"AUC {tuned.found.auc:.3f}"
    yield ""


def _some(found: Sweep, chosen: Step | None) -> list[Step]:
    """A dozen thresholds at even steps of what they find, and the one that is proposed."""
    wanted: dict[int, Step] = {}
    for i in range(_SHOWN):
        least = found.positives * (i + 1) / _SHOWN
        step = next((one for one in found.steps if one.counts.found >= least), None)
        if step is not None:
            wanted[id(step)] = step
    if chosen is not None:
        wanted[id(chosen)] = chosen
    return sorted(wanted.values(), key=lambda step: -step.threshold)


def _plain(tuned: _Tuning) -> dict[str, Any]:
    asked = tuned.asked
    return {
        "format": 1,
        "rule": f"{asked.policy}/{asked.rule}",
        "guard": asked.fact.provider,
        "point": asked.point,
        "parameter": asked.parameter,
        "now": asked.threshold,
        "origin": tuned.origin,
        "data": {
            "name": tuned.data.name,
            "digest": tuned.data.digest,
            "rows": len(tuned.data.rows),
        },
        "positives": tuned.found.positives,
        "negatives": tuned.found.negatives,
        "failed": tuned.failed,
        "auc": tuned.found.auc,
        "max_false_positives": tuned.wish.most if tuned.wish.least is None else None,
        "min_recall": tuned.wish.least,
        "proposed": _step(tuned.chosen) if tuned.chosen else None,
        "steps": [_step(step) for step in tuned.found.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    matched = step.counts.matched
    return {
        "threshold": step.threshold,
        **step.counts.to_dict(),
        "matched": {"value": matched.value, "interval": list(matched.interval)},
    }


def _write(checked: Any, tuned: _Tuning) -> None:
    if tuned.chosen is None:
        raise Refusal("no threshold is proposed, so none is written")
    asked, counts = tuned.asked, tuned.chosen.counts
    value = _rounded(tuned)
    policy = next((p for p in checked.bundle.policies if p.name == asked.policy), None)
    if policy is None:
        why = "it belongs to a bundle that this one extends: tune that one"
        raise Refusal(f"policy `{asked.policy}` was not changed: {why}")
    path = Path(policy.span.path)
    day = datetime.now(UTC).date().isoformat()
    what = "requests" if asked.shares else "texts"
    head = f"{asked.parameter} {value:g} on {day} by {len(tuned.data.rows):,} {what},"
    digest = tuned.data.digest[:19]
    lines = (
        [head, f"{digest}:", *evidence(tuned.chosen)]
        if asked.shares
        else [
            head,
            f"{digest}: recall {counts.recall},",
            f"false positives {counts.false_positive_rate}",
        ]
    )
    try:
        data = path.read_bytes()
        told = with_threshold(
            decode(str(path), data),
            asked.rule,
            asked.fact.provider,
            asked.parameter,
            value,
            lines,
        )
        mark = "\ufeff" if data.startswith(BOM_UTF8) else ""
        replace(path, mark + told)
    except (CannotWriteError, CompileError) as error:
        raise Refusal(f"{shown(path)} was not changed: {error}") from None
    except OSError as error:
        raise Refusal(f"{shown(path)} was not changed: {error.strerror}") from None
    complain(f"{shown(path)}: {asked.parameter} of `{asked.fact.provider}` is now {value:g}")


def _rounded(tuned: _Tuning) -> float:
    """The threshold with few digits, rounded so that it finds what the exact one finds."""
    assert tuned.chosen is not None
    exact = tuned.chosen.threshold
    for digits in range(2, 17):
        value = round(exact, digits)
        if tuned.found.at(value) == tuned.chosen.counts:
            return value
    return exact
