"""Finding bundles on the command line's paths."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from policyengine.cli._console import Refusal, shown

MANIFEST = "bundle.yaml"

# Folders that never hold a bundle of one's own.
_SKIPPED = {"node_modules", "__pycache__", "venv", "site-packages"}


def bundles(paths: Iterable[str]) -> list[str]:
    """The bundles that paths stand for, each once, in order.

    A folder with a manifest is a bundle; a folder without one stands for all bundles below it.
    Raises `Refusal` for what does not exist and for folders without a bundle.
    """
    found: dict[str, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_bundles_at(Path(path))))
    return list(found)


def _bundles_at(path: Path) -> list[str]:
    if path.name == MANIFEST and path.is_file():
        return [shown(path.parent)]
    if not path.exists():
        raise Refusal(f"`{shown(path)}` does not exist", "give the folder of a bundle")
    if path.is_file():
        raise Refusal(
            f"`{shown(path)}` is a file, not a bundle",
            f"give the folder that holds its `{MANIFEST}`",
        )
    if (path / MANIFEST).is_file():
        return [shown(path)]
    below = sorted(shown(folder) for folder in _folders(path) if (folder / MANIFEST).is_file())
    if not below:
        raise Refusal(
            f"there is no `{MANIFEST}` in or below `{shown(path)}`",
            f"`policyengine init {shown(path)}` writes a bundle to begin with",
        )
    return below


def _folders(path: Path) -> Iterator[Path]:
    for folder, names, _ in os.walk(path):
        # A bundle inside a bundle is its test data.
        names[:] = [
            n
            for n in sorted(names)
            if not n.startswith(".")
            and n not in _SKIPPED
            and not (Path(folder) / MANIFEST).exists()
        ]
        yield Path(folder)
