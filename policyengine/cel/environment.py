"""The environment that expressions are compiled in, and the programs that they become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from policyengine.cel.ast import Ast
from policyengine.cel.checked import CheckedExpression, Declarations, Maker
from policyengine.cel.checker import check
from policyengine.cel.emit.expression import Emitted, expression
from policyengine.cel.functions import Function, library, table
from policyengine.cel.parser import parse
from policyengine.cel.typenames import parse_type
from policyengine.cel.types import MessageType, ObjectType, Type
from policyengine.source import Text
from policyengine.values.messages import EnumValue


class MessageTypes(Protocol):
    """Message and enum types of the host, such as `policyengine.protobuf.Messages`."""

    @property
    def types(self) -> Mapping[str, MessageType]:
        """The message types by full name."""

    @property
    def constants(self) -> Mapping[str, int | EnumValue]:
        """The values of enums by full name."""

    @property
    def makers(self) -> Mapping[str, Maker]:
        """What makes the messages of literals, by the full name of their type."""

    @property
    def functions(self) -> Sequence[Function]:
        """Functions that come with the types."""

    def bindings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The host's values of variables as CEL values; raises `EvaluationError`."""


class Program:
    """A compiled expression. Threads may share it.

    `evaluate(bindings)` takes a mapping (a `dict`) from variable names to values and gives the
    expression's value; it raises `EvaluationError`. `type` is the type of that value, `python`
    the generated code as text, for people.
    """

    __slots__ = ("_reference", "checked", "evaluate", "python", "type")

    evaluate: Callable[[dict[str, Any]], Any]

    def __init__(
        self,
        checked: CheckedExpression,
        emitted: Emitted,
        messages: MessageTypes | None = None,
    ) -> None:
        namespace: dict[str, Any] = dict(emitted.objects)
        exec(emitted.code, namespace)  # noqa: S102 - our own code object, text is constants in it
        self.checked = checked
        evaluate: Callable[[dict[str, Any]], Any] = namespace["evaluate"]
        self.evaluate = evaluate
        if messages is not None:
            self.evaluate = lambda given: evaluate(messages.bindings(given))
        self._reference = namespace["reference"]
        self.type = checked.type
        self.python = emitted.python

    def __repr__(self) -> str:
        return f"<cel.Program {self.checked.ast.text.value[:60]!r}: {self.type}>"


class Environment:
    """What an expression may name.

    `variables` maps names (which may be dotted, `request.auth`) to types: strings such as
    `"int"`, `"list(string)"`, `"map(string, dyn)"`, or values of `policyengine.cel.types`.
    `functions` are rows of `policyengine.cel.Function`, whose `impl` is a callable. `container`
    is the namespace in which names are looked up first. `extensions` are names of function
    libraries beside the standard one. `abbreviations` are qualified names of types, which may be
    named by their last part. `messages` are the host's message types; values of
    variables may then be messages of the host.

    Raises `ValueError` for a type or an extension that does not exist, and for abbreviations that
    are no qualified names or have the same last part.

    >>> Environment(variables={"xs": "list(int)"}).compile("xs.exists(x, x > 2)").evaluate(
    ...     {"xs": [1, 2, 3]})
    True
    """

    __slots__ = ("_declarations", "_macros", "_messages")

    def __init__(
        self,
        variables: Mapping[str, str | Type] | None = None,
        functions: Iterable[Function] = (),
        container: str = "",
        extensions: Iterable[str] = (),
        *,
        types: Mapping[str, ObjectType] | None = None,
        messages: MessageTypes | None = None,
        abbreviations: Iterable[str] = (),
    ) -> None:
        libraries = [library("standard")]
        for name in extensions:
            try:
                libraries.append(library(name))
            except KeyError:
                raise ValueError(f"there is no extension `{name}`") from None
        named: dict[str, ObjectType | MessageType] = dict(types or {})
        if messages is not None:
            named.update(messages.types)
            functions = (*messages.functions, *functions)
        self._messages = messages
        self._macros = tuple(macro for each in libraries for macro in each.macros)
        self._declarations = Declarations(
            variables={
                name: parse_type(type_, named) if isinstance(type_, str) else type_
                for name, type_ in (variables or {}).items()
            },
            functions=table([*(row for each in libraries for row in each.functions), *functions]),
            types=named,
            container=container,
            constants=messages.constants if messages else {},
            makers=messages.makers if messages else {},
            abbreviations=_by_last_part({}, abbreviations),
        )

    def check(
        self, text: str | Text, expected: Type | None = None, *, lenient: bool = False
    ) -> CheckedExpression:
        """The expression with types; raises `CompileError` with every mistake and its place.

        With `lenient` only mistakes of syntax are raised: a name that is not declared is read from
        the bindings, and what has no meaning is an error when it is evaluated.
        """
        declarations = self._declarations
        if lenient:
            declarations = replace(declarations, lenient=True)
        return check(parse(text, macros=self._macros), declarations, expected)

    def extended(
        self, variables: Mapping[str, Type], abbreviations: Iterable[str] = ()
    ) -> Environment:
        """An environment with more variables and abbreviations; raises `ValueError` for those."""
        made = Environment.__new__(Environment)
        made._macros = self._macros
        made._messages = self._messages
        known = self._declarations
        made._declarations = replace(
            known,
            variables={**known.variables, **variables},
            abbreviations=_by_last_part(known.abbreviations, abbreviations),
        )
        return made

    def compile_tree(self, tree: Ast) -> Program:
        """A tree that was put together from parsed ones as a program.

        Raises `CompileError` with every mistake and its place.
        """
        checked = check(tree, self._declarations)
        return Program(checked, expression(checked), self._messages)

    def compile(self, text: str | Text, *, check: bool = True) -> Program:
        """The expression as a program; raises `CompileError` with every mistake and its place.

        Without `check` mistakes of meaning are left to run time.

        >>> Environment().compile("x + 1 > 2 || f(x)", check=False).evaluate({"x": 2})
        True
        """
        checked = self.check(text, lenient=not check)
        return Program(checked, expression(checked), self._messages)


def _by_last_part(known: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    found = dict(known)
    for name in names:
        package, _, last = name.rpartition(".")
        if not package or not last:
            raise ValueError(f"`{name}` is not a qualified name")
        if found.setdefault(last, name) != name:
            raise ValueError(f"`{found[last]}` and `{name}` have the same last part")
    return found
