"""The data files of a bundle: `data/prices.json` and `data/tiers.yaml`, read, checked, in one form.

What lies in `data/` under other names is the bundle's own business and only counts for its digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any, Final, Protocol, cast

from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.clause_values import Places, misfits
from policyengine.rules.yaml import Limits, Path, read, spans
from policyengine.source import Source, Span

# What understands each file, by its name without its ending.
_READERS: Final[Mapping[str, str]] = {
    "prices": "policyengine.prices",
    "tiers": "policyengine.routing.tiers",
}
_ENDINGS: Final = (".json", ".yaml", ".yml")
# Price lists of the field have thousands of models: more than a policy file may have.
_LIMITS: Final = Limits(file_bytes=8 << 20, nodes=1_000_000)


class _Reader(Protocol):
    SCHEMA: Mapping[str, Any]

    def normal(self, value: Any) -> Any: ...

    def problems(self, normal: Any) -> Iterable[tuple[Path, str]]: ...


def kind_of(file: str) -> str | None:
    """The name of the data in a file of the bundle, None where it is none that we read.

    >>> kind_of("data/prices.json"), kind_of("data/words.txt"), kind_of("prices.json")
    ('prices', None, None)
    """
    folder, _, name = file.partition("/")
    stem, dot, ending = name.rpartition(".")
    return stem if folder == "data" and stem in _READERS and dot + ending in _ENDINGS else None


def data_schemas() -> dict[str, Mapping[str, Any]]:
    """The JSON Schema of each data file that we read, by its name without its ending."""
    return {name: cast(_Reader, import_module(module)).SCHEMA for name, module in _READERS.items()}


def data_files(
    names: Iterable[str], source_of: Callable[[str, Limits], Source]
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The normal forms of a bundle's data files by name, and what is wrong with the files.

    `names` are all files of the bundle; `source_of` reads one of them.
    """
    found: dict[str, Any] = {}
    problems: list[Diagnostic] = []
    files: dict[str, str] = {}
    for file in names:
        kind = kind_of(file)
        if kind is None:
            continue
        try:
            source = source_of(file, _LIMITS)
            if kind in files:
                message = f"`{kind}` stands in `{files[kind]}` already"
                raise CompileError([_at_start(source, "duplicate-data", message)])
            files[kind] = file
            found[kind] = _normal(kind, source, file.endswith(".json"))
        except CompileError as error:
            problems += error.diagnostics
    return found, problems


def _normal(kind: str, source: Source, is_json: bool) -> Any:
    """The normal form of a data file. Raises `CompileError` with all that is wrong with it."""
    reader = cast(_Reader, import_module(_READERS[kind]))
    value = _json(source) if is_json else _plain(source)
    problems = misfits(kind, reader.SCHEMA, value, _here(source))
    if not problems:
        try:
            normal = reader.normal(value)
            wrong = list(reader.problems(normal))
        except ValueError as error:
            raise CompileError([_at_start(source, "data-file", str(error))]) from None
        if not wrong:
            return normal
        places = _places(source)
        problems = [Diagnostic("data-file", text, places.of(path)) for path, text in wrong]
    else:
        problems = misfits(kind, reader.SCHEMA, value, _places(source))
        if kind == "prices" and _is_a_list_of_prices(value):
            problems = [_at_start(source, "data-file", _NOT_IMPORTED)]
    raise CompileError(problems)


_NOT_IMPORTED: Final = (
    "this is LiteLLM's price list, and not yet a price book: "
    "`policyengine import prices --from LIST --to data/prices.json` makes one of it"
)


def _is_a_list_of_prices(value: Any) -> bool:
    """Whether a price book is a price list as it was downloaded: models, and nothing else."""
    entries = value.values() if isinstance(value, dict) and "models" not in value else ()
    return any(isinstance(one, dict) and "input_cost_per_token" in one for one in entries)


def _plain(source: Source) -> Any:
    return read(source, _LIMITS).plain()


def _json(source: Source) -> Any:
    """A JSON file's value; read as YAML only where its places are asked for, which is slow."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            raise ValueError("a key is there twice")
        return made

    try:
        return json.loads(source.text, object_pairs_hook=once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        span = Span(source.path, error.lineno, error.colno, error.lineno, error.colno)
        message = f"this is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise CompileError([Diagnostic("json-syntax", message, span)]) from None
    except RecursionError:
        raise CompileError([_at_start(source, "json-syntax", "nested too deeply")]) from None
    except ValueError as error:
        raise CompileError([_at_start(source, "json-syntax", str(error))]) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"`{name}` is no number of JSON")


def _here(source: Source) -> Places:
    return Places({}, Span.start_of(source.path))


def _places(source: Source) -> Places:
    """Where each part of the file stands."""
    document = read(source, _LIMITS)
    return Places(dict(spans(document.root)), document.span(()), document.key)


def _at_start(source: Source, slug: str, message: str) -> Diagnostic:
    return Diagnostic(slug, message, Span.start_of(source.path))
