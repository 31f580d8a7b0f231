"""Policy tests: YAML files beside a bundle, run against its compiled program.

>>> from policyengine.testing import json_schema
>>> json_schema()["properties"]["kind"]["const"]
'TestSuite'
"""

from policyengine.testing.model import json_schema
from policyengine.testing.results import CaseResult, Difference, SuiteResults
from policyengine.testing.run import run, together

__all__ = ["CaseResult", "Difference", "SuiteResults", "json_schema", "run", "together"]
