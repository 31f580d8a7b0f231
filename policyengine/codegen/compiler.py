"""A checked bundle becomes a program."""

from __future__ import annotations

import ast
import re
from types import CodeType

from policyengine.cel.emit.module import Module
from policyengine.codegen.ir import PointIR
from policyengine.codegen.lower import lower
from policyengine.codegen.passes import evidence
from policyengine.codegen.point import PointEmitter
from policyengine.program import PointProgram, Program, RuleInfo
from policyengine.rules.model import CheckedBundle

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


def compile_bundle(checked: CheckedBundle) -> Program:
    """The program of a bundle: one Python function for each decision point with rules."""
    module = Module()
    points: dict[str, PointProgram] = {}
    files: dict[str, str] = {}
    for name, point in checked.points.items():
        ir = lower(point, checked.constants)
        # INVARIANT: unlike `Module.fresh`, no name made here ends in `_` and digits.
        function = f"{_UNSAFE.sub('_', name)}_p{len(points)}"
        emitter = PointEmitter(ir, module, dict(checked.constants), function)
        emitter.emit()
        files.update(emitter.files)
        points[name] = _point(ir, function)
    bundle = checked.bundle
    tree = module.tree()
    code = compile(tree, f"<policy bundle {bundle.name}>", "exec", dont_inherit=True)
    return Program(
        bundle=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        points=points,
        code=_in_files(code, files),
        python=ast.unparse(tree),
    )


def _point(ir: PointIR, function: str) -> PointProgram:
    return PointProgram(
        name=ir.checked.point.name,
        function=function,
        default=ir.checked.default,
        rules=tuple(
            RuleInfo(
                id=rule.checked.rule.id,
                policy=rule.checked.policy.name,
                verdict=rule.checked.rule.verdict,
                obligations=rule.checked.rule.obligations,
                mode=rule.checked.mode,
                on_error=rule.checked.on_error,
                span=rule.checked.rule.span,
                facts=tuple(sorted(evidence(rule))),
                severity=rule.checked.policy.severity,
                owner=rule.checked.policy.owner,
                controls=rule.checked.policy.controls,
                asks=tuple(sorted(rule.facts)),
            )
            for rule in ir.rules
        ),
        facts=ir.facts,
        texts=ir.checked.point.texts,
    )


def _in_files(code: CodeType, files: dict[str, str]) -> CodeType:
    """The code with each rule's functions in its policy's file, where its line numbers lie."""
    constants = tuple(
        _moved(constant, files[constant.co_name])
        if isinstance(constant, CodeType) and constant.co_name in files
        else constant
        for constant in code.co_consts
    )
    return code.replace(co_consts=constants)


def _moved(code: CodeType, path: str) -> CodeType:
    constants = tuple(
        _moved(constant, path) if isinstance(constant, CodeType) else constant
        for constant in code.co_consts
    )
    return code.replace(co_filename=path, co_consts=constants)
