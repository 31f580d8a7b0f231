"""Reading a classifier's weights: where they are installed, and whether they are undamaged."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from policyengine.errors import FactError

_PACKAGE = Path(__file__).resolve().parent.parent
# In a wheel, and in a checkout.
_PLACES = (_PACKAGE / "weights", _PACKAGE.parent / "classifiers")


def read(name: str, file: str) -> bytes:
    """A file of a classifier's weights, once its sum is that of the manifest.

    The sum finds damage, not malice: whoever can change the weights can change the manifest.
    Raises `FactError`: `model-missing` or `model-damaged`.

    >>> read("none-such", "weights.bin")
    Traceback (most recent call last):
    policyengine.errors.FactError: the model `none-such` is not installed
    """
    folder = _folder(name)
    try:
        wanted = _sums(folder)[file]
        content = (folder / file).read_bytes()
    except (OSError, KeyError):
        raise FactError("model-missing", f"the model `{name}` lacks `{file}`") from None
    if hashlib.sha256(content).hexdigest() != wanted:
        raise FactError("model-damaged", f"`{file}` of the model `{name}` is damaged")
    return content


def version(name: str) -> str:
    """The start of the hash of a model's manifest, which names its weights in reports."""
    try:
        manifest = (_folder(name) / "manifest.json").read_bytes()
    except OSError:
        raise FactError("model-missing", f"the model `{name}` has no manifest") from None
    return hashlib.sha256(manifest).hexdigest()[:12]


def _folder(name: str) -> Path:
    for folder in (_PLACES[0] / name, _PLACES[1] / name / "weights"):
        if folder.is_dir():
            return folder
    raise FactError("model-missing", f"the model `{name}` is not installed")


@cache
def _sums(folder: Path) -> dict[str, str]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return {str(file): str(total) for file, total in manifest["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise FactError("model-damaged", "the manifest of the model is damaged") from None
