"""Tokens into a tree: the rules of the grammar.

Operators are read with an explicit stack, chains (`a.b.c`, `a ? b : c ? d : e`, `!!a`) in loops;
the reader calls itself only for what stands in brackets, and counts how deep.
"""

from __future__ import annotations

from policyengine.cel.ast import (
    Call,
    Constant,
    ConstantKind,
    Entry,
    Expr,
    Field,
    Ident,
    ListExpr,
    MapExpr,
    Select,
    Struct,
)
from policyengine.cel.cursor import Cursor
from policyengine.cel.lexer import KEYWORDS, RESERVED
from policyengine.cel.literals import LiteralError, number, string
from policyengine.cel.macros import NUMBERED, Macro, MacroError, MacroTable, Site
from policyengine.cel.nodes import maker
from policyengine.cel.operators import BINARY, UNARY, Term, balanced
from policyengine.source import Text

_call, _constant = maker(Call), maker(Constant)
_ident, _select = maker(Ident), maker(Select)


class Grammar(Cursor):
    """One reading of one text.

    `nesting` is how many brackets within brackets there may be. `last_id` is the highest node id
    given out; `dropped` of the ids are not nodes of the tree, and with `holes` more are not. With
    `numbered` a name in the tree was made of a number. Of a literal that was read `texts` keeps
    nothing but the kind.
    """

    __slots__ = ("depth", "dropped", "holes", "last_id", "macros", "nesting", "numbered")

    def __init__(self, text: Text, macros: MacroTable, nesting: int) -> None:
        super().__init__(text)
        self.macros = macros
        self.nesting = nesting
        self.depth = 0
        self.last_id = 0
        self.dropped = 0
        self.holes = False
        self.numbered = False

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def whole(self) -> Expr:
        root = self.expression()
        if self.kinds[self.at] != "end":
            raise self.unexpected("an operator or the end")
        return root

    # An expression: conditionals, operators, unary operators.

    def expression(self) -> Expr:
        """`a`, `a || b`, `a ? b : c`."""
        self.depth += 1
        if self.depth > self.nesting:
            raise self.lost(
                "expression-too-deep",
                f"brackets are nested more than {self.nesting} deep",
                help="split the expression up with variables",
            )
        kinds, at = self.kinds, self.at
        kind = kinds[at]
        if kind in _LONE and kinds[at + 1] in _CLOSING:
            # An element or argument that is one token needs no look for operators.
            self.depth -= 1
            return self.primary(kind)
        start = self.starts[at]
        node = self.operators()
        if self.kinds[self.at] == "?":
            node = self.conditional(start, node)
        self.depth -= 1
        return node

    def conditional(self, start: int, condition: Expr) -> Expr:
        """`condition ? b : c ? d : e`, read in a loop and put together from the right."""
        waiting: list[tuple[int, int, Expr, Expr]] = []
        node = condition
        while self.kinds[self.at] == "?":
            mark = self.starts[self.at]
            self.at += 1
            chosen = self.operators()
            if self.kinds[self.at] == "?":
                raise self.unexpected("`:`", help="put an inner conditional in parentheses")
            self.expect(":")
            waiting.append((start, mark, node, chosen))
            start = self.starts[self.at]
            node = self.operators()
        end = self.ends[self.at - 1]
        for start, mark, question, chosen in reversed(waiting):
            args = (question, chosen, node)
            node = _call(self.new_id(), start, end, "_?_:_", None, args, mark)
        return node

    def operators(self) -> Expr:
        """`a && b || c`; each chain of one operator becomes a balanced tree."""
        kinds, starts = self.kinds, self.starts
        either: list[Term] = []
        both: list[Term] = []
        while True:
            start = starts[self.at]
            node = self.relation()
            kind = kinds[self.at]
            if kind == "&&":
                both.append((node, start, self.ends[self.at - 1], starts[self.at]))
                self.at += 1
                continue
            if both:
                both.append((node, start, self.ends[self.at - 1], 0))
                start = both[0][1]
                node = balanced("_&&_", both, self.new_id)
                both = []
            if kind == "||":
                either.append((node, start, self.ends[self.at - 1], starts[self.at]))
                self.at += 1
                continue
            if either:
                either.append((node, start, self.ends[self.at - 1], 0))
                node = balanced("_||_", either, self.new_id)
            return node

    def relation(self) -> Expr:
        """`a + b * c < d`: operators by precedence, a stack of those that wait for an operand."""
        kinds, starts, operators = self.kinds, self.starts, BINARY
        stack: list[tuple[int, str, Expr, int, int]] = []
        start = starts[self.at]
        node = self.unary() if kinds[self.at] in UNARY else self.member()
        while True:
            kind = kinds[self.at]
            if kind == "name" or kind == "unknown":
                kind = self.mistaken()
            precedence, function = operators.get(kind, _NO_OPERATOR)
            while stack and stack[-1][0] >= precedence:
                _, waiting, left, start, mark = stack.pop()
                self.last_id += 1
                end = self.ends[self.at - 1]
                node = _call(self.last_id, start, end, waiting, None, (left, node), mark)
            if not precedence:
                return node
            stack.append((precedence, function, node, start, starts[self.at]))
            self.at += 1
            start = starts[self.at]
            node = self.unary() if kinds[self.at] in UNARY else self.member()

    def unary(self) -> Expr:
        """`!!a` or `--a`. A minus before a number belongs to the number."""
        kind = self.kinds[self.at]
        function = UNARY[kind]
        marks: list[int] = []
        while self.kinds[self.at] == kind and not self.signed_number():
            marks.append(self.starts[self.at])
            self.at += 1
        node = self.member()
        end = self.ends[self.at - 1]
        for mark in reversed(marks):
            node = _call(self.new_id(), mark, end, function, None, (node,), mark)
        return node

    def signed_number(self) -> bool:
        """Whether a minus and an int or double come next."""
        at = self.at
        if self.kinds[at] != "-" or self.kinds[at + 1] != "number":
            return False
        return self.texts[at + 1][-1] not in "uU"

    # Operands and what follows them.

    def member(self) -> Expr:
        """An operand with its `.field`, `.method(...)`, `[index]` and `{...}`."""
        kinds, starts = self.kinds, self.starts
        start = starts[self.at]
        # The dotted name so far, which may turn out to name a message type.
        at = self.at
        kind = kinds[at]
        dotted = kind == "name" or kind == "."
        node: Expr
        if kind == "name" and kinds[at + 1] != "(" and self.texts[at] not in _NOT_PLAIN:
            self.at = at + 1
            self.last_id += 1
            node = _ident(self.last_id, start, self.ends[at], self.texts[at])
        else:
            node = self.primary(kind)
        while True:
            at = self.at
            kind = kinds[at]
            if kind == ".":
                at += 1
                if kinds[at] != "name" or kinds[at + 1] == "(":
                    node = self.selected(node, start)
                    continue
                # Most selections are of a plain field, and made without another call.
                self.at = at + 1
                self.last_id += 1
                field, end = self.texts[at], self.ends[at]
                node = _select(self.last_id, start, end, node, field, starts[at])
            elif kind == "[":
                node = self.indexed(node, start)
            elif kind == "{" and dotted and (name := self.type_name(node)):
                node = self.struct(node, name, start)
                dotted = False
            else:
                return node

    def primary(self, kind: str) -> Expr:
        at = self.at
        start = self.starts[at]
        if kind == "name":
            return self.name_or_call(start, "")
        if kind == "string" or kind == "number":
            return self.literal(start, kind)
        if kind == "(":
            self.at += 1
            node = self.expression()
            self.close(")", at)
            return node
        if kind == "[":
            self.at += 1
            elements, optional = self.elements("]", at)
            return ListExpr(self.new_id(), start, self.ends[self.at - 1], elements, optional)
        if kind == "{":
            self.at += 1
            entries = self.entries(at)
            return MapExpr(self.new_id(), start, self.ends[self.at - 1], entries)
        if kind == "true" or kind == "false":
            self.at += 1
            return _constant(self.new_id(), start, self.ends[self.at - 1], "bool", kind == "true")
        if kind == "null":
            self.at += 1
            return _constant(self.new_id(), start, self.ends[self.at - 1], "null", None)
        if kind == "." and self.kinds[at + 1] == "name":
            self.at += 1
            return self.name_or_call(start, ".")
        if kind == "-" and self.signed_number():
            return self.literal(start, kind)
        raise self.unexpected("an expression")

    def name_or_call(self, start: int, dot: str) -> Expr:
        """A name, or a call of a global function or macro."""
        at = self.at
        name = self.texts[at]
        if name in RESERVED and not self.names_type(at):
            self.add(
                "reserved-word",
                f"`{name}` is a reserved word",
                self.starts[at],
                self.starts[at] + len(name),
                help=f"only fields and methods may have this name, as in `a.{name}`",
            )
        elif name == "not" and not dot and self.kinds[at + 1] in _AFTER_NOT:
            raise self.lost("syntax", "`not` is not an operator", "did you mean `!`?")
        self.at = at + 1
        if self.kinds[at + 1] != "(":
            self.last_id += 1
            return _ident(self.last_id, start, self.ends[at], dot + name)
        self.at = at + 2
        args, _ = self.elements(")", at + 1)
        return self.call(start, dot + name, None, args, self.starts[at])

    def names_type(self, at: int) -> bool:
        """Whether the dotted name at this token is the type of a message literal."""
        kinds = self.kinds
        while kinds[at + 1] == "." and kinds[at + 2] == "name":
            at += 2
        return kinds[at + 1] == "{"

    def selected(self, operand: Expr, start: int) -> Expr:
        """`.field`, `.?field` or `.method(...)`."""
        self.at += 1
        optional = self.kinds[self.at] == "?"
        self.at += optional
        at = self.at
        name = self.field_name()
        mark = self.starts[at]
        if self.kinds[at + 1] != "(" or optional or self.kinds[at] == "quoted":
            self.last_id += 1
            end = self.ends[at]
            return _select(self.last_id, start, end, operand, name, mark, False, optional)
        self.at = at + 2
        args, _ = self.elements(")", at + 1)
        return self.call(start, name, operand, args, mark)

    def field_name(self) -> str:
        kind, text = self.kinds[self.at], self.texts[self.at]
        if kind == "name":
            self.at += 1
            return text
        if kind == "quoted":
            self.at += 1
            return text[1:-1]
        if kind in KEYWORDS:
            raise self.unexpected("a field name", help=f"quote it: `` `{text}` ``")
        raise self.unexpected("a field name")

    def call(
        self, start: int, function: str, target: Expr | None, args: tuple[Expr, ...], mark: int
    ) -> Expr:
        """A call, or what its macro makes of it."""
        end = self.ends[self.at - 1]
        for macro in self.macros.get((function, len(args)), ()):
            if _fits(macro, target):
                receiver = target if macro.receiver == "any" else None
                site = Site(function, receiver, args, start, end, mark, self.new_id)
                expanded = self.expanded(macro, site)
                if expanded is not None:
                    return expanded
        self.last_id += 1
        return _call(self.last_id, start, end, function, target, args, mark)

    def expanded(self, macro: Macro, site: Site) -> Expr | None:
        try:
            node = macro.expand(site)
        except MacroError as error:
            self.add("bad-macro", error.message, error.start, error.end, help=error.help)
            return None
        self.numbered |= macro.name in NUMBERED
        if macro.dropped is None:
            self.holes = True
        else:
            self.dropped += macro.dropped
        return node

    def indexed(self, operand: Expr, start: int) -> Expr:
        """`[index]` or `[?index]`."""
        at = self.at
        self.at += 1
        optional = self.kinds[self.at] == "?"
        if optional:
            self.at += 1
        index = self.expression()
        self.close("]", at)
        function = "_[?_]" if optional else "_[_]"
        return Call(
            self.new_id(), start, self.ends[self.at - 1], function, None, (operand, index),
            self.starts[at],
        )  # fmt: skip

    # Literals with parts.

    def literal(self, start: int, kind: str) -> Expr:
        """A number or a string; a bad one is reported and replaced."""
        negative = kind == "-"
        at = self.at + negative
        text, end = self.texts[at], self.ends[at]
        self.at = at + 1
        self.last_id += 1
        try:
            of, value = string(text) if kind == "string" else number(text, negative=negative)
        except LiteralError as error:
            offset = self.starts[at]
            place = start if negative else offset + error.start
            self.add("bad-literal", error.message, place, offset + error.end, error.note)
            return _constant(self.last_id, start, end, "null", None)
        self.texts[at] = _LITERAL[of]
        return _constant(self.last_id, start, end, of, value)

    def elements(self, closing: str, opened: int) -> tuple[tuple[Expr, ...], frozenset[int]]:
        """Expressions up to the closing bracket; `?` and a last comma only within `[...]`."""
        nodes: list[Expr] = []
        optional: list[int] = []
        kinds = self.kinds
        listing = closing == "]"
        if listing:
            self.skip_lone_comma(closing)
        while kinds[self.at] != closing:
            if listing and kinds[self.at] == "?":
                optional.append(len(nodes))
                self.at += 1
            nodes.append(self.expression())
            if kinds[self.at] != ",":
                break
            self.at += 1
            if not listing and kinds[self.at] == closing:
                raise self.unexpected("an expression")
        self.close(closing, opened, "`,` or ")
        return tuple(nodes), frozenset(optional)

    def skip_lone_comma(self, closing: str) -> None:
        """The grammar allows `[,]` and `{,}`."""
        if self.kinds[self.at] == "," and self.kinds[self.at + 1] == closing:
            self.at += 1

    def entries(self, opened: int) -> tuple[Entry, ...]:
        """`key: value` pairs up to `}`."""
        entries: list[Entry] = []
        self.skip_lone_comma("}")
        while self.kinds[self.at] != "}":
            optional = self.kinds[self.at] == "?"
            self.at += optional
            key = self.expression()
            self.expect(":")
            value = self.expression()
            entries.append(Entry(self.new_id(), key, value, optional))
            # An entry is not an expression.
            self.dropped += 1
            if self.kinds[self.at] != ",":
                break
            self.at += 1
        self.close("}", opened, "`,` or ")
        return tuple(entries)

    def struct(self, node: Expr, name: str, start: int) -> Expr:
        """`{field: value}` behind the name of a type."""
        opened = self.at
        self.at += 1
        fields: list[Field] = []
        self.skip_lone_comma("}")
        while self.kinds[self.at] != "}":
            place = self.starts[self.at]
            optional = self.kinds[self.at] == "?"
            self.at += optional
            field = self.field_name()
            self.expect(":")
            value = self.expression()
            fields.append(Field(self.new_id(), place, field, value, optional))
            if self.kinds[self.at] != ",":
                break
            self.at += 1
        self.close("}", opened, "`,` or ")
        # The type's name was read as an identifier and selections.
        self.holes = True
        return Struct(self.new_id(), start, self.ends[self.at - 1], name, tuple(fields))

    def type_name(self, node: Expr) -> str:
        """The dotted name that an identifier and its selections spell; empty when they do not."""
        parts: list[str] = []
        while isinstance(node, Select):
            if node.test or node.optional or self.text.value[node.field_start] == "`":
                return ""
            parts.append(node.field)
            node = node.operand
        return ".".join((node.name, *reversed(parts))) if isinstance(node, Ident) else ""


_NO_OPERATOR = (0, "")
# What stands for a literal among the tokens once it is read: its kind, as a literal.
_LITERAL: dict[ConstantKind, str] = {
    "int": "0",
    "uint": "0u",
    "double": "0.",
    "string": "''",
    "bytes": "b''",
}
# Tokens that can be a whole expression, and what ends one.
_LONE = frozenset({"name", "string", "number", "true", "false", "null"})
_CLOSING = frozenset({")", "]", "}", ",", ":", "end"})
# Names that have to be looked at twice.
_NOT_PLAIN = RESERVED | {"not"}

# What can stand behind `not` when it is meant as an operator and cannot be anything else.
_AFTER_NOT = frozenset({"name", "number", "string", "!", "true", "false", "null"})


def _fits(macro: Macro, target: Expr | None) -> bool:
    match macro.receiver:
        case "any":
            return target is not None
        case "none":
            return target is None
        case namespace:
            return isinstance(target, Ident) and target.name == namespace
