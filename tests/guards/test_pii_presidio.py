"""Presidio behind the guard `pii`: merged findings, no network, and nothing imported by name."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from policyengine.errors import FactError
from policyengine.guards import pii
from policyengine.guards._pii import presidio, windows
from policyengine.guards._pii.entity import Hit
from policyengine.plugins import Texts

presidio_analyzer = pytest.importorskip("presidio_analyzer")
EMPLOYEE = {"recognizers": ["test-employee"], "entities": ["EMPLOYEE_ID"]}


def employee() -> Any:
    pattern = presidio_analyzer.Pattern("employee", r"\bE-[0-9]{6}\b", 0.7)
    return presidio_analyzer.PatternRecognizer(
        "EMPLOYEE_ID", name="Employee", patterns=[pattern], context=["employee", "staff"]
    )


class Wild(presidio_analyzer.EntityRecognizer):  # type: ignore[misc]
    """A recogniser that misbehaves in the way that its one word says."""

    def load(self) -> None:
        """Nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[Any]:
        if "outside" in text:
            return [presidio_analyzer.RecognizerResult("WILD", 0, len(text) + 9, 0.9)]
        if "certain" in text:
            return [presidio_analyzer.RecognizerResult("WILD", 0, 3, 7.0)]
        return [presidio_analyzer.RecognizerResult("OTHER", 0, 3, 0.9)]


@pytest.fixture(scope="module", autouse=True)
def _recognizers() -> Iterator[None]:
    presidio.register("test-employee", employee)
    presidio.register("test-wild", lambda: Wild(["WILD", "OTHER"]))
    presidio.register("test-none", lambda: object())
    yield
    for name in ("test-employee", "test-wild", "test-none"):
        del presidio._registered[name]


def found(value: dict[str, Any], text: str) -> list[tuple[str, str, str]]:
    findings = pii.build(pii.normal(value))([("field", text)])
    return [(f["type"], text[f["start"] : f["end"]], f["why"]) for f in findings]


def test_a_recogniser_of_the_host_plugs_in_beside_ours() -> None:
    value = {"entities": ["US_SSN"], "presidio": EMPLOYEE}
    text = "E-123456 has 078-05-1121, E-12345 has none"
    assert [(kind, what) for kind, what, _ in found(value, text)] == [
        ("EMPLOYEE_ID", "E-123456"),
        ("US_SSN", "078-05-1121"),
    ]


def test_a_context_word_lifts_the_score() -> None:
    finder = pii.build(pii.normal({"entities": ["US_SSN"], "presidio": EMPLOYEE}))
    plain, near = finder([("a", "see E-123456 there")]), finder([("a", "staff E-123456 there")])
    assert plain[0]["score"] == 0.7
    assert near[0]["score"] == 1.0
    assert near[0]["why"] == "presidio: Employee"


def test_thresholds_and_lists_hold_for_its_findings() -> None:
    for extra in ({"min_scores": {"EMPLOYEE_ID": 0.9}}, {"allow": ["E-123456"]}):
        value = {"entities": ["US_SSN"], "presidio": EMPLOYEE, **extra}
        assert found(value, "see E-123456 there") == []


def test_one_place_is_one_finding_with_the_best_score() -> None:
    value = {"entities": ["CREDIT_CARD", "EMAIL_ADDRESS"], "presidio": {}}
    text = "card 4111 1111 1111 1111 of bob@acme.com"
    kinds = [(kind, what) for kind, what, _ in found(value, text)]
    assert kinds == [("CREDIT_CARD", "4111 1111 1111 1111"), ("EMAIL_ADDRESS", "bob@acme.com")]


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        tried.append(arguments)
        raise OSError("no network here")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    engine = presidio._Engine.of(["builtin"], "en")
    hits = engine.look("write to bob@acme.co.uk", ["EMAIL_ADDRESS"], lambda: None)
    assert [(hit.name, hit.start, hit.end) for hit in hits] == [("EMAIL_ADDRESS", 9, 23)]
    assert tried == []


def test_the_engine_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"entities": ["US_SSN"], "presidio": EMPLOYEE}
    assert found(value, "see E-123456 there")
    monkeypatch.setattr(presidio._Engine, "of", None)
    assert found(value, "see E-654321 there")


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ({"recognizers": ["os"], "entities": ["A"]}, "model-missing", "no recogniser `os`"),
        ({"recognizers": ["test-none"], "entities": ["A"]}, "model-missing", "no recogniser of"),
        ({**EMPLOYEE, "language": "de"}, "model-missing", "reads the language `de`"),
        ({**EMPLOYEE, "language": "qq"}, "model-missing", "no language `qq`"),
        ({**EMPLOYEE, "entities": ["NONE"]}, "model-missing", "finds `NONE`"),
    ],
)
def test_what_is_not_there_is_an_error(asked: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(FactError, match=says) as error:
        found({"entities": ["US_SSN"], "presidio": asked}, "text")
    assert error.value.code == code


@pytest.mark.parametrize("text", ["outside of it", "certain of it"])
def test_a_find_that_is_no_place_is_an_error(text: str) -> None:
    asked = {"recognizers": ["test-wild"], "entities": ["WILD"]}
    with pytest.raises(FactError) as error:
        found({"entities": ["US_SSN"], "presidio": asked}, text)
    assert error.value.code == "fact-malformed"


def test_what_nobody_asked_for_is_not_found() -> None:
    asked = {"recognizers": ["test-wild"], "entities": ["WILD"]}
    assert found({"entities": ["US_SSN"], "presidio": asked}, "tame") == []


def test_a_name_is_given_once() -> None:
    for name in ("builtin", "test-employee"):
        with pytest.raises(ValueError, match="already"):
            presidio.register(name, employee)


def test_long_texts_are_read_in_parts_and_the_clock_is_asked() -> None:
    value = {"entities": ["US_SSN"], "presidio": EMPLOYEE}
    text = "x " * 995 + "E-123456 " + "y " * 3_000 + "E-654321"
    assert [what for _, what, _ in found(value, text)] == ["E-123456", "E-654321"]
    finder = pii.build(pii.normal(value))
    with pytest.raises(FactError) as error:
        finder(Texts([("field", text)], deadline=0.0))
    assert error.value.code == "fact-timeout"


def test_half_characters_are_read() -> None:
    value = {"entities": ["US_SSN"], "presidio": EMPLOYEE}
    assert [what for _, what, _ in found(value, "\ud800 E-123456 \udfff")] == ["E-123456"]


def test_threads_share_an_engine() -> None:
    finder = pii.build(pii.normal({"entities": ["US_SSN"], "presidio": EMPLOYEE}))
    results: list[int] = []

    def ask(n: int) -> None:
        results.append(len(finder([("field", f"word{n} E-{n:06} and E-{n + 1:06}")])))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2] * 8


def test_whoever_waits_for_a_lock_looks_at_the_clock() -> None:
    lock = threading.Lock()

    def check() -> None:
        raise FactError("fact-timeout", "over")

    with lock, pytest.raises(FactError), windows.held(lock, check):
        pass


def test_what_took_too_long_counts_as_unread() -> None:
    with pytest.raises(FactError), windows.within(0.0, presidio._slow):
        pass


@pytest.mark.parametrize(
    ("start", "hit", "kept"),
    [
        (0, (0, 5), (0, 5)),
        (0, (1_990, 2_000), None),
        (0, (1_700, 2_000), (1_700, 2_000)),
        (1_800, (0, 20), None),
        (1_800, (0, 201), (1_800, 2_001)),
        (1_800, (190, 210), (1_990, 2_010)),
    ],
)
def test_a_find_that_a_part_cuts_is_its_neighbours(
    start: int, hit: tuple[int, int], kept: tuple[int, int] | None
) -> None:
    whole = windows.Part("x" * 2_000, start, last=False).whole(Hit("A", *hit, 0.5, ""))
    assert (None if whole is None else (whole.start, whole.end)) == kept


def test_words_of_hostile_texts_cover_them() -> None:
    import spacy

    nlp = spacy.blank("en")
    for text in ("(" * 500, "a." * 500, "é" * 300 + " \n" + "1" * 200):
        assert windows.words(nlp, text).text == text
