"""Portkey's gateway itself takes the export, follows its conditions, and falls back.

Set `PORTKEY_GATEWAY` to the folder of the npm package `@portkey-ai/gateway` to run it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import policyengine
from policyengine.exports import Routing, exporter
from policyengine.exports._text import as_json

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = Path(os.environ.get("PORTKEY_GATEWAY", "-")) / "build" / "start-server.js"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not GATEWAY.is_file(),
    reason="PORTKEY_GATEWAY names no gateway of Portkey",
)
Ask = Callable[[str | None], str]


class Provider(BaseHTTPRequestHandler):
    """Answers with the name of the model, or fails for those that are down."""

    protocol_version = "HTTP/1.1"
    down: frozenset[str] = frozenset()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        """A chat completion."""
        model = json.loads(self.rfile.read(int(self.headers["content-length"])))["model"]
        choice = {"index": 0, "message": {"role": "assistant", "content": model}}
        body = json.dumps({"id": "x", "object": "chat.completion", "choices": [choice]}).encode()
        self.send_response(503 if model in Provider.down else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    port = free_port()
    command = ["node", str(GATEWAY), "--headless", f"--port={port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield address
        finally:
            process.kill()


def reached(target: dict[str, Any], provider: str) -> None:
    """All models of a target at one address, with a key."""
    for inner in target.get("targets", ()):
        reached(inner, provider)
    if "override_params" in target:
        target.update(provider="openai", custom_host=provider, api_key="none")


@pytest.fixture(scope="module")
def ask(provider: str, gateway: str) -> Ask:
    bundle = policyengine.load(ROOT / "policies" / "routing")
    program = policyengine.compile(policyengine.check(bundle))
    exported = exporter("portkey").export(Routing.of(program, 1_800_000_000.0))
    config = json.loads(as_json(exported))
    reached(config, provider)

    def asked(tier: str | None) -> str:
        headers = {"content-type": "application/json", "x-portkey-config": json.dumps(config)}
        if tier is not None:
            headers["x-portkey-metadata"] = json.dumps({"tier": tier})
        body = {"model": "any", "messages": [{"role": "user", "content": "hi"}]}
        request = urllib.request.Request(
            f"{gateway}/v1/chat/completions", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            told: str = json.load(answer)["choices"][0]["message"]["content"]
        return told

    return asked


@pytest.mark.parametrize(
    ("tier", "model"),
    [
        ("economy", "gpt-5-nano"),
        ("fast", "gemini-2.5-flash"),
        ("code", "claude-sonnet-4-5"),
        ("strong", "gpt-5"),
        ("on-prem", "house/large"),
    ],
)
def test_conditions(ask: Ask, tier: str, model: str) -> None:
    Provider.down = frozenset()
    assert ask(tier) == model


def test_the_default_tier_and_its_weights(ask: Ask) -> None:
    Provider.down = frozenset()
    told = [ask(tier) for tier in (None, "unheard-of") for _ in range(40)]
    assert 55 <= told.count("gpt-5-mini") <= 80
    assert set(told) <= {"gpt-5-mini", "claude-haiku-4-5"}


def test_fallbacks(ask: Ask) -> None:
    Provider.down = frozenset({"claude-sonnet-4-5", "gpt-5"})
    assert ask("code") in ("gpt-5-mini", "claude-haiku-4-5")
    Provider.down |= {"gpt-5-mini"}
    assert ask("code") == "claude-haiku-4-5"


def test_where_nothing_is_left_the_failure_is_told(ask: Ask) -> None:
    Provider.down = frozenset({"house/large"})
    with pytest.raises(urllib.error.HTTPError):
        ask("on-prem")
