"""The shapes of `bundle.yaml` and of policy files, exactly as an author may write them.

Short forms (`deny: text`) are widened before validation, so each shape below is the long form.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from policyengine.program import Style

API_VERSION = "policyengine.dev/v1"

_SEMVER = (
    r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
PointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]*$", max_length=100)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]


class Cel:
    """A CEL expression; what YAML reads as a number or a truth value is one too."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_expression)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": ["string", "boolean", "number"], "description": "A CEL expression."}


def _expression(value: Any) -> Any:
    if isinstance(value, bool | int | float) or (isinstance(value, str) and value.strip()):
        return value
    raise PydanticCustomError("wrong_type", "a CEL expression")


class Short:
    """Lets a value be written as text (or as true, or as a list) instead of an object.

    `key` is the field that the short form fills.
    """

    def __init__(self, key: str, *, true: bool = False, items: bool = False) -> None:
        self.key = key
        self.true = true
        self.items = items

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.widened, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        forms: list[dict[str, Any]] = [handler(schema)]
        if self.items:
            forms.insert(0, {"type": "array", "items": {"type": "string"}, "minItems": 1})
        else:
            forms.insert(0, {"type": "string", "minLength": 1})
        if self.true:
            forms.insert(0, {"const": True})
        return {"anyOf": forms}

    def widened(self, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        if self.true and value is True:
            return {}
        if isinstance(value, list if self.items else str):
            return {self.key: value}
        short = "a list" if self.items else "true, text" if self.true else "text"
        raise PydanticCustomError("wrong_type", "{wanted}", {"wanted": f"{short} or an object"})


class Strict(BaseModel):
    """A shape that knows all its keys and converts nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BaseBundle(Strict):
    """A bundle that this one builds on."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="Folder of the base, relative to this bundle."
    )
    digest: Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")] | None = Field(
        None, description="Digest that the base must have."
    )


class BundleLimits(Strict):
    """Bounds that this bundle sets itself, below those of the library."""

    rules: int | None = Field(None, ge=1, description="Most rules, those of bases not counted.")
    expression: int | None = Field(None, ge=1, description="Most characters in an expression.")
    cost: int | None = Field(None, ge=1, description="Most steps that an expression may take.")
    total_cost: int | None = Field(
        None, ge=1, description="Most steps that all expressions of a decision point may take."
    )
    elements: int | None = Field(
        None, ge=1, description="Elements that each list of an input is assumed to have."
    )
    characters: int | None = Field(
        None, ge=1, description="Characters that each text of an input is assumed to have."
    )
    text_characters: int | None = Field(
        None, ge=1, description="Most characters of a text that guards look at; 200,000 if unsaid."
    )
    guard_milliseconds: int | None = Field(
        None, ge=1, description="Time that the guards of a decision have; 1,000 if unsaid."
    )


class BundleFile(Strict):
    """The manifest of a bundle, `bundle.yaml`."""

    apiVersion: Literal["policyengine.dev/v1"] = Field(  # noqa: N815 - the key's name
        description="Version of the policy language."
    )
    kind: Literal["Bundle"] = Field(description="What this file is.")
    name: Name = Field(description="Name of the bundle, part of every decision.")
    version: Annotated[str, StringConstraints(pattern=_SEMVER, max_length=100)] = Field(
        description="Version of the bundle, by semver."
    )
    description: str = Field("", description="What the bundle is for.")
    extends: list[BaseBundle] = Field([], description="Bundles that this one builds on.")
    constants: dict[Identifier, JsonValue] = Field(
        {}, description="Values that rules read as `constants.<name>`."
    )
    defaults: dict[PointName, Literal["allow", "require_approval", "deny"]] = Field(
        {}, description="Verdict of each decision point when no rule gives one; `deny` if unsaid."
    )
    limits: BundleLimits = Field(
        default_factory=lambda: BundleLimits.model_validate({}),
        description="Bounds of this bundle.",
    )


class Metadata(Strict):
    """What a policy is called and who answers for it."""

    name: Name = Field(description="Name of the policy, unique in its bundle.")
    description: str = Field("", description="What the policy is for.")
    owner: str = Field("", description="Who answers for it.")
    severity: Literal["low", "medium", "high", "critical"] = Field(
        "medium", description="How much a match matters."
    )
    controls: list[str] = Field([], description="Controls that it implements, as `soc2:CC6.7`.")


class AllowForm(Strict):
    """Permit, unless another rule is stricter."""

    message: Sentence | None = Field(None, description="Reason for the user.")
    admin: Sentence | None = Field(None, description="Reason for the operator.")


class DenyForm(Strict):
    """Refuse."""

    message: Sentence = Field(description="Reason for the user.")
    admin: Sentence | None = Field(None, description="Reason for the operator.")


class ApprovalForm(Strict):
    """Hold until people agree."""

    message: Sentence = Field(description="Reason for the user.")
    admin: Sentence | None = Field(None, description="Reason for the operator.")
    approvers: list[Sentence] = Field(
        [], alias="from", description="People or groups; any if none."
    )
    count: int = Field(1, ge=1, le=100, description="How many must agree.")


FindingType = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)]


class RedactForm(Strict):
    """Replace what the guards of the rule found."""

    style: Style = Field(
        "mask",
        alias="with",
        description="`***` (mask), `[TYPE]` (label), nothing (remove), its last four letters and "
        "digits (last4), or, with a key of the host, an HMAC (hash), a stable name "
        "(pseudonym), something of the same form (format), a token that the host's vault "
        "reverses (token). `keep` leaves it.",
    )
    types: dict[FindingType, Style] = Field(
        {}, description="Other styles by the type of what is found, as `CREDIT_CARD: last4`."
    )


class RouteForm(Strict):
    """Send the request to a tier."""

    to: Name = Field(description="The tier.")
    priority: int = Field(0, ge=-1000, le=1000, description="The highest of all matches wins.")


class TriggerForm(Strict):
    """Start an agent or a check."""

    agent: Name = Field(description="Which one.")
    required: bool = Field(False, description="Whether it must succeed.")
    inputs: dict[str, JsonValue] = Field({}, description="What it is given.")


class WarnForm(Strict):
    """Tell the user, and go on."""

    message: Sentence = Field(description="What to tell.")


class Labels:
    """Labels: an object of texts, or a list of names whose value is `true`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            _labels, handler(dict[Name, Annotated[str, StringConstraints(max_length=500)]])
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"anyOf": [handler(schema), names]}


def _labels(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, "true")
    if isinstance(value, dict) and value:
        return value
    raise PydanticCustomError("wrong_type", "a list of names or an object of texts")


class NamesForm(Strict):
    """Names to compare with; `*` and `?` stand for any characters and any one."""

    any: list[Sentence] | None = Field(None, min_length=1, description="One of these.")
    not_: list[Sentence] | None = Field(
        None, alias="not", min_length=1, description="None of these."
    )


Names = Annotated[NamesForm, Short("any", items=True)]


class VariableForm(Strict):
    """A named expression of a CEL policy."""

    name: Identifier = Field(description="Name, read as `variables.<name>`.")
    expression: Cel = Field(description="What it stands for.")
    description: str = Field("", description="What it is for.")


class MatchForm(Strict):
    """An output or a nested rule, under a condition."""

    condition: Cel | None = Field(None, description="When this is taken; always, if left out.")
    output: Cel | None = Field(None, description="What it gives.")
    explanation: Cel | None = Field(None, description="Why, as an expression of a text.")
    rule: BodyForm | None = Field(None, description="A rule that decides further.")


class BodyForm(Strict):
    """A rule of a CEL policy: variables, and matches of which the first or all are taken."""

    id: str = Field("", description="Name of the rule, for people.")
    description: str = Field("", description="What the rule is for.")
    variables: list[VariableForm] = Field([], description="Named expressions.")
    match: list[MatchForm] | None = Field(None, min_length=1, description="The first one is taken.")
    aggregate: list[MatchForm] | None = Field(
        None, min_length=1, description="All are taken, and give a list."
    )


class PolicyForm(BodyForm):
    """A CEL policy that decides whether the rule matches: a file of the bundle, or the rule here.

    Outputs are bool, texts (why it holds), or lists or optionals of these.
    """

    file: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        None, description="A CEL Policy file, by its path in the bundle."
    )
    key: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Which key of the outputs decides, where these are objects."
    )


ON_EXCEED = "on_exceed"
"""The key of a limit clause whose effects are those of its rule."""


class RuleForm(Strict):
    """One rule. All its clauses must hold for its effects to take place.

    Effects that stand as `on_exceed` in a clause are read as if they stood in the rule.
    """

    # Clauses of guards and other plug-ins are not known here; `policy_files` checks them.
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    id: Name = Field(description="Name of the rule, unique in its policy.")
    description: str = Field("", description="Why the rule exists.")
    mode: Literal["enforce", "warn", "shadow"] | None = Field(
        None, description="Overrides the policy's mode."
    )
    on_error: Literal["match", "skip"] | None = Field(
        None, description="What a rule that cannot be evaluated counts as."
    )
    when: Cel | None = Field(None, description="CEL condition.")
    unless: Cel | None = Field(None, description="CEL condition that must not hold.")
    models: Names | None = Field(None, description="The model is one of these.")
    tools: Names | None = Field(None, description="A tool is one of these.")
    policy: Annotated[PolicyForm, Short("file")] | None = Field(
        None,
        description="What a CEL policy gives is true, a text that is not empty, or a list of such.",
    )
    allow: Annotated[AllowForm, Short("message", true=True)] | None = Field(
        None, description="Permit."
    )
    deny: Annotated[DenyForm, Short("message")] | None = Field(None, description="Refuse.")
    require_approval: Annotated[ApprovalForm, Short("message")] | None = Field(
        None, description="Hold until people agree."
    )
    redact: Annotated[RedactForm, Short("with")] | None = Field(
        None, description="Replace what was found."
    )
    route: Annotated[RouteForm, Short("to")] | None = Field(None, description="Choose a tier.")
    trigger: Annotated[TriggerForm, Short("agent")] | None = Field(
        None, description="Start an agent or a check."
    )
    warn: Annotated[WarnForm, Short("message")] | None = Field(None, description="Tell the user.")
    tag: Annotated[dict[str, str], Labels] | None = Field(None, description="Attach labels.")

    @model_validator(mode="before")
    @classmethod
    def _lifted(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        effects: dict[str, Any] = {}
        for part in value.values():
            if isinstance(part, dict) and isinstance(part.get(ON_EXCEED), dict):
                effects |= {key: e for key, e in part[ON_EXCEED].items() if key in EFFECTS}
        return {**effects, **value} if effects else value


class PolicyFile(Strict):
    """A policy: rules for some decision points."""

    apiVersion: Literal["policyengine.dev/v1"] = Field(  # noqa: N815 - the key's name
        description="Version of the policy language."
    )
    kind: Literal["Policy"] = Field(description="What this file is.")
    metadata: Metadata = Field(description="Name and owner.")
    on: list[PointName] = Field(min_length=1, description="Decision points.")
    mode: Literal["enforce", "warn", "shadow"] = Field(
        "enforce", description="Whether matches bind, only warn, or are only recorded."
    )
    final: bool = Field(False, description="Whether overlays may only tighten this policy.")
    variables: dict[Identifier, Cel] = Field(
        {}, description="Named expressions, read as `variables.<name>`."
    )
    rules: list[RuleForm] = Field(min_length=1, description="The rules.")


CLAUSES = ("when", "unless", "models", "tools", "policy")
VERDICTS = ("allow", "deny", "require_approval")
OBLIGATIONS = ("redact", "route", "trigger", "warn", "tag")
EFFECTS = (*VERDICTS, *OBLIGATIONS)
