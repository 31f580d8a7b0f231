"""The time of a decision by the number of rules, ours and others', both axes logarithmic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from bundles import BY_HAND, TABLES
from harness import OURS, Race
from matplotlib.figure import Figure
from report import best

# Okabe and Ito's colours, which colour-blind people can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#000000")


def draw(races: Sequence[Race], path: Path) -> None:
    """Write the plot as SVG; the same figures give the same file."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for race in races:
        if race.size is not None:
            for name, median in best(race).items():
                lines.setdefault(name, []).append((race.size, median / 1000))
    if not lines:
        return
    with mpl.rc_context({"svg.hashsalt": "policyengine", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot()
        ordered = sorted(lines, key=lambda name: -lines[name][-1][1])
        for name, colour in zip(ordered, _COLOURS * 2, strict=False):
            xs, ys = zip(*lines[name], strict=True)
            by_hand = name.startswith("hand-written")
            axes.plot(
                xs,
                ys,
                label=name,
                color="#7F7F7F" if by_hand else colour,
                linestyle={BY_HAND: ":", TABLES: "--"}.get(name, "-"),
                marker="o",
                markersize=4,
                linewidth=3 if name == OURS else 1.5,
            )
        axes.set(xscale="log", yscale="log", xlabel="rules", ylabel="microseconds a decision")
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize="small")
        figure.savefig(path, metadata={"Date": None, "Creator": None})
