"""The fact `paths`: hits and near misses, and entries that can't be read."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from policyengine.changes import paths
from policyengine.errors import FactError
from policyengine.plugins import fact_provider


def find(value: Any, *files: dict[str, Any]) -> list[dict[str, Any]]:
    entries = [{"status": "modified", **file} for file in files]
    return [dict(f) for f in paths.build(paths.normal(value))({"change": {"files": entries}})]


AUTH = {"any": ["**/auth/**", "src/auth.py"], "not": ["**/*.md", "docs/"]}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ({"path": "src/auth/login.py"}, "src/auth/login.py"),
        ({"path": "src/auth/README.md"}, None),
        ({"path": "src/author.py"}, None),
        ({"path": "docs/auth.md", "old_path": "src/auth.py"}, "src/auth.py"),
        ({"path": "docs/auth.md", "old_path": "", "names": ["docs/auth.md"]}, None),
        ({"path": "docs/a.md", "names": ["docs/a.md", "src/auth/x.py"]}, "src/auth/x.py"),
        ({"path": "docs/auth/x.py"}, None),
        ({"path": "docs/link", "names": ["docs/link", "src/auth"]}, None),
    ],
)
def test_each_name_is_judged_by_itself(file: dict[str, Any], name: str | None) -> None:
    assert [finding["name"] for finding in find(AUTH, file)] == ([name] if name else [])


def test_a_folder_pattern_sees_links_to_the_folder_and_submodules() -> None:
    linked = {"path": "x", "names": ["x", "src/auth"]}
    assert find("auth/", linked)
    assert not find("auth/", {"path": "src/auth"})
    assert find("auth/", {"path": "src/auth", "kind": "submodule"})
    # What may be a folder is not excluded as one.
    assert find({"any": ["src/*"], "not": ["auth/"]}, linked)
    assert not find({"any": ["src/*"], "not": ["auth/"]}, {"path": "src/auth", "kind": "submodule"})


def test_a_finding_says_what_and_why() -> None:
    moved = {"path": "b.txt", "old_path": "a.py", "names": ["b.txt", "a.py"], "status": "renamed"}
    assert find("*.py", moved) == [
        {
            "type": "PATH",
            "path": "b.txt",
            "name": "a.py",
            "pattern": "*.py",
            "status": "renamed",
            "why": "renamed; its old path a.py matches *.py",
        }
    ]
    assert find("*.py", {"path": "a.py"})[0]["why"] == "modified; its path matches *.py"
    linked = {"path": "x", "names": ["x", "a.py"]}
    assert "symbolic link connects it with a.py" in find("*.py", linked)[0]["why"]
    assert set(find("*.py", moved)[0]) == set(paths.FINDING)


@pytest.mark.parametrize(
    "input",
    [
        None,
        {},
        {"change": None},
        {"change": {}},
        {"change": {"files": "a.py"}},
        {"change": {"files": ["a.py"]}},
        {"change": {"files": [{"status": "added"}]}},
        {"change": {"files": [{"path": "", "status": "added"}]}},
        {"change": {"files": [{"path": "a"}]}},
        {"change": {"files": [{"path": "a", "status": "added", "names": [1]}]}},
        {"change": {"files": [{"path": "a", "status": "added", "names": "ab"}]}},
        {"change": {"files": [{"path": "a", "status": "added", "old_path": 3}]}},
        {"change": {"files": [{"path": "a" * 20_000, "status": "added"}]}},
    ],
)
def test_what_cannot_be_read_is_an_error_not_a_clean_result(input: Any) -> None:
    with pytest.raises(FactError):
        paths.build(paths.normal("*.py"))(input)


def test_no_files_is_a_clean_result() -> None:
    assert find("**") == []


def test_equal_questions_have_one_normal_form() -> None:
    long = {"any": ["a", "b"], "not": []}
    assert paths.normal(["b", "a", "b"]) == long
    assert paths.normal({"any": ["a", "b"]}) == long
    assert paths.normal(long) == long
    assert paths.normal("a") == {"any": ["a"], "not": []}


@pytest.mark.parametrize("value", [["!a"], {"any": ["a"], "not": ["[z"]}, {"any": []}])
def test_a_configuration_without_sense_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        paths.build(paths.normal(value))


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("a/**", True),
        (["a"], True),
        ({"any": ["a"], "not": ["b"]}, True),
        ([], False),
        ("", False),
        ({"not": ["b"]}, False),
        ({"any": ["a"], "all": ["b"]}, False),
        ({"any": [1]}, False),
    ],
)
def test_schema(value: Any, valid: bool) -> None:
    assert jsonschema.Draft202012Validator(paths.SCHEMA).is_valid(value) is valid


def test_it_is_a_provider_of_facts() -> None:
    assert fact_provider("paths") is paths
