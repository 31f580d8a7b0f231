"""JSON to CEL values and back."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

from policyengine.compat.celpy import celtypes

JSON = dict[str, Any] | list[Any] | bool | float | int | str | None


def json_to_cel(document: Any) -> Any:
    """A document of plain Python values as CEL values.

    Beside what JSON has, times (`datetime`, `timedelta`) and tuples are taken. Raises
    `ValueError` for any other class.

    >>> json_to_cel({"a": [1, None, True]})
    MapType({StringType('a'): ListType([IntType(1), None, BoolType(True)])})
    """
    match document:
        case None:
            return None
        case bool() | celtypes.BoolType():
            return celtypes.BoolType(document)
        case float():
            return celtypes.DoubleType(document)
        case celtypes.UintType():
            return document
        case int():
            return celtypes.IntType(document)
        case str():
            return celtypes.StringType(document)
        case list() | tuple():
            return celtypes.ListType(map(json_to_cel, document))
        case dict():
            return celtypes.MapType(
                {json_to_cel(key): json_to_cel(value) for key, value in document.items()}
            )
        case datetime.datetime():
            return celtypes.TimestampType(document)
        case datetime.timedelta():
            return celtypes.DurationType(document)
        case _:
            raise ValueError(f"a {type(document).__name__} is no part of a JSON document")


class CELJSONEncoder(json.JSONEncoder):
    """Writes CEL values as JSON: times and durations as texts, bytes in base64.

    >>> json.dumps(celtypes.ListType([celtypes.BytesType(b"a")]), cls=CELJSONEncoder)
    '["YQ=="]'
    """

    @staticmethod
    def to_python(cel_object: Any) -> Any:
        """The value with plain bools, lists and dicts in it."""
        match cel_object:
            case celtypes.BoolType():
                return bool(cel_object)
            case list() | tuple():
                return [CELJSONEncoder.to_python(item) for item in cel_object]
            case dict():
                return {
                    CELJSONEncoder.to_python(key): CELJSONEncoder.to_python(value)
                    for key, value in cel_object.items()
                }
            case _:
                return cel_object

    def encode(self, o: Any) -> str:
        """The value as JSON."""
        return super().encode(self.to_python(o))

    def default(self, o: Any) -> Any:
        """What JSON has no form for; raises `TypeError` for what is no CEL value."""
        match o:
            case datetime.datetime() | datetime.timedelta():
                return str(json_to_cel(o))
            case bytes():
                return base64.b64encode(o).decode("ascii")
            case _:
                return super().default(o)


class CELJSONDecoder(json.JSONDecoder):
    """Reads JSON as CEL values. Texts stay texts, also those that look like times.

    >>> json.loads('{"a": 1}', cls=CELJSONDecoder)
    MapType({StringType('a'): IntType(1)})
    """

    def decode(self, s: str, _w: Any = None) -> Any:
        """The document as CEL values."""
        return json_to_cel(super().decode(s))
