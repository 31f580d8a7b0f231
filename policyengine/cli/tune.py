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
from policyengine.analysis.labelled import MAX_BYTES, LabelError, Labelled, read_labelled
from policyengine.analysis.scoring import Question, Scorer, question, scores
from policyengine.analysis.sweep import Step, Sweep, sweep
from policyengine.analysis.writing import CannotWriteError, with_threshold
from policyengine.cli._bundles import bundles
from policyengine.cli._console import Refusal, complain, say, shown
from policyengine.cli._exits import Exit
from policyengine.cli._plots import as_png, in_terminal
from policyengine.cli._replacing import replace
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

Each line of the data is a text with a label: {"text": "...", "label": 1}, or a list
of names as label. The threshold that is proposed finds most while raising at most
the false alarms that you allow. Take texts that the guard was not made from, and
keep others for the tests: a threshold looks best on the texts that it was chosen on."""

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
    default=0.01,
    show_default=True,
    help="Highest rate of false positives.",
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
    max_false_positives: float,
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
        data = read_labelled(_bytes(data_path), shown(data_path))
    except (ValueError, LabelError) as error:
        raise Refusal(str(error)) from None
    tuned = _measured(asked, origin or asked.origin, data, labels, max_false_positives)
    if plot is not None:
        title = f"{asked.rule} ({asked.fact.provider}) on {data.name}"
        try:
            as_png(Path(plot), tuned.found, tuned.scored, tuned.chosen, title)
        except OSError as error:
            raise Refusal(f"`{shown(plot)}` cannot be written ({error.strerror})") from None
    if format == "json":
        say(json.dumps(_plain(tuned, max_false_positives), indent=2))
    else:
        say("\n".join(_told(tuned, max_false_positives)))
    if plot is not None:
        complain(f"plots written to {shown(plot)}")
    if write:
        _write(checked, tuned)
    return Exit.OK


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
    asked: Question, origin: str, data: Labelled, labels: Sequence[str], most: float
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
    return _Tuning(asked, origin, data, tuple(scored), failed, found, found.best(most))


def _unseen() -> bool:
    return not sys.stderr.isatty()


def _told(tuned: _Tuning, most: float) -> Iterator[str]:
    asked, found = tuned.asked, tuned.found
    yield f"{asked.policy}/{asked.rule}: {asked.fact.provider} at {asked.point}"
    yield (
        f"{line(tuned.data.name)}: {found.positives:,} texts to find, {found.negatives:,} harmless,"
        f" read as words of: {tuned.origin}"
    )
    if tuned.failed:
        yield f"{tuned.failed:,} texts could not be judged and count as matched"
    yield f"AUC {found.auc:.3f}"
    yield ""
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
        yield f"no threshold keeps false positives at or below {most:g}"
    yield ""
    yield from in_terminal(found)


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


def _plain(tuned: _Tuning, most: float) -> dict[str, Any]:
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
        "max_false_positives": most,
        "proposed": _step(tuned.chosen) if tuned.chosen else None,
        "steps": [_step(step) for step in tuned.found.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {"threshold": step.threshold, **step.counts.to_dict()}


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
    evidence = [
        f"{asked.parameter} {value:g} on {day} by {len(tuned.data.rows):,} texts,",
        f"{tuned.data.digest[:19]}: recall {counts.recall},",
        f"false positives {counts.false_positive_rate}",
    ]
    try:
        data = path.read_bytes()
        told = with_threshold(
            decode(str(path), data),
            asked.rule,
            asked.fact.provider,
            asked.parameter,
            value,
            evidence,
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
