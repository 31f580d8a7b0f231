"""Markdown, as pull requests and wikis show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.output import savings

if TYPE_CHECKING:
    from policyengine.analysis.savings import Savings
    from policyengine.output.savings import Table

# What Markdown or HTML would act on, in texts that come from policies and recordings.
_ACTIVE = re.compile(r"[\\`*_{}\[\]<>()#+!|~&@]|:(?=//)|(?<=www)\.|^-")


def render_analysis(found: Savings, *, color: bool = False) -> str:
    """A heading, a table for each view of the costs, and what is assumed."""
    parts = [f"## {text(savings.title(found))}"]
    parts += [_table(table) for table in savings.tables(found)]
    parts.append("\n".join(f"- {text(note)}" for note in savings.notes(found)))
    return "\n\n".join(parts)


def text(said: str) -> str:
    """A text of somebody else's as nothing but text.

    >>> text("<img src=x> [a](b)")
    '\\\\<img src=x\\\\> \\\\[a\\\\]\\\\(b\\\\)'
    """
    return _ACTIVE.sub(r"\\\g<0>", said)


def _table(table: Table) -> str:
    heads = [head or " " for head in table.heads]
    lines = [f"### {table.title}", "", f"| {' | '.join(heads)} |"]
    lines.append(f"|---{'|---:' * (len(heads) - 1)}|")
    lines += [f"| {text(row[0])} | {' | '.join(row[1:])} |" for row in table.rows]
    return "\n".join([*lines, "", text(table.note)] if table.note else lines)
