"""`policyengine import prices`: what is taken over, what is not, and what stays untouched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import policyengine
from policyengine.charges import Usage
from policyengine.cli._exits import Exit
from policyengine.compat.litellm_prices import MAX_BYTES, read_prices
from policyengine.prices import PriceBook, normal, problems

FILE: dict[str, Any] = {
    "sample_spec": {"input_cost_per_token": "0.0", "mode": "one of: chat, embedding"},
    "acme/small": {
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "input_cost_per_token_priority": 3e-07,
        "max_input_tokens": 128000.0,
        "max_output_tokens": 16384,
        "max_tokens": 16384,
        "litellm_provider": "acme",
        "mode": "chat",
        "supports_vision": True,
        "supports_reasoning": "yes",
        "source": "https://example.com/prices",
    },
    "acme/large": {
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "input_cost_per_token_above_200k_tokens": 6e-06,
    },
    "tiered": {
        "tiered_pricing": [
            {"range": [0, 256000.0], "input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07},
            {"range": [256000.0, 1e6], "input_cost_per_token": 2.5e-07},
            {"range": [1000.5, 2000]},
            "junk",
        ]
    },
    "painter": {"output_cost_per_image": 0.04, "mode": "image_generation"},
    "free": {"input_cost_per_token": 0, "output_cost_per_token": 0},
    "film": {"output_cost_per_second": 0.1, "mode": "video_generation"},
    "negative": {"input_cost_per_token": -1e-06},
    "text": {"input_cost_per_token": "1e-06"},
    "dear": {"input_cost_per_token": 30},
    "late": {"input_cost_per_token_above_200k_tokens": 1e-06},
    "no-object": 7,
    "bad\nname\x1b[31m": {"input_cost_per_token": 1e-06},
    "n" * 300: {"input_cost_per_token": 1e-06},
}
TAKEN = {"acme/small", "acme/large", "tiered", "painter", "free"}


@pytest.fixture
def file(run: Callable[..., Any]) -> Path:
    """The file in the empty folder in which the command runs."""
    path = Path("litellm.json")
    path.write_text(json.dumps(FILE))
    return path


def test_what_is_taken_over(run: Callable[..., Any], file: Path) -> None:
    result = run("import", "prices", "--from", "litellm.json", "--to", "data/prices.json")
    assert result.exit_code == Exit.OK, result.output
    book = json.loads(Path("data/prices.json").read_text())
    assert list(problems(normal(book))) == []
    assert book["models"].keys() == TAKEN
    assert book["models"]["acme/small"] == {
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "max_input_tokens": 128_000,
        "max_output_tokens": 16_384,
        "litellm_provider": "acme",
        "mode": "chat",
        "supports_vision": True,
    }
    assert "valid_until" not in book
    assert book["source"].startswith("litellm.json, sha256:")
    prices = PriceBook.of(normal({**book, "valid_from": "2026-01-01"}))
    assert prices.cost("tiered", Usage(256_000, 0), 1.8e9) == 12_800
    assert prices.cost("tiered", Usage(256_001, 10), 1.8e9) == 64_001 + 4
    assert prices.cost("free", Usage(256_001, 10), 1.8e9) == 0


def test_what_is_told(run: Callable[..., Any], file: Path) -> None:
    output = run("import", "prices", "--from", "litellm.json", "--to", "p.json").output
    assert "wrote p.json: 5 new" in output
    assert "skipped 1, no price for tokens or pictures: film" in output
    assert "`input_cost_per_token` must be a number from 0 to 1: dear, negative" in output
    assert "`input_cost_per_token` is no number: text" in output
    assert "no price from the first token on: late" in output
    assert "its name is no name: bad?name?[31m" in output
    assert (
        "prices that are not counted, and in how many models: input_cost_per_token_prio" in output
    )
    assert "\x1b" not in output
    result = run("import", "prices", "--from", "litellm.json", "--to", "q.json", "--format", "json")
    told = json.loads(result.output)
    assert told["models"] == len(TAKEN)
    assert set(told["new"]) == TAKEN
    assert told["uncounted"] == {"input_cost_per_token_priority": 1}
    assert len(told["skipped"]) == len(FILE) - 1 - len(TAKEN)


def test_globs_and_dates(run: Callable[..., Any], file: Path) -> None:
    command = ("import", "prices", "--from", "litellm.json", "--to", "p.json")
    dates = ("--valid-from", "2026-02-01", "--valid-until", "2026-06-30")
    assert run(*command, "--models", "acme/*", "--models", "free", *dates).exit_code == Exit.OK
    book = json.loads(Path("p.json").read_text())
    assert book["models"].keys() == {"acme/small", "acme/large", "free"}
    assert (book["valid_from"], book["valid_until"]) == ("2026-02-01", "2026-06-30")
    result = run(*command, "--update", "--models", "ACME/*")
    assert result.exit_code == Exit.USAGE
    assert "no model that can be taken" in result.output


def test_an_update_changes_what_is_new_and_keeps_the_rest(
    run: Callable[..., Any], file: Path
) -> None:
    target = Path("p.json")
    before = {
        "currency": "USD",
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
        "source": "the contract",
        "aliases": {"ours": "house"},
        "models": {
            "house": {"input_cost_per_token": 1e-06, "output_cost_per_token": 1e-06},
            "free": {"input_cost_per_token": 1e-06},
            "painter": {"mode": "image_generation", "output_cost_per_image": 0.04},
        },
    }
    target.write_text(json.dumps(before))
    target.chmod(0o640)
    command = ("import", "prices", "--from", "litellm.json", "--to", "p.json")
    result = run(*command)
    assert result.exit_code == Exit.USAGE
    assert "exists" in result.output
    assert json.loads(target.read_text()) == before
    result = run(*command, "--update")
    assert "3 new, 1 changed, 1 the same, 1 kept" in result.output
    book = json.loads(target.read_text())
    assert book["models"].keys() == TAKEN | {"house"}
    assert book["models"]["free"]["input_cost_per_token"] == 0
    assert book["aliases"] == {"ours": "house"}
    assert (book["valid_from"], book["valid_until"]) == ("2026-01-01", "2026-12-31")
    assert book["source"].endswith("; the contract")
    assert target.stat().st_mode & 0o777 == 0o640
    text = target.read_text()
    assert run(*command, "--update").exit_code == Exit.OK
    assert target.read_text() == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "is no price book"),
        ('{"models": []}', "is no price book"),
        ("[" * 100_000, "is not JSON"),
        ('{"models": {"m": {"input_cost_per_token": -1}}}', "must be at least 0"),
        ('{"models": {}, "valid_from": "2026-02-30"}', "valid_from: there is no such day"),
        ('{"models": {}, "colour": 1}', "`colour` is not a key"),
        ('{"models": {}, "aliases": {"a": "nobody"}}', "aliases.a: there is no model"),
    ],
)
def test_a_book_that_cannot_be_updated_stays_as_it_is(
    run: Callable[..., Any], file: Path, text: str, told: str
) -> None:
    Path("p.json").write_text(text)
    result = run("import", "prices", "--from", "litellm.json", "--to", "p.json", "--update")
    assert result.exit_code in (Exit.USAGE, Exit.INVALID_POLICY)
    assert told in result.output
    assert Path("p.json").read_text() == text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "no object of models"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"m": {"input_cost_per_token": NaN}}', "no number of JSON"),
        (b'{"m": {"input_cost_per_token": -Infinity}}', "no number of JSON"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b" " * (MAX_BYTES + 1), "larger than 32 MiB"),
        (b'{"m": {"input_cost_per_token": ' + b"9" * 5000 + b"}}", "number that is too long"),
        (json.dumps(dict.fromkeys(range(50_001), 0)).encode(), "more than 50,000 models"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_hostile_files(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_prices(data)


def test_a_hostile_file_leaves_nothing_behind(run: Callable[..., Any]) -> None:
    Path("hostile.json").write_bytes(b'{"secret": [')
    result = run("import", "prices", "--from", "hostile.json", "--to", "data/prices.json")
    assert result.exit_code == Exit.USAGE
    assert "secret" not in result.output
    assert not Path("data").exists()
    result = run("import", "prices", "--from", "missing.json", "--to", "data/prices.json")
    assert result.exit_code == Exit.USAGE
    assert "missing.json" in result.output


def test_a_bundle_takes_the_book(run: Callable[..., Any], file: Path, bundle: Path) -> None:
    target = str(bundle / "data" / "prices.json")
    assert run("import", "prices", "--from", "litellm.json", "--to", target).exit_code == Exit.OK
    assert run("check", "b").exit_code == Exit.OK
    assert "acme/small" in policyengine.load(bundle).data["prices"]["models"]
