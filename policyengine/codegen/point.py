"""The Python function of one decision point, and the reference forms of its rules."""

from __future__ import annotations

import ast
from collections import Counter

from policyengine.cel import ast as cel
from policyengine.cel.checked import CheckedExpression, VariableRef
from policyengine.cel.emit.fast import Fast, joined
from policyengine.cel.emit.kinds import kind
from policyengine.cel.emit.module import (
    Module,
    assign,
    call,
    compare,
    function,
    literal,
    load,
    method,
    negated,
    thunk,
)
from policyengine.cel.emit.paths import Path, Paths, test
from policyengine.cel.emit.reference import Reference
from policyengine.cel.emit.value import Unsuited, Value
from policyengine.codegen.ir import Conjunct, PointIR, RuleIR
from policyengine.codegen.passes import (
    is_given,
    is_required,
    named_variables,
    question,
    rule_uses,
)
from policyengine.program import Deny

# A variable of at most this many nodes is cheaper to compute again than to remember.
INLINE_SIZE = 6

# Conditions that need statements nest; Python's compiler is not asked for more than this.
MAX_NESTED = 16

_ARGUMENTS = ("i", "now")


class PointEmitter:
    """Emits all functions of one point into a module."""

    def __init__(self, ir: PointIR, module: Module, constants: dict[str, object], name: str):
        self._ir = ir
        self._module = module
        self._constants = constants
        self._name = name
        self._facts = {question(fact): i for i, fact in enumerate(ir.facts)}
        self._parameters = (*_ARGUMENTS, *(fact_name(i) for i in range(len(ir.facts))))
        self._paths = self._all_paths()
        self._remembered: dict[tuple[str, str], str] = {}
        self._deep: dict[tuple[str, str], bool] = {}
        self._uses = Counter(
            (rule.checked.policy.name, name)
            for rule in ir.rules
            for condition in rule.checked.conditions
            for name in named_variables(condition.expression)
        )

    def emit(self) -> None:
        """Adds the point's function and the reference functions of its rules."""
        for rule in self._ir.rules:
            self._reference(rule)
        body: list[ast.stmt] = [
            assign("matched", ast.List(elts=[], ctx=ast.Load())),
            assign("errors", ast.List(elts=[], ctx=ast.Load())),
        ]
        rules = self._quick_rules()
        asking = [part for rule in self._ir.asking for part in self._asking(rule)]
        unset = self._module.runtime("conform.UNSET")
        body += [assign(name, unset) for name in self._remembered.values()]
        body += [assign(fact_name(i), unset) for i in range(len(self._ir.facts))]
        body += self._loads()
        body += rules
        if asking:
            body.append(assign("closed", self._closed()))
            body += asking
        if len(self._ir.groups) > 1 or asking:
            body.append(ast.Expr(value=method(load("matched"), "sort")))
        result = ast.Tuple(elts=[load("matched"), load("errors")], ctx=ast.Load())
        body.append(ast.Return(value=result))
        self._module.functions.append(function(self._name, _ARGUMENTS, body))

    def _all_paths(self) -> Paths:
        found: dict[Path, str] = {}
        for rule in self._ir.rules:
            used = rule_uses(self._ir, rule)
            found.update(used.tested)
            found.update(used.read)
        root = self._ir.checked.point.input
        return Paths(self._module, found, lambda path: is_required(root, path))

    def _loads(self) -> list[ast.stmt]:
        """Loads all paths; `sure` says that the required ones are there."""
        loads = self._paths.loads("i", self._unsure)
        sure = assign("sure", ast.Constant(value=True))
        if not loads:
            return [sure]
        failed = ast.ExceptHandler(
            type=load("Exception"), name=None, body=[assign("sure", ast.Constant(value=False))]
        )
        return [ast.Try(body=[*loads, sure], handlers=[failed], orelse=[], finalbody=[])]

    def _unsure(self) -> ast.stmt:
        return ast.Raise(exc=self._module.runtime("conform.Unsure"), cause=None)

    def _quick_rules(self) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for group in self._ir.groups:
            fast = [part for rule in group.rules for part in self._quick(rule)]
            slow = [self._judged(rule) for rule in group.rules]
            made.append(ast.If(test=self._granted(group.paths), body=fast, orelse=slow))
        return made

    def _quick(self, rule: RuleIR) -> list[ast.stmt]:
        """A rule without facts: plain where nothing can raise, else with a way out."""
        fast = self._fast(rule)
        try:
            statements = self._branch(fast, rule.conjuncts, [matched(rule)])
        except Unsuited:
            return [self._judged(rule)]
        if cannot_raise(statements):
            return statements
        return [attempt(statements, [self._judged(rule)])]

    def _branch(
        self, fast: Fast, conjuncts: tuple[Conjunct, ...], then: list[ast.stmt]
    ) -> list[ast.stmt]:
        """Statements that run `then` where all conjuncts hold."""
        outer: list[ast.stmt] = []
        block, depth = outer, 0
        tests: list[ast.expr] = []
        for conjunct in conjuncts:
            statements: list[ast.stmt] = []
            fast.block = statements
            value = fast.condition_of(conjunct.expression, conjunct.node)
            if statements:
                depth += bool(tests)
                if depth > MAX_NESTED:
                    raise Unsuited
                block = nest(block, tests, statements)
                tests = []
            tests.append(negated(value) if conjunct.negate else value)
        nest(block, tests, then)
        return outer

    def _asking(self, rule: RuleIR) -> list[ast.stmt]:
        """A rule with facts: asks only when the verdict is open and nothing else rules it out."""
        before = tuple(conjunct for conjunct in rule.conjuncts if not conjunct.facts)
        after = tuple(conjunct for conjunct in rule.conjuncts if conjunct.facts)
        open_ = f"open_{rule.position}"
        made: list[ast.stmt] = [*self._may_hold(rule, before, open_)]
        body: list[ast.stmt] = []
        for fact in sorted(rule.facts):
            asked = assign(fact_name(fact), ast.Yield(value=ast.Constant(value=fact)))
            missing = compare(
                load(fact_name(fact)), ast.Is(), self._module.runtime("conform.UNSET")
            )
            body.append(ast.If(test=missing, body=[asked], orelse=[]))
        fast = self._fast(rule)
        try:
            statements = self._branch(fast, after, [matched(rule)])
        except Unsuited:
            statements = [self._judged(rule)]
        sure = compare(load(open_), ast.Is(), ast.Constant(value=True))
        quick = attempt(statements, [self._judged(rule)])
        body.append(ast.If(test=sure, body=[quick], orelse=[self._judged(rule)]))
        if rule.position in self._denies():
            body.append(assign("closed", self._closed()))
        open_test = ast.BoolOp(op=ast.And(), values=[negated(load("closed")), load(open_)])
        made.append(ast.If(test=open_test, body=body, orelse=[]))
        return made

    def _may_hold(self, rule: RuleIR, before: tuple[Conjunct, ...], open_: str) -> list[ast.stmt]:
        """Sets `open_`: True where the rest surely holds, 1 where it may, else False."""
        if not before:
            maybe = ast.BoolOp(op=ast.Or(), values=[self._granted(rule.paths), _maybe()])
            return [assign(open_, maybe)]
        fast = self._fast(rule)
        name = f"before_{self._name}_{rule.position}"
        reference = call(self._module.runtime("judge.may_hold"), load(name), self._arguments(rule))
        refer = assign(open_, ast.BoolOp(op=ast.And(), values=[reference, _maybe()]))
        try:
            statements = self._branch(fast, before, [assign(open_, ast.Constant(value=True))])
        except Unsuited:
            return [refer]
        quick = attempt([assign(open_, ast.Constant(value=False)), *statements], [refer])
        return [ast.If(test=self._granted(rule.paths), body=[quick], orelse=[refer])]

    def _granted(self, paths: frozenset[Path]) -> ast.expr:
        """Whether the required paths and these optional ones are there and of their kinds."""
        tests = [
            test(self._module, self._paths.name(path), self._paths.kind(path))
            for path in sorted(paths)
        ]
        return joined(ast.And(), [load("sure"), *tests])

    def _fast(self, rule: RuleIR) -> Fast:
        policy = rule.checked.policy.name
        return Fast(
            self._module,
            self._paths,
            assumed=frozenset(self._paths.name(path) for path in rule.paths),
            given=lambda fast, name: self._given(fast, name, policy),
            ask=lambda expression, node: load(self._fact_of(rule, expression, node)),
        )

    def _fact_of(self, rule: RuleIR, expression: CheckedExpression, node: cel.Call) -> str:
        for condition in rule.checked.conditions:
            if condition.expression is expression and node.id in condition.facts:
                return fact_name(self._facts[question(condition.facts[node.id])])
        for (policy, _), variable in self._ir.variables.items():
            if policy == rule.checked.policy.name and variable.expression is expression:
                return fact_name(self._facts[question(variable.facts[node.id])])
        raise AssertionError("a fact call without its fact")

    def _given(self, fast: Fast, name: str, policy: str) -> Value | None:
        """What is no part of the input: the time, a constant, a variable of the policy."""
        if name == "now":
            return Value(load("now"), True)
        kind_, _, rest = name.partition(".")
        if kind_ == "constants":
            return Value(self._constant(rest), True)
        return self._variable(fast, policy, rest) if kind_ == "variables" else None

    def _constant(self, name: str) -> ast.expr:
        value = self._constants[name]
        if isinstance(value, list | dict):
            return self._module.constant(("constant", name), lambda: literal(value))
        return literal(value)

    def _variable(self, fast: Fast, policy: str, name: str) -> Value:
        expression = self._ir.variables[policy, name].expression
        if self._uses[policy, name] < 2 or expression.ast.size <= INLINE_SIZE:
            return fast.over(expression, expression.ast.root)
        key = policy, name
        if key not in self._remembered:
            self._remembered[key] = self._module.fresh(f"variable_{name}")
        local = self._remembered[key]
        with fast.inner() as block:
            value = fast.over(expression, expression.ast.root)
            block.append(assign(local, value.node))
        missing = compare(load(local), ast.Is(), self._module.runtime("conform.UNSET"))
        fast.add(ast.If(test=missing, body=block, orelse=[]))
        return Value(load(local), value.deep)

    def _arguments(self, rule: RuleIR) -> ast.expr:
        names = self._parameters if rule.facts else _ARGUMENTS
        return ast.Tuple(elts=[load(name) for name in names], ctx=ast.Load())

    def _judged(self, rule: RuleIR) -> ast.stmt:
        """The statement that runs a rule by its reference form."""
        name = load(f"rule_{self._name}_{rule.position}")
        return ast.Expr(
            value=call(
                self._module.runtime("judge.rule"),
                ast.Constant(value=rule.position),
                name,
                self._arguments(rule),
                load("matched"),
                load("errors"),
            )
        )

    def _reference(self, rule: RuleIR) -> None:
        """The reference form of a rule's whole condition, and of its part without facts."""
        before = tuple(conjunct for conjunct in rule.conjuncts if not conjunct.facts)
        if rule.facts and before:
            self._reference_of(rule, before, f"before_{self._name}_{rule.position}")
        self._reference_of(rule, rule.conjuncts, f"rule_{self._name}_{rule.position}")

    def _reference_of(self, rule: RuleIR, conjuncts: tuple[Conjunct, ...], name: str) -> None:
        policy = rule.checked.policy.name
        locals_: dict[str, str] = {}
        body: list[ast.stmt] = []
        emitters: dict[int, Reference] = {}

        def emitter(expression: CheckedExpression) -> Reference:
            found = emitters.get(id(expression))
            if found is None:
                found = emitters[id(expression)] = Reference(
                    expression,
                    self._module,
                    lambda reference, node: resolve(expression, reference, node),
                    lambda node: self._known_fact(rule, expression, node),
                    self._part,
                )
            return found

        def resolve(
            expression: CheckedExpression, reference: VariableRef, node: cel.Expr
        ) -> ast.expr:
            kind_, _, rest = reference.name.partition(".")
            if reference.name == "now":
                return load("now")
            if kind_ == "constants":
                return self._constant(rest)
            if kind_ == "variables":
                if rest not in locals_:
                    variable = self._ir.variables[policy, rest].expression
                    computed = emitter(variable).emit(variable.ast.root)
                    locals_[rest] = self._module.fresh(f"variable_{rest}")
                    once = call(self._module.runtime("lazy.Once"), thunk(computed))
                    body.append(assign(locals_[rest], once))
                return call(load(locals_[rest]))
            wanted = ast.Constant(value=kind(expression.types[node.id]))
            read = self._module.runtime("conform.read")
            return call(read, load("i"), ast.Constant(value=reference.name), wanted)

        operands = []
        for conjunct in conjuncts:
            made = emitter(conjunct.expression).emit(conjunct.node)
            if conjunct.negate:
                made = call(self._module.runtime("judge.negation"), made)
            operands.append(thunk(made))
        every = call(self._module.runtime("lazy.every"), *operands)
        parameters = self._parameters if rule.facts else _ARGUMENTS
        self._module.functions.append(function(name, parameters, [*body, ast.Return(value=every)]))

    def _part(self, reference: VariableRef) -> ast.expr | None:
        if is_given(reference.name):
            return None
        field = ast.Constant(value=reference.name)
        return call(self._module.runtime("conform.part"), load("i"), field)

    def _known_fact(self, rule: RuleIR, expression: CheckedExpression, node: cel.Call) -> ast.expr:
        name = load(self._fact_of(rule, expression, node))
        return call(self._module.runtime("judge.fact"), name)

    def _denies(self) -> frozenset[int]:
        return frozenset(
            rule.position
            for rule in self._ir.rules
            if isinstance(rule.checked.rule.verdict, Deny) and rule.checked.mode == "enforce"
        )

    def _closed(self) -> ast.expr:
        denies = sorted(self._denies())
        constant = self._module.constant(
            ("denies", self._name),
            lambda: call(load("frozenset"), literal(denies)),
            "denies",
        )
        closed = self._module.runtime("judge.closed")
        return call(closed, load("matched"), load("errors"), constant)


def fact_name(position: int) -> str:
    """The local that holds a fact."""
    return f"fact_{position}"


def matched(rule: RuleIR) -> ast.stmt:
    """The statement that reports a rule."""
    return ast.Expr(value=method(load("matched"), "append", ast.Constant(value=rule.position)))


def attempt(body: list[ast.stmt], otherwise: list[ast.stmt]) -> ast.stmt:
    """Fast code, and what runs when it has raised."""
    handler = ast.ExceptHandler(type=load("Exception"), name=None, body=otherwise)
    return ast.Try(body=body, handlers=[handler], orelse=[], finalbody=[])


def _maybe() -> ast.expr:
    """True to Python's `if`, but not `True` itself."""
    return ast.Constant(value=1)


def nest(
    block: list[ast.stmt], tests: list[ast.expr], statements: list[ast.stmt]
) -> list[ast.stmt]:
    """Puts statements into a block behind tests; gives the block that what follows goes into."""
    if not tests:
        block.extend(statements)
        return block
    block.append(ast.If(test=joined(ast.And(), tests), body=statements, orelse=[]))
    return statements


_HARMLESS_METHODS = frozenset({"append", "startswith", "endswith", "search", "get"})
_HARMLESS = (
    ast.BoolOp, ast.UnaryOp, ast.Compare, ast.Name, ast.Constant, ast.Set, ast.If, ast.Expr,
    ast.boolop, ast.cmpop, ast.unaryop, ast.expr_context,
)  # fmt: skip


def cannot_raise(statements: list[ast.stmt]) -> bool:
    """Whether Python can run the statements without an exception, given the guards before them."""
    pending: list[ast.AST] = list(statements)
    while pending:
        node = pending.pop()
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in _HARMLESS_METHODS:
                pending += [owner, *node.args]
            case ast.Call(func=ast.Name(id="len")):
                pending += node.args
            case _ if isinstance(node, _HARMLESS):
                pending += ast.iter_child_nodes(node)
            case _:
                return False
    return True
