"""The facts of a change, over repositories with every kind of difference."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from policyengine.changes import diff
from policyengine.changes.git import change
from policyengine.changes.repository import ChangeError, opened
from policyengine.changes.symlinks import resolve
from policyengine.changes.trees import read

TEXT = "".join(f"line {i}\n" for i in range(30))


def files(repository: Any, base: str = "main", head: str = "work") -> dict[str, dict[str, Any]]:
    found = change(repository.path, base, head)["files"]
    return {file["path"]: file for file in found}


def test_every_kind_of_difference(new_repository) -> None:
    repo = new_repository(
        {
            "kept.py": "x",
            "edited.py": "a\nb\n",
            "gone.py": "x\n",
            "src/auth.py": TEXT,
            "run.sh": "echo",
            "file": TEXT,
            "vendor/lib": ("submodule", "1" * 40),
            "logo.png": b"\0\1\2",
        }
    )
    repo.commit(
        "work",
        {
            "edited.py": "a\nc\nd\n",
            "gone.py": None,
            "new.ts": "let y\n",
            "src/auth.py": None,
            "docs/auth.md": TEXT,
            "run.sh": ("executable", "echo"),
            "file": ("link", "kept.py"),
            "vendor/lib": ("submodule", "2" * 40),
            "logo.png": b"\0\1\3",
        },
        onto="main",
        author="Mallory",
        message="Move things\n\nmore",
    )
    facts = change(repo.path, "main", "work", id="7", labels=["x"], draft=True)
    seen = {file["path"]: file for file in facts["files"]}
    assert {path: file["status"] for path, file in seen.items()} == {
        "edited.py": "modified",
        "gone.py": "removed",
        "new.ts": "added",
        "docs/auth.md": "renamed",
        "run.sh": "modified",
        "file": "type_changed",
        "vendor/lib": "modified",
        "logo.png": "modified",
    }
    assert (seen["edited.py"]["additions"], seen["edited.py"]["deletions"]) == (2, 1)
    assert (seen["file"]["additions"], seen["file"]["deletions"]) == (1, 30)
    assert seen["docs/auth.md"]["old_path"] == "src/auth.py"
    assert seen["docs/auth.md"]["names"] == ["docs/auth.md", "src/auth.py"]
    assert (seen["run.sh"]["old_mode"], seen["run.sh"]["new_mode"]) == ("100644", "100755")
    assert (seen["new.ts"]["old_mode"], seen["gone.py"]["new_mode"]) == ("", "")
    assert (seen["file"]["kind"], seen["file"]["symlink_target"]) == ("symlink", "kept.py")
    assert seen["file"]["names"] == ["file", "kept.py"]
    assert seen["vendor/lib"]["kind"] == "submodule"
    assert (seen["logo.png"]["binary"], seen["edited.py"]["binary"]) == (True, False)
    assert seen["new.ts"]["language"] == "typescript"
    assert facts["additions"] == sum(file["additions"] for file in facts["files"])
    assert (facts["title"], facts["author"], facts["id"]) == ("Move things", "Mallory", "7")
    assert (facts["labels"], facts["draft"], facts["base_ref"]) == (["x"], True, "main")
    assert [commit["title"] for commit in facts["commits"]] == ["Move things"]
    assert json.loads(json.dumps(facts)) == facts


def test_only_what_the_head_adds_counts(new_repository) -> None:
    """The base went on in the meantime; its own work is no part of the change."""
    repo = new_repository({"a": "1"})
    repo.commit("work", {"b": "1"}, onto="main")
    repo.commit("main", {"c": "1"})
    assert set(files(repo)) == {"b"}


def test_with_crossing_merges_every_common_ancestor_counts(new_repository) -> None:
    repo = new_repository({"a": "1"})
    left = repo.commit("main", {"left": "1"})
    right = repo.commit("work", {"right": "1"}, onto="main~1")
    repo.commit("main", {"right": "1"}, merge=right)
    repo.commit("work", {"left": "1", "mine": "1"}, merge=left)
    with opened(repo.path) as source:
        starts = diff.merge_bases(source, source.commit("main"), source.commit("work"))
    assert set(starts) == {left, right}
    assert set(files(repo)) == {"left", "right", "mine"}


HOSTILE = [
    "new\nline.py",
    "percent%0A::error::x.py",
    "${{ github.token }}.py",
    "`id`.py",
    "@team/x.py",
    "-rf.py",
    "--output=x.py",
    ":(exclude)x.py",
    "tab\there.py",
    'quote".py',
    "back\\slash.py",
    "é.py",
    "\u202egnp.py",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_kept_as_it_is(new_repository, name: str) -> None:
    repo = new_repository({"a": "1", f"old/{name}": TEXT})
    repo.commit("work", {name: "x\n", f"old/{name}": None, f"to/{name}": TEXT}, onto="main")
    found = files(repo)
    assert set(found) == {name, f"to/{name}"}
    assert found[f"to/{name}"]["old_path"] == f"old/{name}"
    assert found[name]["language"] == "python"


def test_a_name_that_is_not_utf8_is_kept_in_a_form_that_json_can_say(new_repository) -> None:
    repo = new_repository({"a": "1"})
    repo.commit("work", {b"src/auth/\xff\xfe.py": "x", b"src/auth/\xff.py": "y"}, onto="main")
    assert set(files(repo)) == {r"src/auth/\xff\xfe.py", r"src/auth/\xff.py"}
    json.dumps(change(repo.path, "main", "work"), ensure_ascii=False).encode()


def test_attributes_and_owners_come_from_the_base(new_repository) -> None:
    repo = new_repository(
        {
            ".gitattributes": "gen/** linguist-generated\n*.lock linguist-generated=true -diff\n",
            "CODEOWNERS": "* @all\n/gen/ @robots\n",
            ".github/CODEOWNERS": "* @first\n/gen/ @robots\n",
            "gen/a.py": "1\n",
            "src/b.py": TEXT,
        }
    )
    repo.commit(
        "work",
        {
            ".gitattributes": "* linguist-generated binary\n",
            ".github/CODEOWNERS": "* @mallory\n",
            "gen/a.py": "2\n",
            "x.lock": "1\n",
            "src/b.py": None,
            "gen/b.py": TEXT,
            "src/c.py": "1\n2\n",
        },
        onto="main",
    )
    found = files(repo)
    assert {path for path, file in found.items() if file["generated"]} == {"gen/a.py", "x.lock"}
    assert {path for path, file in found.items() if file["binary"]} == {"x.lock"}
    assert found["src/c.py"]["additions"] == 2
    assert found["src/c.py"]["owners"] == ["@first"]
    assert found["gen/b.py"]["owners"] == ["@robots", "@first"]


def test_symbolic_links_count_by_where_they_lead(new_repository) -> None:
    repo = new_repository(
        {
            "src/auth/login.py": "x",
            "docs/hop": ("link", "../src"),
            "CLAUDE.md": ("link", "AGENTS.md"),
            "AGENTS.md": "x",
            "app/session": ("link", "../lib/session"),
            "lib/session/cookie.py": "x",
            "old": ("link", "src/auth/login.py"),
        }
    )
    repo.commit(
        "work",
        {
            "docs/a.md": ("link", "hop/auth/login.py"),
            "docs/out.md": ("link", "../../etc/passwd"),
            "docs/absolute.md": ("link", "/etc/passwd"),
            "docs/circle.md": ("link", "circle.md"),
            "docs/all": ("link", ".."),
            "AGENTS.md": "y",
            "lib/session/cookie.py": "y",
            "old": None,
        },
        onto="main",
    )
    found = files(repo)
    assert found["docs/a.md"]["names"][:2] == ["docs/a.md", "src/auth/login.py"]
    assert found["docs/a.md"]["symlink_target"] == "hop/auth/login.py"
    assert found["docs/out.md"]["names"][:2] == ["docs/out.md", "../../etc/passwd"]
    assert found["docs/absolute.md"]["names"][:2] == ["docs/absolute.md", "/etc/passwd"]
    assert found["docs/circle.md"]["names"][:2] == ["docs/circle.md", "circle.md"]
    assert found["docs/all"]["names"][:2] == ["docs/all", "."]
    assert "CLAUDE.md" in found["AGENTS.md"]["names"]
    assert "app/session/cookie.py" in found["lib/session/cookie.py"]["names"]
    assert found["old"]["names"][:2] == ["old", "src/auth/login.py"]
    assert found["old"]["symlink_target"] == "src/auth/login.py"


def test_too_many_names_for_a_file_is_an_error(new_repository) -> None:
    repo = new_repository({"src/a.py": "1"})
    links = {f"l{i}": ("link", "src") for i in range(100)}
    repo.commit("work", {**links, "src/a.py": "2"}, onto="main")
    with pytest.raises(ChangeError, match="other names"):
        change(repo.path, "main", "work")


def test_links_in_circles_end() -> None:
    assert resolve({b"a": b"b", b"b": b"a"}, b"a") is None
    assert resolve({b"a": b"a/a"}, b"a") is None
    assert resolve({b"a": b".."}, b"a/b") is None


def test_nothing_is_left_out_of_a_large_change(new_repository) -> None:
    repo = new_repository({"a": "1"})
    repo.commit("work", {f"d{i % 50}/f{i}.py": f"{i}\n" for i in range(3_500)}, onto="main")
    assert len(files(repo)) == 3_500


def test_a_moved_folder_past_the_rename_limit_shows_both_names(new_repository) -> None:
    repo = new_repository({f"auth/f{i}.py": f"{i}\n{TEXT}" for i in range(1_200)})
    moved = {f"docs/f{i}.md": f"{i} changed\n{TEXT}" for i in range(1_200)}
    repo.commit("work", {**{f"auth/f{i}.py": None for i in range(1_200)}, **moved}, onto="main")
    names = {name for file in files(repo).values() for name in file["names"]}
    assert {f"auth/f{i}.py" for i in range(1_200)} <= names


@pytest.mark.parametrize(
    "ref", ["", "-x", "--all", "--output=x", "a\nb", "a\0b", "nowhere", "HEAD:a"]
)
def test_a_bad_ref_is_refused(new_repository, ref: str) -> None:
    repo = new_repository({"a": "1"})
    with pytest.raises(ChangeError) as error:
        change(repo.path, ref, "main")
    assert error.value.code in ("bad-ref", "unknown-ref")


def test_a_tag_cannot_stand_in_for_a_branch(new_repository) -> None:
    repo = new_repository({"a": "1"})
    other = repo.commit("other", {"a": "2"}, onto="main")
    repo.git("tag", "main", other)
    with pytest.raises(ChangeError, match="both a branch and a tag"):
        change(repo.path, "main", "other")
    assert change(repo.path, "refs/heads/main", "refs/heads/other")["files"]


def test_a_shallow_clone_is_an_error_with_a_way_out(new_repository, tmp_path: Path) -> None:
    repo = new_repository({"a": "1"})
    repo.commit("work", {"b": "1"}, onto="main")
    repo.commit("work", {"b": "2"})
    repo.commit("main", {"c": "2"})
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth=1", "--no-single-branch", f"file://{repo.path}", str(clone))
    with pytest.raises(ChangeError) as error:
        change(clone, "origin/main", "origin/work")
    assert error.value.code == "shallow-clone"
    assert "fetch-depth: 0" in error.value.help


def test_unrelated_histories_are_an_error(new_repository) -> None:
    repo = new_repository({"a": "1"})
    repo.git("checkout", "-q", "--orphan", "else")
    repo.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-mx")
    with pytest.raises(ChangeError) as error:
        change(repo.path, "main", "else")
    assert error.value.code == "unrelated-histories"


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ChangeError) as error:
        change(tmp_path / "none", "a", "b")
    assert error.value.code == "no-repository"


def test_missing_contents_are_an_error(new_repository, tmp_path: Path) -> None:
    repo = new_repository({"a": TEXT})
    repo.commit("work", {"a": None, "b": TEXT + "more\n"}, onto="main")
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    repo.git(
        "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.path}", str(clone)
    )
    with pytest.raises(ChangeError) as error:
        change(clone, "origin/main", "origin/work")
    assert error.value.code == "missing-objects"


def test_nothing_configured_in_the_repository_is_executed(new_repository, tmp_path: Path) -> None:
    """Diff drivers, filters, monitors, hooks, signatures and remotes that would leave a mark."""
    repo = new_repository({"a.txt": "1\n", ".gitattributes": "* diff=evil filter=evil\n"})
    repo.commit("work", {"a.txt": "2\n", "b.txt": ("link", "a.txt")}, onto="main")
    mark = tmp_path / "mark"
    script = tmp_path / "evil.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $@" >> {mark}\n')
    script.chmod(0o755)
    for key in (
        "diff.external", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "core.pager",
        "gpg.program", "core.sshCommand", "core.alternateRefsCommand", "core.editor",
    ):  # fmt: skip
        repo.git("config", key, str(script))
    repo.git("config", "log.showSignature", "true")
    repo.git("config", "core.hooksPath", str(tmp_path))
    hooks = repo.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (hooks / hook).write_text(script.read_text())
        (hooks / hook).chmod(0o755)
    assert set(files(repo)) == {"a.txt", "b.txt"}
    assert read(repo.path, "work", "") == {
        ".gitattributes": b"* diff=evil filter=evil\n",
        "a.txt": b"2\n",
    }
    assert not mark.exists()


def test_the_environment_has_no_say(new_repository, tmp_path: Path, monkeypatch) -> None:
    mark = tmp_path / "mark"
    repo = new_repository({"a.txt": "1\n"})
    repo.commit("work", {"a.txt": "2\n"}, onto="main")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {mark}; true")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "diff.external")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"touch {mark}")
    assert set(files(repo)) == {"a.txt"}
    assert not mark.exists()


def test_replaced_objects_are_not_believed(new_repository) -> None:
    repo = new_repository({"a": "1"})
    bad = repo.commit("work", {"src/auth.py": "x"}, onto="main")
    good = repo.commit("nice", {"docs/a.md": "x"}, onto="main")
    repo.git("replace", bad, good)
    assert set(files(repo)) == {"src/auth.py"}


def test_the_repository_is_left_as_it_was(new_repository) -> None:
    repo = new_repository({"a": "1"})
    repo.commit("work", {"b": "1"}, onto="main")

    def everything() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(repo.path.rglob("*")) if p.is_file()}

    before = everything()
    change(repo.path, "main", "work")
    assert everything() == before


def test_a_command_that_takes_too_long_is_an_error(new_repository, monkeypatch) -> None:
    repo = new_repository({"a": "1"})

    def late(*_: Any, **options: Any) -> None:
        raise subprocess.TimeoutExpired("git", options["timeout"])

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(ChangeError) as error:
        change(repo.path, "main", "main", timeout=3)
    assert error.value.code == "git-timeout"


@pytest.mark.parametrize(
    "output",
    [b"junk\0", b":100644 100644 a b M\0", b":1 2 3 4 X\0p\0", b"1\t2\tnever-listed\0"],
)
def test_a_damaged_list_is_an_error(output: bytes) -> None:
    with pytest.raises(ChangeError) as error:
        diff.parse(output)
    assert error.value.code == "unreadable-diff"


def test_sha256_repositories(tmp_path: Path, new_repository) -> None:
    repo = new_repository({"a": "1"})
    fresh = type(repo)(tmp_path / "sha256")
    fresh.path.mkdir()
    fresh.git("init", "-q", "--object-format=sha256", "-b", "main")
    fresh.commit("main", {"a": "1"})
    fresh.commit("work", {"b": "1"}, onto="main")
    assert set(files(fresh)) == {"b"}
