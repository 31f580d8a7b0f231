"""The page of the documentation that lists all entities, from the tables that find them."""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.guards._pii.entity import Entity
from policyengine.guards._pii.table import ALIASES, ELSEWHERE, ENTITIES, GROUPS

_HEAD = """\
# Personal data: the entities of `pii`

Made by `make golden` from the tables that find them; do not edit.

    pii: {entities: [EMAIL_ADDRESS, CREDIT_CARD, US_SSN], min_score: 0.5}

A name is an entity of this page, a group (`common`, `financial`, `all`) or a region (`DE`: its own
identifiers). A list alone is short for `entities`; without any, `common` is looked for.

| key | what |
|---|---|
| `min_score`, `min_scores` | the least score; 0.5, or one of its own for an entity |
| `allow` | texts that are no finding (`help@acme.com`), or a host (`@acme.com`) |
| `deny` | texts that are always found, as `DENIED`; for long lists there is `words` |
| `custom` | entities of your own: `name`, `regex` (RE2), `validator`, `context`, `score`, lists |
| `overlaps` | `best` keeps the likeliest of several types in one place, `all` keeps all |

What a score means:

| score | what was found |
|---|---|
| 0.9 and more | a check that chance hardly passes, or a typical form beside a word that names it |
| 0.6 to 0.9 | a typical form, or a weaker one beside a word that names it |
| below 0.5 | what many other things look like; by default not reported |

A word counts as context up to 60 characters before a find and 40 behind it, and in the name of the
field (`arguments.ssn`). Unusual digits, spaces and dashes count as plain ones, and invisible
characters inside a number do not hide it.

**Not found here**: {elsewhere}. They have no form of their own, so no fast path
finds them; it takes a model.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD.replace("{elsewhere}", ", ".join(f"`{name}`" for name in ELSEWHERE))
    regions: dict[str, list[Entity]] = {}
    for entity in ENTITIES.values():
        regions.setdefault(entity.region, []).append(entity)
    yield f"{len(ENTITIES)} entities of {len(regions) - 1} regions.\n"
    yield "## Everywhere\n"
    yield from _table(regions.pop("any"))
    yield "## By region\n"
    yield from _table(
        [entity for _, entities in sorted(regions.items()) for entity in entities], True
    )
    yield "## Groups\n"
    for name in ("common", "financial"):
        yield f"- `{name}`: {', '.join(f'`{member}`' for member in GROUPS[name])}"
    yield "\n## Other names\n"
    yield "| name | stands for |\n|---|---|"
    for alias, name in sorted(ALIASES.items()):
        yield f"| `{alias}` | `{name}` |"
    yield ""


def _table(entities: list[Entity], regions: bool = False) -> Iterator[str]:
    yield "| entity |" + (" region |" if regions else "") + " what | how it is checked | source |"
    yield "|---|" + ("---|" if regions else "") + "---|---|---|"
    for each in entities:
        region = f" {each.region} |" if regions else ""
        yield f"| `{each.name}` |{region} {each.about} | {each.checked} | {each.source} |"
    yield ""
