"""Results as text: one file for each format, with a `render_<kind>` for each kind it can say.

| kind | what it takes |
|---|---|
| `check` | a sequence of `CheckReport` |
| `tests` | `SuiteResults` of policy tests |
| `decision` | a `Decision` |
| `decisions` | a sequence of `DecidedInput` |
| `explanation` | an `Explanation` |
| `analysis` | the `Savings` of recorded requests |

Every renderer is called as `render_<kind>(value, color=False)` and returns text that ends without
a line break. Formats for machines have no colours and leave `color` unused.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from policyengine import plugins

Kind = Literal["check", "tests", "decision", "decisions", "explanation", "analysis"]

# What a person sees when nothing is asked for.
DEFAULT_FORMAT = "pretty"


class Renderer(Protocol):
    """A function that turns one kind of result into text."""

    def __call__(self, value: Any, *, color: bool = False) -> str: ...


def renderer(format: str, kind: Kind) -> Renderer:
    """The renderer of a format for a kind of result.

    Raises `KeyError` with the format's name when there is no such format or it cannot say this
    kind.

    >>> renderer("json", "tests").__module__
    'policyengine.output.json'
    """
    found = getattr(plugins.find("output", format), f"render_{kind}", None)
    if found is None:
        raise KeyError(format)
    render: Renderer = found
    return render


def formats(kind: Kind) -> list[str]:
    """The names of all formats that can say this kind of result, the default first.

    >>> formats("check")
    ['pretty', 'github', 'json']
    """
    able = [
        n for n in plugins.names("output") if hasattr(plugins.find("output", n), f"render_{kind}")
    ]
    return sorted(able, key=lambda name: (name != DEFAULT_FORMAT, name))
