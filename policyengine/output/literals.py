"""CEL values as text: as CEL writes them, and as JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

from policyengine.output.text import line
from policyengine.values.clock_text import format_duration, format_timestamp
from policyengine.values.kinds import OptionalValue, TypeValue, UInt, type_name
from policyengine.values.times import Duration, Timestamp

# Values of expressions are no deeper than their texts and inputs, which are limited; this is more.
_MAX_DEPTH = 400


def literal(value: Any) -> str:
    """A value as CEL text, on one line.

    >>> literal({"a": [1, 2.0, UInt(3), None, b"x"]}), literal(Timestamp(0))
    ('{"a": [1, 2.0, 3u, null, b"x"]}', 'timestamp("1970-01-01T00:00:00Z")')
    """
    return line(_literal(value, 0))


def _literal(value: Any, depth: int) -> str:
    if depth > _MAX_DEPTH:
        return "..."
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case UInt():
            return f"{int(value)}u"
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case bytes():
            return "b" + json.dumps("".join(map(_byte, value))).replace("\\\\x", "\\x")
        case list() | tuple():
            return "[" + ", ".join(_literal(item, depth + 1) for item in value) + "]"
        case dict():
            pairs = (
                f"{_literal(k, depth + 1)}: {_literal(v, depth + 1)}" for k, v in value.items()
            )
            return "{" + ", ".join(pairs) + "}"
        case Timestamp():
            return f'timestamp("{format_timestamp(value)}")'
        case Duration():
            return f'duration("{format_duration(value)}")'
        case TypeValue():
            return value.name
        case OptionalValue():
            inner = _literal(value.value, depth + 1)
            return f"optional.of({inner})" if value.present else "optional.none()"
        case _:
            return f"{type_name(value)}({value})"


def _byte(value: int) -> str:
    return chr(value) if 32 <= value < 127 else f"\\x{value:02x}"


def plain(value: Any) -> Any:
    """A value as JSON has it: times are texts, bytes base64, an empty optional null.

    >>> plain([UInt(1), b"a", Duration(0), {1: TypeValue("int")}])
    [1, 'YQ==', '0s', {'1': 'int'}]
    """
    match value:
        case UInt():
            return int(value)
        case bytes():
            return base64.b64encode(value).decode()
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {k if isinstance(k, str) else _literal(k, 0): plain(v) for k, v in value.items()}
        case Timestamp():
            return format_timestamp(value)
        case Duration():
            return format_duration(value)
        case TypeValue():
            return value.name
        case OptionalValue():
            return plain(value.value) if value.present else None
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
