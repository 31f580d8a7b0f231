"""Reading test files: YAML with its places in, checked suites or diagnostics out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules import yaml
from policyengine.rules.files import Files
from policyengine.rules.shapes import unknown_key
from policyengine.source import Source, Span
from policyengine.testing import model

Place = yaml.Path
Form = TypeVar("Form", bound=BaseModel)

FOLDER = "tests"
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Suite:
    """A test file that has the right shape."""

    model: model.TestSuite
    document: yaml.Document


@dataclass(frozen=True, slots=True)
class Suites:
    """The test files of a bundle: those that can be read, and what is wrong with the others."""

    suites: tuple[Suite, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, Source]


def read_suites(files: Files, limits: yaml.Limits = yaml.DEFAULT_LIMITS) -> Suites:
    """Read a bundle's test files; one that is wrong does not stop the others.

    Raises `CompileError` if the bundle's folder cannot be listed.
    """
    suites: list[Suite] = []
    problems: list[Diagnostic] = []
    sources: dict[str, Source] = {}
    for path in files.list(limits):
        name = PurePosixPath(path)
        if name.parts[0] != FOLDER or name.suffix not in SUFFIXES:
            continue
        try:
            source = yaml.decode(files.show(path), files.read(path, limits.file_bytes), limits)
            sources[source.path] = source
            suites.append(read_suite(source))
        except CompileError as error:
            problems += error.diagnostics
    return Suites(tuple(suites), tuple(problems), sources)


def read_suite(source: Source) -> Suite:
    """A test file as a value.

    Raises `CompileError` with everything that is wrong with its form.
    """
    document = yaml.read(source)
    suite = validated(model.TestSuite, document.plain(), document, ())
    problems = [*_repeated_names(suite, document), *_unknown_fixtures(suite, document)]
    if problems:
        raise CompileError(problems)
    return Suite(suite, document)


def validated(form: type[Form], value: Any, document: yaml.Document, at: Place) -> Form:
    """A value as a pydantic model; `at` is where it stands in the document.

    Raises `CompileError` with one diagnostic for each place that is wrong.
    """
    try:
        return form.model_validate(value)
    except ValidationError as error:
        found: dict[Place, Diagnostic] = {}
        for problem in error.errors(include_url=False, include_input=False):
            place = _place(document, at, problem["loc"])
            absent = (problem["loc"][-1],) if problem["type"] == "missing" else ()
            # A union complains once for each of its members; the first is enough.
            if (*place, *absent) not in found:
                found[(*place, *absent)] = _diagnostic(problem, place, document, form, at)
        raise CompileError(found.values()) from None


def _place(document: yaml.Document, at: Place, loc: tuple[int | str, ...]) -> Place:
    """The deepest place of the document that `loc` names.

    Pydantic mixes the names of union members into its locations; they are not in the document.
    """
    place = at
    for step in loc:
        if document.node((*place, step)) is not None:
            place = (*place, step)
    return place


# What pydantic calls a mistake, and what we say. Fields are filled from the error's context.
_WRONG_TYPE = {
    "string_type": "text",
    "int_type": "an integer",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
_WRONG_VALUE = {
    "literal_error": "must be {expected}",
    "string_too_short": "must not be empty",
    "string_too_long": "has more than {max_length} characters",
    "string_pattern_mismatch": "must match `{pattern}`",
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def _diagnostic(
    problem: Any, place: Place, document: yaml.Document, form: type[BaseModel], at: Place
) -> Diagnostic:
    kind = problem["type"]
    if kind == "extra_forbidden":
        return unknown_key(document, place, _keys(form, document, at, place))
    span = document.span(place)
    if kind == "missing":
        first_line = Span(span.path, span.line, span.column, span.line, span.column)
        return Diagnostic("missing-key", f"`{problem['loc'][-1]}` is missing", first_line)
    name = f"`{str(place[-1])[:80]}`" if place and isinstance(place[-1], str) else "this"
    if kind in _WRONG_TYPE:
        return Diagnostic("wrong-type", f"{name} must be {_WRONG_TYPE[kind]}", span)
    context = {key: str(value).replace("'", "`") for key, value in problem.get("ctx", {}).items()}
    told = _WRONG_VALUE.get(kind, "has a wrong value").format_map(context)
    return Diagnostic("wrong-value", f"{name} {told}", span)


def _keys(form: type[BaseModel], document: yaml.Document, at: Place, place: Place) -> list[str]:
    """The keys that the object around a place may have."""
    here: type[BaseModel] | None = form
    for depth in range(len(at), len(place) - 1):
        if here is None or isinstance(step := place[depth], int):
            continue
        fields = {field.alias or name: field for name, field in here.model_fields.items()}
        inner = _forms(fields[step].annotation) if step in fields else []
        here = inner[0] if inner else None
        if model.CompileTest in inner:
            here = model.KINDS[model.kind_of(_at(document, place[: depth + 2]))]
    if here is None:
        return []
    return [field.alias or name for name, field in here.model_fields.items()]


def _at(document: yaml.Document, place: Place) -> Any:
    node = document.node(place)
    return None if node is None else yaml.plain(node)


def _forms(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _forms(part)]


def _repeated_names(suite: model.TestSuite, document: yaml.Document) -> Iterable[Diagnostic]:
    seen: set[str] = set()
    for i, test in enumerate(suite.tests):
        if test.name in seen:
            span = document.span(("tests", i, "name"))
            yield Diagnostic("duplicate-test", f"there are two tests `{test.name}`", span)
        seen.add(test.name)


def _unknown_fixtures(suite: model.TestSuite, document: yaml.Document) -> Iterable[Diagnostic]:
    for i, test in enumerate(suite.tests):
        if isinstance(test, model.CompileTest):
            continue
        named = [*_fixtures_of(test, ("tests", i))]
        if isinstance(test, model.StepsTest):
            for n, step in enumerate(test.steps):
                named += _fixtures_of(step, ("tests", i, "steps", n))
        for name, place in named:
            if "${" in name or name in suite.fixtures:
                continue
            close = get_close_matches(name, suite.fixtures, n=1)
            note = f"did you mean `{close[0]}`?" if close else ""
            message = f"there is no fixture `{name}` in this file"
            yield Diagnostic("unknown-fixture", message, document.span(place), note=note)


def _fixtures_of(
    holder: model.DecisionTest | model.StepsTest | model.Step, at: Place
) -> Iterable[tuple[str, Place]]:
    for n, name in enumerate(holder.fixtures):
        yield name, (*at, "fixtures", n)
    if holder.fixture is not None:
        yield holder.fixture, (*at, "fixture")
