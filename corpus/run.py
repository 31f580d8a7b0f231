"""The main job on real input: what `make run` does.

Checks and tests the starter bundles, decides every recorded request in `corpus/requests`, builds
a git repository from `corpus/repository` and gates the change in it, and shows what recorded
traffic would cost when it is routed. Ends in a short report; the
exit status is 1 where anything is not as expected.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import policyengine
from policyengine.integrations import openai
from policyengine.state.memory import MemoryStore
from policyengine.testing import run as run_tests

ROOT = Path(__file__).resolve().parent.parent
BUNDLES = ("gateway", "content", "budgets", "routing", "agents", "review", "repository")
WIDTH = 16


@dataclass(frozen=True, slots=True)
class Recorded:
    """One decision about a recorded request, and what it should be."""

    file: str
    title: str
    decision: policyengine.Decision
    differences: tuple[str, ...]


def inputs(envelope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The inputs of the envelope's decision point."""
    point, body = envelope["point"], envelope["body"]
    around = {name: envelope.get(name) for name in ("subject", "session", "context")}
    if point == "tool.call":
        return openai.tool_calls(body, agent=envelope.get("agent"), **around)
    if point == "tool.result":
        return openai.tool_results(body, agent=envelope.get("agent"), **around)
    read = {"llm.request": openai.llm_request, "llm.response": openai.llm_response}[point]
    endpoint = envelope.get("endpoint", "chat.completions")
    return [read(body, endpoint=endpoint, route=envelope.get("route"), **around)]


def differences(decision: policyengine.Decision, expected: Mapping[str, Any]) -> Iterator[str]:
    """What a decision has that was not expected, in words."""
    found = {
        "verdict": decision.verdict,
        "rules": sorted({reason.rule for reason in decision.reasons if reason.rule}),
        "route": decision.route.to if decision.route else None,
        "redactions": len(decision.redactions),
        "warnings": sum(type(o).__name__ == "Notice" for o in decision.obligations),
    }
    for name, wanted in expected.items():
        if found[name] != wanted:
            yield f"{name}: expected {wanted}, got {found[name]}"


def decide(engines: Mapping[str, policyengine.Engine], path: Path) -> Iterator[Recorded]:
    """Every decision about one recorded request."""
    envelope = json.loads(path.read_text(encoding="utf-8"))
    engine = engines[envelope["bundle"]]
    found = [engine.decide(envelope["point"], input) for input in inputs(envelope)]
    expected = envelope["expect"]
    if len(found) != len(expected):
        raise SystemExit(f"{path.name}: {len(expected)} decisions expected, {len(found)} made")
    for decision, wanted in zip(found, expected, strict=True):
        wrong = tuple(differences(decision, {"route": None, "redactions": 0, **wanted}))
        yield Recorded(path.name, envelope["title"], decision, wrong)


def because(decision: policyengine.Decision) -> str:
    """The reason that decided: the first one as strict as the verdict."""
    strict = [r for r in decision.reasons if r.effect == decision.verdict] or decision.reasons
    if not strict:
        return "no rule objects"
    first = strict[0]
    if not first.rule:
        if first.code != "default":
            return first.code
        return "no rule objects" if decision.allowed else "no rule allows it"
    place = f"  {first.span.path}:{first.span.line}" if first.span else ""
    return f"{first.rule}{place}"


def extras(decision: policyengine.Decision) -> str:
    """The obligations in few words."""
    counted = Counter(type(o).__name__ for o in decision.obligations)
    words = []
    if decision.route:
        words.append(f"route to {decision.route.to}")
    if counted["Redaction"]:
        words.append(f"{counted['Redaction']} masked")
    if counted["Notice"]:
        words.append("with a warning")
    return f"  ({', '.join(words)})" if words else ""


def bundles() -> tuple[dict[str, policyengine.Engine], int]:
    """Check, compile and test the starter bundles; gives engines and the number of problems."""
    print("Starter bundles: checked, compiled, and their own tests run\n")
    engines, problems = {}, 0
    for name in BUNDLES:
        path = f"policies/{name}"
        checked = policyengine.check(policyengine.load(path))
        program = policyengine.compile(checked)
        engines[name] = policyengine.Engine(program, MemoryStore())
        results = run_tests(path)
        rules = sum(len(policy.rules) for policy in checked.bundle.policies)
        counts = ", ".join(f"{count} {what}" for what, count in results.counts.items() if count)
        print(f"  {name:{WIDTH}} {rules:3} rules   tests: {counts}")
        if not results.ok:
            problems += 1
            print(f"  {'':{WIDTH}} run `policyengine test {path}` to see what fails")
    return engines, problems


def requests(engines: Mapping[str, policyengine.Engine]) -> int:
    """Decide all recorded requests and print a table; gives the number of problems."""
    files = sorted((ROOT / "corpus" / "requests").glob("*.json"))
    began = time.perf_counter()
    recorded = [found for path in files for found in decide(engines, path)]
    took = time.perf_counter() - began
    print(f"\nRecorded requests: {len(files)} files, {len(recorded)} decisions, {took:.2f} s\n")
    title = ""
    for one in recorded:
        if one.title != title:
            title = one.title
            print(f"  {title}")
        print(f"    {one.decision.verdict:{WIDTH}} {because(one.decision)}{extras(one.decision)}")
        for difference in one.differences:
            print(f"    UNEXPECTED       {one.file}: {difference}")
    verdicts = Counter(one.decision.verdict for one in recorded)
    told = ", ".join(f"{verdicts[name]} {name}" for name in ("allow", "require_approval", "deny"))
    print(f"\n  In all: {told}")
    return sum(bool(one.differences) for one in recorded) + (0 if recorded else 1)


def costs() -> int:
    """Print what recorded traffic costs, and would cost when it is routed; counts problems."""
    print("\nRecorded traffic: policyengine analyze policies/routing --requests ...\n")
    recorded = "corpus/requests/routing-requests.jsonl"
    arguments = ("analyze", "policies/routing", "--requests", recorded)
    told = policyengine_command(ROOT, *arguments)
    # The totals, by tier and by model; what comes after them is for whoever asks.
    shown = "\n\n".join((told.stdout + told.stderr).strip().split("\n\n")[:3])
    print("\n".join(f"  {line}".rstrip() for line in shown.splitlines()))
    data = policyengine_command(ROOT, *arguments, "--format", "json")
    report = json.loads(data.stdout) if data.returncode == 0 else {}
    problems = list(cost_differences(report))
    for problem in problems:
        print(f"  UNEXPECTED       {problem}")
    return len(problems)


def cost_differences(report: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it should be, in words: routing saves, and nothing unpriced is free."""
    if not report:
        yield "there is no report"
        return
    before, after = (report["total"][name] for name in ("before", "after"))
    if not 0 < after < before:
        yield f"routing should save, and costs {after} micro-dollars in place of {before}"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, deaf to the settings of whoever runs this."""
    quiet = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "Kim",
        "GIT_AUTHOR_EMAIL": "kim@shop.example",
        "GIT_AUTHOR_DATE": "2026-01-15T12:00:00Z",
        "GIT_COMMITTER_NAME": "Kim",
        "GIT_COMMITTER_EMAIL": "kim@shop.example",
        "GIT_COMMITTER_DATE": "2026-01-15T12:00:00Z",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=quiet, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def build_repository(folder: Path) -> None:
    """A repository whose branch `main` has the base and `change` the change."""
    source = ROOT / "corpus" / "repository"
    git(folder, "init", "--quiet", "--initial-branch=main")
    shutil.copytree(source / "base", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "policies" / "repository", folder / "policies" / "repository")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=A small shop")
    git(folder, "switch", "--quiet", "--create", "change")
    shutil.copytree(source / "change", folder, dirs_exist_ok=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Keep people signed in for longer")


def policyengine_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    command = [sys.executable, "-P", "-m", "policyengine", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def gate() -> int:
    """Gate the change and print the report; gives the number of problems."""
    print("\nA change to a git repository: policyengine gate --base main --head change\n")
    with tempfile.TemporaryDirectory(prefix="shop-") as place:
        folder = Path(place)
        build_repository(folder)
        arguments = ("gate", "--base", "main", "--head", "change")
        told = policyengine_command(folder, *arguments)
        data = policyengine_command(folder, *arguments, "--format", "json")
    print("\n".join(f"  {line}".rstrip() for line in (told.stdout + told.stderr).splitlines()))
    print()
    problems = list(gate_differences(data))
    for problem in problems:
        print(f"  UNEXPECTED       {problem}")
    return len(problems)


def gate_differences(data: subprocess.CompletedProcess[str]) -> Iterator[str]:
    """What the gate's report has that was not expected, in words."""
    expected = json.loads((ROOT / "corpus" / "repository" / "expect.json").read_text("utf-8"))
    try:
        report = json.loads(data.stdout)
    except ValueError:
        yield f"the gate gave no report (exit code {data.returncode})"
        return
    found = {
        "exit_code": data.returncode,
        "outcome": report["outcome"],
        "rules": sorted(rule["rule"] for rule in report["judgement"]["rules"]),
        "triggers": sorted(trigger["agent"] for trigger in report["triggers"]),
        "unseen": report["unseen"],
    }
    for name, wanted in expected.items():
        if found[name] != wanted:
            yield f"{name}: expected {wanted}, got {found[name]}"


def main() -> int:
    """Run everything; 0 where all is as expected."""
    os.chdir(ROOT)
    if shutil.which("git") is None:
        print("make run needs git: it builds a repository and gates a change in it.")
        return 1
    engines, problems = bundles()
    problems += requests(engines)
    problems += costs()
    problems += gate()
    if problems:
        print(f"{problems} unexpected. Lines above that begin with UNEXPECTED say what.")
        return 1
    print("Everything came out as expected. Next: README.md, then policies/gateway/bundle.yaml.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
