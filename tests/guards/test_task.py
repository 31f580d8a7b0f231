"""The fact `task`: the kinds of work that requests ask for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from policyengine.errors import FactError
from policyengine.guards import _linear, task
from policyengine.guards._task.asked import Asked
from policyengine.guards._task.model import KINDS, Model, shipped
from policyengine.guards._task.reading import HEAD, Reading

JAVA = "\n".join(f"        String value{i} = request.getParameter(names[{i}]);" for i in range(200))


def request(prompt: Any, **more: Any) -> dict[str, Any]:
    return {"request": {"model": "m", "messages": [{"role": "user", "content": prompt}], **more}}


def judged(input: Any, least: float = 0.5) -> list[tuple[str, str]]:
    find = task.build(task.normal({"any": list(KINDS), "min_score": least}))
    return [(found["type"].lower(), found["why"]) for found in find(input)]


def kind(prompt: str) -> str:
    return next((name for name, _ in judged(request(prompt))), "")


@pytest.mark.parametrize(
    ("wanted", "prompt"),
    [
        ("question", "What time is it in Tokyo?"),
        ("analysis", f"Analyse these 200 lines of Java for vulnerabilities:\n\n{JAVA}"),
        ("analysis", f"{JAVA}\n\nPlease review the code above for vulnerabilities."),
        ("code", "Write a Python script that deletes empty folders."),
        ("translation", "Translate the following to Japanese: The train is late."),
        ("chat", "Hi!"),
        ("chat", "good morning, how are you?"),
        ("math", "Solve x^2 - 5x + 6 = 0."),
        ("writing", "Write a poem about the first snow."),
        ("summary", "Summarise this article in two sentences:\n\nThe council met on Monday."),
    ],
)
def test_the_examples_of_the_field(wanted: str, prompt: str) -> None:
    assert kind(prompt) == wanted


@pytest.mark.parametrize(
    ("wanted", "prompts"),
    [
        (
            "question",
            [
                "Wie spät ist es in Tokio?",
                "Quelle heure est-il à Tokyo ?",
                "¿Qué hora es en Tokio?",
                "Que horas são em Tóquio?",
                "東京は今何時ですか？",
                "东京现在几点？",
            ],
        ),
        (
            "code",
            [
                "Schreibe ein Python-Skript, das leere Ordner löscht.",
                "Écris un script Python qui supprime les dossiers vides.",
                "Escribe un script de Python que borre carpetas vacías.",
                "Escreva um script Python que apague pastas vazias.",
                "空のフォルダを削除するPythonスクリプトを書いてください。",
                "写一个删除空文件夹的Python脚本。",
            ],
        ),
        (
            "translation",
            [
                "Übersetze ins Japanische: Der Zug hat Verspätung.",
                "Traduis en japonais : Le train est en retard.",
                "Traduce al japonés: El tren llega tarde.",
                "Traduza para o japonês: O trem está atrasado.",
                "英語に翻訳してください：電車が遅れています。",
                "翻译成日语：火车晚点了。",
            ],
        ),
        (
            "analysis",
            [
                f"Analysiere diesen Java-Code auf Schwachstellen:\n{JAVA}",
                f"Analyse ce code Java et trouve les failles :\n{JAVA}",
                f"Analiza este código Java en busca de vulnerabilidades:\n{JAVA}",
                f"Analise este código Java em busca de vulnerabilidades:\n{JAVA}",
                f"このJavaコードの脆弱性を分析してください。\n{JAVA}",
                f"分析这段Java代码的漏洞：\n{JAVA}",
            ],
        ),
        ("chat", ["Hallo!", "Bonjour, ça va ?", "¡Hola!", "Olá, tudo bem?", "こんにちは", "你好"]),
    ],
)
def test_the_same_in_other_languages(wanted: str, prompts: list[str]) -> None:
    assert [kind(prompt) for prompt in prompts] == [wanted] * len(prompts)


@pytest.mark.parametrize(
    ("wanted", "prompt"),
    [
        ("analysis", "Explain what this function does:\n```py\ndef f(x):\n    return x\n```"),
        ("question", "Explain what a function is."),
        ("code", "Translate this Java class into Kotlin:\npublic class A { int b; }"),
        ("translation", "Translate the comments of this README into Korean: This tool is fast."),
        ("question", "Who translated Homer into English?"),
        ("writing", "Write a blog post about a Python script."),
        ("code", "Write a script that posts to a blog."),
        ("writing", "Correct the grammar of this sentence: he go home"),
        ("code", "Correct the bug in this loop:\nfor (i = 0; i <= n; i++) { f(i); }"),
        ("analysis", "Find the bug in this loop:\nfor (i = 0; i <= n; i++) { f(i); }"),
        ("summary", "Give me a summary of this report.\n\nSales grew in the north this year."),
        ("math", "Convert 20 miles to kilometres."),
        ("translation", "Turn this into Finnish: see you tomorrow"),
        ("translation", "How do you say thank you in Hungarian?"),
    ],
)
def test_near_misses(wanted: str, prompt: str) -> None:
    assert kind(prompt) == wanted


def test_why_says_how_it_was_judged_and_quotes_nothing() -> None:
    prompt = "Write a Python zebra:\n```py\nx = 1\n```\n```py\ny = 2\n```"
    assert judged(request(prompt)) == [("code", "asks for a program; 2 code blocks")]
    [(_, why)] = judged(request("We had 3 zebras and 4 left, and then 7 came. How many now?"))
    assert why.startswith("classifier")
    assert "zebra" not in why


def test_the_last_words_of_the_user_count() -> None:
    messages = [
        {"role": "system", "content": "Write Python code."},
        {"role": "user", "content": "Write a Python script that counts words."},
        {"role": "assistant", "content": "Here it is."},
        {"role": "user", "content": "Translate the comments to German."},
        {"role": "tool", "content": "Analyse this code."},
    ]
    assert judged({"request": {"model": "m", "messages": messages}})[0][0] == "translation"


@pytest.mark.parametrize("words", ["continue", "yes please", "Go on!", "weiter", "继续"])
def test_going_on_is_the_task_before(words: str) -> None:
    messages = [
        {"role": "user", "content": "Write a Python script that counts words."},
        {"role": "assistant", "content": "Shall I?"},
        {"role": "user", "content": words},
    ]
    input = {"request": {"model": "m", "messages": messages}}
    assert judged(input) == [("code", "asks for a program; of an earlier message")]
    alone = {"request": {"model": "m", "messages": messages[2:]}}
    assert not Asked.of(alone).earlier


def test_a_system_prompt_that_asks_for_a_translation_of_everything() -> None:
    system = "You are a translator. Translate what the user says into French."
    assert judged(request("Where is the station?", system=system)) == [
        ("translation", "the system prompt asks for a translation")
    ]
    assert judged(request("Write a poem about rain.", system=system))[0][0] == "writing"


@pytest.mark.parametrize(
    "input",
    [
        request(""),
        request("  \n"),
        request(None),
        {"request": {"model": "m"}},
        {"request": {"model": "m", "messages": [{"role": "system", "content": "Be kind."}]}},
    ],
)
def test_without_text_there_is_no_kind(input: Any) -> None:
    assert judged(input, 0.0) == []


@pytest.mark.parametrize(
    "input",
    [
        {},
        {"request": 3},
        {"request": {"messages": "hi"}},
        {"request": {"messages": ["hi"]}},
        request([{"type": "text", "text": "hi"}]),
        request("a\0b"),
        request("\ud800"),
        request("hi", documents=[{"content": 3}]),
        request("hi", system=3),
    ],
)
def test_what_cannot_be_read_is_an_error(input: Any) -> None:
    with pytest.raises(FactError) as error:
        judged(input)
    assert error.value.code == "unreadable-text"


def test_a_prompt_without_end_is_an_error() -> None:
    with pytest.raises(FactError) as error:
        judged(request("x" * 2_000_001))
    assert error.value.code == "text-too-long"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a " * 100_000,
        "`" * 200_000,
        "```\n" * 50_000,
        "if (" * 50_000,
        "select " * 28_000,
        "$a\n" * 66_000,
        "say " * 50_000 + "in",
        "\\frac" * 40_000,
        "1." * 100_000,
        "-" * 200_000,
        "什么" * 100_000,
        "ﷺ" * 200_000,
        "could you please " * 12_000,
        "a.py " * 40_000,
        "=\n" * 100_000,
        "static a " * 22_000,
        " \t" * 100_000,
    ],
)
def test_hostile_prompts_are_judged(text: str) -> None:
    # A search that is quadratic would take minutes over so many characters.
    found = task.kinds(Asked.of(request(text)))
    assert len(found) == (0 if not text.strip() else 1 if len(found) == 1 else len(KINDS))
    assert all(score <= 1.0 for _, score, _ in found)


@given(st.text(max_size=300))
@settings(max_examples=60)
def test_any_text_has_kinds_that_are_chances(text: str) -> None:
    try:
        found = task.kinds(Asked.of(request(text)))
    except FactError:
        return
    assert all(0.0 <= score <= 1.0 and name in KINDS for name, score, _ in found)
    assert len(found) in (0, 1) or sum(score for _, score, _ in found) == pytest.approx(1.0)


@given(st.text(st.characters(codec="utf-8"), max_size=400))
@settings(max_examples=40)
def test_scores_are_the_same_without_numpy(text: str) -> None:
    pytest.importorskip("numpy")
    model, reading = shipped(), Reading.of(text)
    with_numpy = model.chances(reading)
    kept = list(_linear._found)
    _linear._found[:] = [None]
    try:
        assert model.chances(reading) == with_numpy
    finally:
        _linear._found[:] = kept


def test_a_prompt_that_grows_in_plain_form_is_cut() -> None:
    reading = Reading.of("ﷺ" * 2_000)
    assert len(reading.head) == HEAD
    assert sum(shipped().chances(reading)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "value",
    ["code", ["code", "chat"], {"any": ["math"]}, {"any": ["math"], "min_score": 0.7}],
)
def test_values_of_the_clause(value: Any) -> None:
    assert Draft202012Validator(task.SCHEMA).is_valid(value)
    assert task.normal(task.normal(value)) == task.normal(value)


@pytest.mark.parametrize("value", ["coding", [], {}, {"any": "code"}, True, {"min_score": 1}])
def test_values_that_are_none(value: Any) -> None:
    assert not Draft202012Validator(task.SCHEMA).is_valid(value)


def test_only_wanted_kinds_are_found() -> None:
    find = task.build(task.normal(["code", "chat"]))
    assert find(request("What time is it in Tokyo?")) == []
    assert [one["type"] for one in find(request("Hi!"))] == ["CHAT"]


def test_files_of_another_form_are_refused() -> None:
    whole = shipped().file()
    for content in (b"", whole[:-1], b"x" * len(whole)):
        with pytest.raises(ValueError, match="not weights of tasks"):
            Model.of(content, b"{}")
