"""The bundles that people begin with.

In a wheel they lie in `policyengine/starters/`, in a checkout in `policies/`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

BLANK = "blank"
_MANIFEST = "bundle.yaml"

_BLANK: dict[str, str] = {
    "bundle.yaml": """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: my-policies
version: 0.1.0
description: Say here whom these rules protect, and from what.

# What holds when no rule matches. Points that are not named here deny.
defaults:
  llm.request: allow
""",
    "models.yaml": """\
apiVersion: policyengine.dev/v1
kind: Policy
metadata:
  name: models
  description: Which models may be used.
on: [llm.request]
rules:
  - id: no-preview-models
    when: request.model.endsWith("-preview")
    deny: Preview models may change without notice and are not open for use.
""",
    "tests/models.yaml": """\
apiVersion: policyengine.dev/v1
kind: TestSuite
name: models
point: llm.request
tests:
  - name: a model is allowed
    input: {request: {model: small}}
    expect: {verdict: allow, rules: []}

  - name: a preview model is refused
    input: {request: {model: small-preview}}
    expect:
      verdict: deny
      rules: [no-preview-models]
      reasons: [{message: may change without notice}]
""",
}


def starters() -> list[str]:
    """The names of all starter bundles, the blank one first.

    >>> starters()[0]
    'blank'
    """
    folder = _folder()
    found = [] if folder is None else [f.name for f in folder.iterdir() if _is_bundle(f)]
    return [BLANK, *sorted(found)]


def files_of(starter: str) -> dict[str, bytes]:
    """A starter's files by their path inside the bundle.

    Raises `KeyError` with the name when there is no such starter.

    >>> sorted(files_of("blank"))
    ['bundle.yaml', 'models.yaml', 'tests/models.yaml']
    """
    if starter == BLANK:
        return {name: text.encode() for name, text in _BLANK.items()}
    folder = _folder()
    if folder is None or starter not in starters():
        raise KeyError(starter)
    return dict(sorted(_files(folder / starter, "").items()))


@cache
def _folder() -> Traversable | None:
    installed = files("policyengine") / "starters"
    checkout = Path(__file__).resolve().parents[2] / "policies"
    return next((folder for folder in (installed, checkout) if folder.is_dir()), None)


def _is_bundle(folder: Traversable) -> bool:
    return folder.is_dir() and (folder / _MANIFEST).is_file()


def _files(folder: Traversable, prefix: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in folder.iterdir():
        if item.name.startswith((".", "__")):
            continue
        if item.is_dir():
            found |= _files(item, f"{prefix}{item.name}/")
        else:
            found[f"{prefix}{item.name}"] = item.read_bytes()
    return found
