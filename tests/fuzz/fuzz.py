"""`make fuzz`: random expressions through our three evaluators and the peer, for a set time.

Ends with 1 and the shrunk case when somebody disagrees for no reason that is known, with 0
otherwise. The same seed draws the same cases.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from celfuzz.compare import Case, Disagreement, disagreements  # noqa: E402
from celfuzz.encoding import encoded  # noqa: E402
from celfuzz.generate import OURS_ALONE, SHARED, VARIABLES, Generator  # noqa: E402
from celfuzz.peer import Peer, is_installed  # noqa: E402
from celfuzz.shrink import inputs_used, shrunk  # noqa: E402

_BATCH = 100
# Every so many batches one with the libraries that the peer does not have.
_ALONE_EVERY = 5


def batch(seed: int, number: int) -> tuple[list[Case], bool]:
    """The cases of one batch, and whether the peer can be asked."""
    # Not a tuple's hash: a seed must draw the same on every machine.
    random = Random(f"{seed}:{number}")
    alone = number % _ALONE_EVERY == _ALONE_EVERY - 1
    generator = Generator(random, (*SHARED, *OURS_ALONE) if alone else SHARED)
    inputs = [generator.bindings() for _ in range(5)]
    cases = [Case(generator.expression(), random.choice(inputs)) for _ in range(_BATCH)]
    return cases, not alone


def described(found: Disagreement) -> str:
    """A disagreement as the beginning of a file for `kept/`; its verdict is for a person."""
    return lines(
        {
            "expression": found.case.tree.text(),
            "inputs": {name: encoded(v) for name, v in inputs_used(found.case).items()},
            "expected": next(iter(found.ours.values())),
            "peer": found.peer,
            "right": "",
            "why": "",
            **({"ours": found.ours} if found.about == "our evaluators" else {}),
        }
    )


def lines(case: dict[str, Any]) -> str:
    """A kept case as text, one key a line."""
    rows = [f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in case.items()]
    return "{\n" + ",\n".join(rows) + "\n}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until the time is over, or something new is found."""
    options = _options(arguments)
    seen: dict[str, int] = {}
    found: list[Disagreement] = []
    done = 0
    started = shown = time.monotonic()
    ask = is_installed() and not options.alone
    if not ask:
        print("the peer is not asked; only our own evaluators are compared", flush=True)
    with Peer(VARIABLES) as peer:
        try:
            for number in count(options.first):
                cases, asked = batch(options.seed, number)
                found += disagreements(cases, peer if asked and ask else None, seen)
                done += len(cases)
                now = time.monotonic()
                if now - shown >= 5 or len(found) >= options.most:
                    shown = now
                    print(_progress(number, done, now - started, found), flush=True)
                if len(found) >= options.most or now - started >= options.seconds:
                    break
        except KeyboardInterrupt:
            print("stopped", flush=True)
        for name, times in sorted(seen.items()):
            print(f"{times:>9}  {name}")
        smallest = (shrunk(each, peer if ask and each.peer else None) for each in found)
        for text, each in {each.case.tree.text(): each for each in smallest}.items():
            print(f"disagreement ({each.about}): {text}")
            print(described(each), flush=True)
    return 1 if found else 0


def _progress(number: int, done: int, seconds: float, found: list[Disagreement]) -> str:
    rate = done / max(seconds, 0.001)
    return f"batch {number}: {done} expressions, {rate:.0f}/s, {len(found)} disagreements"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the batch to begin with")
    parser.add_argument("--most", type=int, default=1, help="stop after so many disagreements")
    parser.add_argument("--alone", action="store_true", help="do not ask the peer")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
