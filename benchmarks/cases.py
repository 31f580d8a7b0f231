"""Single conditions, in every peer's language and as people write them in Python.

Python is there twice. `by_hand` is what a good engineer writes where types can be trusted, with
CEL's own errors: a missing key raises, and so does an int that leaves 64 bits. `careful` also
tests the types of what it reads, as an author must who does not know who calls. `loop` is
`by_hand` with a loop in place of `any`, which is longer to write and takes less time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Condition = Callable[[Any], bool]

LEAST, MOST = -(2**63), 2**63 - 1
OBJECTS = {"request": "object", "subject": "object", "route": "object"}
NUMBERS = {"numbers": "list(int)"}
NO_LOOPS = {
    "cedar": "n/a: Cedar has no loops over elements",
    "casbin": "n/a: its matchers have no loops over elements",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A condition in every language; `n/a: ` and a reason stand where a language lacks it."""

    title: str
    texts: Mapping[str, str]
    by_hand: Condition
    careful: Condition
    variables: Mapping[str, str]
    loop: Condition | None = None


def comparison(i: Any) -> bool:
    return i["request"]["max_tokens"] > 2000 and i["route"]["region"] != "us"  # type: ignore[no-any-return]


def comparison_careful(i: Any) -> bool:
    tokens, region = i["request"]["max_tokens"], i["route"]["region"]
    if type(tokens) is not int or type(region) is not str:
        raise TypeError
    return tokens > 2000 and region != "us"


def membership(i: Any) -> bool:
    return i["subject"]["tier"] in ("free", "pro", "trial")


def membership_careful(i: Any) -> bool:
    tier = i["subject"]["tier"]
    if type(tier) is not str:
        raise TypeError
    return tier in ("free", "pro", "trial")


def strings(i: Any) -> bool:
    model = i["request"]["model"]
    return model.startswith("claude-") or model.endswith("-mini") or "large" in model


def strings_careful(i: Any) -> bool:
    model = i["request"]["model"]
    if type(model) is not str:
        raise TypeError
    return model.startswith("claude-") or model.endswith("-mini") or "large" in model


def rule(i: Any) -> bool:
    request = i["request"]
    return (
        request["model"].startswith("claude-")
        and i["subject"]["tier"] in ("free", "pro")
        and request["max_tokens"] > 2000
        and i["route"]["region"] != "us"
    )


def rule_careful(i: Any) -> bool:
    request = i["request"]
    model, tokens = request["model"], request["max_tokens"]
    tier, region = i["subject"]["tier"], i["route"]["region"]
    if type(model) is not str or type(tokens) is not int:
        raise TypeError
    if type(tier) is not str or type(region) is not str:
        raise TypeError
    return (
        model.startswith("claude-") and tier in ("free", "pro") and tokens > 2000 and region != "us"
    )


def exists(i: Any) -> bool:
    return any(m["role"] == "user" and "Chile" in m["content"] for m in i["request"]["messages"])


def exists_loop(i: Any) -> bool:
    for message in i["request"]["messages"]:
        if message["role"] == "user" and "Chile" in message["content"]:
            return True
    return False


def exists_careful(i: Any) -> bool:
    messages = i["request"]["messages"]
    if type(messages) is not list:
        raise TypeError
    for message in messages:
        role = message["role"]
        if type(role) is not str:
            raise TypeError
        if role == "user":
            content = message["content"]
            if type(content) is not str:
                raise TypeError
            if "Chile" in content:
                return True
    return False


def arithmetic(i: Any) -> bool:
    product = i["request"]["max_tokens"] * 3
    if not LEAST <= product <= MOST:
        raise OverflowError
    total = product + 500
    if not LEAST <= total <= MOST:
        raise OverflowError
    return total <= 20000  # type: ignore[no-any-return]


def arithmetic_careful(i: Any) -> bool:
    tokens = i["request"]["max_tokens"]
    if type(tokens) is not int:
        raise TypeError
    product = tokens * 3
    if not LEAST <= product <= MOST:
        raise OverflowError
    total = product + 500
    if not LEAST <= total <= MOST:
        raise OverflowError
    return total <= 20000


def filtered(i: Any) -> bool:
    return len([n for n in i["numbers"] if n > 50]) > 49


def filtered_careful(i: Any) -> bool:
    numbers = i["numbers"]
    if type(numbers) is not list:
        raise TypeError
    kept = []
    for n in numbers:
        if type(n) is not int:
            raise TypeError
        if n > 50:
            kept.append(n)
    return len(kept) > 49


def mapped(i: Any) -> bool:
    tripled = []
    for n in i["numbers"]:
        product = n * 3
        if not LEAST <= product <= MOST:
            raise OverflowError
        tripled.append(product)
    return 300 in tripled


def mapped_careful(i: Any) -> bool:
    numbers = i["numbers"]
    if type(numbers) is not list:
        raise TypeError
    tripled = []
    for n in numbers:
        if type(n) is not int:
            raise TypeError
        product = n * 3
        if not LEAST <= product <= MOST:
            raise OverflowError
        tripled.append(product)
    return 300 in tripled


def found(i: Any) -> bool:
    return any(n == 64 for n in i["numbers"])


def found_loop(i: Any) -> bool:
    for n in i["numbers"]:  # noqa: SIM110 - it is what is measured
        if n == 64:
            return True
    return False


def found_careful(i: Any) -> bool:
    numbers = i["numbers"]
    if type(numbers) is not list:
        raise TypeError
    for n in numbers:
        if type(n) is not int:
            raise TypeError
        if n == 64:
            return True
    return False


def pipeline(i: Any) -> bool:
    contents = [m["content"] for m in i["request"]["messages"] if m["role"] == "user"]
    return any("Ecuador" in content for content in contents)


def pipeline_loop(i: Any) -> bool:
    contents = [m["content"] for m in i["request"]["messages"] if m["role"] == "user"]
    for content in contents:  # noqa: SIM110 - it is what is measured
        if "Ecuador" in content:
            return True
    return False


def pipeline_careful(i: Any) -> bool:
    messages = i["request"]["messages"]
    if type(messages) is not list:
        raise TypeError
    contents = []
    for message in messages:
        role = message["role"]
        if type(role) is not str:
            raise TypeError
        if role == "user":
            contents.append(message["content"])
    for content in contents:
        if type(content) is not str:
            raise TypeError
        if "Ecuador" in content:
            return True
    return False


COMPARISON = Case(
    "comparisons",
    {
        "cel": "request.max_tokens > 2000 && route.region != 'us'",
        "cedar": 'context.request.max_tokens > 2000 && context.route.region != "us"',
        "rego": 'input.request.max_tokens > 2000; input.route.region != "us"',
        "casbin": 'r.request.max_tokens > 2000 && r.route.region != "us"',
    },
    comparison,
    comparison_careful,
    OBJECTS,
)
MEMBERSHIP = Case(
    "`in` a list",
    {
        "cel": 'subject.tier in ["free", "pro", "trial"]',
        "cedar": '["free", "pro", "trial"].contains(context.subject.tier)',
        "rego": 'input.subject.tier in ["free", "pro", "trial"]',
        "casbin": 'r.subject.tier == "free" || r.subject.tier == "pro"'
        ' || r.subject.tier == "trial"',
    },
    membership,
    membership_careful,
    OBJECTS,
)
STRINGS = Case(
    "string tests",
    {
        "cel": 'request.model.startsWith("claude-") || request.model.endsWith("-mini")'
        ' || request.model.contains("large")',
        "cedar": 'context.request.model like "claude-*" || context.request.model like "*-mini"'
        ' || context.request.model like "*large*"',
        "rego": 'true in [startswith(input.request.model, "claude-"),'
        ' endswith(input.request.model, "-mini"), contains(input.request.model, "large")]',
        "casbin": 'r.request.model.startswith("claude-") || r.request.model.endswith("-mini")'
        ' || "large" in r.request.model',
    },
    strings,
    strings_careful,
    OBJECTS,
)
RULE = Case(
    "one typed rule",
    {
        "cel": 'request.model.startsWith("claude-") && subject.tier in ["free", "pro"]'
        ' && request.max_tokens > 2000 && route.region != "us"',
        "cedar": 'context.request.model like "claude-*"'
        ' && ["free", "pro"].contains(context.subject.tier)'
        ' && context.request.max_tokens > 2000 && context.route.region != "us"',
        "rego": 'startswith(input.request.model, "claude-");'
        ' input.subject.tier in ["free", "pro"];'
        ' input.request.max_tokens > 2000; input.route.region != "us"',
        "casbin": 'r.request.model.startswith("claude-")'
        ' && (r.subject.tier == "free" || r.subject.tier == "pro")'
        ' && r.request.max_tokens > 2000 && r.route.region != "us"',
    },
    rule,
    rule_careful,
    OBJECTS,
)
EXISTS = Case(
    "`exists` over 4 messages",
    {
        "cel": 'request.messages.exists(m, m.role == "user" && m.content.contains("Chile"))',
        "rego": 'some m in input.request.messages; m.role == "user"; contains(m.content, "Chile")',
        **NO_LOOPS,
    },
    exists,
    exists_careful,
    OBJECTS,
    exists_loop,
)
ARITHMETIC = Case(
    "arithmetic with overflow checks",
    {
        "cel": "request.max_tokens * 3 + 500 <= 20000",
        "cedar": "context.request.max_tokens * 3 + 500 <= 20000",
        "rego": "input.request.max_tokens * 3 + 500 <= 20000",
        "casbin": "r.request.max_tokens * 3 + 500 <= 20000",
    },
    arithmetic,
    arithmetic_careful,
    OBJECTS,
)
FILTERED = Case(
    "`filter` over 100 ints",
    {
        "cel": "numbers.filter(n, n > 50).size() > 49",
        "rego": "count([n | some n in input.numbers; n > 50]) > 49",
        **NO_LOOPS,
    },
    filtered,
    filtered_careful,
    NUMBERS,
)
MAPPED = Case(
    "`map` over 100 ints",
    {
        "cel": "300 in numbers.map(n, n * 3)",
        "rego": "300 in [x | some n in input.numbers; x := n * 3]",
        **NO_LOOPS,
    },
    mapped,
    mapped_careful,
    NUMBERS,
)
FOUND = Case(
    "`exists` over 100 ints",
    {
        "cel": "numbers.exists(n, n == 64)",
        "rego": "some n in input.numbers; n == 64",
        **NO_LOOPS,
    },
    found,
    found_careful,
    NUMBERS,
    found_loop,
)
PIPELINE = Case(
    "`filter`, `map` and `exists` over 100 messages",
    {
        "cel": 'request.messages.filter(m, m.role == "user").map(m, m.content)'
        '.exists(c, c.contains("Ecuador"))',
        "rego": "some c in [m.content | some m in input.request.messages;"
        ' m.role == "user"]; contains(c, "Ecuador")',
        **NO_LOOPS,
    },
    pipeline,
    pipeline_careful,
    OBJECTS,
    pipeline_loop,
)

TYPED = (COMPARISON, MEMBERSHIP, STRINGS, RULE, EXISTS, ARITHMETIC)
PIPELINES = (FILTERED, MAPPED, FOUND, PIPELINE)
UNTYPED = (RULE, EXISTS, ARITHMETIC, FILTERED)
