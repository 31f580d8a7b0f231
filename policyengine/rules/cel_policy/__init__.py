"""Google's CEL Policy files: rules as trees of matches, compiled to one CEL expression.

    load(source) -> CelPolicy -> compile(policy, environment) -> CompiledPolicy

>>> from policyengine.cel import Environment
>>> from policyengine.source import Source
>>> policy = load(Source("size.yaml", '''
... name: size
... rule:
...   variables:
...     - {name: big, expression: n > 100}
...   match:
...     - {condition: variables.big, output: "'big'", explanation: "'over 100'"}
...     - {output: "'small'"}
... '''))
>>> compiled = compile(policy, Environment({"n": "int"}, extensions=["optionals"]))
>>> compiled.output.evaluate({"n": 101}), compiled.explanation.evaluate({"n": 101})
('big', 'over 100')
"""

from __future__ import annotations

from policyengine.rules.cel_policy.compiling import CompiledPolicy, compile
from policyengine.rules.cel_policy.environments import environment
from policyengine.rules.cel_policy.judging import condition
from policyengine.rules.cel_policy.reading import load
from policyengine.rules.model import CelPolicy

__all__ = ["CelPolicy", "CompiledPolicy", "compile", "condition", "environment", "load"]
