"""Every example of the README and of the guides, run in the order in which a reader meets them.

`<!-- file: NAME -->` before a block writes that block to a file; a comment with more lines writes
those lines. In `console` blocks `$ ` begins a command and the lines below are its output, where
`...` stands for anything. In `python` blocks the comment after a `print` is what it prints.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

_PIECE = re.compile(
    r"^<!-- file: (?P<file>\S+)(?:\n(?P<hidden>.*?))?\s*-->$"
    r"|^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PIECES = list(_PIECE.finditer(README))
# The guides, and what has to be installed for their examples.
GUIDES = {
    "agents.md": "policyengine",
    "cel-policy.md": "policyengine",
    "limits.md": "policyengine",
    "models.md": "httpx",
    "protobuf.md": "google.protobuf",
    "redaction.md": "cryptography",
    "routing.md": "policyengine",
    "stores.md": "policyengine",
    "task.md": "policyengine",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the command `policyengine` on the path."""
    tools = tmp_path / "tools"
    tools.mkdir()
    command = tools / "policyengine"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m policyengine "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'ci'}")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def test_the_examples_do_what_they_say(place: Path) -> None:
    assert run(place, PIECES) >= 7


@pytest.mark.parametrize("guide", GUIDES)
def test_the_examples_of_guides_do_what_they_say(place: Path, guide: str) -> None:
    pytest.importorskip(GUIDES[guide])
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    assert run(place, list(_PIECE.finditer(text))) >= 1


def run(place: Path, pieces: list[re.Match[str]]) -> int:
    """Write the files, run the commands and the Python, and say how many ran."""
    names: dict[str, object] = {}
    target = None
    ran = 0
    for piece in pieces:
        if piece["file"]:
            target = piece["file"]
            if piece["hidden"]:
                write(place / target, piece["hidden"] + "\n")
                target = None
        elif target:
            write(place / target, piece["code"])
            target = None
        elif piece["language"] == "console":
            ran += run_console(place, piece["code"])
        elif piece["language"] == "python":
            run_python(piece["code"], names)
            ran += 1
    return ran


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def run_console(place: Path, code: str) -> int:
    status, ran = 0, 0
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        script = f"(exit {status}); {command}"
        done = subprocess.run(
            ["sh", "-c", script], cwd=place, capture_output=True, text=True, check=False
        )
        status = done.returncode
        ran += 1
        assert fits(expected, done.stdout + done.stderr), f"$ {command}\n{done.stdout}{done.stderr}"
    return ran


def fits(expected: str, actual: str) -> bool:
    """Whether the output is the expected one, line ends and `...` aside."""
    wanted = "\n".join(line.rstrip() for line in expected.strip().splitlines())
    found = "\n".join(line.rstrip() for line in actual.strip().splitlines())
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def run_python(code: str, names: dict[str, object]) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), names)
    expected = re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE)
    assert printed.getvalue().splitlines() == expected


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("a\nb\n", "a  \nb\n", True),
        ("a ... c", "a b\nb c", True),
        ("a\n...", "a\nb", True),
        ("a", "a\nb", False),
        ("a.c", "abc", False),
    ],
)
def test_outputs_are_compared_in_full(expected: str, actual: str, same: bool) -> None:
    assert fits(expected, actual) is same


def shell_lines() -> list[str]:
    return [
        line
        for piece in PIECES
        if piece["language"] == "sh"
        for line in piece["code"].splitlines()
        if line
    ]


def test_the_two_commands_come_first_and_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    first = shell_lines()[:2]
    assert [line.split("#")[0].strip() for line in first] == ["make run", "make test"]
    named = set(re.findall(r"`?make ([a-z]+)`?", README))
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {name for name in named if name not in targets} - {"and"} == set()


def test_the_name_to_install_is_the_name_of_the_distribution() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"pip install {project['name']}" in shell_lines()


def test_the_table_of_verbs_is_complete() -> None:
    # A verb that is a word of Python's has a file with `_` behind it.
    verbs = {path.stem.rstrip("_") for path in (ROOT / "policyengine" / "cli").glob("[a-z]*.py")}
    told = set(re.findall(r"^\| `(\w+)` \|", README.partition("| verb |")[2], re.MULTILINE))
    assert told == verbs


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert link.startswith("https://") or (ROOT / link).is_file(), link
