"""Writing a threshold into a policy's file, with the evidence for it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from policyengine.plugins import fact_provider
from policyengine.rules import yaml
from policyengine.source import Source, Span

# Comments that an earlier tuning left above a clause.
_EVIDENCE: Final = re.compile(r"\s*# tuned(?::|  )")


class CannotWriteError(ValueError):
    """The threshold has no place in the file that could be found; the message says a way out."""


def with_threshold(
    source: Source, rule: str, clause: str, parameter: str, value: float, evidence: list[str]
) -> str:
    """The text of a policy's file with a threshold in a rule's clause.

    Comments with `evidence`, one for each line, stand above the clause; those of an earlier tuning
    go. Everything else stays as it is. Raises `CannotWriteError`.
    """
    document = yaml.read(source)
    at = _clause(document, rule, clause)
    lines = source.text.splitlines(keepends=True)
    span, told = _edit(document, (*at, clause), clause, parameter, f"{value:g}")
    lines = _replaced(lines, span, told)
    key = document.key((*at, clause))
    lines = _commented(lines, key, evidence)
    text = "".join(lines)
    _check(document, text, (*at, clause), parameter, value)
    return text


def _clause(document: yaml.Document, rule: str, clause: str) -> yaml.Path:
    rules = document.plain().get("rules") or []
    for i, one in enumerate(rules):
        if isinstance(one, Mapping) and one.get("id") == rule:
            if clause in one:
                return ("rules", i)
            message = f"rule `{rule}` has no clause `{clause}`, it asks in CEL: write it there"
            raise CannotWriteError(message)
    raise CannotWriteError(f"there is no rule `{rule}` in this file")


def _edit(
    document: yaml.Document, at: yaml.Path, clause: str, parameter: str, value: str
) -> tuple[Span, str]:
    """A place of the file, and what shall stand there."""
    if document.node((*at, parameter)) is not None:
        return document.span((*at, parameter)), value
    span = document.span(at)
    held = document.node(at)
    assert held is not None
    plain = yaml.plain(held)
    said = _text(document.source, span)
    if isinstance(plain, Mapping):
        if said.startswith("{"):
            inner = said[:-1].rstrip().removesuffix(",")
            return span, f"{inner}{', ' if plain else ''}{parameter}: {value}}}"
        start = Span(span.path, span.line, span.column, span.line, span.column)
        end = _line_end(document.source.text)
        return start, f"{parameter}: {value}{end}{' ' * (span.column - 1)}"
    return span, _long_form(clause, plain, said, parameter, value)


def _long_form(clause: str, plain: Any, said: str, parameter: str, value: str) -> str:
    """The long form of a clause that was written in its short one."""
    normal = fact_provider(clause).normal(plain)
    if not isinstance(plain, list):
        kept = [key for key in _required(clause) if normal.get(key) == plain]
        if len(kept) == len(_required(clause)):
            return f"{{{''.join(f'{key}: {said}, ' for key in kept)}{parameter}: {value}}}"
        raise CannotWriteError(_WRITE_LONG.format(clause=clause, parameter=parameter))
    for key, items in normal.items():
        if isinstance(items, list) and sorted(map(str, items)) == sorted(map(str, plain)):
            if said.startswith("["):
                return f"{{{key}: {said}, {parameter}: {value}}}"
            break
    raise CannotWriteError(_WRITE_LONG.format(clause=clause, parameter=parameter))


_WRITE_LONG = "write `{clause}` in its long form first: an object with `{parameter}`"


def _required(clause: str) -> list[str]:
    """The keys that a clause's long form must have."""
    schema = fact_provider(clause).SCHEMA
    forms = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema]
    return [
        key for form in forms if form.get("type") == "object" for key in form.get("required", ())
    ]


def _text(source: Source, span: Span) -> str:
    lines = source.text.splitlines(keepends=True)[span.line - 1 : span.end_line]
    if len(lines) == 1:
        return lines[0][span.column - 1 : span.end_column - 1]
    first, last = lines[0][span.column - 1 :], lines[-1][: span.end_column - 1]
    return "".join([first, *lines[1:-1], last])


def _replaced(lines: list[str], span: Span, told: str) -> list[str]:
    before = lines[span.line - 1][: span.column - 1]
    behind = lines[span.end_line - 1][span.end_column - 1 :]
    return [*lines[: span.line - 1], before + told + behind, *lines[span.end_line :]]


def _commented(lines: list[str], key: Span, evidence: list[str]) -> list[str]:
    indent = lines[key.line - 1][: key.column - 1]
    if indent.strip():
        # The clause stands on its rule's first line, or in braces: above the whole rule, then.
        indent = indent[: len(indent) - len(indent.lstrip())]
    above = key.line - 1
    while above and _EVIDENCE.match(lines[above - 1]):
        above -= 1
    end = _line_end(lines[key.line - 1])
    told = [
        f"{indent}# tuned{':' if i == 0 else '  '} {line}{end}" for i, line in enumerate(evidence)
    ]
    return [*lines[:above], *told, *lines[key.line - 1 :]]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _check(document: yaml.Document, text: str, at: yaml.Path, parameter: str, value: float) -> None:
    """INVARIANT: the file says what it said, but for the clause's threshold."""
    before, after = document.plain(), yaml.read(Source(document.source.path, text)).plain()
    old, new = _taken(before, at), _taken(after, at)
    same = (
        {**new, parameter: None} == {**old, parameter: None} if isinstance(old, Mapping) else True
    )
    if not same or new.get(parameter) != float(f"{value:g}") or before != after:
        raise CannotWriteError(f"`{at[-1]}` cannot be changed here without changing more")


def _taken(value: Any, path: yaml.Path) -> Any:
    """What stands at a path, taken out of its object."""
    for step in path[:-1]:
        value = value[step]
    return value.pop(path[-1])
