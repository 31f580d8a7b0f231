"""The classes of CEL's lists, maps and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from policyengine.compat.celpy._numbers import BoolType, DoubleType
from policyengine.compat.celpy._texts import StringType


class ListType(list[Any]):
    """A CEL list: it has no order.

    >>> ListType([1, 2]) == [1, 2], ListType() == 1
    (True, False)
    """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list.__repr__(self)})"

    def __lt__(self, other: object) -> NoReturn:
        raise TypeError("no such overload")

    __le__ = __gt__ = __ge__ = __lt__

    def contains(self, item: Any) -> BoolType:
        """Whether `item` is an element."""
        return BoolType(item in self)


class MapType(dict[Any, Any]):
    """A CEL map: its keys are bools, whole numbers and strings.

    >>> MapType({"a": 1}).get("a"), MapType([("a", 1)]).contains("b")
    (1, BoolType(False))
    """

    def __init__(self, items: Mapping[Any, Any] | Iterable[Iterable[Any]] | None = None) -> None:
        """Raises `ValueError` for a key twice, `TypeError` for what has no items."""
        super().__init__()
        if isinstance(items, Mapping):
            self.update(items)
            return
        if items is not None and not isinstance(items, Iterable):
            raise TypeError(f"there are no items in a {type(items).__name__}")
        for key, value in items or ():
            if key in self:
                raise ValueError("the map has the same key twice")
            self[key] = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"

    def __getitem__(self, key: Any) -> Any:
        """Raises `KeyError`, and `TypeError` for what cannot be a key."""
        if not self.valid_key_type(key):
            raise TypeError(f"a map's key cannot be a {type(key).__name__}")
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, or the default; unlike a dict's, raises `KeyError` where both are missing."""
        if not self.valid_key_type(key):
            raise TypeError(f"a map's key cannot be a {type(key).__name__}")
        if key in self:
            return dict.__getitem__(self, key)
        if default is None:
            raise KeyError(key)
        return default

    @staticmethod
    def valid_key_type(key: Any) -> bool:
        """Whether it can be a key: a bool, a number or a string."""
        return isinstance(key, int | str | float | DoubleType)

    def contains(self, item: Any) -> BoolType:
        """Whether `item` is a key."""
        return BoolType(item in self)


class MessageType(MapType):
    """A message: a map of its fields.

    >>> MessageType(value=1)
    MessageType({StringType('value'): 1})
    """

    def __init__(self, *given: Any, **fields: Any) -> None:
        """Takes a mapping, or the fields by name; raises `TypeError` for more."""
        if len(given) > 1:
            raise TypeError("a message takes a mapping, or fields by name")
        super().__init__(given[0] if given else {StringType(k): v for k, v in fields.items()})


class PackageType(MapType):
    """A package of messages, by their names."""


class NullType:
    """The type of null, whose only value is None."""

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, NullType)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]


class FunctionType:
    """What an environment's annotations say of the name of a function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # The class that cel-python raises, which its users may catch.
        raise NotImplementedError("this names a function's type; it is no function")


class TypeType(type):
    """`type(x)`: the class of a value, and `TypeType` for the class of a class.

    >>> TypeType(DoubleType(1.5)), TypeType(DoubleType) is TypeType
    (<class 'policyengine.compat.celpy._numbers.DoubleType'>, True)
    """

    def __new__(cls, instance: Any) -> Any:
        return cls if type(instance) is type else type(instance)
