"""Patterns of the clause `paths`, against tables and against git itself."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.changes.gitignore import compile_pattern

TABLE = [
    ("*.py", "a.py", True),
    ("*.py", "src/deep/a.py", True),
    ("*.py", "a.pyc", False),
    ("auth", "auth/login.py", True),
    ("auth", "src/auth/login.py", True),
    ("auth", "src/author/login.py", False),
    ("auth/", "src/auth/login.py", True),
    ("auth/", "src/auth", False),
    ("/auth", "src/auth/login.py", False),
    ("/auth", "auth/login.py", True),
    ("src/auth", "src/auth/login.py", True),
    ("src/auth", "lib/src/auth/login.py", False),
    ("**/auth/**", "auth/login.py", True),
    ("**/auth/**", "a/b/auth/c/d.py", True),
    ("**/auth/**", "a/b/auth", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a/**/b", "a/xb", False),
    ("docs/*", "docs/a.md", True),
    ("docs/*", "docs/deep/a.md", True),
    ("docs/*.md", "docs/deep/a.md", False),
    ("docs/**", "docs", False),
    ("/**", "a", True),
    ("**/", "a", False),
    ("**/", "a/b", True),
    ("file?.txt", "file1.txt", True),
    ("file?.txt", "file/.txt", False),
    ("[!a-c]x", "dx", True),
    ("[!a-c]x", "bx", False),
    ("[]-]x", "]x", True),
    ("[[:digit:]]*", "7up", True),
    ("[[:digit:]]*", "up7", False),
    (r"\!important", "!important", True),
    (r"\#tag", "#tag", True),
    (r"star\*", "star*", True),
    (r"star\*", "starry", False),
    ("trailing   ", "trailing", True),
    ("trailing\\ ", "trailing ", True),
    ("*", ".hidden/x", True),
    (".github/workflows/**", ".github/workflows/ci.yml", True),
    ("naïve/*.py", "naïve/é.py", True),
    ("?.py", "é.py", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), TABLE)
def test_table(pattern: str, path: str, expected: bool) -> None:
    assert compile_pattern(pattern).matches(path.split("/")) is expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("!docs/**", "under `not`"),
        ("# note", "comment"),
        ("", "empty"),
        ("   ", "empty"),
        ("/", "never match"),
        ("a//b", "empty part"),
        ("[abc", "never closed"),
        ("a[/]b", "never closed"),
        ("[[:letters:]]", "no character class"),
        ("tail\\", "escapes nothing"),
        ("a\\/b", "needs no escape"),
        ("two\nlines", "one line"),
        ("x" * 1001, "at most"),
    ],
)
def test_what_can_never_match_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a*a*a*a*a*a*a*a*b", "a" * 16_000),
        ("**/a/**/a/**/a/**/a/**/b", "a/" * 8_000 + "x"),
        ("**/*auth*/**/*auth*/**/*.py", "auth/" * 3_000 + "x.js"),
    ],
)
def test_a_chosen_name_cannot_make_matching_hang(pattern: str, path: str) -> None:
    """A backtracking matcher would not come back from these."""
    assert compile_pattern(pattern).matches(path.split("/")) is False


_PART = st.text("ab.*?-]", min_size=1, max_size=4) | st.sampled_from(
    ["**", "*", "[ab]", "[!a]", "[a-b]*", "[]a]", "[[:alpha:]]", r"\*", "***", "a**b"]
)
_PATTERN = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/", "**/"]),
    st.lists(_PART, min_size=1, max_size=4),
    st.sampled_from(["", "/", "/**", "/*"]),
)
_NAME = st.text("ab.-]*", min_size=1, max_size=3).filter(lambda n: n not in (".", ".."))
_PATH = st.lists(_NAME, min_size=1, max_size=4).map("/".join)


def _usable(pattern: str) -> bool:
    try:
        compile_pattern(pattern)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def git_ignores(tmp_path_factory: pytest.TempPathFactory):
    """What `git check-ignore` says of paths under one pattern, without any file on disk."""
    if shutil.which("git") is None:
        pytest.skip("git, the oracle, is not installed")
    folder = tmp_path_factory.mktemp("oracle")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    subprocess.run(["git", "init", "-q"], cwd=folder, env=environment, check=True)

    def ask(pattern: str, paths: list[str]) -> set[str]:
        (folder / ".git" / "info" / "exclude").write_text(pattern + "\n")
        done = subprocess.run(
            ["git", "check-ignore", "-z", "--no-index", "--stdin"],
            cwd=folder,
            env=environment,
            input="".join(f"{path}\0" for path in paths).encode(),
            capture_output=True,
        )
        assert done.returncode in (0, 1), done.stderr
        return set(done.stdout.decode().split("\0")) - {""}

    return ask


@settings(max_examples=150, deadline=None)
@given(pattern=_PATTERN.filter(_usable), paths=st.lists(_PATH, min_size=1, max_size=30))
def test_agrees_with_git(git_ignores, pattern: str, paths: list[str]) -> None:
    ours = {path for path in paths if compile_pattern(pattern).matches(path.split("/"))}
    assert ours == git_ignores(pattern, paths)


def test_the_table_is_what_git_says(git_ignores) -> None:
    for pattern, path, expected in TABLE:
        if path.isascii():
            assert (path in git_ignores(pattern, [path])) is expected, (pattern, path)
