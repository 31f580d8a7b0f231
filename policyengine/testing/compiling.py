"""Compiling the files of a compile test, in memory."""

from __future__ import annotations

from pathlib import PurePosixPath

import policyengine
from policyengine.diagnostics import CompileError, Diagnostic
from policyengine.rules.load import MANIFEST, load_text
from policyengine.testing.model import CompileTest

_DEFAULT_MANIFEST = """\
apiVersion: policyengine.dev/v1
kind: Bundle
name: compile-test
version: 0.0.0
"""


def compiled_errors(test: CompileTest) -> tuple[Diagnostic, ...]:
    """What the compiler finds in a test's files, under the paths that the test gives them.

    Raises `ValueError` for a file's name that makes no sense in a bundle.
    """
    try:
        policyengine.compile(policyengine.check(load_text(_files(test))))
    except CompileError as error:
        return error.diagnostics
    return ()


def _files(test: CompileTest) -> dict[str, str | bytes]:
    files: dict[str, str | bytes] = dict(test.files)
    if test.policy is not None:
        if "policy.yaml" in files:
            raise ValueError("`policy` is short for the file `policy.yaml`, which is there too")
        files["policy.yaml"] = test.policy
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name:
            raise ValueError(f"`{name}` is not a path inside a bundle")
    return {MANIFEST: _DEFAULT_MANIFEST, **files}
