"""What the guards `words` and `secrets` cost on a thousand characters.

    python benchmarks/run.py --only words

The cost of `words` should not depend on how many there are. `secrets` runs beside the detectors of
detect-secrets that find keys of providers; those of words and of entropy are left out there, as the
first alone takes longer than all others.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType

from harness import Effort, Race, Target, Way, progress, race

from policyengine.guards import secrets, words

SECTION = "guards"
TEXT = (
    "The deployment finished without errors and the team reviewed the logs for the payment "
    "service. def handler(event, context): return {'statusCode': 200, 'body': json.dumps(event)} "
    "2026-11-02T10:00:00Z INFO request id=7f3a9c21 user=ada path=/v1/chat latency=120ms bytes=8812 "
) * 4
COUNTS = (10, 1_000, 50_000)
OTHERS = ("aws", "azure_storage_key", "github_token", "gitlab_token", "jwt", "npm", "openai",
          "private_key", "pypi_token", "sendgrid", "slack", "square_oauth", "stripe",
          "telegram_token", "twilio")  # fmt: skip


def results(
    peers: Mapping[str, ModuleType], effort: Effort, wanted: Sequence[str]
) -> Iterator[Race]:
    """Nanoseconds for a thousand characters."""
    text = TEXT[:1000]
    if not wanted or any(word in f"{SECTION} words" for word in wanted):
        progress("words")
        for match in ("word", "substring"):
            ways = {f"{count:,} {match}s": Way(_words(match, count)) for count in COUNTS}
            yield Race(
                SECTION,
                f"words: {match}s by number",
                "Random words, none of which occurs, in a thousand characters.",
                race(ways, [text], effort),
                target=Target(2.0, "times"),
                judged=f"{COUNTS[-1]:,} {match}s",
            )
    if not wanted or any(word in f"{SECTION} secrets" for word in wanted):
        progress("secrets")
        ways, absent = {"policyengine": Way(_secrets())}, {}
        try:
            ways["detect-secrets"] = Way(_detect_secrets())
        except ImportError as error:
            absent["detect-secrets"] = str(error)
        yield Race(
            SECTION,
            "secrets: all kinds",
            "A thousand characters of prose, code and a log, without a secret.",
            race(ways, [text], effort),
            absent=absent,
        )


def _words(match: str, count: int) -> Callable[[str], bool]:
    chosen = random.Random(1)
    entries = {"".join(chosen.choices(string.ascii_lowercase, k=12)) for _ in range(count)}
    finder = words.build(words.normal({"any": sorted(entries), "match": match}))
    return lambda text: bool(finder([("text", text)]))  # type: ignore[arg-type]


def _secrets() -> Callable[[str], bool]:
    finder = secrets.build(secrets.normal("all"))
    return lambda text: bool(finder([("text", text)]))


def _detect_secrets() -> Callable[[str], bool]:
    from detect_secrets.plugins.base import BasePlugin

    detectors = []
    for name in OTHERS:
        module = import_module(f"detect_secrets.plugins.{name}")
        classes = [
            found
            for found in vars(module).values()
            if isinstance(found, type)
            and issubclass(found, BasePlugin)
            and found.__module__ == module.__name__
        ]
        detectors += [cls() for cls in classes]

    def ask(text: str) -> bool:
        return any(list(detector.analyze_string(text)) for detector in detectors)

    return ask
