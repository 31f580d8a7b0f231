"""The small things that expressions and inputs are made of: mostly edges of ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from policyengine.cel import types as t
from policyengine.values.kinds import UInt
from policyengine.values.times import Duration, Timestamp

# Inputs go to the peer as `datetime` and `timedelta`, which count microseconds.
_MICRO = 1_000

LITERALS: Mapping[t.Type, tuple[str, ...]] = {
    t.INT: ("0", "1", "2", "3", "7", "(-1)", "(-3)", "64", "9223372036854775807",
            "(-9223372036854775808)", "4611686018427387904"),
    t.UINT: ("0u", "1u", "2u", "42u", "18446744073709551615u", "9223372036854775808u"),
    t.DOUBLE: ("0.0", "(-0.0)", "1.0", "1.5", "2.5", "(-2.25)", "1e300", "9007199254740993.0",
               "9223372036854775807.0", "0.1", "(0.0 / 0.0)", "(1.0 / 0.0)", "1e-7"),
    t.BOOL: ("true", "false"),
    t.STRING: ("''", "'a'", "'b'", "'ab'", "'admin'", "'10'", "'-7'", "'1.5'", "'true'", "'é🐱'",
               "'ÀÉ'", "'2024-02-29T12:00:00Z'", "'90s'", "'a,b,,c'", "'  x '", r"'\n\t\"\\'"),
    t.BYTES: ("b''", "b'a'", r"b'\xff\x00'", "b'é'", "b'abc'"),
    t.NULL: ("null",),
    t.TIMESTAMP: ("timestamp('2024-02-29T12:00:00Z')", "timestamp(0)",
                  "timestamp('9999-12-31T23:59:59.999999Z')", "timestamp('0001-01-01T00:00:00Z')",
                  "timestamp('1969-12-31T23:59:59.123Z')",
                  "timestamp('2023-03-26T01:30:00+02:00')"),
    t.DURATION: ("duration('90s')", "duration('-1.5h')", "duration('0s')", "duration('1h2m3.004s')",
                 "duration('9000000000s')", "duration('-9000000000s')"),
    t.DYN: ("dyn(1)", "dyn('a')", "dyn(1u)", "dyn([1.5])", "dyn({'a': 1})", "dyn(true)",
            "dyn(1.0)", "dyn(b'a')", "dyn(null)"),
    t.AbstractType("net.IP"): ("ip('192.168.0.1')", "ip('::1')", "ip('fe80::1')", "ip('0.0.0.0')"),
    t.AbstractType("net.CIDR"): ("cidr('192.168.0.0/24')", "cidr('::/0')", "cidr('10.1.2.3/8')"),
}  # fmt: skip

_PATTERNS = ("'a'", "'^a+$'", "'[a-c]*'", r"r'(\d+)'", "'(a)(b)?'", "''", "'x*'", "'(?i)A.*'",
             r"r'\bab\b'", "'[^a]'", "'(a|ab)(c|bcd)*'", "'.'", "'a{2,3}'", "'['")  # fmt: skip
_ZONES = ("'UTC'", "'America/New_York'", "'Europe/Berlin'", "'+02:00'", "'-11:30'", "'Nowhere/X'",
          "'Asia/Kolkata'", "'00:00'")  # fmt: skip
_POSITIONS = ("0", "1", "2", "3", "(-1)")
_ZONED = ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
          "getHours", "getMinutes", "getSeconds", "getMilliseconds")  # fmt: skip

HINTS: Mapping[tuple[str, int], tuple[t.Type, tuple[str, ...]]] = {
    ("matches", 1): (t.STRING, _PATTERNS),
    ("regex.extract", 1): (t.STRING, _PATTERNS),
    ("regex.extractAll", 1): (t.STRING, _PATTERNS),
    ("regex.replace", 1): (t.STRING, _PATTERNS),
    ("regex.replace", 2): (t.STRING, ("'x'", r"r'\1'", r"r'[\0]'", r"r'\\'", "''", r"r'\9'")),
    **{(name, 1): (t.STRING, _ZONES) for name in _ZONED},
    **{(name, 1): (t.INT, _POSITIONS) for name in ("charAt", "substring", "_[_]", "_[?_]")},
    **{(name, 2): (t.INT, _POSITIONS) for name in ("substring", "indexOf", "lastIndexOf", "split")},
    ("slice", 1): (t.INT, _POSITIONS),
    ("slice", 2): (t.INT, _POSITIONS),
    ("flatten", 1): (t.INT, _POSITIONS),
    ("replace", 3): (t.INT, _POSITIONS),
    ("regex.replace", 3): (t.INT, _POSITIONS),
    ("split", 1): (t.STRING, ("','", "''", "'a'")),
    ("lists.range", 0): (t.INT, ("0", "1", "5", "(-1)")),
    ("math.bitShiftLeft", 1): (t.INT, ("0", "1", "63", "64", "(-1)")),
    ("math.bitShiftRight", 1): (t.INT, ("0", "1", "63", "64", "(-1)")),
    ("base64.decode", 0): (t.STRING, ("'YQ=='", "'YWI'", "'YWJj'", "'!'", "'YQ'", "'_-8='")),
    ("timestamp", 0): (t.STRING, (
        "'2024-02-29T12:00:00Z'", "'2023-02-29T12:00:00Z'", "'2024-01-01T00:00:00.5+05:30'",
        "'2024-01-01'", "'2024-01-01T24:00:00Z'", "'2024-01-01t00:00:00z'")),
    ("duration", 0): (t.STRING, (
        "'1s'", "'1.5h'", "'-2m30s'", "'1'", "'1us'", "'10ms'", "'+5s'", "'.5s'", "'0'", "'1d'")),
    ("double", 0): (t.STRING, ("'1.5'", "'NaN'", "'inf'", "'-Infinity'", "'1e400'", "' 1'", "''")),
    ("int", 0): (t.STRING, ("'1'", "'-9223372036854775808'", "'9223372036854775808'", "'0x1'",
                            "'+1'", "' 1'", "'1_0'")),
    ("uint", 0): (t.STRING, ("'1'", "'18446744073709551615'", "'-1'", "'1u'", "'+1'")),
    ("bool", 0): (t.STRING, ("'true'", "'True'", "'TRUE'", "'1'", "'t'", "'yes'", "'tRUE'", "'0'")),
    ("ip", 0): (t.STRING, ("'10.0.0.1'", "'::1'", "'256.1.1.1'", "'::ffff:1.2.3.4'")),
    ("cidr", 0): (t.STRING, ("'10.0.0.0/8'", "'::/0'", "'10.0.0.0/33'", "'fe80::/10'")),
}  # fmt: skip
"""Arguments that a function may take, by its name and the argument's position."""

FORMATS: tuple[tuple[str, tuple[t.Type, ...]], ...] = (
    ("%s", (t.STRING,)), ("%s|%s", (t.INT, t.DOUBLE)), ("%s", (t.ListType(t.INT),)),
    ("%s", (t.BOOL,)), ("%s", (t.UINT,)), ("%s", (t.BYTES,)), ("%s", (t.DURATION,)),
    ("%s", (t.TIMESTAMP,)), ("%d", (t.INT,)), ("%d", (t.UINT,)), ("%x", (t.INT,)),
    ("%X", (t.STRING,)), ("%x", (t.BYTES,)), ("%o", (t.INT,)), ("%b", (t.INT,)),
    ("%b", (t.BOOL,)), ("%f", (t.DOUBLE,)), ("%.3f", (t.DOUBLE,)), ("%e", (t.DOUBLE,)),
    ("%.1e", (t.DOUBLE,)), ("100%%", ()), ("%d", (t.STRING,)), ("%s", ()),
    ("%s", (t.MapType(t.STRING, t.INT),)), ("%s", (t.ListType(t.DOUBLE),)), ("%q", (t.STRING,)),
)  # fmt: skip


def _some(*values: Any) -> Callable[[Random], Any]:
    return lambda random: random.choice(values)


VALUES: Mapping[t.Type, tuple[Callable[[Random], Any], ...]] = {
    t.INT: (
        lambda random: random.randint(-3, 3),
        lambda random: random.randint(-(2**63), 2**63 - 1),
        _some(-(2**63), 2**63 - 1, 0, 1, 2),
    ),
    t.UINT: (
        lambda random: UInt(random.randint(0, 3)),
        lambda random: UInt(random.randint(0, 2**64 - 1)),
    ),
    t.DOUBLE: (_some(0.0, -0.0, 1.0, 1.5, -2.5, 1e300, float("inf"), float("nan"), 2.0**63),),
    t.BOOL: (_some(True, False),),
    t.STRING: (_some("", "a", "b", "ab", "admin", "10", "é🐱", "UTC", "a b a", "Straße", "2024"),),
    # The peer's Python face ends bytes at the first zero.
    t.BYTES: (_some(b"", b"a", b"\xff\xfe", b"abc"),),
    t.TIMESTAMP: (
        lambda random: Timestamp(random.randint(0, 4 * 10**15) * _MICRO),
        lambda random: Timestamp(random.randint(-62_135_596_800, 253_402_300_799) * 10**9),
    ),
    t.DURATION: (
        lambda random: Duration(random.randint(-(10**12), 10**12) * _MICRO),
        lambda random: Duration(random.randint(-(10**9), 10**9) * 10**9),
    ),
    t.DYN: (
        _some(None, True, False),
        lambda random: random.randint(-3, 3),
        _some(0.5, 1.0, "", "a", "ab", b"a"),
    ),
}  # fmt: skip
