"""The gate's answers: what runs, who approves, what does not land, and what was not judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from policyengine_ci import GateReport, gate
from policyengine_ci.gate import Stated
from policyengine_ci.text import text

SHOP = Path(__file__).parent / "shop" / "policy"
BUNDLE = (SHOP / "bundle.yaml").read_text("utf-8")
POLICY = (SHOP / "security.yaml").read_text("utf-8")
SUITE = (SHOP / "tests" / "security.yaml").read_text("utf-8")
BROKEN = "apiVersion: policyengine.dev/v1\nkind: Policy\n"


def judged(repository: Any, **options: Any) -> GateReport:
    report = gate(repository.path, "main", "work", **options)
    assert json.loads(report.to_json())["exit_code"] == report.exit_code
    assert report.allowed is (report.exit_code == 0)
    return report


def test_a_change_that_nothing_speaks_against(shop) -> None:
    report = judged(shop({"src/cart.py": "x\n"}))
    assert (report.outcome, report.verdict, report.exit_code) == ("allowed", "allow", 0)
    assert report.triggers == ()
    assert report.unseen == ("src/cart.py",)
    assert [bundle["folder"] for bundle in report.bundles] == ["policy"]


def test_auth_code_starts_the_scan(shop) -> None:
    report = judged(shop({"src/auth/login.py": "x\n", "src/cart.py": "x\n"}))
    (trigger,) = report.triggers
    assert (trigger.agent, trigger.required) == ("security-scan", True)
    assert trigger.files == ("src/auth/login.py",)
    assert trigger.rules == ("shop/scan-auth",)
    assert report.unseen == ("src/cart.py",)
    assert report.outcome == "allowed"


@pytest.mark.parametrize("content", [None, ("link", "../cart.py"), ("submodule", "1" * 40)])
def test_so_does_removing_it_or_putting_something_else_there(shop, content: Any) -> None:
    report = judged(shop({"src/auth/login.py": content}))
    assert [trigger.agent for trigger in report.triggers] == ["security-scan"]


def test_what_is_denied_does_not_land(shop) -> None:
    report = judged(shop({".env": "KEY=1\n"}), approvals=["ada", "bob=payments"])
    assert (report.outcome, report.exit_code) == ("denied", 7)
    assert [rule.rule for rule in report.judgement.rules if rule.effect == "deny"] == ["no-secrets"]


@pytest.mark.parametrize(
    ("approvals", "outcome", "given"),
    [
        ([], "approval-missing", ()),
        (["ada=payments"], "approval-missing", ("ada",)),
        (["ada=payments", "ADA=payments"], "approval-missing", ("ada",)),
        (["ada=payments", "bob=security"], "approval-missing", ("ada",)),
        (["ada=payments", "mallory=payments"], "approval-missing", ("ada",)),
        (["ada=payments", "@Mallory=payments"], "approval-missing", ("ada",)),
        (["ada=payments", "bob=security,payments"], "allowed", ("ada", "bob")),
    ],
)
def test_enough_people_of_the_right_group_but_never_the_author(
    shop, approvals: list[str], outcome: str, given: tuple[str, ...]
) -> None:
    report = judged(shop({"src/payment/charge.py": "x\n"}), approvals=approvals)
    assert (report.outcome, report.verdict) == (outcome, "require_approval")
    assert report.exit_code == (0 if outcome == "allowed" else 7)
    assert report.judgement.approvals[0].given == given


def test_an_author_that_is_named_does_not_count_either(shop) -> None:
    report = judged(shop({"CODEOWNERS": "* @x\n"}), approvals=["ada"], stated=Stated(author="ada"))
    assert report.outcome == "approval-missing"


def test_an_approver_needs_a_name(shop) -> None:
    with pytest.raises(ValueError, match="needs a name"):
        judged(shop({"a": "1"}), approvals=["=payments"])


def test_facts_that_git_does_not_know_reach_the_rules(shop) -> None:
    rule = (
        POLICY + '  - id: held\n    when: change.labels.exists(l, l == "hold")\n    deny: Held.\n'
    )
    base = {**shop.files, "policy/security.yaml": rule}
    repository = shop({"src/cart.py": "x\n"}, base)
    assert judged(repository).outcome == "allowed"
    assert judged(repository, stated=Stated(labels=("hold",))).outcome == "denied"


def test_several_bundles_add_up(shop) -> None:
    other = BUNDLE.replace("shop", "other")
    rule = "apiVersion: policyengine.dev/v1\nkind: Policy\nmetadata: {name: p}\n"
    rule += "on: [change.proposed]\nrules:\n"
    rule += "  - {id: optional, paths: [login.py], trigger: {agent: security-scan}}\n"
    rule += "  - {id: no-login, paths: [login.py], deny: No.}\n"
    base = {**shop.files, "b/bundle.yaml": other, "b/p.yaml": rule}
    repository = shop({"src/auth/login.py": "x\n"}, base)
    report = judged(repository)
    assert (report.outcome, report.triggers[0].required) == ("denied", True)
    assert report.triggers[0].rules == ("other/optional", "shop/scan-auth")
    only_one = judged(repository, bundles=["policy"])
    assert only_one.outcome == "allowed"
    assert only_one.triggers[0].rules == ("shop/scan-auth",)


def test_a_change_of_the_policy_needs_approval_and_is_shown(shop) -> None:
    loose = POLICY.replace("security-scan, required: true", "security-scan, required: false")
    repository = shop({"policy/security.yaml": loose, "src/auth/login.py": "x\n"})
    report = judged(repository)
    assert (report.outcome, report.verdict) == ("approval-missing", "require_approval")
    assert report.protected == {"policy/security.yaml": "policy bundle"}
    assert report.triggers[0].required is True
    assert report.proposed is not None
    assert report.proposed.status == "in-order"
    assert "agent security-scan (required) would no longer run" in report.proposed.differences
    assert judged(repository, approvals=["ada"]).outcome == "allowed"


def test_the_proposed_policy_has_no_say_in_its_own_change(shop) -> None:
    lax = POLICY.replace("deny: Take the secret out.", "allow: Come in.")
    tests = SUITE.replace("{verdict: deny}", "{verdict: allow}")
    change = {"policy/security.yaml": lax, "policy/tests/security.yaml": tests, ".env": "K=1\n"}
    report = judged(shop(change), approvals=["ada"])
    assert (report.outcome, report.exit_code) == ("denied", 7)
    assert "the verdict would be allow, not deny" in report.proposed.differences


@pytest.mark.parametrize(
    ("change", "outcome", "code"),
    [
        ({"policy/security.yaml": BROKEN}, "policy-invalid", 3),
        ({"policy/security.yaml": "a: [b"}, "policy-invalid", 3),
        ({"policy/security.yaml": b"\xff\xfe\x00"}, "policy-invalid", 3),
        ({"policy/security.yaml": ("link", "../other.yaml")}, "policy-invalid", 3),
        ({"policy/bundle.yaml": BUNDLE + "extends: [{path: ../none}]\n"}, "policy-invalid", 3),
        ({"policy/tests/security.yaml": SUITE.replace("deny", "allow")}, "tests-failed", 4),
        ({"policy/tests/security.yaml": "tests: ["}, "tests-failed", 4),
        ({"policy/tests/security.yaml": None}, "tests-failed", 4),
    ],
)
def test_a_proposed_policy_that_is_not_in_order_does_not_land(
    shop, change: dict[str, Any], outcome: str, code: int
) -> None:
    report = judged(shop(change), approvals=["ada"])
    assert (report.outcome, report.exit_code) == (outcome, code)


def test_a_change_that_removes_the_policy(shop) -> None:
    gone = {path: None for path in shop.files if path.startswith("policy/")}
    report = judged(shop(gone))
    assert (report.outcome, report.exit_code) == ("approval-missing", 7)
    assert report.proposed.status == "removed"


@pytest.mark.parametrize("base", [{"a": "1"}, {"a": "1", "bundle.yaml": "resources: {}\n"}])
def test_without_a_policy_nothing_is_judged(shop, base: dict[str, Any]) -> None:
    report = judged(shop({"b": "1"}, base), approvals=["ada"])
    assert (report.outcome, report.exit_code, report.verdict) == ("not-evaluated", 3, None)
    assert report.problems[0].code == "no-policy"
    assert "policyengine init" in report.problems[0].help


def test_the_first_policy_lands_with_an_approval(shop) -> None:
    policy = {path: text for path, text in shop.files.items() if path.startswith("policy/")}
    repository = shop({**policy, ".env": "K=1\n"}, {"a": "1"})
    report = judged(repository)
    assert (report.outcome, report.verdict) == ("approval-missing", "require_approval")
    assert report.notes
    assert report.proposed.judgement.verdict == "deny"
    assert judged(repository, approvals=["ada"]).outcome == "allowed"


def test_a_bundle_without_rules_on_changes_judges_nothing(shop) -> None:
    other = POLICY.replace("change.proposed", "tool.call").split("rules:")[0]
    other += "rules:\n  - {id: a, deny: No.}\n"
    report = judged(shop({"b": "1"}, {"p/bundle.yaml": BUNDLE, "p/p.yaml": other}))
    assert (report.outcome, report.exit_code) == ("not-evaluated", 3)


@pytest.mark.parametrize("text", [BROKEN, "a: [b", POLICY.replace("paths:", "pahts:")])
def test_a_broken_policy_of_the_base_judges_nothing(shop, text: str) -> None:
    repository = shop({"src/cart.py": "x\n"}, {**shop.files, "policy/security.yaml": text})
    report = judged(repository, approvals=["ada"])
    assert (report.outcome, report.exit_code) == ("not-evaluated", 3)
    assert report.diagnostics
    assert "base branch" in report.problems[0].help


def test_a_folder_that_holds_no_bundle_judges_nothing(shop) -> None:
    report = judged(shop({"src/cart.py": "x\n"}), bundles=["src"])
    assert (report.outcome, report.exit_code) == ("not-evaluated", 3)


def test_the_policy_is_that_of_the_tip_of_the_base(shop) -> None:
    """Not that of the common ancestor: a rule counts for changes that began before it."""
    repository = shop({"src/cart.py": "x\n"})
    rule = POLICY + "  - {id: freeze, paths: [cart.py], deny: Frozen.}\n"
    repository.commit("main", {"policy/security.yaml": rule})
    assert judged(repository).outcome == "denied"


def test_a_rule_in_another_mode_does_not_bind(shop) -> None:
    warn = POLICY.replace("metadata: {name: security}", "metadata: {name: security}\nmode: warn")
    report = judged(shop({".env": "K=1\n"}, {**shop.files, "policy/security.yaml": warn}))
    assert report.outcome == "allowed"
    assert [r.mode for r in report.judgement.rules if r.rule == "no-secrets"] == ["warn"]


def test_bundles_inside_a_bundle_are_its_test_data(shop) -> None:
    base = {**shop.files, "policy/tests/data/bundle.yaml": "kind: Bundle\nbroken: ["}
    assert judged(shop({"src/cart.py": "x\n"}, base)).outcome == "allowed"


def test_a_policy_in_a_hidden_folder_counts(shop) -> None:
    moved = {path.replace("policy/", ".github/policy/"): text for path, text in shop.files.items()}
    assert judged(shop({".env": "K\n"}, moved)).outcome == "denied"


def test_equal_changes_get_equal_reports(shop) -> None:
    repository = shop({"src/auth/login.py": "x\n", "src/payment/charge.py": None})

    def told() -> Any:
        report = json.loads(judged(repository).to_json())
        for decision in report["judgement"]["decisions"]:
            del decision["time"], decision["duration_ns"]
        return report

    assert told() == told()


RATES = """
apiVersion: policyengine.dev/v1
kind: TestSuite
name: rates
point: llm.request
rates:
  - name: words are found
    data: data/texts.jsonl
    rule: word
    expect: {recall: {at_least: 0.1}}
"""
TEXTS = "".join(
    f'{{"text": "{text}", "label": {label}}}\n'
    for text, label in [("bad", 1), ("worse", 1), ("good", 0), ("not bad", 0)]
)
WORDS = """
apiVersion: policyengine.dev/v1
kind: Policy
metadata: {name: words, owner: me}
on: [llm.request]
rules:
  - id: word
    words: [bad]
    deny: No.
"""


def test_how_a_change_moves_the_rates_of_a_rule_is_shown(shop) -> None:
    suite = {"policy/tests/rates.yaml": RATES, "policy/data/texts.jsonl": TEXTS}
    base = {**shop.files, "policy/words.yaml": WORDS}
    changed = {**suite, "policy/words.yaml": WORDS.replace("[bad]", "[bad, worse]")}
    report = judged(shop(changed, base), approvals=["ada"])
    [moved] = report.proposed.rates
    assert (moved.before.recall.value, moved.after.recall.value) == (0.5, 1.0)
    assert report.to_dict()["proposed"]["rates"][0]["after"]["recall"]["value"] == 1.0
    told = (
        "shop: words are found: recall 0.500 (0.095-0.905) -> 1.000 (0.342-1.000), "
        "false positives 0.500 (0.095-0.905) -> 0.500 (0.095-0.905)"
    )
    assert told in text(report)


def test_a_rule_that_is_new_has_no_rates_before(shop) -> None:
    suite = {"policy/tests/rates.yaml": RATES, "policy/data/texts.jsonl": TEXTS}
    [new] = judged(shop({**suite, "policy/words.yaml": WORDS})).proposed.rates
    assert (new.before, new.after.recall.value) == (None, 0.5)
