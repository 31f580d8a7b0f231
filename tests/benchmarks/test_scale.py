"""The simulation of many gateways is repeatable, and checks sums and bounds as it runs."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "benchmarks" / "scale"


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scale_{name}", PLACE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def simulate() -> Iterator[Any]:
    yield _module("simulate")
    del sys.modules["scale_simulate"]


@pytest.fixture(scope="module")
def small(simulate: Any) -> Any:
    return replace(
        simulate.QUICK,
        gateways=8,
        users=2_000,
        tenants=2,
        teams=2,
        requests=2_000,
        rate=40.0,
        lost=0.5,
    )


@pytest.fixture(scope="module")
def figures(simulate: Any, small: Any) -> dict[float, Any]:
    return {share: simulate.simulated(small, share) for share in (0.0, 0.01, 0.1)}


def test_equal_seeds_give_equal_figures(simulate: Any, small: Any, figures: Any) -> None:
    assert simulate.simulated(small, 0.01) == figures[0.01]
    assert simulate.simulated(replace(small, seed=2), 0.01) != figures[0.01]


def test_without_leases_the_store_decides_on_everything(figures: Any) -> None:
    without = figures[0.0]
    assert set(without.operations) == {"reserve", "settle"}
    assert without.trips == (1, 1, 1)
    # Refusals that are remembered take no trip; all else takes one.
    assert without.local < without.refused


def test_leases_decide_locally_and_both_allow_much_the_same(figures: Any) -> None:
    for share in (0.01, 0.1):
        assert figures[share].local > 0.3
        assert figures[share].operations["take"] > 0
        assert abs(figures[share].refused - figures[0.0].refused) < 0.05
        assert figures[share].in_error <= figures[share].refused


def test_more_than_is_stated_is_noticed(simulate: Any, small: Any) -> None:
    made = simulate.load(small)
    run = simulate.Run(small, 0.01, made)
    key = next(iter(made.limits))
    run.trips[0] = 1
    run.spent[key] = made.limits[key] + 1
    with pytest.raises(AssertionError, match=key):
        run.figures(small)


def test_the_page_and_the_plot_show_every_run(
    simulate: Any, small: Any, figures: Any, tmp_path: Path
) -> None:
    page = _module("page")
    written = page.text(small, list(figures.values()), {"other": figures[0.01]}, "- Choose.")
    assert [written.count(f"| {share} |") for share in ("0.0%", "1.0%", "10.0%")] == [1, 1, 1]
    assert "| gateways | 8 |" in written
    assert page.line(figures[0.01], 1.0).startswith("1.0% |")
    pytest.importorskip("matplotlib", reason="comes with `make bench`")
    plot = _module("plot")
    for name in ("a.svg", "b.svg"):
        plot.draw(list(figures.values()), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"refused in error" in (tmp_path / "a.svg").read_bytes()


def test_the_documentation_is_of_this_world(simulate: Any) -> None:
    shown = (ROOT / "docs" / "scale.md").read_text()
    page = _module("page")
    world = page.text(simulate.World(), [], {}, "").partition("## The world that is simulated")[2]
    assert world in shown
