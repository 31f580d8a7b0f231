"""The file format of policy tests, as pydantic models; the JSON Schema is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, StringConstraints, Tag

from policyengine.testing.expectations import Expectation, Hole, Strict

API_VERSION = "policyengine.dev/v1"
KIND = "TestSuite"

# Tests without a clock of their own get this one, so that they answer the same every day.
DEFAULT_CLOCK = "2026-01-15T12:00:00Z"

NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]*"
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME_PATTERN}$", max_length=100)]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Facts = dict[str, list[dict[str, JsonValue]] | Literal["error"]]


class DecisionTest(Strict):
    """One request, and the decision it must get; with a matrix, one for each combination."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    description: str = ""
    point: str | None = Field(default=None, description="Decision point; or the suite's.")
    fixture: str | None = Field(default=None, description="Short for `fixtures` with one name.")
    fixtures: list[str] = Field(default=[], description="Merged in order, then `input` on top.")
    input: dict[str, JsonValue] = Field(default={})
    matrix: dict[Name, list[JsonValue]] = Field(
        default={},
        description="Values by name: one case for each combination, used as `${matrix.name}`.",
    )
    facts: Facts = Field(
        default={}, description="What guards find, by the guard's name; or `error` to let it fail."
    )
    clock: str | None = Field(default=None, description="RFC 3339.")
    expect: Expectation
    skip: str | None = Field(default=None, min_length=1, description="Why this is not run.")


Count = Annotated[int, Field(ge=0, le=10**12)] | Hole
Duration = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Of(Strict):
    """Which request is meant."""

    of: str | None = Field(
        default=None, description="Name of the step that made the request; else the latest one."
    )


class Used(Of):
    """What a request really took, as the provider tells it."""

    model: str = Field(default="", description="The model that served, if not the one reserved.")
    input_tokens: Count = 0
    output_tokens: Count = 0
    cached_tokens: Count = 0
    cache_write_tokens: Count = 0
    reasoning_tokens: Count = 0
    input_images: Count = 0
    output_images: Count = 0
    batch: bool | Hole = False
    cost_micro_usd: Count | None = None


class Extended(Used):
    """What a streamed answer has taken so far, which is held where that is more."""

    room: bool | Hole = Field(default=True, description="Whether limits have room for it.")


class Recorded(Strict):
    """Something that happened, as the host records it."""

    kind: str
    name: str = ""
    same: str = Field(default="", description="A digest that equal calls share.")
    cost: Count = Field(default=0, description="Micro-dollars.")
    amount: float | int | Hole = 0.0
    ok: bool | Hole = True
    attributes: dict[str, str | int | float | bool] = Field(default={})


class ModelObserved(Strict):
    """How a model answered, as the host reports it."""

    model: str
    ok: bool | Hole = True
    latency_ms: float | int | Hole | None = None
    status: int | Hole | None = None
    cooldown: float | int | Hole | None = Field(default=None, description="Seconds.")


class Step(Strict):
    """One thing after another: time passes, models and events are told, a request is decided.

    In a step, things happen in the order of these keys. A request is decided where something is
    expected of it.
    """

    name: str = Field(default="", max_length=100, description="For `of`, and for messages.")
    description: str = ""
    after: Duration | None = Field(default=None, description="Time since the step before: `1h30m`.")
    now: str | None = Field(default=None, description="The time itself, RFC 3339.")
    repeat: Annotated[int, Field(ge=1)] | Hole = Field(
        default=1, description="How often the whole step happens."
    )
    every: Duration | None = Field(default=None, description="Time between repetitions.")
    observe: ModelObserved | list[ModelObserved] = Field(default=[])
    record: Recorded | list[Recorded] = Field(default=[])
    point: str | None = Field(default=None, description="Decision point; or the test's.")
    fixture: str | None = Field(default=None, description="Short for `fixtures` with one name.")
    fixtures: list[str] = Field(default=[], description="Merged in order onto the test's input.")
    input: dict[str, JsonValue] = Field(default={})
    facts: Facts = Field(default={}, description="What guards find; laid over the test's.")
    key: str | None = Field(
        default=None, max_length=200, description="Idempotency key: one key is one request."
    )
    expect: Expectation | None = Field(
        default=None, description="Of every repetition, but for the last where it has its own."
    )
    expect_last: Expectation | None = Field(
        default=None, description="Of the last repetition alone."
    )
    extend: Extended | None = Field(
        default=None, description="What a streamed answer has taken so far. For whom: see `settle`."
    )
    settle: Used | None = Field(
        default=None,
        description="What it took. The step's own request, if it is allowed; else that of `of`.",
    )
    release: bool | Of | None = Field(
        default=None, description="Gives back what is held: the request was never made."
    )
    refund: Used | None = Field(default=None, description="What the provider does not charge for.")


class StepsTest(Strict):
    """Several requests, one after the other, over one store and a clock that moves."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    description: str = ""
    point: str | None = Field(default=None, description="Decision point; or the suite's.")
    fixture: str | None = Field(default=None, description="Short for `fixtures` with one name.")
    fixtures: list[str] = Field(default=[], description="Merged in order, then `input` on top.")
    input: dict[str, JsonValue] = Field(default={}, description="What all steps have in common.")
    matrix: dict[Name, list[JsonValue]] = Field(
        default={},
        description="Values by name: one case for each combination, used as `${matrix.name}`.",
    )
    facts: Facts = Field(
        default={}, description="What guards find, by the guard's name; or `error` to let it fail."
    )
    clock: str | None = Field(default=None, description="RFC 3339; when the first step begins.")
    steps: Annotated[list[Step], Field(min_length=1, max_length=1000)]
    skip: str | None = Field(default=None, min_length=1, description="Why this is not run.")


class ExpectedDiagnostic(Strict):
    """A finding of the compiler; what is not given is not looked at."""

    slug: str | None = None
    line: int | None = None
    column: int | None = None
    message: str | None = Field(default=None, description="Part of the message.")
    file: str | None = None


class CompileExpectation(Strict):
    """All errors that compiling must give; an empty list means that it must succeed."""

    compile_errors: list[ExpectedDiagnostic]


class CompileTest(Strict):
    """Files that the compiler must refuse (or accept), and where."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    description: str = ""
    policy: str | None = Field(default=None, description="Short for `files` with `policy.yaml`.")
    files: dict[FilePath, str] = Field(
        default={}, description="Texts by path. A `bundle.yaml` is added where there is none."
    )
    expect: CompileExpectation
    skip: str | None = Field(default=None, min_length=1, description="Why this is not run.")


Share = Annotated[float, Field(ge=0, le=1)]


class Bound(Strict):
    """Where a rate must lie."""

    at_least: Share | None = None
    at_most: Share | None = None


class ExpectedRates(Strict):
    """How well a rule must tell texts apart."""

    recall: Bound | None = Field(default=None, description="Of what is looked for, what is found.")
    precision: Bound | None = Field(default=None, description="Of the matches, those right.")
    false_positive_rate: Bound | None = Field(
        default=None, description="Of harmless texts, those that match."
    )


class RateTest(Strict):
    """Labelled texts, and the rates with which a rule must tell them apart."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    description: str = ""
    data: FilePath = Field(description="File of labelled texts in the bundle, JSON lines.")
    rule: str = Field(description="The rule, as `id` or `policy/id`.")
    labels: list[str] = Field(default=[], description="What is looked for; any label if unsaid.")
    point: str | None = Field(default=None, description="Decision point; or the suite's.")
    fixtures: list[str] = Field(default=[], description="Merged in order, then `input` on top.")
    input: dict[str, JsonValue] = Field(
        default={}, description="The input, with `${text}` where the text stands."
    )
    sure: bool = Field(
        default=False, description="Whether the whole 95 % interval must lie within the bounds."
    )
    expect: ExpectedRates
    skip: str | None = Field(default=None, min_length=1, description="Why this is not run.")


# The keys that tell what kind of test an object is. No kind is named like a key: pydantic puts its
# name into the places of errors.
_TELLING = {"policy": "compile", "files": "compile", "steps": "sequence"}


def kind_of(value: Any) -> str:
    """The kind of test that an object is meant to be: `decision`, `sequence` or `compile`.

    >>> kind_of({"name": "t", "steps": []})
    'sequence'
    """
    keys = value if isinstance(value, dict) else {}
    return next((kind for key, kind in _TELLING.items() if key in keys), "decision")


Test = Annotated[
    Annotated[DecisionTest, Tag("decision")]
    | Annotated[StepsTest, Tag("sequence")]
    | Annotated[CompileTest, Tag("compile")],
    Discriminator(kind_of),
]
KINDS: dict[str, type[BaseModel]] = {
    "decision": DecisionTest,
    "sequence": StepsTest,
    "compile": CompileTest,
}


class TestSuite(Strict):
    """A file of policy tests."""

    __test__ = False

    model_config = ConfigDict(title="TestSuite", populate_by_name=True)

    api_version: Literal["policyengine.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["TestSuite"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: str = ""
    clock: str = Field(default=DEFAULT_CLOCK, description="RFC 3339; the time of all decisions.")
    point: str | None = Field(default=None, description="Decision point of tests that name none.")
    fixtures: dict[Name, dict[str, JsonValue]] = Field(
        default={}, description="Named parts of inputs."
    )
    tests: list[Test] = Field(default=[])
    rates: list[RateTest] = Field(default=[], description="Rates on labelled texts.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a test file.

    >>> json_schema()["title"]
    'TestSuite'
    """
    schema = TestSuite.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
