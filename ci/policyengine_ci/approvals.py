"""Who has approved, and is it enough?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who approved, and the groups that this person speaks for."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Requirement:
    """An approval that a rule asks for, and how far it is met.

    `approvers` are people or groups, anybody where empty; `given` are the people who count.
    """

    rule: str
    message: str
    approvers: tuple[str, ...]
    count: int
    given: tuple[str, ...]

    @property
    def met(self) -> bool:
        """Whether enough people agree."""
        return len(self.given) >= self.count


def approver(text: str) -> Approver:
    """An approver as written on the command line: `NAME`, or `NAME=GROUP,GROUP`.

    Raises `ValueError` where there is no name.

    >>> approver("@ada=security,payments")
    Approver(name='ada', groups=('security', 'payments'))
    """
    name, _, groups = text.partition("=")
    if not _plain(name):
        raise ValueError("an approver needs a name: `NAME` or `NAME=GROUP,GROUP`")
    return Approver(_plain(name), tuple(_plain(g) for g in groups.split(",") if _plain(g)))


def counted(approvers: Iterable[Approver], authors: Iterable[str]) -> tuple[Approver, ...]:
    """The approvers that count: each once, and never an author of the change."""
    own = {_folded(author) for author in authors}
    found: dict[str, Approver] = {}
    for one in approvers:
        if _folded(one.name) not in own:
            known = found.setdefault(_folded(one.name), one)
            found[_folded(one.name)] = Approver(known.name, (*known.groups, *one.groups))
    return tuple(found.values())


def requirement(
    rule: str, message: str, wanted: Sequence[str], count: int, given: Iterable[Approver]
) -> Requirement:
    """What a rule asks for, with those of the approvers that it accepts."""
    accepted = {_folded(name) for name in wanted}
    agree = [
        one.name
        for one in given
        if not accepted or accepted & {_folded(one.name), *map(_folded, one.groups)}
    ]
    # INVARIANT: no approval is met by nobody, whatever the rule says.
    return Requirement(rule, message, tuple(wanted), max(count, 1), tuple(agree))


def _plain(name: str) -> str:
    return name.strip().removeprefix("@")


def _folded(name: str) -> str:
    return _plain(name).casefold()
