"""Values as plain JSON lists that say the type, so that engines and files can be compared."""

from __future__ import annotations

import json
import math
from typing import Any

from policyengine.values.kinds import NONE, OptionalValue, TypeValue, UInt
from policyengine.values.maps import make_map
from policyengine.values.network import CIDR, IP
from policyengine.values.times import Duration, Timestamp

_MICRO = 1_000


def encoded(value: Any) -> Any:
    """A value of ours, its maps sorted.

    >>> encoded([1, UInt(1), 1.0])
    ['list', ['int', '1'], ['uint', '1'], ['double', '1.0']]
    """
    match value:
        case None:
            return ["null"]
        case bool():
            return ["bool", value]
        case UInt():
            return ["uint", str(int(value))]
        case int():
            return ["int", str(value)]
        case float():
            return ["double", "nan" if math.isnan(value) else repr(value)]
        case str():
            return ["string", value]
        case bytes() | bytearray():
            return ["bytes", bytes(value).hex()]
        case Timestamp():
            return ["timestamp", value.nanoseconds]
        case Duration():
            return ["duration", value.nanoseconds]
        case list() | tuple():
            return ["list", *map(encoded, value)]
        case dict():
            pairs = [[encoded(key), encoded(item)] for key, item in value.items()]
            return ["map", *sorted(pairs, key=json.dumps)]
        case TypeValue():
            return ["type", value.name]
        case OptionalValue():
            return ["optional", encoded(value.value)] if value.present else ["optional"]
        case IP() | CIDR():
            return ["network", repr(value)]
    raise TypeError(type(value).__name__)


def as_peer(value: Any) -> Any:
    """An encoded value as the peer can give it: microseconds, and keys without int or uint.

    >>> as_peer(["map", [["uint", "1"], ["duration", -1500]]])
    ['map', [['number', '1'], ['duration', -1]]]
    """
    match value:
        case ["timestamp", held]:
            return ["timestamp", held // _MICRO]
        case ["duration", held]:
            # C++ cuts towards zero.
            return ["duration", -(-held // _MICRO) if held < 0 else held // _MICRO]
        case ["list", *items]:
            return ["list", *map(as_peer, items)]
        case ["map", *pairs]:
            loose = [[_as_peer_key(key), as_peer(item)] for key, item in pairs]
            return ["map", *sorted(loose, key=json.dumps)]
    return value


def _as_peer_key(key: Any) -> Any:
    return ["number", key[1]] if key[0] in ("int", "uint") else key


def decoded(value: Any) -> Any:
    """An input from `encoded`."""
    match value:
        case ["null"]:
            return None
        case ["bool", held] | ["string", held]:
            return held
        case ["uint", held]:
            return UInt(int(held))
        case ["int", held]:
            return int(held)
        case ["double", held]:
            return float(held)
        case ["bytes", held]:
            return bytes.fromhex(held)
        case ["timestamp", held]:
            return Timestamp(held)
        case ["duration", held]:
            return Duration(held)
        case ["list", *items]:
            return [decoded(item) for item in items]
        case ["map", *pairs]:
            return make_map((decoded(key), decoded(item)) for key, item in pairs)
        case ["optional", held]:
            return OptionalValue(True, decoded(held))
        case ["optional"]:
            return NONE
    raise TypeError(value)
