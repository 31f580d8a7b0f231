"""Changes whose author would like them to land. None of them does without somebody's approval."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from policyengine_ci import GateReport, gate
from policyengine_ci.text import safe, text

SHOP = Path(__file__).parent / "shop" / "policy"
POLICY = (SHOP / "security.yaml").read_text("utf-8")
LOGIN = "def login(): ...\n" * 20


def judged(repository: Any, **options: Any) -> GateReport:
    return gate(repository.path, "main", "work", **options)


def scanned(report: GateReport) -> bool:
    return any(trigger.agent == "security-scan" and trigger.required for trigger in report.triggers)


ON_THE_JUDGE = {
    "edit-workflow": {".github/workflows/ci.yml": "on: pull_request_target\n"},
    "remove-workflow": {".github/workflows/ci.yml": None},
    "move-workflow": {".github/workflows/ci.yml": None, "docs/ci.md": "on: push\n"},
    "new-workflow": {".github/workflows/x/y.yml": "on: push\n"},
    "composite-action": {".github/actions/a/action.yml": "runs: {}\n"},
    "other-case": {".GitHub/Workflows/ci.yml": "on: push\n"},
    "owners": {"CODEOWNERS": "* @mallory\n"},
    "owners-first": {".github/CODEOWNERS": "* @mallory\n"},
    "owners-docs": {"docs/CODEOWNERS": "* @mallory\n"},
    "link-to-workflows": {"x": ("link", ".github/workflows")},
    "link-to-workflow-file": {"docs/a.md": ("link", "../.github/workflows/ci.yml")},
    "link-to-folder-above": {"x": ("link", ".github")},
    "link-to-root": {"x": ("link", ".")},
    "link-through-link": {"a": ("link", "b"), "b": ("link", "policy/security.yaml")},
    "folder-becomes-link": {
        ".github/workflows/ci.yml": None,
        ".github": ("link", "src"),
    },
    "folder-becomes-submodule": {
        ".github/workflows/ci.yml": None,
        ".github": ("submodule", "1" * 40),
    },
    "policy-tests": {"policy/tests/new.txt": "x"},
    "policy-file-mode": {"policy/security.yaml": ("executable", POLICY)},
    "second-bundle": {
        "evil/bundle.yaml": (SHOP / "bundle.yaml").read_text("utf-8"),
        "evil/security.yaml": POLICY,
        "evil/tests/s.yaml": (SHOP / "tests" / "security.yaml").read_text("utf-8"),
    },
}


@pytest.mark.parametrize("attack", ON_THE_JUDGE)
def test_who_changes_the_judge_needs_approval(shop, attack: str) -> None:
    report = judged(shop(ON_THE_JUDGE[attack]), approvals=["mallory"])
    assert report.outcome == "approval-missing"
    assert report.exit_code == 7
    assert report.protected
    assert any(rule.rule == "protected-files" for rule in report.judgement.rules)


def test_the_built_in_rule_stays_when_the_policy_allows_everything(shop) -> None:
    lax = POLICY.split("rules:")[0] + "rules:\n  - {id: all, when: 'true', allow: true}\n"
    base = {**shop.files, "policy/security.yaml": lax}
    report = judged(shop({"CODEOWNERS": "* @mallory\n"}, base))
    assert (report.outcome, report.verdict) == ("approval-missing", "require_approval")


MOVES = {
    "to-docs": {"src/auth/login.py": None, "docs/auth.md": LOGIN},
    "to-docs-and-edit": {"src/auth/login.py": None, "docs/auth.md": LOGIN + "more\n"},
    "delete": {"src/auth/login.py": None},
    "becomes-link": {"src/auth/login.py": ("link", "../../docs/a")},
    "becomes-submodule": {"src/auth/login.py": None, "src/auth": ("submodule", "1" * 40)},
    "executable": {"src/auth/login.py": ("executable", LOGIN)},
    "link-to-it": {"docs/a.py": ("link", "../src/auth/login.py")},
    "link-chain": {"docs/a.py": ("link", "b"), "docs/b": ("link", "../src/auth/login.py")},
    "binary": {"src/auth/login.py": b"\0\1\2"},
    "not-utf8": {b"src/auth/\xff\xfe.py": "x"},
    "among-many": {**{f"docs/{i}.txt": f"{i}\n" for i in range(3_200)}, "src/auth/z.py": "x"},
    "attributes": {".gitattributes": "* linguist-generated binary -diff\n", "src/auth/a.py": "x"},
    "attributes-beside": {"src/auth/.gitattributes": "* -diff\n", "src/auth/a.py": "x"},
}


@pytest.mark.parametrize("attack", MOVES)
def test_no_way_around_the_scan(shop, attack: str) -> None:
    assert scanned(judged(shop(MOVES[attack])))


def test_a_submodule_in_the_place_of_a_folder_is_seen_by_folder_patterns(shop) -> None:
    rule = POLICY.replace('["**/auth/**"], not: ["**/*.md"]', '["auth/"]')
    base = {**shop.files, "policy/security.yaml": rule}
    assert scanned(judged(shop(MOVES["becomes-submodule"], base)))


def test_attributes_of_the_change_call_nothing_generated(shop) -> None:
    change = {".gitattributes": "* linguist-generated\n", "src/cart.py": "x\n"}
    assert not judged(shop(change)).judgement.tags


HOSTILE = [
    "a\n::error::pwned",
    "::set-output name=x::y",
    "##[command]x",
    "%0A::error::x",
    "${{ github.token }}",
    "`touch x`",
    "$(touch x)",
    "@team",
    "-rf",
    "--help",
    "\x1b[2J\x1b[31mALLOWED",
    "\u202egnp.exe",
    "a\rALLOWED",
    "```\n# ALLOWED",
    "<img src=x>",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_judged_and_shown_on_one_line(shop, name: str) -> None:
    repository = shop({f"src/auth/{name}/x.py": "x", f"{name}.py": "x"})
    report = judged(repository)
    assert scanned(report)
    assert f"{name}.py" in report.unseen
    shown = text(report)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert "##[" not in shown
    assert not any(line.lstrip().startswith("::") for line in shown.split("\n"))
    assert "ALLOWED" not in [line.strip() for line in shown.split("\n")]


def test_hostile_titles_and_authors(shop) -> None:
    repository = shop({"src/cart.py": "x"})
    repository.commit(
        "work", {"b": "x"}, author="\x1b[2JEve", message="::stop\x07 \x1b]0;x ##[group]"
    )
    shown = text(judged(repository))
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert "##[" not in shown


@pytest.mark.parametrize("value", ["::error::x", "  ::error::x", "a\n::x", "##[error]", "\u2028"])
def test_safe_text_commands_no_runner(value: str) -> None:
    shown = safe(value)
    assert shown.isprintable()
    assert "##[" not in shown
    assert not shown.lstrip().startswith("::")


@pytest.mark.parametrize(
    "ref", ["--upload-pack=touch x", "-x", "main\n", "", "nowhere", "main:src"]
)
def test_hostile_refs_are_not_judged(shop, ref: str) -> None:
    repository = shop({"src/cart.py": "x"})
    for base, head in ((ref, "work"), ("main", ref)):
        report = gate(repository.path, base, head)
        assert (report.outcome, report.exit_code) == ("not-evaluated", 2)


def test_a_shallow_clone_is_not_judged(shop, tmp_path: Path) -> None:
    repository = shop({"src/cart.py": "x"})
    repository.commit("work", {"src/cart.py": "y"})
    repository.commit("main", {"z": "1"})
    clone = tmp_path / "clone"
    repository.git(
        "clone", "-q", "--depth=1", "--no-single-branch", f"file://{repository.path}", str(clone)
    )
    report = gate(clone, "origin/main", "origin/work", approvals=["ada"])
    assert (report.outcome, report.exit_code) == ("not-evaluated", 2)
    assert "fetch-depth: 0" in text(report)


def test_a_clone_without_the_base_is_not_judged(shop, tmp_path: Path) -> None:
    repository = shop({"src/cart.py": "x"})
    clone = tmp_path / "clone"
    repository.git(
        "clone", "-q", "--single-branch", "-b", "work", f"file://{repository.path}", str(clone)
    )
    report = gate(clone, "origin/main", "origin/work")
    assert (report.outcome, report.exit_code) == ("not-evaluated", 2)
    assert "fetch" in report.problems[0].help


def test_a_policy_too_large_to_read_is_not_judged(shop) -> None:
    report = judged(shop({"policy/data/big.json": b" " * (65 * 1024 * 1024)}), approvals=["ada"])
    assert report.outcome != "allowed"
    assert report.exit_code != 0


def test_nothing_of_the_repository_is_executed(shop, tmp_path: Path) -> None:
    repository = shop(
        {
            ".gitattributes": "* diff=evil filter=evil\n",
            "conftest.py": "raise SystemExit",
            "policyengine/__init__.py": "raise SystemExit",
            "policy/tests/conftest.py": "raise SystemExit",
            "policy/evil.py": "raise SystemExit",
            "src/auth/login.py": "y\n",
        }
    )
    mark, script = tmp_path / "mark", tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    keys = ("diff.external", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor",
            "filter.evil.smudge", "core.sshCommand", "gpg.program")  # fmt: skip
    for key in keys:
        repository.git("config", key, str(script))
    report = judged(repository)
    assert report.outcome == "approval-missing"
    assert scanned(report)
    assert not mark.exists()


def test_git_that_fails_is_not_judged(shop, monkeypatch) -> None:
    repository = shop({"src/cart.py": "x"})
    run = subprocess.run

    def broken(command: list[str], **options: Any) -> Any:
        done = run(command, **options)
        if "diff-tree" in command:
            done.returncode = 128
        return done

    monkeypatch.setattr(subprocess, "run", broken)
    report = judged(repository, approvals=["ada"])
    assert (report.outcome, report.exit_code) == ("not-evaluated", 1)
