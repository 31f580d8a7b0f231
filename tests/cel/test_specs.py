"""Runs the Markdown specifications in `specs/`; `specs/syntax.md` tells their form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from policyengine.cel import macros, types
from policyengine.cel.ast import Ast, Ident
from policyengine.cel.checked import Declarations
from policyengine.cel.checker import check
from policyengine.cel.functions import library, table
from policyengine.cel.parser import parse
from policyengine.cel.typenames import parse_type
from policyengine.diagnostics import CompileError, Diagnostic

SPECS = Path(__file__).parent / "specs"
_FENCE = re.compile(r"^```(\w*)\s*$")
_EXPECTED = re.compile(r'^// *(?P<carets>\^+) error\[(?P<slug>[a-z-]+)\] "(?P<message>.*)"$')
_REMARK = re.compile(r"^// *(?P<what>note|help|type): (?P<text>.*)$")


@dataclass(frozen=True)
class Expected:
    line: int
    column: int
    length: int
    slug: str
    message: str
    remarks: dict[str, str] = field(default_factory=dict)

    def met_by(self, found: Diagnostic) -> bool:
        span = found.span
        return (
            (span.line, span.column) == (self.line, self.column)
            and max(1, span.end_column - span.column) == self.length
            and (found.slug, found.message) == (self.slug, self.message)
            and all(getattr(found, what) == text for what, text in self.remarks.items())
        )


@dataclass(frozen=True)
class Case:
    name: str
    expression: str
    expected: tuple[Expected, ...]
    type: str
    macros: tuple[str, ...]
    declarations: Declarations | None


def cases(path: Path) -> Iterator[Case]:
    heading, counts = path.stem, dict[str, int]()
    names: tuple[str, ...] = macros.LIBRARIES["standard"]
    declarations: Declarations | None = None
    lines = iter(path.read_text(encoding="utf-8").split("\n"))
    for line in lines:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        fence = _FENCE.match(line)
        if fence is None:
            continue
        block = list(_block(lines))
        match fence[1]:
            case "decls":
                declarations = declared(block)
            case "macros":
                names = tuple(n for word in " ".join(block).split() for n in macros.LIBRARIES[word])
            case "cel":
                counts[heading] = counts.get(heading, 0) + 1
                name = f"{path.stem}: {heading} {counts[heading]}"
                yield case(name, block, names, declarations)


def _block(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == "```":
            return
        yield line
    raise AssertionError("a fenced block is not closed")


def case(
    name: str, block: list[str], names: tuple[str, ...], declarations: Declarations | None
) -> Case:
    source: list[str] = []
    expected: list[Expected] = []
    type_ = ""
    for line in block:
        found = _EXPECTED.match(line)
        remark = _REMARK.match(line)
        if found:
            column, length = found.start("carets") + 1, len(found["carets"])
            expected.append(Expected(len(source), column, length, found["slug"], found["message"]))
        elif remark and remark["what"] == "type":
            type_ = remark["text"]
        elif remark:
            expected[-1].remarks[remark["what"]] = remark["text"]
        else:
            source.append(line)
    return Case(name, "\n".join(source), tuple(expected), type_, names, declarations)


def declared(block: list[str]) -> Declarations:
    """The declarations of a `decls` block, with the functions of the standard library."""
    variables: dict[str, types.Type] = {}
    objects: dict[str, types.ObjectType] = {}
    for line in filter(None, map(str.strip, block)):
        name, _, written = line.partition(":")
        if name.startswith("type "):
            name = name.removeprefix("type ").strip()
            fields = dict(_fields(written.strip()[1:-1], objects))
            objects[name] = types.ObjectType(name, fields)
        else:
            variables[name.strip()] = parse_type(written.strip(), objects)
    functions = table(library("standard").functions)
    return Declarations(variables, functions, objects)


def _fields(
    text: str, objects: Mapping[str, types.ObjectType]
) -> Iterator[tuple[str, types.FieldType]]:
    for part in _split(text):
        name, _, written = part.partition(":")
        yield name.strip(), types.FieldType(parse_type(written.strip(), objects))


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside of parentheses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]


ALL = [case for path in sorted(SPECS.glob("*.md")) for case in cases(path)]


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.name)
def test_specification(spec: Case) -> None:
    deduced, found = "", ()
    try:
        tree = parse(spec.expression, macros=spec.macros)
        if spec.declarations is not None:
            deduced = str(check(tree, spec.declarations).type)
    except CompileError as error:
        found = error.diagnostics
    missing = [want for want in spec.expected if not any(map(want.met_by, found))]
    extra = [f"{d} ({d.note!r}, {d.help!r})" for d in found
             if not any(want.met_by(d) for want in spec.expected)]  # fmt: skip
    assert (missing, extra) == ([], [])
    if spec.type:
        assert deduced == spec.type


def test_the_specifications_are_found() -> None:
    assert len(ALL) > 50


def test_a_declaration_block_is_read() -> None:
    declarations = declared(
        ["type User: {name: string, tags: list(string)}", "user: User", "m: map(string, dyn)"]
    )
    assert declarations.variables["m"] == types.MapType(types.STRING, types.DYN)
    user = declarations.variables["user"]
    assert isinstance(user, types.ObjectType)
    assert user.fields["tags"].type == types.ListType(types.STRING)


def test_a_wrong_expectation_fails() -> None:
    spec = case("x", ["  a = b", '//   ^ error[syntax] "expected nothing"'], (), None)
    with pytest.raises(AssertionError):
        test_specification(spec)


def test_an_unexpected_acceptance_fails() -> None:
    spec = case("x", ["  a", '//^ error[syntax] "no"'], (), None)
    assert isinstance(parse(spec.expression), Ast)
    assert isinstance(parse(spec.expression).root, Ident)
    with pytest.raises(AssertionError):
        test_specification(spec)
