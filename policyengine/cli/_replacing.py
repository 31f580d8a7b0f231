"""Changing a file of a user's."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile


def replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all; its mode stays, and a link stays a link.

    Line ends are written as they are. Raises `OSError`.
    """
    target = path.resolve()
    mode = target.stat().st_mode & 0o7777
    # Who may not write to the file means it to stay, though the folder would allow another one.
    with target.open("r+b"):
        pass
    with NamedTemporaryFile(
        "w",
        encoding="utf-8",
        newline="",
        dir=target.parent,
        prefix=f".{target.name}.",
        delete=False,
    ) as file:
        temporary = Path(file.name)
        try:
            file.write(text)
            file.close()
            temporary.chmod(mode)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
