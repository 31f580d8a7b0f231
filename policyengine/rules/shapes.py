"""Holding a document against its shape: what does not fit is said in our words, at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from policyengine.cel.suggestions import closest, listed
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.yaml import Document, Items, Node, Pairs, Path, Scalar

Shape = TypeVar("Shape", bound=BaseModel)

# A file with more mistakes in its shape is another kind of file.
_MOST_PROBLEMS = 50

# Below these keys values are the author's own, and null may be one of them.
_FREE = frozenset({"constants", "inputs"})
_KINDS: Mapping[type, str] = {
    type(None): "nothing", bool: "true or false", int: "an integer", float: "a number",
    str: "text", list: "a list", dict: "an object",
}  # fmt: skip
_WANTED: Mapping[str, str] = {
    "string_type": "text", "int_type": "an integer", "int_from_float": "an integer",
    "bool_type": "true or false", "list_type": "a list", "dict_type": "an object",
    "model_type": "an object", "model_attributes_type": "an object", "float_type": "a number",
    "mapping_type": "an object",
}  # fmt: skip


def fit(document: Document, shape: type[Shape]) -> Shape:
    """The document as an instance of its shape.

    Raises `CompileError` with every place that does not fit.
    """
    problems = list(islice(_empty(document.root, ()), _MOST_PROBLEMS))
    if problems:
        raise CompileError(problems)
    try:
        return shape.model_validate(document.plain())
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=True)[:_MOST_PROBLEMS]
    raise CompileError(_diagnostic(document, shape, dict(found)) for found in errors)


def _empty(node: Node, path: Path) -> Iterator[Diagnostic]:
    """Keys without a value: `when:` alone must not read as no condition."""
    match node:
        case Pairs():
            for key, value in node.pairs:
                name = str(key.value)
                if isinstance(value, Scalar) and value.value is None:
                    message = f"`{name[:80]}` has no value"
                    yield Diagnostic("missing-value", message, key.span)
                elif name not in _FREE:
                    yield from _empty(value, (*path, name))
        case Items():
            for i, item in enumerate(node.items):
                yield from _empty(item, (*path, i))
        case Scalar():
            return


def _diagnostic(document: Document, shape: type[BaseModel], error: dict[str, Any]) -> Diagnostic:
    kind = str(error["type"])
    location: Path = tuple(error["loc"])
    of_key = location[-1:] == ("[key]",)
    path = location[:-1] if of_key else location
    context: Mapping[str, Any] = error.get("ctx") or {}
    name = _called(path)
    if kind == "extra_forbidden":
        return unknown_key(document, path, _keys(shape, path[:-1]))
    if kind == "missing":
        message = f"`{path[-1]}` is missing"
        if len(path) > 1:
            message += f" in {_called(path[:-1])}"
        return Diagnostic("missing-key", message, document.span(path[:-1]))
    if kind == "wrong_type" or kind in _WANTED:
        wanted = _WANTED.get(kind) or str(error["msg"])
        given = error.get("input")
        said = "this" if isinstance(given, list | dict) and not given else _KINDS.get(type(given))
        empty = "an empty one" if said == "this" else said
        message = f"{name} must be {wanted}, not {empty}"
        return Diagnostic("wrong-type", message, document.span(path))
    wording = _VALUES.get(kind, _other)
    span = document.key(path) if of_key else document.span(path)
    note, given = "", error.get("input")
    if kind == "literal_error" and isinstance(given, str):
        meant = closest(given, _quoted(str(context.get("expected", ""))))
        note = f"did you mean `{meant}`?" if meant else ""
    return Diagnostic("wrong-value", f"{name} {wording(context)}", span, note)


def _other(context: Mapping[str, Any]) -> str:
    return "has a value that does not fit"


def _pattern(context: Mapping[str, Any]) -> str:
    wanted = _PATTERNS.get(str(context.get("pattern"))[:12], "")
    return f"must be {wanted}" if wanted else "has the wrong form"


_PATTERNS = {
    "^[A-Za-z0-9]": "letters, digits, `.`, `_` and `-`, a letter or digit first",
    "^[A-Za-z_][A": "a name that CEL can say: letters, digits and `_`",
    "^[A-Z][A-Z0-": "the type of a finding, such as `CREDIT_CARD`",
    "^[a-z][a-z0-": "the name of a decision point, such as `llm.request`",
    "^(0|[1-9][0-": "a semantic version such as `1.2.0`, in quotes",
    "^sha256:[0-9": "`sha256:` and 64 hexadecimal digits",
}

_VALUES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "literal_error": lambda c: f"must be {_choice(_quoted(str(c.get('expected', ''))))}",
    "string_pattern_mismatch": _pattern,
    "string_too_short": lambda c: "must not be empty",
    "string_too_long": lambda c: f"has more than {c.get('max_length')} characters",
    "too_short": lambda c: "must not be empty",
    "too_long": lambda c: f"has more than {c.get('max_length')} items",
    "greater_than_equal": lambda c: f"must be at least {c.get('ge')}",
    "less_than_equal": lambda c: f"must be at most {c.get('le')}",
}


def _quoted(expected: str) -> list[str]:
    return expected.split("'")[1::2]


def _choice(names: list[str]) -> str:
    ticked = [f"`{name}`" for name in names]
    return ticked[0] if len(ticked) == 1 else f"{', '.join(ticked[:-1])} or {ticked[-1]}"


def _called(path: Path) -> str:
    """A place in words: the last name on the path, and the position in a list."""
    if not path:
        return "the document"
    last = path[-1]
    if isinstance(last, str):
        return f"`{last[:80]}`"
    before = path[-2] if len(path) > 1 else "document"
    return f"item {last + 1} of `{before}`"


def unknown_key(document: Document, path: Path, known: Iterable[str]) -> Diagnostic:
    """A key that its object does not have; `known` are those it may have."""
    names = sorted(known)
    name = str(path[-1])
    meant = closest(name, names)
    where = "the document" if len(path) == 1 else _called(path[:-1])
    return Diagnostic(
        "unknown-key",
        f"`{name[:80]}` is not a key of {where}",
        document.key(path),
        f"did you mean `{meant}`?" if meant else "",
        "" if meant or not names else f"its keys are {listed(names, most=20)}",
    )


def _keys(shape: type[BaseModel], path: Path) -> list[str]:
    """The keys that the object at a path may have."""
    found: type[BaseModel] | None = shape
    for step in path:
        if found is None or isinstance(step, int):
            continue
        fields = {field.alias or name: field for name, field in found.model_fields.items()}
        found = _model(fields[step].annotation) if step in fields else None
    if found is None:
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _model(annotation: Any) -> type[BaseModel] | None:
    """The shape inside an annotation such as `list[Shape] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part))), None)
