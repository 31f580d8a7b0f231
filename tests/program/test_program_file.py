"""Programs kept in files: equal when loaded, and refused when damaged or made elsewhere."""

from __future__ import annotations

import hashlib
import marshal
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_points import NAME, bundles

import policyengine
from policyengine import program_file
from policyengine.errors import ProgramError
from policyengine.program import FactInfo, PointProgram, Program, dumps, loads
from policyengine.rules.model import CheckedBundle

CODE = compile("answer = 42", "policy.yaml", "exec")


def program(config: object = None) -> Program:
    point = PointProgram("p", "p", "deny", (), (FactInfo("words", config, 1),), (("a", "[]"),))
    return Program("b", "1.0.0", "sha256:0", {"p": point}, CODE, "answer = 42")


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(bundles())
def test_a_program_survives_the_way_through_bytes(checked: CheckedBundle) -> None:
    before = policyengine.compile(checked)
    after = loads(dumps(before))
    assert after == before
    assert after.code == before.code
    assert after.python == before.python
    assert list(after.points[NAME].references) == list(before.points[NAME].references)


@pytest.mark.parametrize(
    "config", [None, True, 2**70, -1, 1.5, "\ud800\0", [1, [], {}], {"a": {"b": (1, ())}}]
)
def test_configurations_of_facts_keep_their_types(config: object) -> None:
    found = loads(dumps(program(config))).points["p"].facts[0].config
    assert found == config
    assert type(found) is type(config)


def test_saving_replaces_a_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "b.program"
    path.write_text("old")
    program().save(path)
    assert Program.load(path) == program()
    assert [each.name for each in tmp_path.iterdir()] == ["b.program"]


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.program").mkdir()
    with pytest.raises(OSError, match=r"b\.program"):
        program().save(tmp_path / "b.program")
    assert [each.name for each in tmp_path.iterdir()] == ["b.program"]


def test_every_cut_and_every_changed_byte_is_found() -> None:
    data = dumps(program())
    for length in range(len(data)):
        with pytest.raises(ProgramError):
            loads(data[:length])
    for place in range(len(data)):
        with pytest.raises(ProgramError):
            loads(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(ProgramError):
        loads(data + b"\0")


def test_another_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = dumps(program())
    monkeypatch.setattr(program_file, "MAGIC_NUMBER", b"\0\0\r\n")
    with pytest.raises(ProgramError, match="another version"):
        loads(data)


def test_what_is_no_program_is_named() -> None:
    with pytest.raises(ProgramError, match="no compiled program"):
        loads(b"\x80\x04.")


@pytest.mark.parametrize(
    "body",
    [(99, 1), (0,), (), ("a",), (None,), 5, (-1, 1), (0, 1, 2, 3, 4, 5, 6), {"a": (7.5,)}],
    ids=str,
)
def test_a_body_that_was_never_a_program_is_refused(body: object) -> None:
    head = marshal.dumps((body, ()))
    digest = hashlib.sha256(head).digest()
    sums = program_file._SUMS.pack(len(head), 0, digest, zlib.crc32(b""))
    with pytest.raises(ProgramError, match="damaged"):
        loads(program_file._header() + sums + head)


@given(st.sampled_from([{1, 2}, object(), bytearray(b"bytes"), 1j]))
def test_only_plain_data_is_kept(config: object) -> None:
    with pytest.raises(ProgramError, match="cannot hold"):
        dumps(program(config))


def test_a_program_for_other_functions_is_refused() -> None:
    code = compile("from policyengine.values.judge import no_such_function", "p", "exec")
    with pytest.raises(ProgramError, match="another version"):
        policyengine.Engine(replace(program([]), code=code))
