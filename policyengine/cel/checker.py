"""The type checker: what each name means, which overload each call is, and the type of it all.

The rules are those of cel-go's checker. Its own promise on top, because generated code relies on
it: a type in the table is never claimed without proof, except for what was declared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from policyengine.cel.ast import (
    Ast,
    Bind,
    Call,
    Comprehension,
    Constant,
    Expr,
    Ident,
    ListExpr,
    MapExpr,
    Select,
    Struct,
)
from policyengine.cel.ast import Field as StructField
from policyengine.cel.checked import (
    CheckedExpression,
    Declarations,
    FailureRef,
    FunctionRef,
    LocalRef,
    Reference,
    TypeRef,
    VariableRef,
)
from policyengine.cel.constant_arguments import bad_argument
from policyengine.cel.functions import Function
from policyengine.cel.messages import (
    bad_map_key,
    condition_not_bool,
    macro_condition_not_bool,
    macro_name,
    not_a_list_or_map,
    type_mismatch,
    type_too_large,
)
from policyengine.cel.mistakes import Ignored, Mistakes
from policyengine.cel.names import (
    constant_named,
    dotted,
    is_namespace,
    look_up,
    message_named,
    type_named,
)
from policyengine.cel.overloads import resolve_call
from policyengine.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    UINT,
    ListType,
    MapType,
    MessageType,
    ObjectType,
    OptionalType,
    Primitive,
    Type,
    TypeParam,
    TypeType,
    WrapperType,
)
from policyengine.cel.unify import MAX_TYPE_PARTS, Unifier, parts, without_null_claims
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.errors import EvaluationError
from policyengine.values import failures

_CONSTANTS: dict[str, Type] = {
    "null": NULL, "bool": BOOL, "int": INT, "uint": UINT, "double": DOUBLE, "string": STRING,
    "bytes": BYTES,
}  # fmt: skip
_KEYS = (BOOL, INT, UINT, STRING, DYN, ERROR)
# Type names have few parts; looking no further keeps a wrong chain of 250 fields cheap.
_MAX_TYPE_NAME_PARTS = 8


def check(ast: Ast, declarations: Declarations, expected: Type | None = None) -> CheckedExpression:
    """Finds the type of every node and the meaning of every name.

    `expected` is the type that the whole expression must have; with `BOOL` it is a condition.
    A `dyn` expression is accepted for any expected type and must be tested at run time.

    In the result's table a type without `dyn` is proved, given that the declared variables and
    fields are what they say. `type` is the type that cel-spec deduces for the whole. The two
    differ only where null was mixed into a type that may hold it, as in `[timestamp(0), null]`:
    the table then says `dyn` for every such type. A declared chain (`a.b` as one variable) and
    a namespace (`math` in `math.greatest(1, 2)`) have an entry for the whole, none for the parts.

    Raises `CompileError` with every mistake found, sorted by place.
    """
    return _Checker(ast, declarations).run(expected)


class _Checker:
    """One check: the tables so far, the local names in force, and the mistakes found."""

    __slots__ = (
        "_ast", "_declarations", "_locals", "_mistakes", "_nulls", "_references", "_types",
        "_unifier",
    )  # fmt: skip

    def __init__(self, ast: Ast, declarations: Declarations) -> None:
        self._ast = ast
        self._declarations = declarations
        self._types: dict[int, Type] = {}
        self._references: dict[int, Reference] = {}
        self._locals: dict[str, tuple[LocalRef, Type]] = {}
        self._unifier = Unifier()
        self._mistakes = (Ignored if declarations.lenient else Mistakes)(ast, declarations)
        # Whether a value may be null although its type does not show it.
        self._nulls = False

    def run(self, expected: Type | None) -> CheckedExpression:
        root = self._visit(self._ast.root)
        if expected is not None and self._unifier.join(root, expected) is None:
            self._mistakes.add(self._unexpected(expected, self._unifier.final(root)))
        if self._mistakes.found:
            raise CompileError(self._mistakes.found)
        final = self._unifier.final
        deduced = final(root)
        types = self._types
        if self._unifier.used:
            types = {id_: final(type_) for id_, type_ in types.items()}
        if self._declarations.lenient:
            types = {id_: DYN if type_ == ERROR else type_ for id_, type_ in types.items()}
            deduced = DYN if deduced == ERROR else deduced
        if self._nulls:
            types = {id_: without_null_claims(type_) for id_, type_ in types.items()}
        return CheckedExpression(self._ast, types, self._references, deduced)

    def _unexpected(self, expected: Type, given: Type) -> Diagnostic:
        span = self._ast.span(self._ast.root)
        if expected == BOOL:
            return condition_not_bool(span, given)
        return type_mismatch(span, "the expression", expected, given)

    def _visit(self, node: Expr) -> Type:
        match node:
            case Select():
                return self._select(node)
            case Call():
                type_ = self._call(node)
            case Constant():
                type_ = _CONSTANTS[node.kind]
            case Ident():
                type_ = self._ident(node)
            case ListExpr():
                type_ = self._list(node)
            case MapExpr():
                type_ = self._map(node)
            case Comprehension():
                type_ = self._comprehension(node)
            case Bind():
                type_ = self._bind(node)
            case Struct():
                type_ = self._struct(node)
            case _:
                assert_never(node)
        if type(type_) is not Primitive and type(type_) is not ObjectType:
            if ERROR in parts(type_):
                type_ = ERROR
            elif not self._unifier.fits(type_):
                self._mistakes.add(type_too_large(self._ast.span(node), MAX_TYPE_PARTS))
                type_ = ERROR
        self._types[node.id] = type_
        return type_

    def _ident(self, node: Ident) -> Type:
        local = self._locals.get(node.name)
        if local is not None:
            self._references[node.id] = local[0]
            return local[1]
        return self._declared(node, [])[0]

    def _declared(self, root: Ident, fields: list[Select]) -> tuple[Type, int]:
        """The longest declared name that `root.field.field` begins with.

        Returns its type and how many fields are part of it. Variables come before types, so that
        no type's name can take a field away from a variable.
        """
        name = root.name
        names = [name]
        for select in fields:
            if select.test or select.optional:
                break
            name = f"{name}.{select.field}"
            names.append(name)
        declarations = self._declarations
        variables, container = declarations.variables, declarations.container
        for count in range(len(names) - 1, -1, -1):
            variable = look_up(variables, names[count], container)
            if variable is not None:
                node = fields[count - 1] if count else root
                self._references[node.id] = VariableRef(variable[0])
                self._types[node.id] = variable[1]
                return variable[1], count
        for count in range(min(len(names), _MAX_TYPE_NAME_PARTS) - 1, -1, -1):
            named = type_named(names[count], declarations)
            if named is not None:
                node = fields[count - 1] if count else root
                self._references[node.id] = TypeRef(named[0])
                self._types[node.id] = TypeType(named[1])
                return TypeType(named[1]), count
            constant = constant_named(names[count], declarations)
            if constant is not None:
                node = fields[count - 1] if count else root
                self._references[node.id] = constant[0]
                self._types[node.id] = constant[1]
                return constant[1], count
        return self._undeclared(root, names), 0

    def _undeclared(self, root: Ident, names: list[str]) -> Type:
        self._mistakes.undeclared(root, names)
        # In lenient checking the bindings may have it.
        self._references[root.id] = VariableRef(root.name.removeprefix("."))
        type_ = self._types[root.id] = DYN if self._declarations.lenient else ERROR
        return type_

    def _select(self, node: Select) -> Type:
        """A whole chain of selections at once, as its beginning may be one dotted name."""
        chain = [node]
        operand = node.operand
        while isinstance(operand, Select):
            chain.append(operand)
            operand = operand.operand
        chain.reverse()
        named = 0
        if isinstance(operand, Ident) and operand.name not in self._locals:
            type_, named = self._declared(operand, chain)
        else:
            type_ = self._visit(operand)
        for select in chain[named:]:
            type_ = self._types[select.id] = self._field(select, type_)
        return type_

    def _field(self, node: Select, operand: Type) -> Type:
        target = self._unifier.find(operand)
        optional = node.optional
        if isinstance(target, OptionalType):
            optional = True
            target = self._unifier.find(target.value)
        result = self._selected(node, target)
        if node.test:
            return BOOL
        return OptionalType(result) if optional and result != ERROR else result

    def _selected(self, node: Select, target: Type) -> Type:
        match target:
            case ObjectType() | MessageType():
                field = target.fields.get(node.field)
                if field is not None:
                    return field.type
                self._mistakes.unknown_field(node, target)
                return ERROR
            case MapType() if self._unifier.join(target.key, STRING) is not None:
                return target.value
            case TypeParam():
                self._unifier.join(target, DYN)
                return DYN
            case Primitive(name="dyn" | "error"):
                return target
            case _:
                self._mistakes.not_selectable(node, self._unifier.final(target))
                return ERROR

    def _call(self, node: Call) -> Type:
        function, namespace = self._function(node)
        if function is None and self._mistakes.macro(node):
            return self._no_function(node, namespace)
        receiver = node.target is not None and namespace is None
        arguments = (node.target, *node.args) if node.target and receiver else node.args
        # A loop, since a comprehension would be one more frame for each level of the tree.
        given = []
        for argument in arguments:
            given.append(self._visit(argument))
        if function is None:
            if not receiver or given[0] != ERROR:
                self._mistakes.unknown_function(node, namespace)
            return self._no_function(node, namespace)
        types = tuple(given)
        resolution = resolve_call(self._unifier, function, types, receiver)
        if resolution is None:
            if ERROR not in types:
                final = tuple(map(self._unifier.final, types))
                self._mistakes.no_overload(node, function, arguments, final, receiver)
            self._references[node.id] = _misfit(function, len(types), receiver, namespace)
            return ERROR
        self._nulls |= resolution.nulls
        reference = resolution.reference
        if namespace is not None:
            reference = replace(reference, namespaced=True)
        self._references[node.id] = reference
        never = bad_argument(self._ast, function, node)
        if never is not None:
            self._mistakes.add(never)
        return resolution.result

    def _no_function(self, node: Call, namespace: str | None) -> Type:
        """What lenient checking makes of a call of nothing."""
        name = node.function if namespace is None else f"{namespace}.{node.function}"
        self._references[node.id] = _failing(failures.no_such_function(name))
        return ERROR

    def _function(self, node: Call) -> tuple[Function | None, str | None]:
        """The function that is called, and the target where that is a part of its name."""
        functions = self._declarations.functions
        container = self._declarations.container
        if node.target is None:
            found = look_up(functions, node.function, container)
            return (None if found is None else found[1]), None
        qualifier = dotted(node.target)
        if qualifier is not None and qualifier.partition(".")[0] not in self._locals:
            found = look_up(functions, f"{qualifier}.{node.function}", container)
            if found is not None:
                return found[1], qualifier
            if is_namespace(qualifier, self._declarations):
                return None, qualifier
        return functions.get(node.function), None

    def _joined(self, before: Type | None, type_: Type) -> Type:
        """The element type of a literal so far, with one more element."""
        if before is None:
            return type_
        nulls = self._unifier.nulls
        joined = self._unifier.join(before, type_)
        self._nulls |= self._unifier.nulls != nulls
        return DYN if joined is None else joined

    def _list(self, node: ListExpr) -> Type:
        element: Type | None = None
        for position, part in enumerate(node.elements):
            type_ = self._visit(part)
            if position in node.optional:
                type_ = self._unwrapped(part, type_)
            element = self._joined(element, type_)
        return ListType(self._unifier.fresh() if element is None else element)

    def _map(self, node: MapExpr) -> Type:
        key: Type | None = None
        value: Type | None = None
        for entry in node.entries:
            key = self._joined(key, self._key(entry.key, self._visit(entry.key)))
            type_ = self._visit(entry.value)
            if entry.optional:
                type_ = self._unwrapped(entry.value, type_)
            value = self._joined(value, type_)
        if key is None or value is None:
            return MapType(self._unifier.fresh(), self._unifier.fresh())
        return MapType(key, value)

    def _key(self, node: Expr, given: Type) -> Type:
        found = self._unifier.find(given)
        plain = found.value if isinstance(found, WrapperType) else found
        if plain in _KEYS or isinstance(plain, TypeParam):
            return given
        self._mistakes.add(bad_map_key(self._ast.span(node), self._unifier.final(found)))
        return ERROR

    def _unwrapped(self, node: Expr, given: Type) -> Type:
        """The type inside the optional that stands behind a `?` in a literal."""
        found = self._unifier.find(given)
        if isinstance(found, OptionalType):
            return found.value
        if isinstance(found, TypeParam):
            value = self._unifier.fresh()
            self._unifier.join(found, OptionalType(value))
            return value
        if found in (DYN, ERROR):
            return found
        span = self._ast.span(node)
        given = self._unifier.final(found)
        self._mistakes.add(type_mismatch(span, "what follows `?`", "optional_type", given))
        return ERROR

    def _struct(self, node: Struct) -> Type:
        named = message_named(node.type_name, self._declarations)
        if named is None:
            self._mistakes.unknown_type(node)
            self._references[node.id] = _failing(failures.no_such_type(node.type_name))
        else:
            self._references[node.id] = named[0]
        fits = named is not None
        for field in node.fields:
            given = self._visit(field.value)
            if field.optional:
                given = self._unwrapped(field.value, given)
            if named is not None:
                fits &= self._assign(field, named[1], given)
        return ERROR if named is None or not fits else named[2]

    def _assign(self, field: StructField, target: ObjectType | MessageType, given: Type) -> bool:
        """Whether a message has the field and its value may be of this type."""
        declared = target.fields.get(field.name)
        if declared is None:
            self._mistakes.unknown_struct_field(field, target)
            return False
        if self._unifier.join(given, declared.type) is None:
            span = self._ast.span(field.value)
            what = f"the field `{field.name}`"
            given = self._unifier.final(given)
            self._mistakes.add(type_mismatch(span, what, declared.type, given))
            return False
        return True

    def _comprehension(self, node: Comprehension) -> Type:
        element, key, value = self._elements(node, self._visit(node.range))
        bound = (element,) if len(node.variables) == 1 else (key, value)
        outer = self._locals
        self._locals = dict(outer)
        for index, (name, type_) in enumerate(zip(node.variables, bound, strict=True)):
            self._locals[name] = (LocalRef(node.id, index), type_)
        if node.condition is not None:
            given = self._visit(node.condition)
            if self._unifier.join(given, BOOL) is None:
                span = self._ast.span(node.condition)
                given = self._unifier.final(given)
                self._mistakes.add(macro_condition_not_bool(span, macro_name(node), given))
        result = BOOL if node.result is None else self._visit(node.result)
        self._locals = outer
        match node.kind:
            case "all" | "exists" | "exists_one":
                return BOOL
            case "filter":
                return ListType(element)
            case "map" | "transform_list":
                return ListType(result)
            case "transform_map":
                return MapType(key, result)
            case "transform_map_entry":
                return self._entries(node, result)
            case _:
                assert_never(node.kind)

    def _elements(self, node: Comprehension, given: Type) -> tuple[Type, Type, Type]:
        """What the only variable, the first and the second of a comprehension hold."""
        found = self._unifier.find(given)
        match found:
            case ListType():
                return found.element, INT, found.element
            case MapType():
                return found.key, found.key, found.value
            case TypeParam():
                self._unifier.join(found, DYN)
                return DYN, DYN, DYN
            case Primitive(name="dyn" | "error"):
                return found, found, found
            case _:
                span = self._ast.span(node.range)
                given = self._unifier.final(found)
                self._mistakes.add(not_a_list_or_map(span, macro_name(node), given))
                return ERROR, ERROR, ERROR

    def _entries(self, node: Comprehension, result: Type) -> Type:
        wanted = MapType(self._unifier.fresh(), self._unifier.fresh())
        if self._unifier.join(result, wanted) is not None:
            return wanted
        span = self._ast.span(node if node.result is None else node.result)
        given = self._unifier.final(result)
        what = f"the result of `{macro_name(node)}`"
        self._mistakes.add(type_mismatch(span, what, "map", given))
        return ERROR

    def _bind(self, node: Bind) -> Type:
        value = self._visit(node.value)
        outer = self._locals
        self._locals = {**outer, node.name: (LocalRef(node.id, 0), value)}
        body = self._visit(node.body)
        self._locals = outer
        return body


def _failing(error: EvaluationError) -> FailureRef:
    return FailureRef(error.code, error.message)


def _misfit(
    function: Function, count: int, receiver: bool, namespace: str | None
) -> FunctionRef | FailureRef:
    """What lenient checking makes of a call with types that no overload takes."""
    for overload in function.overloads:
        if overload.receiver == receiver and len(overload.args) == count:
            return FunctionRef(function, (), namespace is not None)
    name = function.name
    return FailureRef("no-such-overload", f"`{name}` does not take {count} arguments here")
