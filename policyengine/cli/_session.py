"""A session of trying expressions: it reads lines, and answers each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policyengine.cli._console import Refusal, say
from policyengine.cli._lines import Lines
from policyengine.cli._trial import Trial, complain_of
from policyengine.diagnostics import CompileError
from policyengine.output.literals import literal
from policyengine.output.text import line

if TYPE_CHECKING:
    from policyengine.cel.types import Type

PROMPT = "cel> "
MORE = "...> "
# How long `:time` evaluates, in nanoseconds.
_TIMING_NS = 200_000_000
_QUOTES = ('"""', "'''")


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the session: what it is followed by, what it does, and how."""

    argument: str
    help: str
    run: Callable[[Session, str], None]


class Left(Exception):  # noqa: N818
    """The session is over."""


class Session:
    """Reads expressions and commands until it is left. `failed` says whether one went wrong.

    `load` reads a file as an input for a trial; `at` makes the trial of another decision point.
    """

    def __init__(
        self,
        trial: Trial,
        load: Callable[[Trial, str], None],
        at: Callable[[str], Trial],
    ) -> None:
        self.trial = trial
        self.failed = False
        self._load = load
        self._at = at

    def run(self, lines: Lines) -> None:
        """Answer every line until there are no more, or `:quit`.

        Ctrl-C gives up what is being typed or evaluated; Ctrl-D (the end of the input) leaves.
        """
        try:
            while True:
                try:
                    self.answer(self._entry(lines))
                except KeyboardInterrupt:
                    say("")
        except (EOFError, Left):
            if lines.interactive:
                say("")

    def _entry(self, lines: Lines) -> str:
        """A command, or an expression over as many lines as it takes; an empty line ends it."""
        text = lines.read(PROMPT)
        while _is_open(text, self.trial):
            try:
                more = lines.read(MORE)
            except EOFError:
                return text
            text = f"{text.removesuffix(chr(92))}\n{more}"
            if not more.strip():
                return text
        return text

    def answer(self, text: str) -> None:
        """Answer one entry; what is wrong with it is said, and the session goes on."""
        text = text.strip()
        if not text or text.startswith("//"):
            return
        try:
            if text.startswith(":"):
                self._command(text)
            else:
                say(literal(self.trial.value(text).value))
        except CompileError as error:
            self.failed = True
            complain_of(error, text.partition(" ")[2].strip() if text[0] == ":" else text)
        except Refusal as error:
            self.failed = True
            error.show()

    def _command(self, text: str) -> None:
        name, _, argument = text.partition(" ")
        command = COMMANDS.get(name)
        if command is None:
            raise Refusal(f"there is no command `{name[:80]}`", "`:help` lists them")
        if command.argument and not command.argument.startswith("[") and not argument.strip():
            raise Refusal(f"`{name}` takes {command.argument}", f"it does this: {command.help}")
        command.run(self, argument.strip())

    def help(self, _: str) -> None:
        """Say what can be written."""
        width = max(len(f"{name} {c.argument}") for name, c in COMMANDS.items())
        for name, command in COMMANDS.items():
            say(f"{f'{name} {command.argument}':{width}}  {command.help}")
        say("Anything else is an expression; an open bracket continues on the next line.")

    def type(self, text: str) -> None:
        """Say which type an expression has, without evaluating it."""
        say(str(self.trial.compile(text).type))

    def load(self, path: str) -> None:
        """Take another input."""
        self._load(self.trial, path)
        fields = ", ".join(self.trial.input) or "nothing"
        say(line(f"the input has {fields}"))

    def point(self, name: str) -> None:
        """Type the input as another decision point does."""
        before = self.trial
        self.trial = self._at(name)
        self.trial.load(before.input)
        for variable, value in before.own.items():
            self.trial.let(variable, value)
        say(f"`{name}` has {', '.join(self.trial.types)}")

    def let(self, text: str) -> None:
        """Give a variable the value of an expression."""
        name, _, expression = text.partition("=")
        if not name.strip().isidentifier() or not expression.strip():
            raise Refusal("`:let` takes a name, `=` and an expression", "`:let n = 1 + 2`")
        tried = self.trial.value(expression.strip())
        self.trial.let(name.strip(), tried.value)
        say(literal(tried.value))

    def vars(self, _: str) -> None:
        """List the variables: their types, and the values of those that are short."""
        bindings = self.trial.bindings
        loose = self.trial.own if self.trial.point else {**self.trial.input, **self.trial.own}
        rows = {**self.trial.types, **dict.fromkeys(loose, None)}
        for name, type_ in rows.items():
            say(line(f"{name}: {_shown(type_, bindings.get(name, _ABSENT))}"))

    def time(self, text: str) -> None:
        """Say how long an expression takes, once it is compiled."""
        program = self.trial.compile(text)
        self.trial.value(text)
        bindings = self.trial.bindings
        evaluate, count, spent = program.evaluate, 1, 0
        while spent < _TIMING_NS:
            began = time.perf_counter_ns()
            for _ in range(count):
                evaluate(bindings)
            spent = time.perf_counter_ns() - began
            count = count if spent >= _TIMING_NS else count * 4
        say(f"{_duration(spent / count)} each, over {count:,} evaluations")

    def quit(self, _: str) -> None:
        """Leave."""
        raise Left


COMMANDS: dict[str, Command] = {
    ":help": Command("", "show this list", Session.help),
    ":type": Command("EXPR", "the type of an expression", Session.type),
    ":vars": Command("", "the variables, their types and their values", Session.vars),
    ":let": Command("NAME = EXPR", "give a variable a value", Session.let),
    ":load": Command("FILE", "take the input from a JSON file", Session.load),
    ":point": Command("NAME", "type the input as this decision point does", Session.point),
    ":time": Command("EXPR", "how long an expression takes", Session.time),
    ":quit": Command("", "leave, as Ctrl-D does", Session.quit),
}

_ABSENT: Any = object()
_SHOWN = 100


def _shown(type_: Type | None, value: Any) -> str:
    told = "dyn" if type_ is None else str(type_)
    if value is _ABSENT:
        return f"{told}, absent"
    text = literal(value)
    return f"{told} = {text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}"


def _duration(nanoseconds: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def _is_open(text: str, trial: Trial) -> bool:
    """Whether an expression goes on: its mistake is that it ends, or the line ends in `\\`."""
    if text.lstrip().startswith((":", "//")) or not text.strip():
        return False
    if text.endswith("\\") or any(text.count(quote) % 2 for quote in _QUOTES):
        return True
    try:
        trial.compile(text)
    except CompileError as error:
        rows = text.rstrip().split("\n")
        first = error.diagnostics[0]
        place = first.span.line, first.span.column
        return first.slug == "syntax" and place >= (len(rows), len(rows[-1]) + 1)
    return False


# What a caller might want to complete.
NAMES = tuple(COMMANDS)
