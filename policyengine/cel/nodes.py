"""Frozen nodes that cost no more to make than open ones.

`@dataclass(frozen=True)` writes each field with a call of `object.__setattr__`, and that was half
of the time that parsing took. A node is made open instead, and closed when it is whole:

    def make(id, start, end, name):
        self = draft()              # the same slots, nothing that forbids to write them
        self.id = id
        ...
        self.__class__ = made       # from here on it is a frozen dataclass like any other
        return self
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field
from typing import Any, ParamSpec, TypeVar, cast

T = TypeVar("T")
P = ParamSpec("P")

# Only the names of fields are filled in, so this is no more than what `dataclasses` does itself.
_CONSTRUCTORS = """
def make({parameters}):
    self = draft()
    {writes}
    self.__class__ = made
    return self

def __new__(cls, {parameters}):
    return make({parameters})
"""


def node(cls: type[T]) -> type[T]:
    """Give a frozen dataclass with slots its fast constructor; all else about it stays.

    Fields may have defaults, but no factories, and nothing can inherit from the class.

    >>> from dataclasses import dataclass
    >>> @node
    ... @dataclass(frozen=True, slots=True)
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1)
    Point(x=1, y=0)
    """
    made: Any = cls
    parts: list[Field[Any]] = list(made.__dataclass_fields__.values())
    names = [part.name for part in parts]
    scope = {"draft": type(f"{cls.__name__}Draft", (), {"__slots__": tuple(names)}), "made": made}
    writes = "\n    ".join(f"self.{name} = {name}" for name in names)
    exec(_CONSTRUCTORS.format(parameters=", ".join(names), writes=writes), scope)  # noqa: S102 - names of our own
    defaults = tuple(part.default for part in parts if part.default is not MISSING)
    for function in (scope["make"], scope["__new__"]):
        function.__defaults__ = defaults
        function.__qualname__ = f"{cls.__qualname__}.{function.__name__}"
        function.__module__ = cls.__module__
    made.__new__ = scope["__new__"]
    made.__make__ = staticmethod(scope["make"])
    del made.__init__
    # What `copy` and `pickle` give to the constructor.
    made.__getnewargs__ = lambda self: tuple([getattr(self, name) for name in names])
    return cls


def maker(cls: Callable[P, T]) -> Callable[P, T]:
    """A function that does what calling a class of nodes does, for where it is called most.

    The call of a class goes through three more of the interpreter's own.
    """
    return cast("Callable[P, T]", cls.__make__)  # type: ignore[attr-defined]
