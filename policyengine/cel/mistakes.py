"""From a failed look-up or call to the message that helps most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from policyengine.cel import wellknown
from policyengine.cel.ast import OPERATORS, Ast, Call, Constant, Expr, Ident, Select, Struct
from policyengine.cel.ast import Field as StructField
from policyengine.cel.checked import Declarations
from policyengine.cel.functions import Function
from policyengine.cel.messages import (
    different_branches,
    macro_not_expanded,
    not_indexable,
    not_selectable,
    type_mismatch,
    undeclared_reference,
    unknown_enum_value,
    unknown_field,
    unknown_function,
    unknown_operator,
    unknown_type,
    wrong_argument_count,
    wrong_arguments,
    wrong_call_style,
    wrong_operands,
)
from policyengine.cel.names import dotted, enum_values, macro_counts
from policyengine.cel.overloads import resolve_call
from policyengine.cel.suggestions import closest, listed
from policyengine.cel.types import (
    BOOL,
    DOUBLE,
    INT,
    NULL,
    UINT,
    MapType,
    MessageType,
    ObjectType,
    Type,
    TypeType,
)
from policyengine.cel.unify import Unifier
from policyengine.diagnostics import Diagnostic
from policyengine.source import Span

# Looking for similar names is by far the slowest part of a check; past this many mistakes in one
# expression nobody reads the suggestions.
_MAX_SUGGESTIONS = 20
_LONGEST_SNIPPET = 40
_MAX_ENUM_NAME_PARTS = 8
_MACRO_SPACES = ("cel", "history", "proto")
_LOGICAL = ("_&&_", "_||_", "!_")


class Mistakes:
    """What was found wrong with one expression."""

    __slots__ = ("_ast", "_declarations", "_suggestions", "found")

    def __init__(self, ast: Ast, declarations: Declarations) -> None:
        self._ast = ast
        self._declarations = declarations
        self._suggestions = 0
        self.found: list[Diagnostic] = []

    def add(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)

    def undeclared(self, root: Ident, names: Sequence[str]) -> None:
        """`names` are the root's name and the dotted names that begin with it."""
        if self._enum_value(root, names):
            return
        variables = self._declarations.variables
        name = root.name
        span = self._ast.span(root)
        hint = ""
        if name in self._declarations.functions:
            hint = f"`{name}` is a function, called as `{name}(...)`"
        meant = self._closest(name, (declared.partition(".")[0] for declared in variables))
        if meant is None or meant == name:
            # The root is fine, or like nothing: a longer dotted name may be misspelt.
            meant = self._closest(
                names[-1], (declared for declared in variables if "." in declared)
            )
            if meant is not None:
                name = names[-1]
                span = self._ast.text.span(root.start, root.start + len(name))
        self.add(undeclared_reference(span, name, meant, hint))

    def _enum_value(self, root: Ident, names: Sequence[str]) -> bool:
        """Whether one of the names is a misspelt value of an enum, and then says so."""
        for enum, name in pairwise(names[:_MAX_ENUM_NAME_PARTS]):
            values = enum_values(enum, self._declarations)
            if values:
                value = name.rpartition(".")[2]
                span = self._ast.text.span(root.start, root.start + len(name))
                meant = self._closest(value, values)
                shown = meant and f"{enum}.{meant}"
                self.add(unknown_enum_value(span, value, enum, values, shown))
                return True
        return False

    def unknown_field(self, node: Select, type_: ObjectType | MessageType) -> None:
        path = dotted(node.operand)
        prefix = "" if path is None or len(path) > _LONGEST_SNIPPET else f"{path}."
        meant = self._closest(node.field, type_.fields)
        # `has(a.b)` is a selection with the place of the whole macro: underline `a.b`.
        span = self._ast.text.span(node.operand.start, node.field_start + len(node.field))
        self.add(unknown_field(span, prefix + node.field, type_, meant and prefix + meant))

    def not_selectable(self, node: Select, type_: Type) -> None:
        hint = ""
        function = self._declarations.functions.get(node.field)
        if function is not None and any(overload.receiver for overload in function.overloads):
            hint = f"`{node.field}` is a function, called as `.{node.field}(...)`"
        elif isinstance(type_, TypeType):
            enum = dotted(node) or ""
            values = enum_values(enum, self._declarations)
            hint = f"the values of the enum `{enum}` are {listed(values)}" if values else ""
        elif isinstance(type_, MapType):
            hint = f"its keys are `{type_.key}`, read with `[...]`"
        self.add(not_selectable(self._ast.span(node), type_, node.field, hint))

    def unknown_struct_field(self, field: StructField, type_: ObjectType | MessageType) -> None:
        span = self._ast.text.span(field.start, field.start + len(field.name))
        self.add(unknown_field(span, field.name, type_, self._closest(field.name, type_.fields)))

    def unknown_type(self, node: Struct) -> None:
        span = self._ast.text.span(node.start, node.start + len(node.type_name))
        known = [*self._declarations.types, *wellknown.LITERALS]
        prefix = f"{self._declarations.container}."
        known += [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
        meant = self._closest(node.type_name, known)
        self.add(unknown_type(span, node.type_name, meant))

    def unknown_function(self, node: Call, namespace: str | None) -> None:
        """`namespace` is the target where that is a part of the function's name."""
        if node.function in OPERATORS:
            self.add(unknown_operator(self._name_span(node), node.function))
            return
        span = self._name_span(node)
        name = node.function
        if namespace is not None:
            name = f"{namespace}.{name}"
            span = self._ast.text.span(node.start, node.name_start + len(node.function))
        names = (
            known
            for known in self._declarations.functions
            if known not in OPERATORS and known[0] != "@"
        )
        self.add(unknown_function(span, name, self._closest(name, names)))

    def macro(self, node: Call) -> bool:
        """Says that a call is a macro written wrong or not enabled, if it is one.

        The arguments of such a call are not looked at: they hold names that it would declare.
        """
        target = None if node.target is None else dotted(node.target) or "..."
        libraries = macro_counts(node.function, target)
        if libraries:
            name = f"{target}.{node.function}" if target in _MACRO_SPACES else node.function
            span = self._name_span(node)
            self.add(macro_not_expanded(span, name, len(node.args), libraries))
        return bool(libraries)

    def no_overload(
        self,
        node: Call,
        function: Function,
        arguments: Sequence[Expr],
        types: Sequence[Type],
        receiver: bool,
    ) -> None:
        """A call whose argument types fit no overload; a receiver is the first argument."""
        if function.name in _LOGICAL:
            for argument, type_ in zip(arguments, types, strict=True):
                if Unifier().join(type_, BOOL) is None:
                    span = self._ast.span(argument)
                    self.add(wrong_operands(span, function.name, [type_], function.overloads))
        elif function.name in OPERATORS:
            self.add(self._operator(node, function, arguments, types))
        else:
            self.add(self._function(node, function, arguments, types, receiver))

    def _operator(
        self, node: Call, function: Function, arguments: Sequence[Expr], types: Sequence[Type]
    ) -> Diagnostic:
        span = self._ast.span(node)
        match function.name:
            case "_?_:_":
                if Unifier().join(types[0], BOOL) is None:
                    span = self._ast.span(arguments[0])
                    return type_mismatch(span, "the condition of `?:`", BOOL, types[0])
                return different_branches(span, types[1], types[2])
            case "_[_]" | "_[?_]":
                hint = self._index_hint(arguments, types[0])
                return not_indexable(span, types[0], types[1], hint)
            case "@in":
                hint = self._in_hint(arguments, types[1])
            case "_==_" | "_!=_":
                hint = _equality_hint(types)
            case _:
                hint = ""
        return wrong_operands(span, function.name, types, function.overloads, hint)

    def _function(
        self,
        node: Call,
        function: Function,
        arguments: Sequence[Expr],
        types: Sequence[Type],
        receiver: bool,
    ) -> Diagnostic:
        name = node.function
        styled = [overload for overload in function.overloads if overload.receiver == receiver]
        given = _call_in(name, [str(type_) for type_ in types], receiver)
        fits = resolve_call(Unifier(), function, tuple(types), not receiver) is not None
        if fits or not styled:
            snippets = [self._snippet(argument) for argument in arguments]
            known = [snippet for snippet in snippets if snippet is not None]
            instead = ""
            if fits and len(known) == len(snippets):
                instead = _call_in(name, known, not receiver)
            span = self._name_span(node)
            return wrong_call_style(span, name, receiver, instead, function.overloads)
        if all(len(overload.args) != len(types) for overload in styled):
            count = len(types) - receiver
            return wrong_argument_count(self._name_span(node), name, count, styled)
        return wrong_arguments(self._ast.span(node), name, given, types, styled)

    def _index_hint(self, arguments: Sequence[Expr], operand: Type) -> str:
        index = arguments[1]
        if not isinstance(operand, ObjectType) or not isinstance(index, Constant):
            return ""
        snippet = self._snippet(arguments[0])
        if snippet is None or index.value not in operand.fields:
            return ""
        return f"write `{snippet}.{index.value}`"

    def _in_hint(self, arguments: Sequence[Expr], container: Type) -> str:
        if not isinstance(container, ObjectType):
            return ""
        snippet = self._snippet(arguments[1])
        return f"`has({snippet or '...'}.field)` asks whether a field is there"

    def _name_span(self, node: Call) -> Span:
        width = 1 if node.function in OPERATORS else len(node.function)
        return self._ast.text.span(node.name_start, node.name_start + width)

    def _snippet(self, node: Expr) -> str | None:
        """The node as it was written, if that is short enough to be quoted."""
        text = self._ast.text.value[node.start : node.end]
        return text if len(text) <= _LONGEST_SNIPPET and text.isprintable() else None

    def _closest(self, name: str, names: Iterable[str]) -> str | None:
        if self._suggestions >= _MAX_SUGGESTIONS:
            return None
        self._suggestions += 1
        return closest(name, names)


class Ignored(Mistakes):
    """Mistakes in lenient checking: they are left to show when the expression is evaluated."""

    __slots__ = ()

    def add(self, diagnostic: Diagnostic) -> None:
        """Drops it."""

    def _closest(self, name: str, names: Iterable[str]) -> str | None:
        return None


def _equality_hint(types: Sequence[Type]) -> str:
    if NULL in types:
        other = types[1] if types[0] == NULL else types[0]
        return f"a `{other}` is never null; `has(a.b)` asks whether a field is there"
    if all(type_ in (INT, UINT, DOUBLE) for type_ in types):
        wider = types[1] if types[0] == INT else types[0]
        return f"convert one side with `{wider}(...)`"
    return "both sides must have one type"


def _call_in(name: str, parts: Sequence[str], receiver: bool) -> str:
    """A call of these arguments, written as a method or as a function."""
    if receiver:
        return f"{parts[0]}.{name}({', '.join(parts[1:])})" if parts else name
    return f"{name}({', '.join(parts)})"
