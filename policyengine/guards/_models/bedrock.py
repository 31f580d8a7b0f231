"""A guardrail of Amazon Bedrock, asked by itself (ApplyGuardrail), without a model behind it.

    model: {bedrock: {guardrail: gr1abcd2efgh, version: "3", region: eu-central-1}}

Credentials are those of the host. Labels are the types of content filters (`HATE`,
`PROMPT_ATTACK`) and `topic:NAME` for denied topics; a filter's confidence becomes a score.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from policyengine.errors import FactError
from policyengine.guards._models.backend import (
    TIMEOUT,
    Backend,
    Labels,
    kept,
    lacking,
    left,
    malformed,
    timed_out,
)
from policyengine.guards._models.permitted import key_for

# Imported where Bedrock is asked, since the clauses' schemas name every kind of model.
if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

COST: Final = 250_000
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "A guardrail of Amazon Bedrock.",
    "required": ["guardrail", "version", "region"],
    "additionalProperties": False,
    "properties": {
        "guardrail": {
            "type": "string",
            "pattern": "^([a-z0-9]{1,100}|arn:aws[a-z-]{0,20}:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:"
            "guardrail/[a-z0-9]{1,100})$",
            "description": "The guardrail's id or ARN.",
        },
        "version": {
            "type": "string",
            "pattern": "^([1-9][0-9]{0,7}|DRAFT)$",
            "description": "The guardrail's version.",
        },
        "region": {
            "type": "string",
            "pattern": "^[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$",
            "description": "The region; POLICYENGINE_MODEL_HOSTS must list its endpoint, such as "
            "bedrock-runtime.eu-central-1.amazonaws.com.",
        },
        "window": {
            "type": "integer",
            "minimum": 200,
            "maximum": 25_000,
            "description": "Characters that are sent at once; 4000 where not said.",
        },
        "timeout_ms": TIMEOUT,
    },
}
DEFAULTS: Final[Mapping[str, Any]] = {"window": 4_000, "timeout_ms": 1_000}
TOPICS: Final[Mapping[str, Sequence[str]]] = {
    "HATE": ("hate",),
    "INSULTS": ("hate",),
    "SEXUAL": ("sexual_content",),
    "VIOLENCE": ("violence",),
    "MISCONDUCT": ("illegal_acts",),
}
CONFIDENCE: Final[Mapping[str, float]] = {"NONE": 0.0, "LOW": 0.3, "MEDIUM": 0.6, "HIGH": 0.9}
"""Bedrock tells confidence in words; these numbers order them and mean no more."""
_AT_ONCE: Final = 8


def names(options: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """Topics by content filter, and prompt attacks."""
    return {**TOPICS, "PROMPT_ATTACK": ("injection",)}


def build(options: Mapping[str, Any]) -> Backend:
    """The backend; the client is made when it is first asked."""
    return _Bedrock(
        options["guardrail"],
        options["version"],
        options["region"],
        options["timeout_ms"],
        options["window"],
    )


@dataclass(frozen=True, slots=True)
class _Bedrock:
    guardrail: str
    version: str
    region: str
    milliseconds: int
    window: int
    complete: bool = False

    def labels(self, texts: Sequence[str], until: float) -> Sequence[Labels]:
        client = kept(
            ("bedrock", self.region, self.milliseconds),
            lambda: _client(self.region, self.milliseconds / 1_000),
        )
        # The client knows where it will go: a VPC endpoint, another partition.
        key_for(client.meta.endpoint_url, None)
        until = min(until, time.monotonic() + self.milliseconds / 1_000)
        threads = kept(("bedrock", "threads"), _threads)
        asked = [threads.submit(self._one, client, text, until) for text in texts]
        try:
            return [one.result(left(until)) for one in asked]
        except TimeoutError:
            raise timed_out() from None
        finally:
            for one in asked:
                one.cancel()

    def _one(self, client: Any, text: str, until: float) -> Labels:
        errors: Any = import_module("botocore.exceptions")
        left(until)
        try:
            answer = client.apply_guardrail(
                guardrailIdentifier=self.guardrail,
                guardrailVersion=self.version,
                source="INPUT",
                content=[{"text": {"text": text}}],
            )
        except (errors.ConnectTimeoutError, errors.ReadTimeoutError):
            raise timed_out() from None
        except (errors.BotoCoreError, errors.ClientError) as error:
            # Its words may quote the request.
            raise FactError("model-failed", f"Bedrock failed ({type(error).__name__})") from None
        return assessed(answer)


def _threads() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(_AT_ONCE, "policyengine-bedrock")


def _client(region: str, seconds: float) -> Any:
    try:
        boto3: Any = import_module("boto3")
        config: Any = import_module("botocore.config")
        errors: Any = import_module("botocore.exceptions")
    except ImportError as error:
        raise lacking(str(error.name), "`bedrock` needs boto3") from None
    try:
        return boto3.session.Session().client(
            "bedrock-runtime",
            region_name=region,
            config=config.Config(
                connect_timeout=seconds,
                read_timeout=seconds,
                retries={"total_max_attempts": 2, "mode": "standard"},
                max_pool_connections=_AT_ONCE,
            ),
        )
    except errors.BotoCoreError as error:
        raise FactError("model-failed", f"Bedrock failed ({type(error).__name__})") from None


def assessed(answer: Any) -> Labels:
    """What a guardrail found; raises `FactError` for an answer of another form.

    >>> hate = {"type": "HATE", "confidence": "HIGH", "action": "BLOCKED"}
    >>> assessed({"action": "NONE", "assessments": [{"contentPolicy": {"filters": [hate]}}]})
    {'HATE': 0.9}
    """
    found: dict[str, float] = {}
    try:
        if answer["action"] not in ("NONE", "GUARDRAIL_INTERVENED"):
            raise ValueError
        for part in answer["assessments"]:
            for each in part.get("contentPolicy", {}).get("filters", ()):
                label = str(each["type"])
                found[label] = max(CONFIDENCE[each["confidence"]], found.get(label, 0.0))
            for each in part.get("topicPolicy", {}).get("topics", ()):
                if each.get("detected", each["action"] == "BLOCKED"):
                    found[f"topic:{each['name']}"] = 1.0
    except (LookupError, TypeError, ValueError, AttributeError):
        raise malformed("Bedrock's answer is no assessment") from None
    return found
