"""`policyengine tune`: what it shows, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from policyengine.cli import main

BUNDLE = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: b
version: 1.0.0
defaults: {llm.request: allow}
"""
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p, owner: me}
on: [llm.request]
rules:
  - id: secret
    secrets: {kinds: [PASSWORD], min_score: 0.1}  # to be tuned
    deny: No.
  - id: word
    words: [x]
    deny: No.
"""
TEXTS = [
    ("password=Hunter2!x", 1),
    ("the password: abc12345", 1),
    ("password: letmein", 0),
    ("passwd = qwertz", 0),
    ("nothing here", 0),
    ("no secret at all", 0),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "bundle.yaml").write_text(BUNDLE)
    (folder / "p.yaml").write_text(POLICY)
    rows = [json.dumps({"text": text, "label": label}) for text, label in TEXTS]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    return folder


def run(bundle: Path, *arguments: str) -> Result:
    data = str(bundle.parent / "data.jsonl")
    return CliRunner().invoke(main, ["tune", str(bundle), "--data", data, *arguments])


def test_it_shows_the_sweep_and_proposes(bundle: Path) -> None:
    done = run(bundle, "--rule", "secret", "--max-false-positives", "0.0")
    assert done.exit_code == 0, done.output
    assert "2 texts to find, 4 harmless" in done.output
    assert "AUC 1.000" in done.output
    assert "0.7000     1.000 (0.342-1.000)   0.000 (0.000-0.490)" in done.output
    assert "<- proposed" in done.output
    assert "now 0.1: recall 1.000 (0.342-1.000), false positives 0.500" in done.output


def test_json_has_every_step(bundle: Path) -> None:
    done = run(bundle, "--rule", "p/secret", "--format", "json")
    told: dict[str, Any] = json.loads(done.stdout)
    assert (told["rule"], told["guard"], told["now"]) == ("p/secret", "secrets", 0.1)
    assert told["proposed"]["threshold"] == 0.7
    assert [step["threshold"] for step in told["steps"]] == [0.85, 0.7, 0.5]
    assert told["data"]["digest"].startswith("sha256:")


def test_it_writes_the_threshold_with_its_evidence(bundle: Path) -> None:
    done = run(bundle, "--rule", "secret", "--write")
    assert done.exit_code == 0, done.output
    text = (bundle / "p.yaml").read_text()
    assert "    secrets: {kinds: [PASSWORD], min_score: 0.7}  # to be tuned\n" in text
    assert "    # tuned: min_score 0.7 on " in text
    assert "recall 1.000 (0.342-1.000)," in text
    assert CliRunner().invoke(main, ["check", str(bundle)]).exit_code == 0
    again = run(bundle, "--rule", "secret", "--write")
    assert again.exit_code == 0
    assert (bundle / "p.yaml").read_text() == text


def test_it_plots(bundle: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = bundle.parent / "sweep.png"
    done = run(bundle, "--rule", "secret", "--plot", str(plot))
    assert done.exit_code == 0, done.output
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "secrets"], "the bundle has no rule `secrets`; did you mean `secret`?"),
        (["--rule", "word"], "no guard of `word` has a threshold; these rules have one: secret"),
        (["--rule", "secret", "--label", "x"], "no text has the label `x`"),
        (["--rule", "secret", "--parameter", "x"], "no guard of `secret` has a key `x`"),
    ],
)
def test_what_cannot_be_tuned(bundle: Path, arguments: list[str], message: str) -> None:
    done = run(bundle, *arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_texts_of_one_kind_choose_no_threshold(bundle: Path) -> None:
    (bundle.parent / "data.jsonl").write_text('{"text": "a", "label": 0}')
    done = run(bundle, "--rule", "secret")
    assert done.exit_code == 2
    assert "no text is looked for" in done.output


def test_a_line_that_is_wrong_is_named(bundle: Path) -> None:
    (bundle.parent / "data.jsonl").write_text('{"text": "a", "label": 0}\n{')
    done = run(bundle, "--rule", "secret")
    assert done.exit_code == 2
    assert "data.jsonl:2: this is not JSON" in done.output


def test_check_shows_what_lies_near_to_an_own_topic(bundle: Path) -> None:
    examples = ["which tea is best", "green tea or black tea", "how long do I brew tea"]
    topic = {"name": "tea", "examples": examples}
    rule = {"id": "tea", "topic": {"custom": topic}, "deny": "No tea."}
    (bundle / "p.yaml").write_text(POLICY + f"  - {json.dumps(rule)}\n")
    done = CliRunner().invoke(main, ["check", "--advice", str(bundle)])
    assert done.exit_code == 0, done.output
    assert "own topic `tea`: the nearest harmless texts" in done.output
    plain = CliRunner().invoke(main, ["check", str(bundle)])
    assert "own topic" not in plain.output


def test_line_ends_modes_and_links_stay(bundle: Path) -> None:
    real = bundle / "kept.txt"
    real.write_bytes(b"\xef\xbb\xbf" + POLICY.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    policy = bundle / "p.yaml"
    policy.unlink()
    policy.symlink_to(real)
    done = run(bundle, "--rule", "secret", "--write")
    assert done.exit_code == 0, done.output
    data = real.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\n") == data.count(b"\r\n") == POLICY.count("\n") + 3
    assert policy.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("clause", ["{min_score: 0.1}", "\r\n      min_score: 0.1", "all"])
def test_no_line_end_is_mixed(bundle: Path, clause: str) -> None:
    text = POLICY.replace("\n", "\r\n").replace("{kinds: [PASSWORD], min_score: 0.1}", clause)
    (bundle / "p.yaml").write_bytes(text.encode())
    done = run(bundle, "--rule", "secret", "--write")
    assert done.exit_code == 0, done.output
    data = (bundle / "p.yaml").read_bytes()
    assert b"min_score: 0.7" in data
    assert data.count(b"\n") == data.count(b"\r\n")


def test_a_write_that_fails_leaves_the_file_as_it_was(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    before = sorted((path.name, path.read_bytes()) for path in bundle.iterdir())
    done = run(bundle, "--rule", "secret", "--write")
    assert done.exit_code == 2
    assert "was not changed: No space left on device" in done.output
    assert sorted((path.name, path.read_bytes()) for path in bundle.iterdir()) == before


def test_policies_of_another_bundle_are_not_written(bundle: Path) -> None:
    top = bundle.parent / "top"
    top.mkdir()
    bundle.rename(top / "base")
    (top / "bundle.yaml").write_text(
        BUNDLE.replace("name: b", "name: top") + "extends: [{path: base}]\n"
    )
    done = run(top, "--rule", "secret", "--write")
    assert done.exit_code == 2
    assert "it belongs to a bundle that this one extends" in done.output
    assert (top / "base" / "p.yaml").read_text() == POLICY


def test_no_more_is_read_than_counts(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("policyengine.cli.tune", "policyengine.analysis.json_lines"):
        monkeypatch.setattr(f"{module}.MAX_BYTES", 50)
    done = run(bundle, "--rule", "secret")
    assert done.exit_code == 2
    assert "this is larger than" in done.output


@pytest.mark.parametrize("parameter", ["kinds", "allow"])
def test_only_numbers_and_levels_are_thresholds(bundle: Path, parameter: str) -> None:
    done = run(bundle, "--rule", "secret", "--parameter", parameter)
    assert done.exit_code == 2
    assert f"no guard of `secret` has a key `{parameter}`" in done.output


def test_plots_that_cannot_be_written_are_refused(bundle: Path) -> None:
    pytest.importorskip("matplotlib")
    (bundle.parent / "file").write_text("")
    done = run(bundle, "--rule", "secret", "--plot", str(bundle.parent / "file" / "x.png"))
    assert done.exit_code == 2
    assert "cannot be written" in done.output
