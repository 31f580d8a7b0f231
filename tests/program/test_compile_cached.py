"""Programs kept between processes: used while nothing changed, and never where others can write."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import policyengine
from policyengine.codegen import cache
from policyengine.codegen.compiler import compile_bundle
from policyengine.program import Program
from policyengine.rules.model import CheckedBundle

MANIFEST = "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: kept\nversion: 1.0.0\n"
POLICY = """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: p}
on: [llm.request]
rules: [{id: one, when: request.model == "m", deny: no}]
"""
BASE = "extends: [{path: ../base}]\n"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="nothing is kept on Windows")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle and its base."""
    for name, policy, extends in (("base", "base", ""), ("b", "p", BASE)):
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        (folder / "bundle.yaml").write_text(MANIFEST.replace("kept", name) + extends)
        (folder / "p.yaml").write_text(POLICY.replace("{name: p}", f"{{name: {policy}}}"))
    return tmp_path / "b"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the bundles that were compiled, in order."""
    names: list[str] = []

    def counting(checked: CheckedBundle) -> Program:
        names.append(checked.bundle.name)
        return compile_bundle(checked)

    monkeypatch.setattr(cache, "compile_bundle", counting)
    return names


def entry(kept: Path) -> Path:
    (found,) = kept.iterdir()
    return found


def test_a_bundle_that_did_not_change_is_compiled_once(
    bundle: Path, kept: Path, compiled: list[str]
) -> None:
    first = policyengine.compile_cached(bundle, kept)
    again = policyengine.compile_cached(bundle / "bundle.yaml", kept)
    assert again == first == policyengine.compile(policyengine.check(policyengine.load(bundle)))
    assert again.python == first.python
    assert compiled == ["b"]
    assert kept.stat().st_mode & 0o777 == 0o700
    assert entry(kept).stat().st_mode & 0o777 == 0o600


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a policy": lambda b: _append(b / "p.yaml", "# changed\n"),
    "the manifest": lambda b: _append(b / "bundle.yaml", "description: changed\n"),
    "a policy of the base": lambda b: _append(b.parent / "base" / "p.yaml", "# changed\n"),
    "a new file": lambda b: (b / "q.yaml").write_text(POLICY.replace("name: p", "name: q")),
    "new data": lambda b: (b / "data" / "d.json").write_text("{}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_compiled_again(
    change: str, bundle: Path, kept: Path, compiled: list[str]
) -> None:
    policyengine.compile_cached(bundle, kept)
    CHANGES[change](bundle)
    found = policyengine.compile_cached(bundle, kept)
    assert found == policyengine.compile(policyengine.check(policyengine.load(bundle)))
    assert policyengine.compile_cached(bundle, kept) == found
    assert compiled == ["b", "b"]


def test_a_mistake_is_told_as_without_a_cache(bundle: Path, kept: Path) -> None:
    policyengine.compile_cached(bundle, kept)
    _append(bundle / "p.yaml", "nonsense: 1\n")
    with pytest.raises(policyengine.CompileError):
        policyengine.compile_cached(bundle, kept)
    shutil.rmtree(bundle)
    with pytest.raises(policyengine.CompileError):
        policyengine.compile_cached(bundle, kept)


@pytest.mark.parametrize("length", [0, 1, 40, 400, -1, -400])
def test_a_damaged_entry_is_compiled_again(
    length: int, bundle: Path, kept: Path, compiled: list[str]
) -> None:
    policyengine.compile_cached(bundle, kept)
    data = entry(kept).read_bytes()
    entry(kept).write_bytes(data[:length])
    policyengine.compile_cached(bundle, kept)
    assert compiled == ["b", "b"]
    assert entry(kept).read_bytes() == data


@pytest.mark.parametrize("text", ["[]", "{}", '{"listings": 1}', '{"listings": {"x": []}}', "["])
def test_an_entry_that_was_never_one_is_compiled_again(
    text: str, bundle: Path, kept: Path, compiled: list[str]
) -> None:
    policyengine.compile_cached(bundle, kept)
    entry(kept).write_text(text + "\n")
    policyengine.compile_cached(bundle, kept)
    assert compiled == ["b", "b"]


def test_an_entry_of_another_compiler_is_not_looked_at(
    bundle: Path, kept: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policyengine.compile_cached(bundle, kept)
    monkeypatch.setattr(cache, "_compiler", lambda: "another")
    policyengine.compile_cached(bundle, kept)
    assert compiled == ["b", "b"]
    assert len(list(kept.iterdir())) == 2


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_not_used(
    mode: int, bundle: Path, kept: Path, compiled: list[str]
) -> None:
    kept.mkdir()
    kept.chmod(mode)
    policyengine.compile_cached(bundle, kept)
    assert list(kept.iterdir()) == []
    assert compiled == ["b"]


def test_an_entry_that_others_may_write_is_not_used(
    bundle: Path, kept: Path, compiled: list[str]
) -> None:
    policyengine.compile_cached(bundle, kept)
    entry(kept).chmod(0o666)
    policyengine.compile_cached(bundle, kept)
    assert compiled == ["b", "b"]
    assert entry(kept).stat().st_mode & 0o777 == 0o600


def test_links_are_not_followed(bundle: Path, kept: Path, compiled: list[str]) -> None:
    policyengine.compile_cached(bundle, kept)
    elsewhere = kept.parent / "elsewhere"
    elsewhere.symlink_to(kept)
    policyengine.compile_cached(bundle, elsewhere)
    found = entry(kept)
    moved = found.rename(kept.parent / "moved")
    found.symlink_to(moved)
    policyengine.compile_cached(bundle, kept)
    assert compiled == ["b", "b", "b"]
    assert not entry(kept).is_symlink()


def test_a_cache_that_cannot_be_made_is_done_without(bundle: Path, kept: Path) -> None:
    kept.write_text("a file")
    assert policyengine.compile_cached(bundle, kept).bundle == "b"
    assert kept.read_text() == "a file"


def test_the_oldest_entries_go(
    bundle: Path, kept: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_ENTRIES", 2)
    for number in range(4):
        monkeypatch.setattr(cache, "_compiler", lambda number=number: str(number))
        policyengine.compile_cached(bundle, kept)
    assert len(list(kept.iterdir())) == 2
    policyengine.compile_cached(bundle, kept)
    assert compiled == ["b"] * 4


def test_without_a_folder_it_is_the_users(
    bundle: Path, kept: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(kept))
    policyengine.compile_cached(bundle)
    policyengine.compile_cached(bundle)
    assert compiled == ["b"]
    assert entry(kept).name == "policyengine"
