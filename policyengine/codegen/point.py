"""The Python function of one decision point, and the reference forms of its rules."""

from __future__ import annotations

import ast

from policyengine.cel.emit.fast import Fast, joined
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
)
from policyengine.cel.emit.paths import Leaf, Paths, class_of, test
from policyengine.cel.emit.value import Unsuited, Value
from policyengine.codegen.alike import granted
from policyengine.codegen.ir import Conjunct, Found, PointIR, RuleIR
from policyengine.codegen.lookup import Lookups, literal_tuple
from policyengine.codegen.passes import inlined, is_required
from policyengine.codegen.references import ALLOWANCE, ARGUMENTS, ReferenceForms, fact_name
from policyengine.program import Deny, references_name

# Conditions that need statements nest; Python's compiler is not asked for more than this.
MAX_NESTED = 16

# Variables within variables, and all of them in one rule, that are written out for the fast form.
MAX_VARIABLES_DEEP = 8
MAX_VARIABLES = 100


class PointEmitter:
    """Emits all functions of one point into a module."""

    def __init__(self, ir: PointIR, module: Module, forms: ReferenceForms, name: str):
        self._ir = ir
        self._module = module
        self._forms = forms
        self.arguments = forms.arguments
        self._name = name
        self._paths = self._all_paths()
        self._remembered: dict[tuple[str, str], str] = {}
        self._inline = inlined(ir)
        # The policy files of the functions made, by their names.
        self.files: dict[str, str] = {}
        # Variables being written out, and how many were in this rule.
        self._deep = 0
        self._written = 0
        # Whether the code goes into a function of its own, which shares no variables.
        self._forgetful = False

    def emit(self) -> None:
        """Adds the point's function."""
        body: list[ast.stmt] = [
            assign("matched", ast.List(elts=[], ctx=ast.Load())),
            assign("errors", ast.List(elts=[], ctx=ast.Load())),
        ]
        rules = self._quick_rules()
        asking = [part for rule in self._ir.asking for part in self._asking(rule)]
        unset = self._module.runtime("conform.UNSET")
        if ALLOWANCE in self.arguments:
            body.append(assign(ALLOWANCE, call(self._module.runtime("budget.Allowance"))))
        body += [assign(name, unset) for name in self._remembered.values()]
        body += [assign(fact_name(i), unset) for i in range(len(self._ir.facts))]
        body += self._loads()
        body += rules
        if asking:
            body.append(assign("closed", self._closed()))
            body += asking
        if len(self._ir.groups) > 1 or asking or self._ir.lookups:
            body.append(ast.Expr(value=method(load("matched"), "sort")))
            in_order = call(self._module.runtime("judge.in_order"), load("errors"))
            body.append(ast.If(test=load("errors"), body=[ast.Expr(value=in_order)], orelse=[]))
        result = ast.Tuple(elts=[load("matched"), load("errors")], ctx=ast.Load())
        body.append(ast.Return(value=result))
        self._module.functions.append(function(self._name, ARGUMENTS, body))

    def _all_paths(self) -> Paths:
        found: set[Leaf] = set()
        for rule in self._ir.rules:
            used = rule.uses
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
            slow = [self._all_judged(group.rules)]
            made.append(ast.If(test=self._granted(group.paths), body=fast, orelse=slow))
        if self._ir.lookups:
            lookups = Lookups(self._module, self._paths, self._name, self)
            asked = [part for each in self._ir.lookups for part in lookups.emit(each)]
            rules = {e.rule.position: e.rule for each in self._ir.lookups for e in each.found}
            slow = [self._all_judged(tuple(rule for _, rule in sorted(rules.items())))]
            made.append(ast.If(test=load("sure"), body=asked, orelse=slow))
        return made

    def rest(
        self, found: Found, then: ast.stmt, otherwise: ast.stmt, *, apart: bool
    ) -> list[ast.stmt]:
        """See `Judging`."""
        self._forgetful = apart
        try:
            statements = self._branch(found.rule, found.rest, [then])
        finally:
            self._forgetful = False
        if statements is None:
            return [otherwise]
        if not cannot_raise(statements):
            statements = [attempt(statements, [otherwise])]
        needed = [
            test(self._module, self._paths.name(*leaf), leaf[1]) for leaf in sorted(granted(found))
        ]
        if not needed:
            return statements
        return [ast.If(test=joined(ast.And(), needed), body=statements, orelse=[otherwise])]

    def _quick(self, rule: RuleIR) -> list[ast.stmt]:
        """A rule without facts: plain where nothing can raise, else with a way out."""
        statements = self._branch(rule, rule.conjuncts, [matched(rule)])
        if statements is None:
            return [self._judged(rule)]
        if cannot_raise(statements):
            return statements
        return [attempt(statements, [self._judged(rule)])]

    def _branch(
        self, rule: RuleIR, conjuncts: tuple[Conjunct, ...], then: list[ast.stmt]
    ) -> list[ast.stmt] | None:
        """Statements that run `then` where all conjuncts hold; None where there is no fast form."""
        self._written = 0
        try:
            return self._nested(self._fast(rule), conjuncts, then)
        except (Unsuited, RecursionError):
            return None

    def _nested(
        self, fast: Fast, conjuncts: tuple[Conjunct, ...], then: list[ast.stmt]
    ) -> list[ast.stmt]:
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
        """A rule with facts: asks only when the verdict is open and nothing else rules it out.

        Its facts are asked for one after the other, the cheapest first; before each the conjuncts
        that can be judged by now are.
        """
        made = self._may_hold(rule, frozenset(), first=True)
        ordered = sorted(rule.facts)
        for count, fact in enumerate(ordered, start=1):
            last = count == len(ordered)
            known = frozenset(ordered[:count])
            then = self._settled(rule) if last else self._may_hold(rule, known)
            made.append(ast.If(test=load("open_"), body=[self._asked(fact), *then], orelse=[]))
        return [ast.If(test=negated(load("closed")), body=made, orelse=[])]

    def _asked(self, fact: int) -> ast.stmt:
        """Asks for a fact that nobody has asked for yet."""
        unset = self._module.runtime("conform.UNSET")
        missing = compare(load(fact_name(fact)), ast.Is(), unset)
        asked = assign(fact_name(fact), ast.Yield(value=ast.Constant(value=fact)))
        return ast.If(test=missing, body=[asked], orelse=[])

    def _settled(self, rule: RuleIR) -> list[ast.stmt]:
        """The end of a rule all of whose facts are known."""
        last = tuple(c for c in rule.conjuncts if max(rule.facts) in c.facts)
        statements = self._branch(rule, last, [matched(rule)])
        made: list[ast.stmt] = [self._judged(rule)]
        if statements is not None:
            quick = attempt(statements, [self._judged(rule)])
            made = [ast.If(test=self._sure(rule.facts), body=[quick], orelse=made)]
        if rule.position in self._denies():
            made.append(assign("closed", self._closed()))
        return made

    def _sure(self, facts: frozenset[int]) -> ast.expr:
        """Whether all that was judged before surely holds, and no fact has failed."""
        tests = [compare(load("open_"), ast.Is(), ast.Constant(value=True))]
        for fact in sorted(facts):
            tests.append(compare(class_of(load(fact_name(fact))), ast.Is(), load("list")))
        return joined(ast.And(), tests)

    def _may_hold(self, rule: RuleIR, known: frozenset[int], first: bool = False) -> list[ast.stmt]:
        """Sets `open_`: True where the rule surely holds so far, 1 where it may, else False."""
        newest = max(known, default=None)
        ready = tuple(
            c for c in rule.conjuncts if c.facts <= known and (first or newest in c.facts)
        )
        sure = self._granted(rule.paths) if first else self._sure(known)
        if not ready:
            return [assign("open_", ast.BoolOp(op=ast.Or(), values=[sure, _maybe()]))]
        name = self._reference_of(
            rule, ready, f"{self._name}_rule{rule.position}_knowing{len(known)}"
        )
        arguments = self._arguments(rule)
        reference = call(self._module.runtime("judge.may_hold"), load(name), arguments)
        refer = assign("open_", ast.BoolOp(op=ast.And(), values=[reference, _maybe()]))
        statements = self._branch(rule, ready, [assign("open_", ast.Constant(value=True))])
        if statements is None:
            return [refer]
        unmet = assign("open_", ast.Constant(value=False))
        return [ast.If(test=sure, body=[attempt([unmet, *statements], [refer])], orelse=[refer])]

    def _granted(self, paths: frozenset[Leaf]) -> ast.expr:
        """Whether the required paths and these optional ones are there and of their kinds."""
        tests = [
            test(self._module, self._paths.name(path, kind), kind) for path, kind in sorted(paths)
        ]
        return joined(ast.And(), [load("sure"), *tests])

    def _fast(self, rule: RuleIR) -> Fast:
        policy = rule.checked.policy.name
        return Fast(
            self._module,
            self._paths,
            assumed=frozenset(self._paths.name(path, kind) for path, kind in rule.paths),
            given=lambda fast, name: self._given(fast, name, policy),
            ask=lambda expression, node: load(self._forms.fact_of(rule, expression, node)),
            allowance=self._forms.allowance,
        )

    def _given(self, fast: Fast, name: str, policy: str) -> Value | None:
        """What is no part of the input: the time, a constant, a variable of the policy."""
        if name == "now":
            return Value(load("now"), True)
        kind_, _, rest = name.partition(".")
        if kind_ == "constants":
            return Value(self._forms.constant(self._module, rest), True)
        return self._variable(fast, policy, rest) if kind_ == "variables" else None

    def _variable(self, fast: Fast, policy: str, name: str) -> Value:
        """A policy's variable: remembered in a local, or written out where it is used."""
        key = policy, name
        local = "" if self._forgetful else self._remembered.get(key, "")
        known = fast.known(("variable", local))
        if local and known is not None:
            return known
        self._written += 1
        if self._deep >= MAX_VARIABLES_DEEP or self._written > MAX_VARIABLES:
            raise Unsuited
        expression = self._ir.variables[key].expression
        self._deep += 1
        try:
            if key in self._inline or self._forgetful:
                return fast.over(expression, expression.ast.root)
            local = self._remembered.setdefault(
                key, local or self._module.fresh(f"variable_{name}")
            )
            with fast.inner() as block:
                value = fast.over(expression, expression.ast.root)
                block.append(assign(local, value.node))
        finally:
            self._deep -= 1
        missing = compare(load(local), ast.Is(), self._module.runtime("conform.UNSET"))
        fast.add(ast.If(test=missing, body=block, orelse=[]))
        return fast.learn(("variable", local), Value(load(local), value.deep))

    def _arguments(self, rule: RuleIR) -> ast.expr:
        return _loaded(self._forms.parameters(rule))

    def _judged(self, rule: RuleIR) -> ast.stmt:
        """The statement that runs a rule by its reference form."""
        return self._told("judge.rule", at(rule), self._arguments(rule))

    def judged(self, position: ast.expr) -> ast.stmt:
        """See `Judging`."""
        return self._told("judge.rule", position, _loaded(self.arguments))

    def all_judged(self, positions: ast.expr) -> ast.stmt:
        """See `Judging`."""
        return self._told("judge.rules", positions, _loaded(self.arguments))

    def failed(self, positions: ast.expr, leaf: Leaf) -> ast.stmt:
        """See `Judging`."""
        path, kind_ = leaf
        return self._told(
            "judge.failed",
            positions,
            literal_tuple(path),
            ast.Constant(value=kind_),
            _loaded(self.arguments),
        )

    def _told(self, function: str, *rules: ast.expr) -> ast.stmt:
        """The statement that has rules report what their reference forms say."""
        *what, arguments = rules
        references = load(references_name(self._name))
        notes = (load("matched"), load("errors"))
        runtime = self._module.runtime(function)
        return ast.Expr(value=call(runtime, *what, references, arguments, *notes))

    def _all_judged(self, rules: tuple[RuleIR, ...]) -> ast.stmt:
        """One statement that runs many rules by their reference forms."""
        positions = self._module.constant(
            ("rules", self._name, *(rule.position for rule in rules)),
            lambda: literal_tuple(tuple(rule.position for rule in rules)),
            "rules",
        )
        return self.all_judged(positions)

    def _reference_of(self, rule: RuleIR, conjuncts: tuple[Conjunct, ...], name: str) -> str:
        """Adds the reference form of some conditions of a rule, and gives its name."""
        self._forms.emit(self._module, rule, conjuncts, name)
        self.files[name] = rule.checked.rule.span.path
        return name

    def _denies(self, *, failed: bool = False) -> frozenset[int]:
        """The rules that settle the verdict as deny when they match, or when they fail."""
        return frozenset(
            rule.position
            for rule in self._ir.rules
            if isinstance(rule.checked.rule.verdict, Deny)
            and rule.checked.mode == "enforce"
            and (not failed or rule.checked.on_error == "match")
        )

    def _closed(self) -> ast.expr:
        denies, failed = (
            self._module.constant(
                ("denies", self._name, failed),
                lambda failed=failed: call(  # type: ignore[misc]
                    load("frozenset"), literal(sorted(self._denies(failed=failed)))
                ),
                "denies",
            )
            for failed in (False, True)
        )
        closed = self._module.runtime("judge.closed")
        return call(closed, load("matched"), load("errors"), denies, failed)


def at(rule: RuleIR) -> ast.expr:
    """A rule's position."""
    return ast.Constant(value=rule.position)


def matched(rule: RuleIR) -> ast.stmt:
    """The statement that reports a rule."""
    return ast.Expr(value=method(load("matched"), "append", at(rule)))


def _loaded(names: tuple[str, ...]) -> ast.expr:
    return ast.Tuple(elts=[load(name) for name in names], ctx=ast.Load())


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
