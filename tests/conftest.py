"""Fixtures that several rooms share: golden files, and git repositories made of a few lines."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How fast a machine is must not decide whether a test passes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="Write golden files anew instead of comparing with them (`make golden`).",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a golden file, or write the file when `--golden` is given.

    Called as `golden(name, text)`; the file is `goldens/<name>` beside the test.
    """
    folder = Path(str(request.path)).parent / "goldens"
    renewing = bool(request.config.getoption("--golden"))

    def check(name: str, text: str) -> None:
        path = folder / name
        if renewing:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
            return
        assert path.is_file(), f"there is no golden {name}; `make golden` writes it"
        with path.open(encoding="utf-8", newline="") as file:
            expected = file.read()
        assert text == expected, f"{name} has changed; `make golden` renews it if that is meant"

    return check


@dataclass(frozen=True)
class GitRepository:
    """A repository whose commits are written as mappings, without a work tree.

    Contents by path: text or bytes for a file, None to remove it, `("link", target)`,
    `("submodule", commit)` or `("executable", text)`.
    """

    path: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git in the repository."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=environment, input=stdin, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(
        self,
        branch: str,
        files: Mapping[Any, Any],
        *,
        onto: str = "",
        author: str = "Ada",
        message: str = "change",
        merge: str = "",
    ) -> str:
        """Add a commit to a branch, which begins at `onto` where it is new; gives its id."""
        text = message.encode()
        onto = onto or self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        stream = [
            f"commit refs/heads/{branch}\n".encode(),
            f"committer {author} <{author.lower()}@example.com> 1700000000 +0000\n".encode(),
            b"data %d\n%s\n" % (len(text), text),
            f"from {onto}\n".encode() if onto else b"",
            f"merge {merge}\n".encode() if merge else b"",
            *(_change(path, content) for path, content in files.items()),
        ]
        self.git("fast-import", "--quiet", "--date-format=raw", stdin=b"".join(stream))
        return self.git("rev-parse", f"refs/heads/{branch}")


def _change(path: Any, content: Any) -> bytes:
    raw = path if isinstance(path, bytes) else path.encode()
    name = b'"' + b"".join(b"\\%03o" % byte for byte in raw) + b'"'
    match content:
        case None:
            return b"D " + name + b"\n"
        case ("submodule", commit):
            return b"M 160000 " + commit.encode() + b" " + name + b"\n"
        case ("link", target):
            mode, data = b"120000", target
        case ("executable", text):
            mode, data = b"100755", text
        case _:
            mode, data = b"100644", content
    data = data if isinstance(data, bytes) else data.encode()
    return b"M %s inline %s\ndata %d\n%s\n" % (mode, name, len(data), data)


@pytest.fixture
def new_repository(tmp_path: Path) -> Callable[[Mapping[Any, Any]], GitRepository]:
    """Make a repository whose branch `main` has one commit with these files."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def make(files: Mapping[Any, Any], name: str = "repo") -> GitRepository:
        repository = GitRepository(tmp_path / name)
        repository.path.mkdir()
        repository.git("init", "-q", "-b", "main")
        repository.commit("main", files, message="begin")
        return repository

    return make
