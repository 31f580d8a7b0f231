"""The command as a real process: streams, signals, pipes and colours."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from policyengine.cli._exits import Exit

COMMAND = [sys.executable, "-m", "policyengine"]
Process = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def process(tmp_path: Path, environment: dict[str, str]) -> Process:
    """Run `python -m policyengine` in an empty folder."""

    def run(*arguments: str, input: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env={**environment, **variables},
            input=input,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    return run


def test_from_nothing_to_a_decision(process: Process) -> None:
    assert process("init", "b").returncode == Exit.OK
    assert process("check").returncode == Exit.OK
    assert process("test").returncode == Exit.OK
    denied = process(
        "eval", "b", "--point", "llm.request", "--input", "-",
        input='{"request": {"model": "x-preview"}}',
    )  # fmt: skip
    assert denied.returncode == Exit.DENIED
    assert denied.stdout.startswith("DENY")
    assert denied.stderr == ""


def test_version(process: Process) -> None:
    done = process("--version")
    assert done.returncode == Exit.OK
    assert done.stdout.startswith("policyengine ")


def test_colours_only_where_asked_for(process: Process) -> None:
    process("init", "b")
    assert "\x1b" not in process("check").stdout
    assert "\x1b[" in process("check", "--color").stdout
    assert "\x1b[" in process("check", FORCE_COLOR="1").stdout
    assert "\x1b" not in process("check", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in process("check", "--no-color", FORCE_COLOR="1").stdout
    assert "\x1b[" in process("nope", FORCE_COLOR="1").stderr


def test_a_closed_pipe_is_quiet(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "schema", "policy"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == Exit.PIPE_CLOSED


def test_an_interrupt_ends_cleanly(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [*COMMAND, "fmt", "-"],
        cwd=tmp_path,
        # Standard input stays open, so the process waits for it once it has started.
        env={**environment, "PYTHONVERBOSE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stderr is not None
        # Formatting imports this last; from here on the verb reads its input.
        for line in running.stderr:
            if b"import 'policyengine.rules.yaml'" in line:
                break
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        assert running.wait() == Exit.INTERRUPTED
        assert b"Traceback" not in rest


BUG = """
import policyengine.cli.schema as verb
from policyengine.cli import main
def broken(**_): raise RuntimeError("secret text")
verb.command.callback = broken
main(ARGUMENTS, prog_name="policyengine")
"""


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_is_confessed(tmp_path: Path, environment: dict[str, str], debug: bool) -> None:
    arguments = ["schema", "--debug"] if debug else ["schema"]
    done = subprocess.run(
        [sys.executable, "-c", BUG.replace("ARGUMENTS", repr(arguments))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == Exit.INTERNAL
    assert "this is a bug in policyengine (RuntimeError)" in done.stderr
    assert "--debug" in done.stderr
    assert ("Traceback" in done.stderr) is debug
    assert ("secret text" in done.stderr) is debug


def test_one_verb_does_not_load_the_others(tmp_path: Path, environment: dict[str, str]) -> None:
    script = (
        "import sys\n"
        "from policyengine.cli import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: pass\n"
        "verbs = [m for m in sys.modules if m.startswith('policyengine.cli.')]\n"
        "print(sorted(m for m in verbs if not m.rpartition('.')[2].startswith('_')))\n"
        "heavy = {'ruamel', 'pydantic', 'jsonschema'}\n"
        "print(sorted(heavy & {m.partition('.')[0] for m in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[1:] == ["[]", "[]"], done.stderr


def test_an_unreadable_file_is_no_bug(process: Process, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "taken").write_text("")
    done = process("schema", "--write", "taken")
    assert done.returncode == Exit.USAGE
    assert "taken" in done.stderr
    assert "bug" not in done.stderr
