"""The gate inside a workflow of GitHub Actions: reads the event, writes summary and outputs.

What the author of a change can choose is never printed where the runner looks for commands, and
never reaches markdown unfenced.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policyengine_ci import GateReport, gate
from policyengine_ci.gate import Stated
from policyengine_ci.text import text

# Half of what GitHub takes for one step, so that nothing is cut in the middle of a character.
MOST_SUMMARY = 500_000


class UsageError(Exception):
    """The workflow asks for something that cannot be done."""


def commits(event: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, str]:
    """The names of base and head: as given, or by the event."""
    base, head = environment.get("GATE_BASE", ""), environment.get("GATE_HEAD", "")
    if "pull_request" in event:
        request = event["pull_request"]
        base = base or f"refs/remotes/origin/{request['base']['ref']}"
        head = head or request["head"]["sha"]
    elif "merge_group" in event:
        # Its base_sha is the entry before it in the queue, not the branch.
        group = event["merge_group"]
        base = base or f"refs/remotes/origin/{group['base_ref'].removeprefix('refs/heads/')}"
        head = head or group["head_sha"]
    if not base or not head:
        raise UsageError("give `base` and `head`: this event is neither a pull request nor a queue")
    return base, head


def stated(event: Mapping[str, Any], environment: Mapping[str, str]) -> Stated:
    """What the event knows of the change and git does not."""
    request = event.get("pull_request") or {}
    return Stated(
        id=str(request.get("number", "")),
        repository=environment.get("GITHUB_REPOSITORY", ""),
        title=request.get("title") or "",
        author=(request.get("user") or {}).get("login", ""),
        labels=tuple(label["name"] for label in request.get("labels") or ()),
        draft=bool(request.get("draft", False)),
    )


def lines(value: str) -> list[str]:
    """The lines that say something."""
    return [line.strip() for line in value.splitlines() if line.strip()]


def judged(environment: Mapping[str, str]) -> GateReport:
    """Run the gate as the workflow asks for."""
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    base, head = commits(event, environment)
    checkout = Path(environment["GITHUB_WORKSPACE"], environment["GATE_REPOSITORY_PATH"])
    return gate(
        checkout,
        base,
        head,
        bundles=lines(environment.get("GATE_POLICIES", "")) or None,
        approvals=lines(environment.get("GATE_APPROVED_BY", "")),
        stated=stated(event, environment),
    )


def fenced(shown: str) -> str:
    """The text in a code block that it cannot end: no markdown, no mentions."""
    longest = max((len(run) for run in shown.replace("\n", " ").split(" ")), default=0)
    ticks = next(n for n in range(3, longest + 4) if "`" * n not in shown)
    return f"{'`' * ticks}text\n{shown}\n{'`' * ticks}\n"


def write_outputs(path: Path, values: Mapping[str, str]) -> None:
    """Set the step's outputs; nobody can guess the word that ends a value."""
    with path.open("a", encoding="utf-8") as file:
        for name, value in values.items():
            end = f"end-{secrets.token_hex(16)}"
            file.write(f"{name}<<{end}\n{value}\n{end}\n")


def report(found: GateReport, environment: Mapping[str, str]) -> None:
    """Write the log, the summary, the report and the outputs."""
    shown = text(found)
    stop = secrets.token_hex(16)
    print(f"::stop-commands::{stop}\n{shown}\n::{stop}::", flush=True)  # noqa: T201
    place = Path(environment["GATE_PLACE"], "report.json")
    place.write_text(found.to_json() + "\n", encoding="utf-8")
    with Path(environment["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
        short = shown if len(shown) <= MOST_SUMMARY else f"{shown[:MOST_SUMMARY]}\n(cut here)"
        summary.write(f"## policyengine gate\n\n{fenced(short)}")
    values = {
        "outcome": found.outcome,
        "verdict": found.verdict or "",
        "triggers": json.dumps(found.to_dict()["triggers"], separators=(",", ":")),
        "report": str(place),
    }
    write_outputs(Path(environment["GITHUB_OUTPUT"]), values)
    if not found.allowed:
        complain(f"{found.outcome.replace('-', ' ')}; the summary of this step says what to do")


def complain(message: str) -> None:
    """An annotation of the step. The message is ours, without any text of the change."""
    for character, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        message = message.replace(character, code)
    print(f"::error title=policyengine gate::{message}", flush=True)  # noqa: T201


def main() -> int:
    """The gate's exit code."""
    try:
        found = judged(os.environ)
        report(found, os.environ)
    except (UsageError, ValueError) as error:
        complain(str(error) if isinstance(error, UsageError) else "an input cannot be used")
        return 2
    except Exception as error:  # The promise of this place: a crash is never green, nor quoted.
        # The message may quote the change; where it happened does not.
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        complain(f"this is a bug in policyengine ({type(error).__name__} at {place})")
        return 1
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
