"""Running git on a repository that is not trusted, so that nothing of it is executed.

Only names are looked up in the repository itself. Everything else runs in an empty repository of
our own that borrows the objects: no configuration, hooks, filters, diff drivers, replaced objects
or work tree of the original take part.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from policyengine.errors import FactError

TIMEOUT = 120.0
MAX_OUTPUT = 256 * 1024 * 1024

FETCH_ALL = (
    "fetch the whole history: `fetch-depth: 0` for actions/checkout, or `git fetch --unshallow`"
)


class ChangeError(FactError):
    """The facts of a change could not be read. `help` is the way out, where there is one.

    >>> raise ChangeError("no-git", "git is not installed")
    Traceback (most recent call last):
    policyengine.changes.repository.ChangeError: git is not installed
    """

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(code, message)
        self.help = help


class GitError(ChangeError):
    """A git command ended with an error; `status` is its exit code."""

    def __init__(self, command: str, status: int, said: bytes) -> None:
        # git's own words may quote the change: only what is printable, and not much of it.
        line = said.strip().split(b"\n")[0][:200].decode("ascii", "backslashreplace")
        words = "".join(c if c.isprintable() else "?" for c in line)
        super().__init__("git-failed", f"`git {command}` failed with exit code {status}: {words}")
        self.status = status
        self.missing_objects = any(hint in said for hint in _MISSING)


_MISSING = (b"unable to read", b"missing blob", b"bad object", b"could not fetch", b"missing")


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository opened for reading; use `opened`."""

    path: Path
    own: Path
    objects: str
    shallow: bool
    timeout: float

    def commit(self, ref: str) -> str:
        """The full id of the commit that a name stands for.

        Raises `ChangeError`: `bad-ref` for a name that could be an option, `unknown-ref`, and
        `ambiguous-ref` where a branch and a tag of one name differ.
        """
        if not ref or ref.startswith("-") or not ref.isprintable():
            raise ChangeError("bad-ref", f"{ref[:80]!a} is not the name of a commit")
        found = self._verify(ref)
        if not found:
            raise ChangeError("unknown-ref", f"there is no commit {ref[:80]!a}", FETCH_ALL)
        if not ref.startswith("refs/"):
            named = {self._verify(f"refs/{kind}/{ref}") for kind in ("heads", "tags")} - {""}
            if len(named) > 1:
                message = f"{ref[:80]!a} is both a branch and a tag"
                raise ChangeError("ambiguous-ref", message, f"write `refs/heads/{ref}`")
        return found

    def _verify(self, ref: str) -> str:
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        try:
            return _run(self.path, arguments, self.timeout).decode("ascii").strip()
        except GitError:
            return ""

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What a git command prints; raises `GitError`, or `ChangeError` when it takes too long.

        The command sees the objects, and an index that is this opening's own.
        """
        places = {
            "GIT_DIR": str(self.own / "git"),
            "GIT_WORK_TREE": str(self.own / "empty"),
            "GIT_INDEX_FILE": str(self.own / "index"),
            "GIT_OBJECT_DIRECTORY": self.objects,
        }
        return _run(self.own / "empty", arguments, self.timeout, places, stdin)


@contextmanager
def opened(path: Path, timeout: float = TIMEOUT) -> Iterator[Repository]:
    """Open the repository around a folder; `timeout` is in seconds for each git command.

    Raises `ChangeError`: `no-git`, `no-repository`.
    """
    facts = ("--git-path", "objects", "--git-path", "shallow", "--show-object-format")
    try:
        said = _run(Path(path), ("rev-parse", "--path-format=absolute", *facts), timeout)
        objects, shallow, kind = os.fsdecode(said).removesuffix("\n").split("\n")
    except (GitError, OSError, ValueError) as error:
        message = f"{str(path)[:200]!a} is not in a git repository"
        raise ChangeError("no-repository", message) from error
    with tempfile.TemporaryDirectory(prefix="policyengine-") as own:
        is_shallow = _lay_out(Path(own), Path(shallow), kind)
        yield Repository(Path(path), Path(own), objects, is_shallow, timeout)


def _lay_out(own: Path, shallow: Path, kind: str) -> bool:
    """Make the empty repository; the place where a shallow history ends comes along."""
    for folder in ("git/objects", "git/refs", "empty"):
        (own / folder).mkdir(parents=True)
    (own / "git" / "HEAD").write_text("ref: refs/heads/none\n")
    version, extension = (
        (1, "[extensions]\nobjectFormat = sha256\n") if kind == "sha256" else (0, "")
    )
    config = f"[core]\nrepositoryformatversion = {version}\nbare = false\n{extension}"
    (own / "git" / "config").write_text(config)
    if not shallow.is_file():
        return False
    shutil.copyfile(shallow, own / "git" / "shallow")
    return shallow.stat().st_size > 0


_HARDENED = (
    "-c", "core.fsmonitor=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", f"core.attributesFile={os.devnull}",
    "-c", f"core.excludesFile={os.devnull}",
    "-c", "core.quotePath=false",
    "-c", "diff.external=",
    "-c", "log.showSignature=false",
    "-c", "safe.directory=*",
)  # fmt: skip


def _environment(places: Mapping[str, str]) -> dict[str, str]:
    """Nothing of our own environment but where programs and temporary folders are."""
    kept = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        # A git too old for the line above has no transport to fetch with.
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_PAGER": "cat",
        **places,
    }


def _run(
    folder: Path,
    arguments: tuple[str, ...],
    timeout: float,
    places: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise ChangeError("no-git", "git is not installed", "install git and try again")
    # Files, not pipes: no limit on either side can make git and us wait for each other.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out:
        given.write(stdin)
        given.seek(0)
        try:
            done = subprocess.run(  # noqa: S603
                [program, *_HARDENED, *arguments],
                cwd=folder,
                env=_environment(places or {}),
                stdin=given,
                stdout=out,
                stderr=subprocess.PIPE,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            message = f"`git {arguments[0]}` took longer than {timeout:g} seconds"
            raise ChangeError("git-timeout", message) from error
        if done.returncode:
            raise GitError(arguments[0], done.returncode, done.stderr)
        if out.tell() > MAX_OUTPUT or os.fstat(out.fileno()).st_size > MAX_OUTPUT:
            raise ChangeError("too-large", f"`git {arguments[0]}` printed over {MAX_OUTPUT} bytes")
        out.seek(0)
        return out.read()
