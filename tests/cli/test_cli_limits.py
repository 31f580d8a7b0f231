"""Verbs over limits: what they count, what they keep, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from policyengine.analysis.recorded import KEYS
from policyengine.cli._exits import Exit
from policyengine.cli._inputs import RECORDED as RECORDED_KEYS

POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: limits}
on: [llm.request]
rules:
  - id: two
    rate: {per: [subject.id], window: minute, requests: 2}
    deny: Slow down.
  - id: cheaper
    when: request.model == "large"
    route: economy
"""
TIERS = """\
models: {small: {}, large: {}, tiny: {context_tokens: 10}}
tiers:
  economy: {models: [tiny, small, large]}
"""
REQUEST = {"request": {"model": "large", "max_tokens": 50}, "subject": {"id": "sam"}}
CLOCK = ("--clock", "2026-01-15T12:00:00Z")


@pytest.fixture
def limited(run: Callable) -> str:
    """A bundle with a limit and tiers, and one, and three, inputs for it."""
    folder = Path("limited")
    (folder / "data").mkdir(parents=True)
    (folder / "bundle.yaml").write_text(
        "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: limited\nversion: 1.0.0\n"
        "defaults: {llm.request: allow}\n"
    )
    (folder / "limits.yaml").write_text(POLICY)
    (folder / "data" / "tiers.yaml").write_text(TIERS)
    Path("one.json").write_text(json.dumps(REQUEST))
    other = {**REQUEST, "subject": {"id": "ada"}}
    Path("other.json").write_text(json.dumps(other))
    Path("three.jsonl").write_text(3 * (json.dumps(REQUEST) + "\n"))
    return str(folder)


def asked(run: Callable, bundle: str, path: str, *more: str) -> tuple[int, str]:
    result = run("eval", bundle, "--point", "llm.request", "--input", path, *CLOCK, *more)
    return result.exit_code, result.stdout


def test_inputs_count_one_another(run: Callable, limited: str) -> None:
    code, told = asked(run, limited, "three.jsonl")
    assert code == Exit.DENIED
    assert [line.split()[0] for line in told.splitlines()[:3]] == ["allow", "allow", "deny"]
    assert "-> small" in told
    assert "room again in 1 min" in told
    # The store ends with the command.
    assert asked(run, limited, "one.json")[0] == Exit.OK


def test_the_same_command_says_the_same(run: Callable, limited: str) -> None:
    def stable(text: str) -> list[object]:
        return [{**d, "duration_ns": 0} for d in json.loads(text)["decisions"]]

    first, again = (asked(run, limited, "three.jsonl", "--format", "json")[1] for _ in range(2))
    assert stable(first) == stable(again)


def test_what_is_held_and_routed_is_shown(run: Callable, limited: str) -> None:
    code, told = asked(run, limited, "one.json")
    assert code == Exit.OK
    assert "1 of 2 requests  subject.id=sam, minute in UTC  (limits/two)" in told
    assert "route  economy: small, then large  (cheaper)" in told
    assert "not tiny: its context of 10 tokens is too small" in told


def test_a_store_is_asked_and_only_spent_from_when_told_to(run: Callable, limited: str) -> None:
    kept = ("--store", "sqlite:kept.db")
    for _ in range(2):
        code, told = asked(run, limited, "one.json", *kept, "--reserve")
        assert code == Exit.OK
        assert "reservation" in told
        for _ in range(3):
            again, told = asked(run, limited, "other.json", *kept)
            assert again == Exit.OK
            assert "held" not in told
    code, told = asked(run, limited, "one.json", *kept)
    assert code == Exit.DENIED
    assert "exceeded: 2 requests a minute for subject.id=sam: 0 used, 2 reserved, 1 asked" in told
    assert "resets 2026-01-15T12:01:00Z  (limits/two)" in told
    assert "room again in 1 min (retry after 60 s)" in told
    plain = json.loads(asked(run, limited, "one.json", *kept, "--format", "json")[1])
    assert plain["retry_after"] == 60
    explained = run(
        "explain", limited, "--point", "llm.request", "--input", "one.json", *CLOCK, *kept
    )
    assert "exceeded: 2 requests a minute" in explained.stdout
    # That a clause finds something is said once, and not as the CEL that it stands for.
    assert '\n    rate({"meter": "limits/two", ' in explained.stdout
    assert "size(" not in explained.stdout


@pytest.mark.parametrize("address", ["sqlite:typo.db", "typo.db", "sqlite:typo.db?durable=yes"])
@pytest.mark.parametrize("verb", ["eval", "explain"])
def test_asking_a_file_that_is_not_there_makes_none(
    run: Callable, limited: str, verb: str, address: str
) -> None:
    result = run(verb, limited, "--point", "llm.request", "--input", "one.json", "--store", address)
    assert result.exit_code == Exit.USAGE
    assert "there is no file `typo.db`" in result.stderr
    assert not Path("typo.db").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reserve",), "`--reserve` holds something in a store"),
        (("--store", "nonsense"), "there is no such store"),
        (("--store", "sqlite:"), "needs a path"),
        (("--store", ""), "`--store` is empty"),
        (("--store", "sqlite:no/such.db", "--reserve"), "there is no folder `no`"),
        (("--expr", "1 + 1", "--store", "memory"), "an expression asks no store"),
    ],
)
def test_what_makes_no_sense(
    run: Callable, limited: str, arguments: tuple[str, ...], message: str
) -> None:
    result = run("eval", limited, "--point", "llm.request", "--input", "one.json", *arguments)
    assert result.exit_code == Exit.USAGE
    assert message in result.stderr


RECORDED = {
    "time": "2026-01-15T12:00:00Z",
    "point": "llm.request",
    "input": REQUEST,
    "model_used": "large",
    "usage": {"input_tokens": 5},
}


def test_recorded_requests_are_decided_at_their_times(run: Callable, limited: str) -> None:
    times = ["2026-01-15T12:00:00Z"] * 3 + ["2026-01-15T12:01:00Z"]
    rows = [json.dumps({**RECORDED, "time": time}) for time in times]
    Path("recorded.jsonl").write_text("\n".join(rows))
    told = run("eval", limited, "--input", "recorded.jsonl")
    assert told.exit_code == Exit.DENIED
    verdicts = [line.split()[0] for line in told.stdout.splitlines()[:4]]
    assert verdicts == ["allow", "allow", "deny", "allow"]
    # A time of the command line is that of all.
    told = run("eval", limited, "--input", "recorded.jsonl", *CLOCK)
    verdicts = [line.split()[0] for line in told.stdout.splitlines()[:4]]
    assert verdicts == ["allow", "allow", "deny", "deny"]
    Path("recorded.json").write_text(rows[0])
    assert run("explain", limited, "--input", "recorded.json").exit_code == Exit.OK


@pytest.mark.parametrize("time", ["yesterday", 5, [], "2026-01-15"])
def test_a_recorded_time_that_is_none(run: Callable, limited: str, time: object) -> None:
    Path("recorded.json").write_text(json.dumps({**RECORDED, "time": time}))
    told = run("eval", limited, "--input", "recorded.json")
    assert told.exit_code == Exit.USAGE
    assert "recorded.json: `time` is not a time as in RFC 3339" in told.stderr


def test_rows_are_told_by_the_keys_that_an_analysis_reads() -> None:
    assert set(KEYS) == RECORDED_KEYS


def test_a_password_in_an_address_is_not_told(run: Callable, limited: str) -> None:
    result = run(
        "eval", limited, "--point", "llm.request", "--input", "one.json",
        "--store", "reddis://:hunter2@host:1/0",
    )  # fmt: skip
    assert result.exit_code == Exit.USAGE
    assert "hunter2" not in result.output
