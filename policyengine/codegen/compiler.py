"""A checked bundle becomes a program."""

from __future__ import annotations

import re

from policyengine.cel.emit.module import Module
from policyengine.codegen.ir import PointIR
from policyengine.codegen.lower import lower
from policyengine.codegen.passes import evidence
from policyengine.codegen.point import PointEmitter
from policyengine.codegen.references import Chunks, ReferenceForms, in_files, text
from policyengine.program import PointProgram, Program, RuleInfo
from policyengine.rules.model import CheckedBundle

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


def compile_bundle(checked: CheckedBundle) -> Program:
    """The program of a bundle: one Python function for each decision point with rules."""
    module = Module()
    points: dict[str, PointProgram] = {}
    files: dict[str, str] = {}
    chunks: dict[str, Chunks] = {}
    for name, point in checked.points.items():
        ir = lower(point, checked.constants)
        # INVARIANT: unlike `Module.fresh`, no name made here ends in `_` and digits.
        function = f"{_UNSAFE.sub('_', name)}_p{len(points)}"
        forms = ReferenceForms(ir, checked.constants)
        emitter = PointEmitter(ir, module, forms, function)
        emitter.emit()
        files.update(emitter.files)
        chunks[name] = Chunks(ir, forms)
        points[name] = _point(ir, function, chunks[name])
    bundle = checked.bundle
    tree = module.tree()
    code = compile(tree, f"<policy bundle {bundle.name}>", "exec", dont_inherit=True)
    return Program(
        bundle=bundle.name,
        version=bundle.version,
        digest=bundle.digest,
        points=points,
        code=in_files(code, files),
        text=lambda: text(tree, chunks),
        scan=bundle.scan,
        data=bundle.data,
    )


def _point(ir: PointIR, function: str, references: Chunks) -> PointProgram:
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
            )
            for rule in ir.rules
        ),
        facts=ir.facts,
        texts=ir.checked.point.texts,
        asked_by=tuple(
            tuple(dict.fromkeys(r.checked.rule.id for r in ir.rules if fact in r.facts))
            for fact in range(len(ir.facts))
        ),
        references=references,
        origins=ir.checked.point.origins,
    )
