"""The floors of ARCHITECTURE.md: a module imports from lower rooms only, and no cycle exists.

Every import counts: inside functions, under `if TYPE_CHECKING`, relative ones too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the ground up: a room may import every room in an earlier line, and none in its own.
FLOORS = (
    ("errors", "source"),
    ("program_file",),
    ("values", "diagnostics", "plugins"),
    ("program",),
    ("charges",),
    ("prices", "tokens"),
    ("request", "decision"),
    ("cel", "guards", "limits", "sessions", "state", "routing", "changes", "audit"),
    ("protobuf",),
    ("rules",),
    ("lint",),
    ("codegen",),
    ("engine",),
    ("explanation",),
    ("api",),
    ("analysis",),
    ("testing",),
    ("output", "exports", "integrations", "compat", "server", "policyengine_ci"),
    ("cli",),
    ("__main__",),
)
# What a lower line does not forbid but the plan does.
NEVER = {
    # The back half sees no parser.
    "engine": {"cel", "rules", "lint", "codegen", "explanation"},
}
FACTS = ("guards", "limits", "sessions", "state", "routing", "changes", "audit")
# The package face: lazy names, so that `import policyengine` is cheap. All may import it only as
# the package that their own room lies in.
FACE = "policyengine"

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# Outside packages by the rooms that may import them; whoever is not listed may import none.
OUTSIDE = {
    "ruamel": {"rules", "testing", "cli"},
    "yaml": set(),
    "pydantic": {"rules", "testing"},
    "jsonschema": {"rules", "testing"},
    "click": {"cli", "output"},
    "celpy": {"testing"},
    "matplotlib": {"cli"},
    "numpy": {"guards"},
    "cryptography": {"state"},
    "google": {"protobuf"},
    "redis": {"state"},
    "presidio_analyzer": {"guards"},
    "spacy": {"guards"},
    "tldextract": {"guards"},
}


def modules() -> dict[str, Path]:
    found = {}
    for package, base in (("policyengine", ROOT), ("policyengine_ci", ROOT / "ci")):
        for path in sorted((base / package).rglob("*.py")):
            parts = path.relative_to(base).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = path
    return found


MODULES = modules()


def imported(name: str, path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a module imports, by its full name, with the line."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")
                up = up[: len(up) - node.level + 1]
                base = ".".join([*up, base] if base else up)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield (whole if whole in MODULES else base), node.lineno
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value), node.lineno


def room(module: str) -> str:
    parts = module.split(".")
    if parts[0] == "policyengine":
        return parts[1] if len(parts) > 1 else FACE
    return parts[0]


def ours(module: str) -> bool:
    return module.split(".")[0] in {"policyengine", "policyengine_ci"}


def forbidden(importer: str, imported_room: str) -> bool:
    if importer == imported_room:
        return False
    if importer == FACE:
        return FLOOR[imported_room] > FLOOR["api"]
    if imported_room == FACE:
        return FLOOR[importer] <= FLOOR["api"]
    return FLOOR[imported_room] >= FLOOR[importer] or imported_room in NEVER.get(importer, set())


@pytest.mark.parametrize("name", MODULES)
def test_room_has_a_floor(name: str) -> None:
    assert room(name) == FACE or room(name) in FLOOR, f"add {room(name)} to the table of floors"


@pytest.mark.parametrize("name", MODULES)
def test_imports_look_down_only(name: str) -> None:
    wrong = [
        f"{MODULES[name].relative_to(ROOT)}:{line}: {name} may not import {target}"
        for target, line in imported(name, MODULES[name])
        if ours(target) and forbidden(room(name), room(target))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", MODULES)
def test_outside_packages_stay_in_their_rooms(name: str) -> None:
    wrong = [
        f"{MODULES[name].relative_to(ROOT)}:{line}: {name} may not import {target}"
        for target, line in imported(name, MODULES[name])
        if (package := target.split(".")[0]) in OUTSIDE and room(name) not in OUTSIDE[package]
    ]
    assert not wrong, "\n".join(wrong)


def test_no_import_cycles() -> None:
    graph = {
        name: {t for t, _ in imported(name, path) if t in MODULES and t != name}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    ("importer", "target", "wrong"),
    [
        ("values", "errors", False),
        ("errors", "values", True),
        ("guards", "request", False),
        ("guards", "changes", True),
        ("guards", "cel", True),
        ("cel", "guards", True),
        ("rules", "cel", False),
        ("cel", "rules", True),
        ("codegen", "rules", False),
        ("rules", "codegen", True),
        ("engine", "program", False),
        ("engine", "guards", False),
        ("engine", "cel", True),
        ("engine", "codegen", True),
        ("explanation", "engine", False),
        ("engine", "explanation", True),
        ("cli", "policyengine_ci", False),
        ("policyengine_ci", "testing", False),
        ("policyengine_ci", "cli", True),
        ("values", FACE, True),
        ("cli", FACE, False),
        (FACE, "api", False),
        (FACE, "cli", True),
    ],
)
def test_table_says_what_the_plan_says(importer: str, target: str, wrong: bool) -> None:
    assert forbidden(importer, target) is wrong


def test_facts_share_one_floor() -> None:
    assert len({FLOOR[name] for name in (*FACTS, "cel")}) == 1
