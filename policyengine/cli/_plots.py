"""Plots of a sweep: as PNG with matplotlib, and in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from policyengine.analysis.sweep import Step, Sweep, calibration
from policyengine.cli._console import Refusal

_EXTRA = "install it with: pip install 'policyengine-gateway[tune]'"


def roc(found: Sweep) -> tuple[list[float], list[float]]:
    """False positive rates and recalls from no text found to all texts found."""
    alarms = [step.counts.false_positive_rate.value or 0.0 for step in found.steps]
    recalls = [step.counts.recall.value or 0.0 for step in found.steps]
    return [0.0, *alarms, 1.0], [0.0, *recalls, 1.0]


def in_terminal(found: Sweep) -> list[str]:
    """The ROC curve in characters, a line for each step of recall."""
    return bars(list(zip(*roc(found), strict=True)), "recall", "false positive rate")


def bars(
    pairs: Sequence[tuple[float, float]], above: str, below: str, width: int = 60, height: int = 12
) -> list[str]:
    """A rising curve in characters, from pairs of shares and with names for both."""
    highest = [0.0] * width
    before = 0.0
    for column in range(width):
        reached = [recall for alarms, recall in pairs if alarms <= (column + 1) / width]
        before = highest[column] = max([before, *reached])
    rows = []
    for row in range(height, 0, -1):
        filled = "".join("█" if value >= (row - 0.5) / height else " " for value in highest)
        label = f"{row / height:4.2f}" if row in (height, height // 2) else "    "
        rows.append(f"{label} │{filled}".rstrip())
    rows.append(f"   0 └{'─' * width}")
    rows.append(f"      0{below.center(width - 2)}1")
    return [above, *rows]


def as_png(
    path: Path, found: Sweep, scored: Sequence[tuple[float, bool]], chosen: Step | None, title: str
) -> None:
    """Three plots side by side: ROC, rates by threshold, calibration.

    Raises `Refusal` where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise Refusal("plots need matplotlib", _EXTRA) from None
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    alarms, recalls = roc(found)
    left.plot(alarms, recalls, color="tab:blue")
    left.plot([0, 1], [0, 1], color="lightgrey", linestyle="--")
    left.set(xlabel="false positive rate", ylabel="recall", xlim=(0, 1), ylim=(0, 1.01))
    left.set_title(f"ROC, AUC {found.auc:.3f}" if found.auc is not None else "ROC")
    thresholds = [step.threshold for step in found.steps]
    for name in ("recall", "precision", "false_positive_rate"):
        values = [getattr(step.counts, name).value for step in found.steps]
        middle.plot(thresholds, values, label=name.replace("_", " "))
    if chosen is not None:
        middle.axvline(chosen.threshold, color="grey", linestyle=":", label="chosen")
        point = chosen.counts
        left.plot([point.false_positive_rate.value or 0.0], [point.recall.value or 0.0], "o")
    middle.set(xlabel="threshold", ylim=(0, 1.01), title="Rates by threshold")
    middle.legend()
    bins = calibration(scored)
    right.plot([0, 1], [0, 1], color="lightgrey", linestyle="--")
    right.errorbar(
        [one.mean for one in bins],
        [one.right.value or 0.0 for one in bins],
        yerr=[
            [(one.right.value or 0.0) - one.right.interval[0] for one in bins],
            [one.right.interval[1] - (one.right.value or 0.0) for one in bins],
        ],
        fmt="o-",
        capsize=3,
    )
    right.set(xlabel="score", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.01))
    right.set_title("Calibration")
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png", dpi=110)
