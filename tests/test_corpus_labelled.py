"""Our own labelled texts: enough of each sort, labels that stand where they say, no copies."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict

import pytest

from corpus import labelled, measure, public
from corpus.labelled import GUARDS, MARK, Example
from policyengine.analysis.labelled import read_labelled
from policyengine.analysis.rates import Counts
from policyengine.guards import secrets
from policyengine.guards._pii.table import ENTITIES
from policyengine.guards._topic.shipped import TOPICS

ALL = labelled.read_all()
ROWS = [example for examples in ALL.values() for example in examples]
KINDS = {"chat", "code", "log", "document", "mail", "html", "json", "tool"}
ORIGINS = {"user", "tool", "document"}
BASE = {"id", "text", "lang", "kind", "origin", "source"}
FIELDS = {
    "pii": BASE | {"spans"},
    "injection": BASE | {"label"},
    "topic": BASE | {"label"},
    "secrets": BASE | {"spans"},
    "words": BASE | {"label", "clause"},
}
# What a span of a type must at least look like, told apart from what the guards look for.
SHAPES = {
    "EMAIL_ADDRESS": r"[^\s@]+@[^\s@]+\.[a-z.]+",
    "PHONE_NUMBER": r"\(?\+?[\d(][\d\s().-]{6,18}\d",
    "CREDIT_CARD": r"\d[\d -]{11,21}\d",
    "IBAN_CODE": r"[A-Z]{2}\d\d[A-Z0-9 ]{11,38}",
    "IP_ADDRESS": r"\d{1,3}(\.\d{1,3}){3}|[0-9a-f:]{3,39}",
    "US_SSN": r"\d{3}[- ]\d\d[- ]\d{4}",
    "MAC_ADDRESS": r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}",
    "DATE_OF_BIRTH": r".*\d.*",
    "AWS_ACCESS_KEY": r"A[KS]IA[A-Z0-9]{16}",
    "GITHUB_TOKEN": r"(gh[pousr]|github_pat)_\w{36,}",
    "JWT": r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+",
    "PRIVATE_KEY": r"-----BEGIN [A-Z ]+-----\n(?s:.*)\n-----END [A-Z ]+-----",
    "PASSWORD": r"\S{8,24}",
}


def raw(guard: str) -> list[dict[str, object]]:
    lines = labelled.path(guard).read_text(encoding="utf-8").rstrip("\n").split("\n")
    return [json.loads(line) for line in lines]


def test_there_are_enough() -> None:
    assert len(ROWS) >= 1_500
    least = {"pii": 350, "injection": 450, "topic": 400, "secrets": 190, "words": 120}
    assert {guard: len(ALL[guard]) >= count for guard, count in least.items()} == dict.fromkeys(
        least, True
    )


@pytest.mark.parametrize("guard", GUARDS)
def test_half_of_them_are_harmless(guard: str) -> None:
    share = sum(bool(example.labels) for example in ALL[guard]) / len(ALL[guard])
    assert 0.4 <= share <= 0.55


def test_there_are_many_languages() -> None:
    counts = Counter(example.lang for example in ROWS)
    assert len(counts) >= 18
    assert all(counts[lang] >= 20 for lang in ("de", "fr", "es", "it", "pt", "nl", "ru", "zh"))
    assert all(counts[lang] >= 10 for lang in ("pl", "ja", "ar", "hi"))
    for guard in GUARDS:
        foreign = [example for example in ALL[guard] if example.lang != "en"]
        assert len(foreign) >= 0.1 * len(ALL[guard])
        assert 0.3 <= sum(bool(example.labels) for example in foreign) / len(foreign) <= 0.7


def test_there_are_all_kinds_and_origins() -> None:
    kinds = Counter(example.kind for example in ROWS)
    assert set(kinds) == KINDS
    assert all(kinds[kind] >= 15 for kind in KINDS)
    for guard in GUARDS:
        assert {example.origin for example in ALL[guard]} == ORIGINS


@pytest.mark.parametrize("guard", GUARDS)
def test_rows_have_their_fields(guard: str) -> None:
    for number, row in enumerate(raw(guard), start=1):
        assert set(row) == FIELDS[guard]
        assert row["id"] == f"{guard}-{number:04d}"
        assert re.fullmatch("[a-z]{2}", str(row["lang"]))
        assert row["source"] == "policyengine"
        assert str(row["text"]).strip()


@pytest.mark.parametrize("guard", GUARDS)
def test_the_tools_read_the_files(guard: str) -> None:
    file = labelled.path(guard)
    found = read_labelled(file.read_bytes(), file.name)
    assert [row.labels for row in found.rows] == [example.labels for example in ALL[guard]]


@pytest.mark.parametrize("guard", GUARDS)
def test_nothing_in_the_files_is_invisible(guard: str) -> None:
    text = labelled.path(guard).read_text(encoding="utf-8").replace("\n", "")
    assert {unicodedata.category(c) for c in set(text)}.isdisjoint({"Cf", "Cc", "Cn", "Zl", "Zp"})


def test_labels_are_names_that_there_are() -> None:
    assert {label for example in ALL["pii"] for label in example.labels} <= set(ENTITIES)
    assert {label for example in ALL["secrets"] for label in example.labels} <= secrets.KINDS
    assert {label for example in ALL["topic"] for label in example.labels} == set(TOPICS)
    assert {label for g in ("injection", "words") for e in ALL[g] for label in e.labels} == {"1"}


def test_each_topic_has_examples() -> None:
    counts = Counter(label for example in ALL["topic"] for label in example.labels)
    assert min(counts.values()) >= 12


@pytest.mark.parametrize("example", [e for e in ROWS if e.spans], ids=lambda e: e.id)
def test_spans_cut_out_what_they_say(example: Example) -> None:
    end = 0
    for span in example.spans:
        assert end <= span.start < span.end <= len(example.text)
        part = example.text[span.start : span.end]
        assert part == part.strip(" ")
        assert re.fullmatch(SHAPES.get(span.label, r"(?s:.)*\w(?s:.)*"), part)
        # A find is not part of a longer word.
        around = example.text[max(span.start - 1, 0) : span.start + 1]
        assert not re.fullmatch(r"[a-z]{2}", around)
        end = span.end


def test_cards_and_accounts_have_right_check_digits() -> None:
    for example in ALL["pii"]:
        for span in example.spans:
            number = re.sub(r"[ -]", "", example.text[span.start : span.end])
            if span.label == "CREDIT_CARD":
                assert luhn(number), example.id
            if span.label == "IBAN_CODE":
                moved = "".join(str(int(c, 36)) for c in number[4:] + number[:4])
                assert int(moved) % 97 == 1, example.id


def luhn(number: str) -> bool:
    odd, even = number[-1::-2], number[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(d), 10)) for d in even)) % 10 == 0


def test_secrets_are_cut_in_the_file() -> None:
    find = secrets.build(secrets.normal("all"))
    for row, example in zip(raw("secrets"), ALL["secrets"], strict=True):
        for span in example.spans:
            assert example.text[span.start : span.end] not in str(row["text"])
        if example.spans:
            assert find([("row", str(row["text"]))]) == [], example.id


def test_other_files_hold_no_keys_of_providers() -> None:
    named = {"PASSWORD", "API_KEY", "AUTHORIZATION", "HIGH_ENTROPY_STRING"}
    find = secrets.build(secrets.normal(sorted(secrets.KINDS - named)))
    for guard in set(GUARDS) - {"secrets"}:
        assert find([(example.id, example.text) for example in ALL[guard]]) == []


def test_marks_are_nowhere_else() -> None:
    assert not any(MARK in example.text for example in ROWS)
    assert all(MARK not in str(row["text"]) for g in set(GUARDS) - {"secrets"} for row in raw(g))


def grams(text: str) -> frozenset[tuple[str, ...]]:
    """Runs of three words; letters of scripts without spaces count as words."""
    words = re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]|\w+", text.lower())
    return frozenset(zip(words, words[1:], words[2:], strict=False)) or frozenset({tuple(words)})


def test_no_two_are_nearly_the_same() -> None:
    sets = [grams(example.text) for example in ROWS]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    same = []
    for number, own in enumerate(sets):
        shared = Counter(other for gram in own for other in holders[gram])
        for other, count in shared.items():
            if count / (len(own) + len(sets[other]) - count) > 0.8:
                same.append((ROWS[other].id, ROWS[number].id))
        for gram in own:
            holders[gram].append(number)
    assert same == []


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


@pytest.mark.skipif(not public.available(), reason="the folder of public sets is not there")
def test_none_is_from_a_public_set() -> None:
    ours = {plain(example.text): example.id for example in ROWS}
    copied = [
        ours[plain(row.text)]
        for name in public.available()
        for row in public.load(name).rows
        if plain(row.text) in ours
    ]
    assert copied == []


def test_words_are_labelled_by_the_documented_meaning() -> None:
    assert all(example.clause["any"] for example in ALL["words"])
    matches = Counter(example.clause["match"] for example in ALL["words"])
    assert set(matches) == {"word", "phrase", "stem", "substring"}


def test_the_report_has_a_table_for_each_question() -> None:
    pytest.importorskip("snowballstemmer")
    report = measure.report(["pii", "secrets", "words"])
    assert report.count("\n## ") == 4
    assert report.count("\n| all | ") == 4
    for guard in GUARDS:
        assert f"| {guard}.jsonl | {len(ALL[guard])} |" in report


def test_a_failing_guard_counts_as_found() -> None:
    harmless, harmful = (next(e for e in ALL["words"] if bool(e.labels) == b) for b in (0, 1))
    judged = [measure.Judged(harmless, False, None), measure.Judged(harmful, True, ())]
    assert measure.counts(judged) == Counts(0, 1, 1, 0, 1)


def test_rows_with_other_labels_are_left_out() -> None:
    question = measure.Asked("pii", "cards", ["CREDIT_CARD"], frozenset({"CREDIT_CARD"}))
    judged = measure.judge(question)
    assert {label for row in judged if not row.positive for label in row.example.labels} == set()
    assert all("CREDIT_CARD" in row.example.labels for row in judged if row.positive)
    table = dict(measure.types(judged, question.wanted))
    assert list(table) == ["CREDIT_CARD"]
    assert table["CREDIT_CARD"][0].total >= 10
