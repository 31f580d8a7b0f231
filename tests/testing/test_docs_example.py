"""The example of docs/policy-tests.md does what the page says."""

from __future__ import annotations

from pathlib import Path

from policyengine.testing import run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "policy-tests.md"


def test_the_example_runs(bundle: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    (bundle / "tests" / "example.yaml").write_text(example)
    results = run(bundle)
    assert results.ok, [(c.name, c.message, c.differences) for c in results.cases]
    assert results.counts == {"passed": 4, "failed": 0, "error": 0, "skipped": 1}
