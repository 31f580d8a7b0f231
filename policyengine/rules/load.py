"""Reading a bundle: its manifest, policies, decision points and bases.

Everything that is wrong with any file is reported together.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from policyengine.cel.cost import Sizes
from policyengine.cel.suggestions import closest
from policyengine.diagnostics import CompileError, Diagnostic, Related
from policyengine.program import Scan
from policyengine.rules.cel_policy.reading import is_cel_policy, load_document
from policyengine.rules.data_files import data_files
from policyengine.rules.documents import BundleFile, BundleLimits
from policyengine.rules.files import Files, Tree, folder_of
from policyengine.rules.model import Budget, Bundle, CelPolicy, Point, Policy, Rule
from policyengine.rules.parts import body_texts, texts
from policyengine.rules.points import (
    POINT_NAME,
    SchemaError,
    builtin_points,
    common,
    point_from,
)
from policyengine.rules.policy_files import policy_of
from policyengine.rules.shapes import fit
from policyengine.rules.yaml import DEFAULT_LIMITS, Document, Limits, decode, read, spans
from policyengine.source import Source, Span

MANIFEST = "bundle.yaml"
_YAML = (".yaml", ".yml")
# Folders at the top of a bundle whose files are not policies.
_NOT_POLICIES = ("tests", "schemas", "data")
_DIGESTED = ("schemas", "data")
MAX_RULES = 100_000
MAX_EXPRESSION = 20_000

Value = TypeVar("Value")


def load(path: str | os.PathLike[str], *, limits: Limits = DEFAULT_LIMITS) -> Bundle:
    """Read a bundle from its folder, or from its `bundle.yaml`.

    Raises `CompileError` with everything that is wrong in any of its files.
    """
    return load_files(folder_of(path), limits=limits)


def load_text(
    files: Mapping[str, str | bytes],
    root: str = "<memory>",
    *,
    at: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> Bundle:
    """Read a bundle from a mapping of paths to contents, such as a git tree.

    `root` stands before the paths in messages unless it is `<memory>`; `at` is the bundle's
    folder in the mapping. Raises `CompileError` as `load` does.

    >>> manifest = "apiVersion: policyengine.dev/v1\\nkind: Bundle\\nname: b\\nversion: 1.0.0\\n"
    >>> load_text({"bundle.yaml": manifest}).name
    'b'
    """
    return load_files(Tree(files, at.strip("/"), "" if root == "<memory>" else root), limits=limits)


def load_files(files: Files, *, limits: Limits = DEFAULT_LIMITS) -> Bundle:
    """Read a bundle from any source of files. Raises `CompileError` as `load` does."""
    return _Loader(limits).bundle(files, ())


@dataclass(slots=True)
class _Folder:
    """One bundle's folder while it is read."""

    files: Files
    names: list[str]
    contents: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    # CEL policies by the names of their files, None for one with mistakes; those that no rule
    # has asked for yet.
    cel_policies: dict[str, CelPolicy | None] = field(default_factory=dict)
    unused: dict[str, Document] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)

    def attempt(self, work: Callable[[], Value]) -> Value | None:
        """What the work gives; its diagnostics are kept for later."""
        try:
            return work()
        except CompileError as error:
            self.problems += error.diagnostics
            return None


@dataclass(slots=True)
class _Loader:
    """Reads a bundle and its bases; knows which of them are being read, and how much was."""

    limits: Limits
    bytes_read: int = 0
    bases: int = 0
    done: dict[str, Bundle] = field(default_factory=dict)

    def bundle(self, files: Files, above: tuple[str, ...]) -> Bundle:
        known = self.done.get(files.identity)
        if known is None:
            known = self.done[files.identity] = self.fresh(files, (*above, files.identity))
        return known

    def fresh(self, files: Files, above: tuple[str, ...]) -> Bundle:
        try:
            folder = _Folder(files, files.list(self.limits))
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            message = f"cannot read `{files.root}`: {reason}"
            raise _whole("no-bundle", message, files.show(MANIFEST)) from None
        if MANIFEST not in folder.names:
            message = f"there is no `{MANIFEST}` in `{files.root}`"
            raise _whole("no-bundle", message, files.show(MANIFEST))
        document = folder.attempt(lambda: self.document(folder, MANIFEST))
        form = None if document is None else folder.attempt(lambda: fit(document, BundleFile))
        policies = self.policies(folder)
        points = self.points(folder)
        data, wrong = data_files(folder.names, partial(self.source, folder))
        folder.problems += wrong
        bases: tuple[Bundle, ...] = ()
        if document is not None and form is not None:
            bases = self.extended(folder, document, form, above)
            folder.problems += _over_limits(form, document, policies)
            folder.problems += _redefined_points(files, points, bases)
        if folder.problems or document is None or form is None:
            raise CompileError(folder.problems)
        self.remember_data(folder)
        sources = {path: source for base in bases for path, source in base.sources.items()}
        return Bundle(
            files.root,
            form.name,
            form.version,
            _digest(folder.contents, bases),
            policies,
            {**{n: p for base in bases for n, p in base.points.items()}, **points},
            form.constants,
            form.defaults,
            bases,
            {**sources, **folder.sources},
            dict(spans(document.root)),
            form.description,
            tuple(w for base in bases for w in base.warnings) + tuple(folder.warnings),
            _budget(form.limits),
            _scan(form.limits, bases),
            _inherited(bases, data),
        )

    def content(self, folder: _Folder, name: str, limits: Limits | None = None) -> bytes:
        data = folder.files.read(name, (limits or self.limits).file_bytes)
        self.bytes_read += len(data)
        if self.bytes_read > self.limits.total_bytes:
            shown = folder.files.show(name)
            message = f"the bundle is larger than {self.limits.total_bytes:,} bytes"
            raise _whole("bundle-size", message, shown)
        folder.contents[name] = data
        return data

    def source(self, folder: _Folder, name: str, limits: Limits | None = None) -> Source:
        shown = folder.files.show(name)
        limits = limits or self.limits
        source = decode(shown, self.content(folder, name, limits), limits)
        folder.sources[shown] = source
        return source

    def document(self, folder: _Folder, name: str) -> Document:
        return read(self.source(folder, name), self.limits)

    def policy(self, folder: _Folder, name: str) -> Policy | None:
        """The policy in a file, None for a CEL policy: rules use it, or it is told of."""
        document = self.document(folder, name)
        if is_cel_policy(document):
            folder.unused[name] = document
            return None
        return policy_of(document, partial(self.cel_policy, folder))

    def cel_policy(self, folder: _Folder, name: str, span: Span) -> CelPolicy | None:
        """The CEL policy in a file that a rule names at `span`, read once."""
        if name in folder.cel_policies:
            return folder.cel_policies[name]
        files = _policy_files(folder.names)
        if name not in files:
            meant = closest(name, files)
            note = f"did you mean `{meant}`?" if meant else ""
            message = f"there is no file `{name[:200]}` in the bundle"
            help = "the path is relative to the bundle's folder"
            raise CompileError([Diagnostic("unknown-file", message, span, note, help)])
        document = folder.unused.pop(name, None) or self.document(folder, name)
        if not is_cel_policy(document):
            message = f"`{name}` is not a CEL Policy file"
            help = "such a file has the keys `name` and `rule`, and no `apiVersion`"
            raise CompileError([Diagnostic("no-cel-policy", message, span, help=help)])
        folder.cel_policies[name] = None
        folder.cel_policies[name] = load_document(document)
        return folder.cel_policies[name]

    def policies(self, folder: _Folder) -> tuple[Policy, ...]:
        found: dict[str, Policy] = {}
        for name in _policy_files(folder.names):
            if name in folder.cel_policies:
                continue
            policy = folder.attempt(partial(self.policy, folder, name))
            if policy is None:
                continue
            before = found.setdefault(policy.name, policy)
            if before is not policy:
                related = (Related(before.span, "first defined here"),)
                message = f"policy `{policy.name}` is defined twice"
                folder.problems.append(
                    Diagnostic("duplicate-policy", message, policy.span, related=related)
                )
        folder.problems += [_unused(name, document) for name, document in folder.unused.items()]
        return tuple(found.values())

    def points(self, folder: _Folder) -> dict[str, Point]:
        found = {}
        for name in folder.names:
            top, _, file = name.partition("/")
            if top == "schemas" and file.endswith(".json"):
                point = folder.attempt(partial(self.point, folder, name))
                if point is not None:
                    found[point.name] = point
        return found

    def point(self, folder: _Folder, file: str) -> Point:
        source = self.source(folder, file)
        name = file.removeprefix("schemas/").removesuffix(".json")
        if not POINT_NAME.match(name):
            message = f"`{name[:80]}` is not a name for a decision point"
            raise _whole("point-name", message, source.path, "such as `door.opened.json`")
        if name in builtin_points():
            message = f"the decision point `{name}` is built in"
            raise _whole("redefined-point", message, source.path)
        try:
            return point_from(name, _json(source), common())
        except SchemaError as error:
            raise _whole("point-schema", str(error), source.path) from None

    def remember_data(self, folder: _Folder) -> None:
        """Read what else counts for the digest."""
        for name in folder.names:
            if name.partition("/")[0] in _DIGESTED and name not in folder.contents:
                self.content(folder, name)

    def extended(
        self, folder: _Folder, document: Document, form: BundleFile, above: tuple[str, ...]
    ) -> tuple[Bundle, ...]:
        found = []
        for i, base in enumerate(form.extends):
            span = document.span(("extends", i, "path"))
            bundle = folder.attempt(partial(self.base, folder, base.path, span, above))
            if bundle is None:
                continue
            found.append(bundle)
            if base.digest is None:
                message = f"the base `{base.path}` has no digest"
                folder.warnings.append(
                    Diagnostic(
                        "unpinned-base", message, span,
                        help=f"pin it: `digest: {bundle.digest}`", severity="warning",
                    )
                )  # fmt: skip
            elif base.digest != bundle.digest:
                message = f"the base `{base.path}` has the digest `{bundle.digest}`"
                place = document.span(("extends", i, "digest"))
                folder.problems.append(Diagnostic("digest-mismatch", message, place))
        return tuple(found)

    def base(self, folder: _Folder, path: str, span: Span, above: tuple[str, ...]) -> Bundle:
        if path.startswith(("/", "~")) or "\\" in path or ":" in path:
            message = "a base is a relative path with `/`"
            raise CompileError([Diagnostic("base-path", message, span)])
        try:
            files = folder.files.beside(path)
        except CompileError as error:
            raise CompileError([_moved(error.diagnostics[0], span)]) from None
        if files.identity in above:
            message = f"`{path}` extends this bundle, directly or through others"
            raise CompileError([Diagnostic("extends-cycle", message, span)])
        self.bases += 1
        if self.bases > self.limits.bases:
            message = f"more than {self.limits.bases} bases"
            raise CompileError([Diagnostic("too-many-bases", message, span)])
        try:
            return self.bundle(files, above)
        except CompileError as error:
            first = error.diagnostics[0]
            if first.slug == "no-bundle" and first.span.path == files.show(MANIFEST):
                raise CompileError([_moved(first, span)]) from None
            raise


def _policy_files(names: list[str]) -> list[str]:
    """The files that hold policies: not those of a bundle inside the bundle."""
    inner = [n.removesuffix(MANIFEST) for n in names if n.endswith(f"/{MANIFEST}")]
    return [
        name
        for name in names
        if name.endswith(_YAML)
        and name != MANIFEST
        and name.split("/")[0] not in _NOT_POLICIES
        and not name.startswith(tuple(inner))
    ]


def _unused(name: str, document: Document) -> Diagnostic:
    """A CEL policy that nothing uses looks as if it were in force."""
    key = ("rule",) if document.node(("rule",)) is not None else ("kind",)
    message = f"no rule uses the CEL policy `{name}`"
    help = f"a rule of a policy file uses it with the clause `policy: {name}`"
    return Diagnostic("unused-cel-policy", message, document.key(key), help=help)


def _json(source: Source) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise SchemaError("a key is defined twice")
        return found

    try:
        return json.loads(source.text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        span = Span(source.path, error.lineno, error.colno, error.lineno, error.colno)
        message = f"this is not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise CompileError([Diagnostic("json-syntax", message, span)]) from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError("the schema is nested too deeply or has a number too long") from None


def _redefined_points(
    files: Files, points: Mapping[str, Point], bases: tuple[Bundle, ...]
) -> list[Diagnostic]:
    """Points of a base that this bundle says otherwise: rules of the base would read them wrong."""
    found = []
    for name, point in points.items():
        if any(name in base.points and base.points[name].schema != point.schema for base in bases):
            message = f"the decision point `{name}` is defined otherwise in a base"
            span = Span.start_of(files.show(f"schemas/{name}.json"))
            found.append(Diagnostic("redefined-point", message, span))
    return found


def _over_limits(
    form: BundleFile, document: Document, policies: tuple[Policy, ...]
) -> list[Diagnostic]:
    found = []
    count = sum(_size(rule) for policy in policies for rule in policy.rules)
    most = min(form.limits.rules or MAX_RULES, MAX_RULES)
    if count > most:
        message = f"the bundle has {count:,} rules, at most {most:,} are allowed"
        found.append(Diagnostic("too-many-rules", message, document.span(("limits", "rules"))))
    longest = min(form.limits.expression or MAX_EXPRESSION, MAX_EXPRESSION)
    for policy in policies:
        for text in (*texts(policy), *body_texts(policy)):
            if len(text.value) > longest:
                message = f"the expression has more than {longest:,} characters"
                found.append(Diagnostic("long-expression", message, text.span(0, 1)))
    return found


def _size(rule: Rule) -> int:
    """How many rules a rule counts for: each match of a CEL policy is compiled like one."""
    bodies = [clause.policy.rule for clause in rule.clauses if clause.policy is not None]
    return 1 + sum(len(one.matches) for body in bodies for one in body.within())


def _budget(limits: BundleLimits) -> Budget:
    default = Budget()
    return Budget(
        limits.cost or default.expression,
        limits.total_cost or default.point,
        Sizes(
            limits.elements or default.sizes.elements,
            limits.characters or default.sizes.characters,
        ),
    )


def _inherited(bases: tuple[Bundle, ...], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data files of a bundle; those that it lacks are its bases', the first one's first."""
    for base in bases:
        data = {**base.data, **data}
    return data


def _scan(limits: BundleLimits, bases: tuple[Bundle, ...]) -> Scan:
    """What guards may look at: as the bundle says, else as its first base does."""
    before = bases[0].scan if bases else Scan()
    return Scan(
        limits.text_characters or before.characters,
        limits.guard_milliseconds or before.milliseconds,
    )


def _digest(contents: Mapping[str, bytes], bases: tuple[Bundle, ...]) -> str:
    """The hash of every file that can change a decision, and of the bases."""
    whole = hashlib.sha256()
    for name, content in sorted(contents.items()):
        path = name.encode("utf-8", "surrogatepass")
        whole.update(b"%d:%s %d:" % (len(path), path, len(content)))
        whole.update(content)
    for base in bases:
        whole.update(base.digest.encode())
    return f"sha256:{whole.hexdigest()}"


def _whole(slug: str, message: str, path: str, help: str = "") -> CompileError:
    return CompileError([Diagnostic(slug, message, Span.start_of(path), help=help)])


def _moved(found: Diagnostic, span: Span) -> Diagnostic:
    return Diagnostic(found.slug, found.message, span, found.note, found.help)
