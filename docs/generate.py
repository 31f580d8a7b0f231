"""The generated part of the documentation, and whether it is fresh.

    python docs/generate.py            write it
    python docs/generate.py --check    say what is stale, and exit with 1

`docs/benchmarks.md` is made by `make bench`, because only measuring can renew it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from pkgutil import iter_modules

from policyengine.cel import functions
from policyengine.cel.functions import Function, Library, Overload
from policyengine.cli._docs import markdown
from policyengine.guards._pii import page as pii
from policyengine.rules.schemas import json_schemas

DOCS = Path(__file__).resolve().parent
# Folders in which every file is generated, so that one too many is stale as well.
WHOLE = ("schemas",)

# Operators whose arguments do not simply stand on both sides.
_OPERATORS = {
    "@in": "{} in {}",
    "@not_strictly_false": "@not_strictly_false({})",
    "_[_]": "{}[{}]",
    "_[?_]": "{}[?{}]",
    "_?._": "{}.?{}",
    "_?_:_": "{} ? {} : {}",
    "!_": "!{}",
    "-_": "-{}",
    "@sortBy": "{}.sortBy(x, key), the keys {}",
}

HEAD = """\
# CEL functions

Made by `make golden` from the tables that the checker and the compiler use; do not edit. The
examples run as tests. A function that is not listed here does not exist: using it is a compile
error.
"""


def pages() -> dict[str, str]:
    """Every generated file by its path in `docs/`."""
    found = {"cli.md": markdown(), "functions.md": "\n".join(_functions())}
    found["pii.md"] = pii.page()
    for name, schema in json_schemas().items():
        text = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        found[f"schemas/{name}.schema.json"] = text
    return found


def _functions() -> Iterator[str]:
    yield HEAD
    names = [m.name for m in iter_modules(functions.__path__) if not m.name.startswith("_")]
    for library in map(
        functions.library, sorted(names, key=lambda name: (name != "standard", name))
    ):
        yield from _library(library)


def _library(library: Library) -> Iterator[str]:
    yield f"## `{library.name}`\n"
    if library.doc:
        yield f"{library.doc}\n"
    if library.macros:
        yield f"Macros: {', '.join(f'`{name}`' for name in library.macros)}\n"
    rows = [function for function in library.functions if not function.fact]
    if rows:
        yield "| function | what it does | examples |\n|---|---|---|"
        yield from map(_row, rows)
        yield ""


def _row(function: Function) -> str:
    signatures = "<br>".join(_code(_signature(function.name, o)) for o in function.overloads)
    examples = "<br>".join(
        _code(f"{e.expression} is {e.result}") if e.result else _code(f"{e.expression}: {e.error}")
        for e in function.examples[:3]
    )
    return f"| {signatures} | {function.doc.replace('|', '&#124;')} | {examples} |"


def _signature(name: str, overload: Overload) -> str:
    arguments = [str(argument) for argument in overload.args]
    if name in _OPERATORS or not name.replace(".", "").isidentifier():
        pattern = _OPERATORS.get(name) or name.replace("_", " {} ").strip()
        return f"{pattern.format(*arguments)} -> {overload.result}"
    if overload.receiver:
        return f"{arguments[0]}.{name}({', '.join(arguments[1:])}) -> {overload.result}"
    return f"{name}({', '.join(arguments)}) -> {overload.result}"


def _code(text: str) -> str:
    # In a table cell a vertical bar would end the cell, even in code.
    return (
        "<code>"
        + text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
        + "</code>"
    )


def main(arguments: list[str]) -> int:
    """Write, or check with `--check`."""
    wanted = pages()
    stale = [name for name, text in wanted.items() if _read(DOCS / name) != text]
    extra = [
        path
        for folder in WHOLE
        for path in sorted((DOCS / folder).glob("*"))
        if path.relative_to(DOCS).as_posix() not in wanted
    ]
    if arguments == ["--check"]:
        for name in (*stale, *(path.relative_to(DOCS).as_posix() for path in extra)):
            print(f"docs/{name} is stale; `make golden` renews it")
        return 1 if stale or extra else 0
    for name in stale:
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8", newline="\n")
        print(f"wrote docs/{name}")
    for path in extra:
        path.unlink()
        print(f"removed {path.relative_to(DOCS.parent)}")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
