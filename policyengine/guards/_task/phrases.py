"""Phrases that say what is asked, where a verb and an object do not.

A phrase is tried in a sentence that has one of its words. Writing without spaces has no words to
begin with; its phrases are looked for anywhere in the first and the last sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policyengine.guards._task.words import TONGUES

_TONGUE = f"(?:{'|'.join(sorted(TONGUES))})"
_SHORT_TONGUE = "(?:en|de|fr|es|it|ja|zh|pt|nl|pl)"
_CODE = (
    r"(?: \w{1,20})? (?:code|function|script|query|class|method|program|snippet|regex|loop"
    r"|stack trace|log)\b"
)
_THIS = r"(?:this|the following|my|the)"


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a phrase means, a word of each sentence that may hold it, and its form.

    `tongue` says that the name of a language is in the sentence too.
    """

    kind: str
    words: tuple[str, ...]
    form: re.Pattern[str]
    tongue: bool


def _row(kind: str, words: str, *forms: str) -> Phrase:
    tongue = all(_TONGUE in form for form in forms)
    return Phrase(kind, tuple(words.split()), re.compile("|".join(forms)), tongue)


PHRASES: Final[Sequence[Phrase]] = (
    _row(
        "translation",
        "say sagt",
        r"how (?:do|would|can) (?:you|i|we|one) say\b",
        r"wie sagt man\b",
    ),
    _row("translation", "say", rf"\bsay\b.{{1,80}}\bin {_TONGUE}\b"),
    _row("translation", "translator", r"\b(?:are|as) an? (?:\w{1,20} ){0,4}translator\b"),
    _row("translation", "dit", r"comment (?:dit|on dit|dire)\b"),
    _row("translation", "dice diz", r"como se (?:dice|diz)\b"),
    _row("translation", "heisst heißt", rf"was (?:heisst|heißt)\b.{{1,80}}\bauf {_TONGUE}\b"),
    _row(
        "translation",
        "what whats",
        rf"what(?:'?s| is| are)(?: the)? {_TONGUE} (?:word|term|expression|translation|phrase)\b",
        r"what(?:'?s| is| does)\W{1,3}.{1,60}(?:['\"”’»]|\bmean) in (?:plain |simple )?"
        rf"{_TONGUE}\b",
    ),
    _row(
        "translation",
        "in into to",
        rf"^(?:please )?(?:in)?to {_TONGUE}\b",
        rf"^{_TONGUE} to {_TONGUE}\b",
        r"\b(?:put|need|render|turn|bring|give|want|write this|have) .{0,40}\b(?:in|into) "
        rf"{_TONGUE}\b",
    ),
    _row(
        "translation",
        "en de fr es it ja zh pt",
        rf"^{_SHORT_TONGUE} ?(?:->|=>|→|>) ?{_SHORT_TONGUE}\b",
    ),
    _row("translation", "ubertragen ubersetzen", rf"\b(?:ins|auf|in) {_TONGUE}e?n?\b"),
    _row(
        "analysis",
        "pros vor advantages strengths avantages ventajas vantagens",
        r"\bpros and cons\b",
        r"\bvor(?:-| )? ?und nachteile\b",
        r"\badvantages and (?:the )?(?:disadvantages|drawbacks)\b",
        r"\bstrengths and (?:the )?weaknesses\b",
        r"\bavantages et (?:les )?inconvenients\b",
        r"\bventajas y (?:las )?desventajas\b",
        r"\bvantagens e (?:as )?desvantagens\b",
    ),
    _row(
        "analysis",
        "weaknesses flaws risks implications trade",
        r"^what are the (?:weaknesses|flaws|risks|implications|trade)\b",
    ),
    _row(
        "analysis",
        "wrong bug problem mistake",
        r"what(?:'?s| is) wrong (?:with|in|here)\b",
        r"is there (?:a|any) (?:bug|problem|mistake)\b",
    ),
    _row(
        "analysis",
        "code function script query class method program snippet regex loop trace log going goes "
        "happens",
        rf"(?:what|how) (?:does|do|is) {_THIS}{_CODE}.{{0,40}}\b(?:do|doing|work)",
        rf"why (?:is|does|do) {_THIS}{_CODE}",
        rf"(?:explain|describe) (?:what )?{_THIS}{_CODE}",
        r"what (?:happens|is going on|goes wrong) in (?:this|the)\b",
    ),
    _row("analysis", "trends patterns conclusions", r"what (?:trends|patterns|conclusions)\b"),
    _row("summary", "dr", r"\btl ?;? ?dr\b"),
    _row(
        "summary",
        "points takeaways gist items ideas findings",
        r"\b(?:key|main|most important) (?:points|takeaways|ideas|findings)\b",
        r"\baction items\b",
        r"\bthe gist\b",
        r"\btakeaways\b",
    ),
    _row(
        "summary",
        "text passage article paragraph context",
        r"\b(?:based on|according to|from|read|use) (?:the |this )"
        r"(?:text|passage|article|paragraph|context)\b",
    ),
    _row("writing", "sound", r"^make (?:this|it|my \w{1,20}) sound\b"),
)

_BY_WORD: Final[dict[str, list[Phrase]]] = {}
for _phrase in PHRASES:
    for _word in _phrase.words:
        _BY_WORD.setdefault(_word, []).append(_phrase)


def phrased(sentence: str, words: Sequence[str]) -> str | None:
    """The kind of task that a phrase of a sentence with these words asks for.

    >>> phrased("what is wrong with it?", ["what", "is", "wrong", "with", "it"])
    'analysis'
    """
    for word in dict.fromkeys(words):
        for phrase in _BY_WORD.get(word, ()):
            if phrase.tongue and TONGUES.isdisjoint(words):
                continue
            if phrase.form.search(sentence):
                return phrase.kind
    return None


_CODES = (
    "関数|コード|プログラム|スクリプト|エラー|バグ|函数|代码|脚本|程序|爬虫|查询|sql|python|java"
)
_MAKE = "書いて|作成し|作って|実装し|修正し|直して|写|编写|实现|编程|修复|修改|작성|만들"


def _han(kind: str, *forms: str) -> tuple[str, re.Pattern[str]]:
    return kind, re.compile("|".join(forms))


HAN: Final[Sequence[tuple[str, re.Pattern[str]]]] = (
    _han(
        "chat",
        "^(?:こんにちは|こんばんは|おはよう|ありがとう|おやすみ|さようなら|元気ですか|お元気|你好|您好"
        "|谢谢|再见|早上好|晚上好|晚安|안녕|감사)[^\n]{0,12}$",
    ),
    _han(
        "translation",
        "翻訳|翻译|翻譯|に訳し|译成|译为|翻成|번역",
        "語で(?:何|なん)",
        "[语文]怎么[说讲]",
    ),
    _han("summary", "要約|まとめて|抜き出し|总结|總結|概括|摘要|提取|要点|요약"),
    _han("code", f"(?:{_CODES}).{{0,60}}(?:{_MAKE})", f"(?:{_MAKE}).{{0,40}}(?:{_CODES})"),
    _han("analysis", "分析|レビュー|比較し|評価し|评估|比较|對比|对比|审查|优缺点|利弊|분석"),
    _han(
        "math",
        "方程式|方程|求解",
        "[0-9].{0,40}(?:計算し|解いて|计算|等于)",
        "[0-9].{0,20}[0-9].{0,20}(?:多少|いくつ)",
        "(?:計算|计算).{0,40}[0-9]",
    ),
    _han(
        "writing",
        "(?:詩|物語|手紙|メール|俳句|記事|スピーチ).{0,20}(?:書いて|作って|作成)",
        "(?:写|起草|创作).{0,30}(?:诗|故事|信|文章|博客|演讲稿|邮件|小说|作文)",
    ),
    _han(
        "question",
        "(?:か|吗|呢|什么|谁|哪|几点|多少|为什么|怎么|何|なぜ|どこ|いつ|誰)[^\n]{0,30}[?。]?$",
        "^(?:什么|谁|为什么|哪|怎么|なぜ|何|誰)",
    ),
)
"""Phrases in writing without spaces, by what they mean; the first one that is found counts."""
