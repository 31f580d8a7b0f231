"""The lines of earlier sessions, in a file that only their author can read.

Expressions may hold what is not for others. So the file has the mode 0600, a line that begins
with a space is not kept, and nothing is with `--no-history` or `POLICYENGINE_HISTORY=0`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MAX_LINES = 1_000
_MAX_BYTES = 1 << 20
_OFF = ("", "0", "no", "off", "false")


def history_file() -> Path | None:
    """Where lines are kept: `POLICYENGINE_HISTORY`, or in the user's folder for state.

    None where it is turned off, or where there is no home.
    """
    named = os.environ.get("POLICYENGINE_HISTORY")
    if named is not None:
        return None if named.lower() in _OFF else Path(named)
    local = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    state = local or os.environ.get("XDG_STATE_HOME")
    try:
        folder = Path(state) if state else Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    return folder / "policyengine" / "history"


def read_history(path: Path) -> list[str]:
    """The lines, the latest last; none where the file cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _MAX_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line for line in text.split("\n") if line][-MAX_LINES:]


def write_history(path: Path, lines: list[str]) -> bool:
    """Keep the latest of these lines instead of what the file holds; whether that worked."""
    kept = "".join(f"{line}\n" for line in lines[-MAX_LINES:])
    # Whoever may write into the folder could put a link there that points elsewhere.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), 0o600)
            file.write(kept.encode("utf-8", "replace"))
    except OSError:
        return False
    return True


def is_kept(line: str) -> bool:
    """Whether a line may be written down."""
    return bool(line.strip()) and not line.startswith(" ") and "\n" not in line
