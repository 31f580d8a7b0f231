"""CEL values at run time, and the operations that generated code calls.

| CEL | Python |
|---|---|
| int | `int` (that very class), within 64 bits |
| uint | `UInt`, a subclass of `int` |
| double, bool, string, bytes, null | `float`, `bool`, `str`, `bytes`, `None` |
| list | `list` or `tuple` |
| map, message | `dict`; `MixedMap`, a subclass, where keys are both bools and numbers |
| timestamp, duration | `Timestamp`, `Duration` (whole nanoseconds) |
| type | `TypeValue` |
| optional | `OptionalValue` |

Errors are `EvaluationError`. Values are never changed in place. Only the standard library is
imported here.
"""
