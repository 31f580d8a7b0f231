"""`policyengine import`: take over what others keep, such as LiteLLM's model prices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from policyengine.cli._console import Refusal, say, show_diagnostics, shown
from policyengine.cli._exits import Exit
from policyengine.cli._replacing import replace
from policyengine.compat.litellm_prices import MAX_BYTES, Imported, read_prices
from policyengine.program_file import write

_EPILOG = """\b
Examples:
  policyengine import prices --from model_prices_and_context_window.json \\
      --to data/prices.json --models 'gpt-5*' --models 'claude-*'
  policyengine import prices --from newer.json --to data/prices.json --update \\
      --valid-until 2026-12-31

The file is LiteLLM's: https://github.com/BerriAI/litellm has it as
model_prices_and_context_window.json. Nothing is fetched from the network. Take
the models that you use: a model without a price is an error, never free."""

# Names that are shown for each reason; all are in `--format json`.
_SHOWN = 3
_DATE = click.DateTime(["%Y-%m-%d"])


@click.command(epilog=_EPILOG)
@click.argument("what", type=click.Choice(["prices"]))
@click.option("--from", "source", required=True, type=click.Path(), help="LiteLLM's price file.")
@click.option("--to", "target", required=True, type=click.Path(), help="The price book to write.")
@click.option("--models", "globs", multiple=True, metavar="GLOB", help="Only these models.")
@click.option("--update", is_flag=True, help="Change a price book; all else in it stays.")
@click.option("--valid-from", type=_DATE, metavar="DATE", help="First day; today in a new book.")
@click.option("--valid-until", type=_DATE, metavar="DATE", help="Last day; none in a new book.")
@click.option(
    "--format", "format", type=click.Choice(["pretty", "json"]), default="pretty", show_default=True
)
def command(
    what: str,
    source: str,
    target: str,
    globs: tuple[str, ...],
    update: bool,
    valid_from: datetime | None,
    valid_until: datetime | None,
    format: str,
) -> Exit:
    """Import model prices from LiteLLM's file into a bundle's data/prices.json."""
    path = Path(target)
    before = _book(path, update)
    data = _bytes(Path(source))
    try:
        imported = read_prices(data, globs)
    except ValueError as error:
        raise Refusal(f"`{shown(source)}`: {error}") from None
    if not imported.models:
        hint = "is it LiteLLM's file?"
        if globs:
            tried = ", ".join(f"`{shown(glob)}`" for glob in globs[:_SHOWN])
            hint = f"models are looked for by {tried}; `*` stands for any characters"
        raise Refusal(f"`{shown(source)}` has no model that can be taken", hint)
    told = f"{Path(source).name[:200]}, sha256:{sha256(data).hexdigest()[:16]}"
    today = datetime.now(UTC).date().isoformat()
    book = {
        **before,
        "currency": "USD",
        "valid_from": _day(valid_from) or before.get("valid_from", today),
        **({"valid_until": _day(valid_until)} if valid_until else {}),
        "source": _sources(before.get("source", ""), told),
        "models": {**before.get("models", {}), **imported.models},
    }
    if not _is_sound(book, path):
        return Exit.INVALID_POLICY
    _write(path, _text(book))
    if format == "json":
        say(json.dumps(_plain(imported, before), indent=2))
    else:
        say("\n".join(_told(imported, before, path)))
        if not before:
            say(_dates(book))
    return Exit.OK


def _sources(before: Any, new: str) -> str:
    """Where prices come from: the newest first, as far as there is room."""
    older = [part for part in str(before).split("; ") if part and part != new]
    return "; ".join([new, *older])[:500]


def _day(moment: datetime | None) -> str:
    return date.isoformat(moment.date()) if moment else ""


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        # What is one byte too long is refused by who reads it.
        return file.read(MAX_BYTES + 1)


def _book(path: Path, update: bool) -> dict[str, Any]:
    """The price book that is there and is to be changed."""
    if not update:
        if path.exists():
            raise Refusal(f"`{shown(path)}` exists", "change it with --update")
        return {}
    if not path.exists():
        return {}
    try:
        book = json.loads(_bytes(path))
    except (ValueError, RecursionError):
        raise Refusal(f"`{shown(path)}` is not JSON", "it stays as it is") from None
    if not isinstance(book, dict) or not isinstance(book.get("models", {}), dict):
        raise Refusal(f"`{shown(path)}` is no price book", "it stays as it is")
    return book


def _is_sound(book: Mapping[str, Any], path: Path) -> bool:
    """Whether a bundle could use the book; says what is wrong with it."""
    from policyengine.diagnostics import Diagnostic
    from policyengine.prices import SCHEMA, normal, problems
    from policyengine.rules.clause_values import Places, misfits
    from policyengine.source import Span

    span = Span.start_of(shown(path))
    wrong = misfits("prices", SCHEMA, book, Places({}, span))
    if not wrong:
        wrong = [
            Diagnostic("data-file", f"{'.'.join(map(str, where))}: {text}", span)
            for where, text in problems(normal(book))
        ]
    if wrong:
        show_diagnostics(wrong)
    return not wrong


def _text(book: Mapping[str, Any]) -> str:
    """The book as JSON with a line for each model, so that changes read well."""
    head = json.dumps({k: v for k, v in book.items() if k != "models"}, indent=2)
    rows = (
        f"    {json.dumps(name)}: {json.dumps(about)}"
        for name, about in sorted(book["models"].items())
    )
    models = ",\n".join(rows)
    return f'{head[:-2]},\n  "models": {{\n{models}\n  }}\n}}\n'


def _write(path: Path, text: str) -> None:
    if path.exists():
        replace(path, text)
        return
    path.parent.mkdir(exist_ok=True)
    write(path, text.encode())
    # Like other files of the bundle, and unlike a temporary one, it is for all to read.
    path.chmod(0o644)


def _changes(imported: Imported, before: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The models that are new, and those that have changed."""
    known = before.get("models", {})
    new = [name for name in imported.models if name not in known]
    changed = [n for n, about in imported.models.items() if n in known and known[n] != about]
    return new, changed


def _told(imported: Imported, before: Mapping[str, Any], path: Path) -> Iterator[str]:
    new, changed = _changes(imported, before)
    same = len(imported.models) - len(new) - len(changed)
    kept = len(before.get("models", {}).keys() - imported.models.keys())
    parts = [f"{len(new):,} new"]
    parts += [f"{len(changed):,} changed, {same:,} the same, {kept:,} kept"] if before else []
    yield f"wrote {shown(path)}: {', '.join(parts)}"
    reasons = Counter(imported.skipped.values())
    for why, count in reasons.most_common():
        names = [name for name, reason in imported.skipped.items() if reason == why]
        yield f"skipped {count:,}, {why}: {_some(names)}"
    if imported.uncounted:
        names = [f"{name} ({count:,})" for name, count in _common(imported.uncounted)]
        yield f"prices that are not counted, and in how many models: {_some(names)}"


def _dates(book: Mapping[str, Any]) -> str:
    """When a new book's prices hold: tests and recorded requests may well be of another day."""
    last = book.get("valid_until")
    days = f"from {book['valid_from']} until {last}" if last else f"from {book['valid_from']} on"
    return (
        f"the prices hold {days}; for tests and recorded requests of other days every price is an "
        "error (see --valid-from)"
    )


def _common(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _plain(imported: Imported, before: Mapping[str, Any]) -> dict[str, Any]:
    new, changed = _changes(imported, before)
    return {
        "models": len(imported.models),
        "new": new,
        "changed": changed,
        "skipped": dict(imported.skipped),
        "uncounted": dict(_common(imported.uncounted)),
    }
