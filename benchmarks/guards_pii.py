"""What the guard `pii` costs on a thousand characters, beside finders that others use.

    python benchmarks/run.py --only pii

Prose, chat, code and a log, a thousand characters each, in turn; three of them hold an e-mail
address and other personal data. presidio-analyzer runs its pattern recognisers without a language
model and with the packaged list of top levels; scrubadub its own detectors; LiteLLM the patterns
of its content filter, each searched for once. A peer that is not installed is left out, and why
is said.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from harness import Effort, Race, Target, Way, progress, race

from policyengine.guards import pii

SECTION = "guards"
OURS = "policyengine"
Ask = Callable[[str], bool]

_PROSE = (
    "The committee met on Tuesday to discuss the budget for the coming year. Most members agreed "
    "that the new bridge should be finished first, while two of them asked for more time to read "
    "the report of 2019. About 40 people came, and the chair read out what the 12 schools had "
    "sent. Comments go to Maria Keller, maria.keller@example.org, or by phone to 212-555-0143 "
    "until the end of the month; the office will collect them and answer within 10 days. "
)
_CHAT = (
    "hi, i ordered the blue lamp last week and it still isn't here :( can you check? my order is "
    "88213 and the mail i used is sam_94@example.com\nSure! One moment please. I can see that it "
    "left our warehouse on Monday. It should be with you by tomorrow, at the latest.\nok thanks. "
    "also can i change the card for the next one? it ends in 4242 and expires soon\nOf course, "
    "you can do that under Settings > Payment. Anything else?\nno that's all, thank you so much!\n"
)
_CODE = (
    "def windows(text: str, size: int = 300, step: int = 150) -> list[str]:\n"
    '    """Cut a text into windows that overlap by half."""\n'
    "    if len(text) <= size:\n        return [text]\n"
    "    starts = range(0, len(text) - size + step, step)\n"
    "    return [text[start : start + size] for start in starts]\n\n\n"
    "class Cache(dict[str, int]):\n    def __missing__(self, key: str) -> int:\n"
    "        value = self[key] = hash(key) & 0xFFFF\n        return value\n\n\n"
    "LIMITS = {'short': 1_000, 'long': 64_000, 'ratio': 0.75}\n"
)
_LOG = (
    "2025-10-10 13:55:36,104 INFO  server.access GET /v1/items/8812 200 2326 41ms ip=10.20.3.7\n"
    "2025-10-10 13:55:37,220 INFO  worker.mail queued message for jo@example.net (attempt 1 of 5)\n"
    "2025-10-10 13:55:37,871 WARN  worker.mail retry in 30 s: connection reset by peer\n"
    "2025-10-10 13:55:40,002 ERROR api.orders validation failed: field 'quantity' must be < 100\n"
)
TEXTS = [(text * 4)[:1000] for text in (_PROSE, _CHAT, _CODE, _LOG)]
SIX = ["CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER", "US_SSN"]
TARGETS = {"six": Target(80e3, "ns"), "all": Target(150e3, "ns")}
TITLES = {"six": "six common entities", "all": "all entities"}


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for a thousand characters, with six entities and with all."""
    for which, title in TITLES.items():
        name = f"{SECTION} pii: {title}"
        if wanted and not any(word in name for word in wanted):
            continue
        progress(name)
        ways, absent = _ways(which)
        yield Race(
            SECTION,
            f"pii: {title}",
            "A thousand characters: prose, chat, code and a log in turn.",
            race(ways, TEXTS, effort.longer()),
            absent=absent,
            target=TARGETS[which],
            judged=OURS,
        )


def _ways(which: str) -> tuple[dict[str, Way], dict[str, str]]:
    ways = {OURS: Way(_ours(which), read=_has_mail)}
    absent = {}
    for name, make in {
        "presidio-analyzer": _presidio,
        "LiteLLM": _litellm,
        "scrubadub": _scrubadub,
    }.items():
        try:
            ways[name] = Way(make(which), read=_has_mail)
        except ImportError as error:
            absent[name] = f"not installed ({error.name})"
    return ways, absent


def _has_mail(kinds: Any) -> bool:
    """What all of them agree on: whether there is an e-mail address."""
    return any("email" in kind.lower() for kind in kinds)


def _ours(which: str) -> Callable[[str], Any]:
    finder = pii.build(pii.normal(SIX if which == "six" else ["all"]))
    return lambda text: [found["type"] for found in finder([("text", text)])]


def _presidio(which: str) -> Callable[[str], Any]:
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine

    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    # No list of top levels is fetched: the packaged one serves.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__(
                models=[{"lang_code": "en", "model_name": "blank"}],
                ner_model_configuration=NerModelConfiguration(labels_to_ignore=[]),
            )
            self.nlp = {"en": spacy.blank("en")}

    engine = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
    analyze = partial(engine.analyze, language="en", entities=SIX if which == "six" else None)
    return lambda text: [found.entity_type for found in analyze(text)]


def _scrubadub(which: str) -> Callable[[str], Any]:
    import scrubadub
    from scrubadub import detectors

    six = [
        detectors.EmailDetector,
        detectors.PhoneDetector,
        detectors.CreditCardDetector,
        detectors.en_US.SocialSecurityNumberDetector,
    ]
    scrubber = scrubadub.Scrubber(detector_list=six) if which == "six" else scrubadub.Scrubber()
    return lambda text: [filth.type for filth in scrubber.iter_filth(text)]


# LiteLLM's names of the six; it has IBANs of some countries only, under names of their own.
_LITELLM = ("email", "us_phone", "visa", "mastercard", "amex", "discover", "us_ssn", "ipv4", "iban")


def _litellm(which: str) -> Callable[[str], Any]:
    # Its table of prices is packaged, too; nothing is fetched.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from litellm.proxy.guardrails.guardrail_hooks.litellm_content_filter import patterns

    names = [
        name for name in patterns.PREBUILT_PATTERNS if which == "all" or name.startswith(_LITELLM)
    ]
    compiled = [(name, patterns.get_compiled_pattern(name)) for name in names]
    return lambda text: [name for name, pattern in compiled if pattern.search(text)]
