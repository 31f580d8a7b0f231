"""LiteLLM itself takes the export, falls back as it says, and draws by its weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import policyengine
from policyengine.exports import Routing, exporter
from policyengine.exports._text import as_yaml

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(find_spec("litellm") is None, reason="there is no litellm")

# In a process of its own, as litellm warns of much while it is imported.
SCRIPT = """
import asyncio, json, sys
import yaml
from litellm import Router

config = yaml.safe_load(open(sys.argv[1]))


def router(down=()):
    rows = json.loads(json.dumps(config["model_list"]))
    for row in rows:
        name = row["model_info"]["id"].split("/")[1]
        fails = name in down
        row["litellm_params"]["mock_response"] = Exception("down") if fails else name
    return Router(model_list=rows, **config["router_settings"])


async def answers(of, tier, count):
    asked = [{"role": "user", "content": "hi"}]
    found = [await of.acompletion(tier, asked) for _ in range(count)]
    return [one.choices[0].message.content for one in found]


async def main():
    well, ill = router(), router({"claude-sonnet-4-5", "gpt-5"})
    told = {
        tier: await answers(well, tier, 3)
        for tier in ("economy", "code", "strong", "on-prem")
    }
    told["standard"] = await answers(well, "standard", 300)
    told["code is down"] = await answers(ill, "code", 3)
    print(json.dumps(told))


asyncio.run(main())
"""


def test_router_takes_it_and_falls_back(tmp_path: Path) -> None:
    bundle = policyengine.load(ROOT / "policies" / "routing")
    program = policyengine.compile(policyengine.check(bundle))
    exported = exporter("litellm").export(Routing.of(program, 1_800_000_000.0))
    config = tmp_path / "litellm.yaml"
    config.write_text(as_yaml(exported, "for a test"), encoding="utf-8")
    keys = {f"{name}_API_KEY": "none" for name in ("OPENAI", "ANTHROPIC", "GEMINI", "HOSTED_VLLM")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(config)],
        env={**os.environ, **keys, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["economy"] == ["gpt-5-nano"] * 3
    assert told["code"] == ["claude-sonnet-4-5"] * 3
    assert told["strong"] == ["gpt-5"] * 3
    assert told["on-prem"] == ["house-large"] * 3
    # Nine in ten; five standard deviations are 0.087.
    assert 0.81 < told["standard"].count("gpt-5-mini") / 300 < 0.99
    assert set(told["code is down"]) <= {"gpt-5-mini", "claude-haiku-4-5"}
