"""The compiled bundle: code, and tables that say what each rule does.

A `Program` is plain data. It can be kept in a file and used where no parser is installed.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any, Final, Literal

from policyengine.errors import ProgramError
from policyengine.program_file import Reader, Writer, write
from policyengine.source import Span
from policyengine.values.references import References

Verdict = Literal["allow", "require_approval", "deny"]
Mode = Literal["enforce", "warn", "shadow"]
Severity = Literal["low", "medium", "high", "critical"]

# Later in the tuple is stricter; the strictest of all matched rules wins.
VERDICTS: tuple[Verdict, ...] = ("allow", "require_approval", "deny")


@dataclass(frozen=True, slots=True)
class Allow:
    """Permit, unless another rule is stricter."""

    message: str = ""
    admin: str = ""


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse. `message` is for the user, `admin` for the operator."""

    message: str
    admin: str = ""


@dataclass(frozen=True, slots=True)
class RequireApproval:
    """Hold until `count` of the people or groups in `approvers` agree (anyone, where empty)."""

    message: str
    admin: str = ""
    approvers: tuple[str, ...] = ()
    count: int = 1


Style = Literal[
    "keep", "last4", "format", "token", "pseudonym", "hash", "label", "mask", "remove"
]  # fmt: skip

# Later in the tuple tells less about what was found; where findings overlap, the last one wins.
STYLES: tuple[Style, ...] = (
    "keep", "last4", "format", "token", "pseudonym", "hash", "label", "mask", "remove",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Redact:
    """Replace what the rule's guards found, each type of finding in its `types` style.

    All others are replaced in `style`; `policyengine.engine.transforms` says what each one does.
    """

    style: Style = "mask"
    types: Mapping[str, Style] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Send the request to a tier; of several matched routes the highest priority wins."""

    to: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Trigger:
    """Start an agent or a check; a `required` one must succeed before the change may land."""

    agent: str
    required: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Warn:
    """Tell the user, and go on."""

    message: str


@dataclass(frozen=True, slots=True)
class Tag:
    """Attach key-value labels for logs, billing and later rules."""

    values: Mapping[str, str]


VerdictEffect = Allow | Deny | RequireApproval
ObligationEffect = Redact | Route | Trigger | Warn | Tag

# Effects that take something away: a rule with one of them that cannot be evaluated counts as
# matched.
RESTRICTING = (Deny, RequireApproval, Redact, Trigger)


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What the engine needs to know of a rule once generated code says that it matched.

    `facts` are positions in the point's facts: those whose findings are this rule's evidence.
    `on_error` is the outcome when the condition cannot be evaluated.
    """

    id: str
    policy: str
    verdict: VerdictEffect | None
    obligations: tuple[ObligationEffect, ...]
    mode: Mode
    on_error: Literal["match", "skip"]
    span: Span
    facts: tuple[int, ...] = ()
    severity: Severity = "medium"
    owner: str = ""
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FactInfo:
    """A question to a provider of facts: its name and its configuration, a JSON value.

    Generated code asks it at most once per decision with `yield`.
    """

    provider: str
    config: Any
    cost: int


# Where text stands in an input: keys, "[]" for every element of a list, "**" for every string
# below.
TextPath = tuple[str, ...]


# Whose words a text is, one of `policyengine.plugins.ORIGINS`, or where the input says so:
# `3.role` is the field `role` of the object that the first 3 steps lead to.
Origin = str


@dataclass(frozen=True, slots=True)
class Scan:
    """What the guards of one decision may look at: characters of one text, and milliseconds."""

    characters: int = 200_000
    milliseconds: int = 1_000


DEFAULT_SCAN: Final = Scan()


@dataclass(frozen=True, slots=True)
class PointProgram:
    """The rules of one decision point.

    `function` is the name of the generated function. It takes the input (a dict) and the time
    (a `Timestamp`) and gives `(matched, errors)`: the positions of matched rules in ascending
    order, and `(position, EvaluationError)` pairs for the rules that could not be evaluated.
    With facts it is a generator that yields positions in `facts` and is sent a list of findings
    or a `FactError`; `asked_by` names the rules that may ask for each fact. `references` are the
    chunks of `policyengine.values.references`. `origins` says whose words each of `texts` is.
    """

    name: str
    function: str
    default: Verdict
    rules: Sequence[RuleInfo]
    facts: tuple[FactInfo, ...]
    texts: tuple[TextPath, ...]
    asked_by: tuple[tuple[str, ...], ...] = ()
    references: Sequence[bytes] = field(default=(), repr=False, compare=False)
    origins: tuple[Origin, ...] = ()


def references_name(function: str) -> str:
    """The name under which the function of a point finds the reference forms of its rules."""
    return f"references_{function}"


@dataclass(frozen=True, slots=True)
class Program:
    """A bundle ready to decide.

    `code` is a module's code object whose functions are named in `points`; `text` gives it, and
    the reference forms of all rules, as text. `digest` is the bundle's (`sha256:...`). `data` are
    its data files by name, `prices` and `tiers`, in their normal forms.

    A program can be kept in a file (`save`) and used where no parser is installed (`load`). Such
    a file holds code and must be trusted like code: load none that others can write.
    """

    bundle: str
    version: str
    digest: str
    points: Mapping[str, PointProgram]
    code: CodeType = field(repr=False, compare=False)
    text: str | Callable[[], str] = field(repr=False, compare=False)
    scan: Scan = DEFAULT_SCAN
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def python(self) -> str:
        """The generated code as text, for people."""
        return self.text if isinstance(self.text, str) else self.text()

    def functions(self) -> dict[str, Any]:
        """The names of the generated module, run anew: the functions of the points among them."""
        names: dict[str, Any] = {
            references_name(point.function): References(point.references)
            for point in self.points.values()
        }
        exec(self.code, names)  # noqa: S102 - generated by us; text is constants in it
        return names

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the program to a file, whole or not at all. Raises `OSError`."""
        write(path, dumps(self))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Program:
        """The program in a file that `save` wrote. The file is code: trust it as such.

        Raises `OSError`, and `ProgramError` for a file that is damaged, or was made by another
        version of Python or of this library.
        """
        with open(path, "rb") as file:
            return loads(file.read())


# INVARIANT: the order is part of the format of files.
_IN_FILES = (
    Program, PointProgram, RuleInfo, FactInfo, Span,
    Allow, Deny, RequireApproval, Redact, Route, Trigger, Warn, Tag, Scan,
)  # fmt: skip


def dumps(program: Program) -> bytes:
    """A program as bytes, from which `loads` makes an equal one.

    Raises `ProgramError` for a program that holds anything but plain data and its code.
    """
    writer = Writer(_IN_FILES)
    # First, because the reference forms are made with their text. It is long, and rarely read.
    python = zlib.compress(program.python.encode("utf-8", "surrogatepass"), 1)
    places = tuple(
        (writer.sequence(point.rules), writer.blobs(point.references))
        for point in program.points.values()
    )
    text = writer.blobs([python])
    points = {
        name: replace(point, rules=(), references=()) for name, point in program.points.items()
    }
    return writer.file((replace(program, points=points, text=""), places, text))


def _text(blob: bytes) -> str:
    return zlib.decompress(blob).decode("utf-8", "surrogatepass")


def loads(data: bytes) -> Program:
    """The program in bytes that `dumps` made. They are code: trust them as such.

    What a rule says, and its reference form, are read when the rule first matters. Raises
    `ProgramError` for bytes that are damaged or no program, or that another version of Python or
    of this library made.
    """
    reader = Reader(data, _IN_FILES)
    try:
        program, places, text = reader.value
        found: Program = program
        points = {
            name: replace(point, rules=reader.sequence(rules), references=reader.blobs(references))
            for (name, point), (rules, references) in zip(found.points.items(), places, strict=True)
        }
        if isinstance(found.code, CodeType):
            return replace(
                found,
                points=points,
                text=lambda: _text(reader.blobs(text)[0]),
            )
    except (TypeError, ValueError, AttributeError) as error:
        raise ProgramError("the compiled program is damaged") from error
    raise ProgramError("the compiled program is damaged")
