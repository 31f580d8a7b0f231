"""Reading files of a commit without a checkout."""

from __future__ import annotations

import pytest

from policyengine.changes.repository import ChangeError
from policyengine.changes.trees import read


def test_a_folder_is_read_at_a_commit(new_repository) -> None:
    repo = new_repository({"policies/a.yaml": "one\n", "policies/b/c.yaml": b"\0\n\0", "x": "no"})
    repo.commit("main", {"policies/a.yaml": "two\n"})
    assert read(repo.path, "main~1", "policies") == {
        "policies/a.yaml": b"one\n",
        "policies/b/c.yaml": b"\0\n\0",
    }
    assert read(repo.path, "main", "policies/a.yaml") == {"policies/a.yaml": b"two\n"}
    assert read(repo.path, "main", "nowhere") == {}


def test_links_and_submodules_are_not_followed(new_repository) -> None:
    repo = new_repository(
        {
            "p/link.yaml": ("link", "../secret"),
            "p/sub": ("submodule", "1" * 40),
            "p/real.yaml": "x",
            "secret": "s",
            "q": ("link", "p"),
        }
    )
    assert read(repo.path, "main", "p") == {"p/real.yaml": b"x"}
    assert read(repo.path, "main", "q") == {}


def test_a_folder_name_is_not_a_pattern(new_repository) -> None:
    repo = new_repository({"ab/x": "1", "*/x": "2", ":(top)/x": "3"})
    assert read(repo.path, "main", "*") == {"*/x": b"2"}
    assert read(repo.path, "main", ":(top)") == {":(top)/x": b"3"}


def test_limits(new_repository) -> None:
    repo = new_repository({f"p/{i}": "12345" for i in range(10)})
    assert len(read(repo.path, "main", "p", max_files=10, max_bytes=50)) == 10
    with pytest.raises(ChangeError, match="over 9 files"):
        read(repo.path, "main", "p", max_files=9)
    with pytest.raises(ChangeError, match="over 49 bytes"):
        read(repo.path, "main", "p", max_bytes=49)


def test_a_path_that_is_not_utf8_is_an_error(new_repository) -> None:
    repo = new_repository({b"p/\xff.yaml": "x"})
    with pytest.raises(ChangeError, match="not UTF-8"):
        read(repo.path, "main")
