"""Runs the specifications in `specs/`: bundles with the expected diagnostics on their lines.

`specs/files.md` tells how to read them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.check import check
from policyengine.rules.load import load_text

SPECS = Path(__file__).parent / "specs"
RULES = Path(__file__).parents[2] / "policyengine" / "rules"

MANIFEST = "apiVersion: policyengine.dev/v1\nkind: Bundle\nname: spec\nversion: 1.0.0\n"
POLICY = "apiVersion: policyengine.dev/v1\nkind: Policy\n"
RULE_FILE = POLICY + "metadata: {name: spec}\non: [llm.request]\nrules:\n"

FENCE = re.compile(r"^```(manifest|policy|rules|yaml|json) *(\S*)$")
EXPECTED = re.compile(r'^#? *(\^+) (error|warning)\[([a-z0-9-]+)\] "(.*)"$')
MORE = re.compile(r"^# (note|help|related): (.*)$")


@dataclass
class Expected:
    path: str
    line: int
    column: int
    width: int
    severity: str
    slug: str
    message: str
    more: dict[str, str] = field(default_factory=dict)


@dataclass
class Spec:
    title: str
    files: dict[str, str] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)


def take(spec: Spec, kind: str, path: str, lines: list[str]) -> None:
    """Take in one fenced block: its text without the expectations, and those."""
    head = {"manifest": MANIFEST, "policy": POLICY, "rules": RULE_FILE}.get(kind, "")
    name = path or {"manifest": "bundle.yaml"}.get(kind, "spec.yaml")
    kept = head.splitlines()
    for line in lines:
        if match := EXPECTED.match(line):
            mark, severity, slug, message = match.groups()
            place = (len(kept) or 1, match.start(1) + 1, len(mark))
            spec.expected.append(Expected(name, *place, severity, slug, message))
        elif spec.expected and (match := MORE.match(line)):
            spec.expected[-1].more[match.group(1)] = match.group(2)
        else:
            kept.append(line)
    spec.files[name] = "\n".join(kept) + "\n" if kept else ""


def specs() -> list[Spec]:
    found: list[Spec] = []
    for path in sorted(SPECS.glob("*.md")):
        lines = iter(path.read_text("utf-8").splitlines())
        for line in lines:
            if line.startswith("## "):
                found.append(Spec(f"{path.stem}: {line[3:]}"))
            elif match := FENCE.match(line):
                block = []
                for inner in lines:
                    if inner == "```":
                        break
                    block.append(inner)
                take(found[-1], match.group(1), match.group(2), block)
    return [spec for spec in found if spec.files]


def shown(found: Diagnostic) -> tuple[int | None, str, str]:
    """The width of the mark, None over several lines; the severity; the slug."""
    span = found.span
    width = span.end_column - span.column if span.line == span.end_line else None
    return None if width is None else max(width, 1), found.severity, found.slug


@pytest.mark.parametrize("spec", specs(), ids=lambda spec: spec.title)
def test_spec(spec: Spec) -> None:
    files = spec.files
    if "bundle.yaml" not in files:
        files = {"bundle.yaml": MANIFEST, **files}
    try:
        found = check(load_text(files)).warnings
    except CompileError as error:
        found = error.diagnostics
    places = sorted(spec.expected, key=lambda e: (e.path, e.line, e.column, e.slug))
    actual = sorted(found, key=lambda d: (d.span.path, d.span.line, d.span.column, d.slug))
    assert [f"{d.span}: {d.slug}: {d.message}" for d in actual] == [
        f"{e.path}:{e.line}:{e.column}: {e.slug}: {e.message}" for e in places
    ]
    for diagnostic, wanted in zip(actual, places, strict=True):
        width, severity, slug = shown(diagnostic)
        assert severity == wanted.severity
        assert width is None or width == wanted.width, f"{slug}: the mark is {width} wide"
        more = {"note": diagnostic.note, "help": diagnostic.help}
        more["related"] = "; ".join(f"{r.span}: {r.note}" for r in diagnostic.related)
        assert {key: more[key] for key in wanted.more} == wanted.more, slug


NOT_SLUGS = {
    "utf-8", "utf-8-sig", "date-time", "x-text", "x-origin", "x-facts", "x-wanted",
    "cel-policy",
    "two-var-comprehensions",
}  # fmt: skip
# These files belong to the formatter; they say nothing about a bundle.
OTHERS = {"format.py", "layout.py", "key_order.py"}
# What no text in a specification can be; `test_load.py` has them.
BEYOND_TEXT = {
    "unsafe-file", "unreadable-file", "file-size", "too-many-files", "bundle-size", "not-utf8",
    "too-many-bases", "yaml-size", "expression-too-deep",
}  # fmt: skip


def slugs() -> set[str]:
    found = set()
    for path in RULES.rglob("*.py"):
        if path.name in OTHERS:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
                if re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", text) and text not in NOT_SLUGS:
                    found.add(text)
    return found


def test_every_slug_has_a_spec() -> None:
    expected = {expectation.slug for spec in specs() for expectation in spec.expected}
    assert slugs() - expected - BEYOND_TEXT == set()
    tested = (Path(__file__).parent / "test_load.py").read_text("utf-8")
    assert {slug for slug in BEYOND_TEXT if f'"{slug}"' not in tested} == set()
