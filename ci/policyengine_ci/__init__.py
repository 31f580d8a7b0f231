"""The gate: may this change to a repository land, and what must happen first?"""

from policyengine_ci.gate import gate
from policyengine_ci.report import GateReport

__all__ = ["GateReport", "gate"]
