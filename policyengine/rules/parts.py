"""Policies parsed: the trees of their expressions, and the names that each uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from policyengine.cel.ast import Ast, Shape
from policyengine.cel.parser import parse
from policyengine.cel.suggestions import closest
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.language import macros
from policyengine.rules.model import Bundle, Policy, Rule
from policyengine.rules.names import Uses, place, uses
from policyengine.rules.variables import in_order
from policyengine.source import Span, Text


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and the names it uses."""

    ast: Ast
    uses: Uses


class Expressions:
    """Every expression of a bundle, each parsed once; what is wrong with them is kept."""

    def __init__(self) -> None:
        self._known: dict[Text, list[Expression | None]] = {}
        # The same by identity: a text is asked for many times, and hashing all its places takes
        # longer than checking it. A text that is held here cannot lend its id to another.
        self._same: dict[int, tuple[Text, Expression | None]] = {}
        self._shapes: dict[Shape, Uses] = {}
        self.problems: list[Diagnostic] = []

    def of(self, text: Text) -> Expression | None:
        """The parsed expression, or None where it cannot be parsed."""
        same = self._same.get(id(text))
        if same is None:
            same = self._same[id(text)] = text, self._of(text)
        return same[1]

    def _of(self, text: Text) -> Expression | None:
        # Filled with one entry; hashing a text a second time would cost more than this list.
        cell = self._known.setdefault(text, [])
        if cell:
            return cell[0]
        found = None
        try:
            ast = parse(text, macros=macros())
            found = Expression(ast, self._uses(ast))
        except CompileError as error:
            self.problems += error.diagnostics
        cell.append(found)
        return found

    def _uses(self, ast: Ast) -> Uses:
        if ast.shape is None:
            return uses(ast)
        known = self._shapes.get(ast.shape)
        if known is None:
            known = self._shapes[ast.shape] = uses(ast)
        return known

    def uses_of(self, ast: Ast) -> Uses:
        """The names that a tree uses; those of sugar are looked up once too."""
        same = self._same.get(id(ast.text))
        known = same[1] if same is not None else next(iter(self._known.get(ast.text, ())), None)
        return known.uses if known is not None else uses(ast)

    def of_policy(self, policy: Policy) -> Iterator[Expression]:
        """All expressions of a policy that can be parsed, those of CEL policies too."""
        for text in (*texts(policy), *body_texts(policy)):
            found = self.of(text)
            if found is not None:
                yield found


def texts(policy: Policy) -> Iterator[Text]:
    """All CEL of a policy: its variables, then its rules."""
    for variable in policy.variables:
        yield variable.text
    for rule in policy.rules:
        yield from (clause.text for clause in rule.clauses if clause.text is not None)


def body_texts(policy: Policy) -> Iterator[Text]:
    """All CEL of the CEL policies that rules have as bodies; `variables` are their own in it."""
    for rule in policy.rules:
        for clause in rule.clauses:
            if clause.policy is not None:
                yield from clause.policy.rule.texts()


def constants_used(bundle: Bundle, expressions: Expressions) -> Mapping[Span, frozenset[str]]:
    """The constants that each policy of a bundle and its bases uses, by the policy's span."""
    found: dict[Span, frozenset[str]] = {}
    for base in bundle.extends:
        found.update(constants_used(base, expressions))
    for policy in bundle.policies:
        names = (expression.uses.constants for expression in expressions.of_policy(policy))
        found[policy.span] = frozenset(name for used in names for name in used)
    return found


@dataclass(frozen=True, slots=True)
class Group:
    """All parts of one policy, with its variables in order.

    `order` leaves out variables that cannot be checked; `broken` holds them and the texts of
    expressions with names that nothing stands for, so that one mistake shouts once.
    """

    parts: tuple[Policy, ...]
    variables: Mapping[str, Expression]
    needs: Mapping[str, frozenset[str]]
    order: tuple[str, ...]
    broken: frozenset[str]
    unnamed: frozenset[Text]

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.parts[0].name

    def used_by(self, rules: Iterable[Rule], expressions: Expressions) -> frozenset[str]:
        """The variables that rules use directly."""
        found: set[str] = set()
        for rule in rules:
            for clause in rule.clauses:
                expression = expressions.of(clause.text) if clause.text is not None else None
                if expression is not None:
                    found.update(expression.uses.variables)
        return frozenset(found)


def group(
    parts: tuple[Policy, ...],
    constants: Mapping[str, object],
    expressions: Expressions,
    problems: list[Diagnostic],
) -> Group:
    """Put the parts of a policy together: order its variables and look up every name."""
    declared = {variable.name: variable for part in parts for variable in part.variables}
    parsed = {name: expressions.of(variable.text) for name, variable in declared.items()}
    unnamed: set[Text] = set()
    for part in parts:
        known = {"variable": declared, "constant": constants}
        for texts_, kinds in ((texts(part), known), (body_texts(part), {"constant": constants})):
            for text in texts_:
                expression = expressions.of(text)
                if expression is not None and (found := list(_unknown(expression, kinds))):
                    problems += found
                    unnamed.add(text)
    needs = {
        name: frozenset(expression.uses.variables) & frozenset(declared)
        for name, expression in parsed.items()
        if expression is not None
    }
    order, cycles = in_order(declared, needs)
    problems += cycles
    broken = {name for name, variable in declared.items() if variable.text in unnamed}
    broken |= {name for name in declared if name not in order or parsed[name] is None}
    usable = {name: e for name, e in parsed.items() if e is not None}
    return Group(parts, usable, needs, tuple(order), frozenset(broken), frozenset(unnamed))


def _unknown(
    expression: Expression, kinds: Mapping[str, Mapping[str, object]]
) -> Iterator[Diagnostic]:
    """The names of some kinds that nothing stands for."""
    for kind, known in kinds.items():
        uses = expression.uses.variables if kind == "variable" else expression.uses.constants
        for name, node in uses.items():
            if name not in known:
                yield unknown_name(kind, name, place(expression.ast, node), known)


def unknown_name(kind: str, name: str, span: Span, known: Iterable[str]) -> Diagnostic:
    """A variable or a constant that does not exist; `known` are those that do."""
    meant = closest(name, known)
    note = f"did you mean `{kind}s.{meant}`?" if meant else ""
    return Diagnostic(f"unknown-{kind}", f"there is no {kind} `{name[:80]}`", span, note)


def unused_variables(one: Group, expressions: Expressions) -> Iterator[Diagnostic]:
    """A warning for each variable that nothing uses."""
    if not any(part.variables for part in one.parts):
        return
    used = set(one.used_by(tuple(r for part in one.parts for r in part.rules), expressions))
    for needed in one.needs.values():
        used |= needed
    for part in one.parts:
        for variable in part.variables:
            if variable.name not in used:
                message = f"variable `{variable.name}` is not used"
                yield Diagnostic("unused-variable", message, variable.span, severity="warning")
