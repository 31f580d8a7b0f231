"""`repl`: lines from a pipe, commands, continued lines, completion and the history's file."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from policyengine.cli._completion import completions
from policyengine.cli._exits import Exit
from policyengine.cli._history import (
    MAX_LINES,
    history_file,
    is_kept,
    read_history,
    write_history,
)
from policyengine.cli._session import NAMES, Session
from policyengine.cli._trial import Trial, trial_of


@pytest.mark.parametrize(
    ("typed", "answers"),
    [
        ("1 + 2\n", ["3"]),
        ("1 + 2", ["3"]),
        ("\n\n// a comment\n'a'\n", ['"a"']),
        ("[1,\n 2,\n 3].map(x, x * 2)\n", ["[2, 4, 6]"]),
        ("'abc'.\nsize()\n", ["3"]),
        ("'''a\nb'''\n", ['"a\\nb"']),
        ("1 \\\n + 1\n", ["2"]),
        (":type [1, 2]\n", ["list(int)"]),
        (":let n = 4\nn * 2\n", ["4", "8"]),
        (":let n = 4\n:let n = n + 1\nn\n", ["4", "5", "5"]),
        (":quit\n1\n", []),
        (":point llm.request\n:type request.model\n", None),
    ],
)
def test_answers(run: Callable, typed: str, answers: list[str] | None) -> None:
    result = run("repl", input=typed)
    assert (result.stderr, result.exit_code) == ("", Exit.OK)
    if answers is None:
        assert result.stdout.splitlines()[-1] == "string"
    else:
        assert result.stdout.splitlines() == answers


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("foo + 1", "error[undeclared-reference]: `foo` is not declared"),
        ("1/0", "error[divide-by-zero]"),
        ("(1 +", "found the end"),
        ("(1 +\n\n7", "found the end"),
        (":nope", "there is no command `:nope`"),
        (":type", "`:type` takes EXPR"),
        (":let x", "takes a name"),
        (":let 1 = 2", "takes a name"),
        (":let x = ", "takes a name"),
        (":load missing.json", "does not exist"),
        (":point nope", "there is no decision point"),
        (":type foo", "1 | foo"),
        ("'\x1b[31m' + 1", "\\x1b"),
    ],
)
def test_what_is_wrong_is_said_and_the_session_goes_on(
    run: Callable, typed: str, told: str
) -> None:
    result = run("repl", input=f"{typed}\n\n'still' + ' here'\n")
    assert told in result.stderr
    assert result.stdout.splitlines()[-1] == '"still here"'
    assert result.exit_code == Exit.USAGE


def test_help_lists_every_command(run: Callable) -> None:
    text = run("repl", input=":help\n").stdout
    assert all(name in text for name in NAMES)


def test_time_tells_how_long(run: Callable) -> None:
    assert "each, over" in run("repl", input=":time 1 + 1\n").stdout


def test_inputs_and_variables(run: Callable) -> None:
    Path("r.json").write_text(json.dumps({"request": {"model": "gpt-5", "messages": []}}))
    typed = "request.model\n:vars\n:load r.json\nrequest.model\n"
    result = run("repl", "--var", "n=1", "--point", "llm.request", input=typed)
    assert "error[no-such-variable]" in result.stderr
    assert "n: dyn = 1" in result.stdout
    assert "request: llm.request.request, absent" in result.stdout
    assert result.stdout.splitlines()[-2:] == ["the input has request", '"gpt-5"']


class _Typed:
    """Lines as a person types them; an exception stands for a key such as Ctrl-C."""

    interactive = True

    def __init__(self, *lines: str | type[BaseException]) -> None:
        self._lines = iter(lines)
        self.prompts: list[str] = []

    def read(self, prompt: str) -> str:
        self.prompts.append(prompt)
        line = next(self._lines)
        if isinstance(line, str):
            return line
        raise line


def test_interrupting_keeps_the_session(capsys: pytest.CaptureFixture[str]) -> None:
    typed = _Typed("[1,", KeyboardInterrupt, "1 + 1", EOFError)
    session = Session(Trial(), lambda trial, path: None, lambda name: Trial())
    session.run(typed)
    assert capsys.readouterr().out.split() == ["2"]
    assert typed.prompts == ["cel> ", "...> ", "cel> ", "cel> "]


def test_an_empty_line_ends_an_open_expression(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(Trial(), lambda trial, path: None, lambda name: Trial())
    session.run(_Typed("[1,", "2", "", "3", EOFError))
    captured = capsys.readouterr()
    assert "found the end" in captured.err
    assert captured.out.split() == ["3"]


AT_POINT = trial_of(None, "llm.request")
LOOSE = Trial()
LOOSE.load({"user": {"name": "x", "not a name": 1}})


@pytest.mark.parametrize(
    ("trial", "line", "has", "lacks"),
    [
        (AT_POINT, "req", {"request"}, {"session"}),
        (AT_POINT, "1 + request.mo", {"request.model"}, {"request.messages"}),
        (AT_POINT, "size(request.m", {"request.model", "request.messages"}, {"request"}),
        (AT_POINT, "request.model.st", {"request.model.startsWith("}, {"request.model.size("}),
        (AT_POINT, "request.messages.ex", {"request.messages.exists("}, set()),
        (AT_POINT, "now.getH", {"now.getHours("}, set()),
        (AT_POINT, "siz", {"size("}, {"session"}),
        (AT_POINT, "mat", {"math."}, set()),
        (AT_POINT, "math.gr", {"math.greatest("}, {"math.least("}),
        (AT_POINT, "ha", {"has("}, set()),
        (AT_POINT, "nothing.", set(), {"nothing.size("}),
        (AT_POINT, "request.model.x.", set(), {"request.model.x.size("}),
        (LOOSE, "us", {"user"}, set()),
        (LOOSE, "user.", {"user.name", "user.all(", "user.contains("}, {"user.not a name"}),
        (AT_POINT, ":t", {":type", ":time"}, {":help"}),
        (AT_POINT, ":type req", {"request"}, {":type"}),
    ],
)
def test_completion(trial: Trial, line: str, has: set[str], lacks: set[str]) -> None:
    found = completions(trial, line, NAMES)
    assert has <= set(found)
    assert not lacks & set(found)
    assert found == sorted(set(found))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("POLICYENGINE_HISTORY", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "policyengine" / "history"


def test_the_history_is_readable_by_its_author_alone(state: Path) -> None:
    assert history_file() == state
    assert write_history(state, ["a", "b"])
    assert read_history(state) == ["a", "b"]
    if os.name == "posix":
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_history_that_others_could_read_is_closed(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.touch(0o644)
    state.chmod(0o644)
    assert write_history(state, ["secret"])
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed here")
def test_a_link_is_not_written_through(state: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    state.parent.mkdir(parents=True)
    state.symlink_to(target)
    assert not write_history(state, ["x"])
    assert target.read_text() == "mine"


def test_the_history_keeps_the_latest(state: Path) -> None:
    lines = [str(n) for n in range(MAX_LINES + 5)]
    assert write_history(state, lines)
    assert read_history(state) == lines[5:]


@pytest.mark.parametrize("off", ["", "0", "off", "No"])
def test_the_history_can_be_turned_off(
    state: Path, monkeypatch: pytest.MonkeyPatch, off: str
) -> None:
    monkeypatch.setenv("POLICYENGINE_HISTORY", off)
    assert history_file() is None


@pytest.mark.parametrize(
    ("line", "kept"), [("1 + 1", True), (" 'secret'", False), ("", False), ("  ", False)]
)
def test_lines_that_begin_with_a_space_are_not_kept(line: str, kept: bool) -> None:
    assert is_kept(line) is kept


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_at_a_terminal(tmp_path: Path, environment: dict[str, str]) -> None:
    import pty
    import subprocess

    controller, terminal = pty.openpty()
    history = tmp_path / "history"
    process = subprocess.Popen(
        [sys.executable, "-m", "policyengine", "repl", "--point", "llm.request"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**environment, "POLICYENGINE_HISTORY": str(history), "TERM": "dumb"},
    )
    os.close(terminal)
    output = _until(controller, b"cel> ")
    for typed in (b"1 + 41\n", b" 'not' + 'kept'\n", b":type requ\t.mod\t\n"):
        os.write(controller, typed)
        output += _until(controller, b"cel> ")
    os.write(controller, b"\x04")
    assert process.wait(timeout=60) == 0
    os.close(controller)
    assert b"42" in output
    assert b"notkept" in output
    assert b":type request.model" in output
    assert b"string" in output
    assert history.read_text().splitlines() == ["1 + 41", ":type request.model"]


def _until(terminal: int, prompt: bytes) -> bytes:
    """What is written up to the next prompt."""
    found = b""
    while not found.endswith(prompt):
        found += os.read(terminal, 1)
    return found
