"""CODEOWNERS by GitHub's rules, with the cases of its documentation."""

from __future__ import annotations

import pytest

from policyengine.changes.codeowners import owners, parse

DOCUMENTED = """
# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @logger
/apps/ @octocat
/apps/github
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", ("@global-owner1", "@global-owner2")),
        ("deep/in/app.js", ("@js-owner",)),
        ("main.go", ("docs@example.com",)),
        ("a.txt", ("@octo-org/octocats",)),
        ("build/logs/deep/x.bin", ("@logger",)),
        ("deploy/build/logs2/x.bin", ("@global-owner1", "@global-owner2")),
        ("docs/getting-started.md", ("@doctocat",)),
        ("docs/build-app/troubleshooting.md", ("@doctocat",)),
        ("nested/apps/x.md", ("@octocat",)),
        ("scripts/x.sh", ("@doctocat", "@octocat")),
        ("x/logs/y", ("@logger",)),
        ("apps/readme", ("@octocat",)),
        ("apps/github", ()),
        ("apps/github/codeowners", ()),
    ],
)
def test_documented_cases(path: str, expected: tuple[str, ...]) -> None:
    assert owners(parse(DOCUMENTED), path) == expected


@pytest.mark.parametrize(
    ("line", "path", "owned"),
    [
        ("docs/* @x", "docs/a.md", True),
        ("docs/* @x", "docs/deep/a.md", False),
        ("docs/** @x", "docs/deep/a.md", True),
        ("/* @x", "a.md", True),
        ("/* @x", "docs/a.md", False),
        ("* @x", "docs/deep/a.md", True),
        ("[ab].py @x", "[ab].py", True),
        ("[ab].py @x", "a.py", False),
        ("!a.py @x", "a.py", False),
        ("!a.py @x", "!a.py", False),
        (r"\#a @x", "#a", False),
        (r"with\ space.md @x", "with space.md", True),
        ("with space.md @x", "with space.md", False),
        ("/src/auth @x", "src/auth/login.py", True),
        ("/src/auth @x", "lib/src/auth/login.py", False),
        ("src @x", "lib/src/a", True),
        ("/ @x", "a", False),
        ("@x", "a", False),
    ],
)
def test_differences_from_gitignore(line: str, path: str, owned: bool) -> None:
    assert bool(owners(parse(line), path)) is owned


def test_the_last_matching_line_wins_even_without_owners() -> None:
    lines = parse("*.py @dev\n/gen/\n")
    assert owners(lines, "a.py") == ("@dev",)
    assert owners(lines, "gen/a.py") == ()
    assert [line.number for line in lines] == [1, 2]
