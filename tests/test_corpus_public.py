"""Public sets are read only where their bytes are the known ones."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from corpus import public
from corpus.public import SETS, PublicSet, PublicSetError

NAME = "pii.practice-ner"


@pytest.mark.parametrize("name", SETS)
def test_the_table_is_whole(name: str) -> None:
    known = SETS[name]
    assert known.file == f"{name}.jsonl.gz"
    assert len(bytes.fromhex(known.sha256)) == 32
    assert known.rows > 0
    assert known.sources
    assert known.licences
    assert known.use == ("practice exam" if "practice" in name else "training")


def test_digests_are_of_different_files() -> None:
    assert len({known.sha256 for known in SETS.values()}) == len(SETS)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETS[NAME].file).write_bytes(gzip.compress(b'{"text": "a", "label": 0}\n'))
    with pytest.raises(PublicSetError, match=f"is not the file .* not {SETS[NAME].sha256}"):
        public.load(NAME, tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / SETS[NAME].file).touch()
    with pytest.raises(PublicSetError, match="is not the file"):
        public.load(NAME, tmp_path)


def test_a_missing_file_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(PublicSetError) as error:
        public.load(NAME, tmp_path)
    assert str(error.value) == (
        f"`{NAME}.jsonl.gz` is not in {tmp_path}; put it there, or say in $POLICYENGINE_DATA "
        "where it is"
    )


@pytest.mark.parametrize("name", ["", "pii", "../pii.practice-ner", "pii.practice-ner.jsonl.gz"])
def test_an_unknown_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PublicSetError, match="there is no public set"):
        public.load(name, tmp_path)


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(public.VARIABLE, str(tmp_path))
    assert public.folder() == tmp_path
    assert public.available() == []
    monkeypatch.delenv(public.VARIABLE)
    assert public.folder() == public.ROOT.parent / "shared" / "data"


def test_a_right_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]
    data = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    digest = hashlib.sha256(data).hexdigest()
    known = PublicSet("own.jsonl.gz", digest, 2, "training", ("ours",), ("Apache-2.0",))
    monkeypatch.setattr(public, "SETS", {"own": known})
    (tmp_path / "own.jsonl.gz").write_bytes(data)
    assert public.available(tmp_path) == ["own"]
    found = public.load("own", tmp_path)
    assert found.digest == f"sha256:{digest}"
    assert [(row.text, set(row.labels)) for row in found.rows] == [("a", {"1"}), ("b", set())]


@pytest.mark.parametrize("name", SETS)
def test_the_sets_that_are_there_are_the_known_ones(name: str) -> None:
    if name not in public.available():
        pytest.skip(f"{SETS[name].file} is not in {public.folder().name}")
    found = public.load(name)
    assert len(found.rows) == SETS[name].rows
    assert set(SETS[name].sources) <= {row.source for row in found.rows}
