"""Guardrails of Bedrock, through modules of boto3's shape."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from policyengine.errors import FactError
from policyengine.guards._models import backend, config
from policyengine.guards._models.bedrock import assessed

REGION = "eu-central-1"
ENDPOINT = f"https://bedrock-runtime.{REGION}.amazonaws.com"


class BotoCoreError(Exception):
    pass


class ClientError(Exception):
    pass


class ReadTimeoutError(BotoCoreError):
    pass


class ConnectTimeoutError(BotoCoreError):
    pass


class Boto:
    """What stands for boto3: clients that answer as `reply` does."""

    def __init__(self) -> None:
        self.clients: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.reply: Callable[[str], Any] = lambda text: answer()
        self.endpoint = ENDPOINT
        self._lock = threading.Lock()

    def client(self, service: str, **options: Any) -> Any:
        self.clients.append({"service": service, **options})
        meta = SimpleNamespace(endpoint_url=self.endpoint)
        return SimpleNamespace(meta=meta, apply_guardrail=self._apply)

    def _apply(self, **asked: Any) -> Any:
        with self._lock:
            self.asked.append(asked)
        return self.reply(asked["content"][0]["text"]["text"])

    def labels(self, *texts: str, **options: Any) -> Any:
        chosen = {"guardrail": "gr1abc", "version": "3", "region": REGION, **options}
        model = config.Model.of(config.normal({"bedrock": chosen}))
        return model.backend.labels(texts, time.monotonic() + 20)


def answer(filters: Any = (), topics: Any = (), action: str = "NONE") -> dict[str, Any]:
    part = {"contentPolicy": {"filters": list(filters)}, "topicPolicy": {"topics": list(topics)}}
    return {"action": action, "assessments": [part]}


@pytest.fixture
def boto(monkeypatch: pytest.MonkeyPatch) -> Boto:
    found = Boto()
    modules: dict[str, Any] = {
        "boto3": {"session": SimpleNamespace(Session=lambda: found)},
        "botocore": {},
        "botocore.config": {"Config": lambda **options: options},
        "botocore.exceptions": {
            each.__name__: each
            for each in (BotoCoreError, ClientError, ReadTimeoutError, ConnectTimeoutError)
        },
    }
    for name, members in modules.items():
        module = ModuleType(name)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("POLICYENGINE_MODEL_HOSTS", ENDPOINT)
    # Clients are kept for the life of the process; each test has its own.
    monkeypatch.setattr(backend, "_kept", {})
    return found


def hate(confidence: str, action: str = "BLOCKED") -> dict[str, str]:
    return {"type": "HATE", "confidence": confidence, "action": action}


def test_a_guardrail_is_asked(boto: Boto) -> None:
    boto.reply = lambda text: answer([hate("HIGH")]) if text == "bad" else answer()
    assert boto.labels("bad", "good") == [{"HATE": 0.9}, {}]
    asked = sorted(boto.asked, key=lambda each: each["content"][0]["text"]["text"])
    assert asked[0] == {
        "guardrailIdentifier": "gr1abc",
        "guardrailVersion": "3",
        "source": "INPUT",
        "content": [{"text": {"text": "bad"}}],
    }


def test_the_client_is_made_once(boto: Boto) -> None:
    boto.labels("a", timeout_ms=700)
    boto.labels("b", timeout_ms=700)
    [client] = boto.clients
    assert (client["service"], client["region_name"]) == ("bedrock-runtime", REGION)
    assert client["config"]["connect_timeout"] == client["config"]["read_timeout"] == 0.7


@pytest.mark.parametrize(
    ("confidence", "score"), [("NONE", 0.0), ("LOW", 0.3), ("MEDIUM", 0.6), ("HIGH", 0.9)]
)
def test_confidence_is_a_score(confidence: str, score: float) -> None:
    assert assessed(answer([hate(confidence)])) == {"HATE": score}


def test_denied_topics_have_their_names() -> None:
    topics = [
        {"name": "Competitors", "type": "DENY", "action": "BLOCKED"},
        {"name": "Sports", "type": "DENY", "action": "NONE"},
        {"name": "Seen", "type": "DENY", "action": "NONE", "detected": True},
    ]
    found = assessed(answer(topics=topics, action="GUARDRAIL_INTERVENED"))
    assert found == {"topic:Competitors": 1.0, "topic:Seen": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {},
        {"action": "NONE"},
        {"action": "SOMETHING", "assessments": []},
        {"action": "NONE", "assessments": [None]},
        answer([hate("VERY")]),
        answer([{"type": "HATE"}]),
        answer([3]),
        answer(topics=[{"action": "BLOCKED"}]),
    ],
)
def test_answers_of_another_form(wrong: Any) -> None:
    with pytest.raises(FactError) as error:
        assessed(wrong)
    assert error.value.code == "model-malformed"


@pytest.mark.parametrize(
    ("raised", "slug"),
    [
        (ReadTimeoutError, "model-timeout"),
        (ConnectTimeoutError, "model-timeout"),
        (ClientError, "model-failed"),
        (BotoCoreError, "model-failed"),
    ],
)
def test_failures(boto: Boto, raised: type[Exception], slug: str) -> None:
    def fail(text: str) -> Any:
        raise raised(f"could not read {text}")

    boto.reply = fail
    with pytest.raises(FactError) as error:
        boto.labels("private words")
    assert error.value.code == slug
    assert "private" not in error.value.message


def test_a_slow_guardrail(boto: Boto) -> None:
    boto.reply = lambda text: time.sleep(0.5) or answer()
    with pytest.raises(FactError) as error:
        boto.labels("a", timeout_ms=50)
    assert error.value.code == "model-timeout"


@pytest.mark.parametrize("endpoint", ["https://elsewhere.example", "http://169.254.169.254"])
def test_an_endpoint_that_the_host_does_not_list(boto: Boto, endpoint: str) -> None:
    boto.endpoint = endpoint
    with pytest.raises(FactError) as error:
        boto.labels("a")
    assert error.value.code == "model-not-allowed"
    assert not boto.asked


def test_boto3_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_kept", {})
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(FactError) as error:
        Boto().labels("a")
    assert error.value.code == "model-missing"
    assert "boto3" in error.value.message
