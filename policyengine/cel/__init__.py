"""CEL, the Common Expression Language: check an expression once, then run it as Python.

>>> from policyengine import cel
>>> env = cel.Environment(variables={"model": "string", "tokens": "int"})
>>> program = env.compile('model.startsWith("gpt-") && tokens <= 4000')
>>> program.evaluate({"model": "gpt-4o-mini", "tokens": 1200})
True
"""

from __future__ import annotations

from policyengine.cel.environment import Environment, Program
from policyengine.cel.functions import Function, Overload
from policyengine.diagnostics import CompileError
from policyengine.errors import EvaluationError

__all__ = ["CompileError", "Environment", "EvaluationError", "Function", "Overload", "Program"]
