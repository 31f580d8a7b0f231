"""What a run shows by the size of a lease, as SVG: the same figures give the same file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from simulate import Figures

# Of Okabe and Ito's colours, which colour-blind people can tell apart.
_BLUE, _RED, _GREEN, _YELLOW = "#0072B2", "#D55E00", "#009E73", "#E69F00"
_Line = tuple[str, str, Callable[["Figures"], float]]
_PANELS: Sequence[tuple[str, Sequence[_Line]]] = (
    (
        "decided locally, % of requests",
        [("decided locally", _GREEN, lambda each: 100 * each.local)],
    ),
    (
        "store calls for 1,000 requests",
        [("store calls", _BLUE, lambda each: each.traffic)],
    ),
    (
        "% of requests",
        [("refused in error", _RED, lambda each: 100 * each.in_error)],
    ),
    (
        "% of the limit",
        [
            ("most overspend", _YELLOW, lambda each: 100 * _most(each)),
            ("room left at an error, mean", _RED, lambda each: 100 * each.stranded),
        ],
    ),
)


def _most(figures: Figures) -> float:
    return max((each[0] for each in figures.overspend.values()), default=0.0)


def draw(results: Sequence[Figures], path: Path) -> None:
    """Write the plot; the sizes stand side by side, whatever lies between them."""
    with mpl.rc_context({"svg.hashsalt": "policyengine", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 6), layout="constrained")
        names = [f"{100 * each.share:g} %" if each.share else "none" for each in results]
        for axes, (unit, lines) in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
            for name, colour, value in lines:
                axes.plot(
                    range(len(names)),
                    [value(each) for each in results],
                    label=name,
                    color=colour,
                    marker="o",
                    markersize=4,
                )
            axes.set_xticks(range(len(names)), names, fontsize="small")
            axes.set(ylabel=unit, xlabel="most of what is left in a lease")
            most = max(value(each) for each in results for _, _, value in lines)
            axes.set_ylim(0, 1.25 * most or 1)
            axes.grid(visible=True, axis="y", alpha=0.3)
            axes.legend(loc="best", frameon=False, fontsize="small")
        figure.savefig(
            path, metadata={"Date": None, "Creator": None} if path.suffix == ".svg" else None
        )
