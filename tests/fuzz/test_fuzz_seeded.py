"""A short seeded run of `make fuzz`, and the cases that it found before."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from celfuzz.compare import Case, disagreements
from celfuzz.encoding import decoded, encoded
from celfuzz.generate import VARIABLES, Generator
from celfuzz.known import KNOWN
from celfuzz.ours import outcomes
from celfuzz.peer import Peer, is_installed
from celfuzz.shrink import shrunk
from celfuzz.tree import Node
from fuzz import batch, described

from policyengine.cel.types import BOOL, INT

KEPT = sorted(Path(__file__).with_name("kept").glob("*.json"))
RIGHT = {"ours", "peer", "unspecified"}


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_kept_cases_keep_their_answer(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    assert case["right"] in RIGHT
    assert case["why"]
    inputs = {name: decoded(value) for name, value in case["inputs"].items()}
    for engine, outcome in outcomes(case["expression"], inputs).items():
        assert list(outcome) == case["expected"], engine


@pytest.mark.parametrize("number", [0, 1, 4])
def test_our_evaluators_agree(number: int) -> None:
    cases, _ = batch(20, number)
    found = disagreements(cases, None, {})
    assert not found, described(found[0])


@pytest.mark.skipif(not is_installed(), reason="cel-expr-python has no wheel for this machine")
def test_the_peer_agrees_but_for_known_reasons() -> None:
    seen: dict[str, int] = {}
    with Peer(VARIABLES) as peer:
        for number in (0, 1, 2):
            found = disagreements(batch(20, number)[0], peer, seen)
            assert not found, described(found[0])
    assert seen["value"] > 200


@pytest.mark.skipif(not is_installed(), reason="cel-expr-python has no wheel for this machine")
def test_a_peer_that_dies_is_started_again() -> None:
    with Peer(VARIABLES) as peer:
        assert peer.answer("n", {"n": 1}) == ("value", ["int", "1"])
        assert peer._process is not None
        peer._process.kill()
        assert peer.answer("n", {"n": 1}) == ("died", "")
        assert peer.answer("n", {"n": 2}) == ("value", ["int", "2"])
        assert peer.answer("[[null], [null]]", {})[1] == ["list", *[["list", ["null"]]] * 2]
        assert peer.deaths == 1


def test_a_seed_draws_the_same_again() -> None:
    first, again = (batch(7, 3)[0] for _ in range(2))
    assert [case.tree.text() for case in first] == [case.tree.text() for case in again]


def test_drawn_inputs_survive_a_file() -> None:
    inputs = Generator(Random(1)).bindings()
    written = {name: encoded(value) for name, value in inputs.items()}
    assert {n: encoded(decoded(json.loads(json.dumps(v)))) for n, v in written.items()} == written


def test_a_disagreement_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluator that is wrong about `7` is found out with nothing but a 7."""

    def wrong(text: str, inputs: dict[str, object]) -> dict[str, tuple[str, object]]:
        return {"one": ("value", 1), "other": ("value", 7 if "7" in text else 1)}

    monkeypatch.setattr("celfuzz.compare.outcomes", wrong)
    seven = Node(("7",), INT)
    sum_ = Node(("(", Node(("n",), INT), " + ", seven, ")"), INT)
    tree = Node(("[", Node(("(", sum_, " > ", Node(("2",), INT), ")"), BOOL), "]"), BOOL)
    case = Case(tree, {"n": 12, "text": "abc"})
    (found,) = disagreements([case], None, {})
    smallest = shrunk(found, None)
    assert smallest.case.tree.text() == "(7 > 0)"
    assert smallest.case.inputs == {}


def test_known_differences_have_reasons() -> None:
    assert len({difference.name for difference in KNOWN}) == len(KNOWN)
    assert all(difference.reason.endswith(".") for difference in KNOWN)
