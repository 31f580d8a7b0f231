"""Literals: from their text to a value, and back."""

from __future__ import annotations

import re

from policyengine.cel.ast import ConstantKind

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)
UINT_MAX = 2**64 - 1
_SURE_DIGITS = len(str(INT_MAX))

_NUMBER = re.compile(
    r"""(?P<hex>0x[0-9a-fA-F]+)(?P<hex_unsigned>[uU])?
      | (?P<double>(?:[0-9]+\.[0-9]+|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
      | (?P<int>[0-9]+)(?P<unsigned>[uU])?""",
    re.VERBOSE,
)
_OPENING = re.compile(r"""([bB]?)([rR]?)("{3}|'{3}|["'])""")
_ESCAPE = re.compile(
    r"""\\(?:
        (?P<plain>[abfnrtv\\?"'`])
      | [xX](?P<byte>[0-9a-fA-F]{2})
      | (?P<octal>[0-3][0-7]{2})
      | u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
      | u(?P<short>[0-9a-fA-F]{4})
      | U(?P<long>[0-9a-fA-F]{8})
      | (?P<bad>[xXuU][0-9a-fA-F]*|[0-9]{1,3}|.?)
    )""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "?": "?", '"': '"', "'": "'", "`": "`",
}  # fmt: skip
_WRITTEN = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class LiteralError(ValueError):
    """A literal that is not CEL. `start` and `end` are offsets in the literal's text."""

    def __init__(self, message: str, start: int, end: int, note: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.note = note


def number(text: str, *, negative: bool = False) -> tuple[ConstantKind, int | float]:
    """The kind and value of a number. `negative` folds a minus sign into an int or a double.

    Raises `LiteralError` for what is not a number or does not fit into 64 bits.

    >>> number("0x1F"), number("7u"), number("9223372036854775808", negative=True)
    (('int', 31), ('uint', 7), ('int', -9223372036854775808))
    """
    if text.isdecimal() and len(text) < _SURE_DIGITS:
        return "int", -int(text) if negative else int(text)
    match = _NUMBER.fullmatch(text)
    if match is None:
        note = "hexadecimal starts with `0x`" if text.startswith("0X") else ""
        raise LiteralError("this is not a number", 0, len(text), note)
    if match["double"]:
        value = float(text)
        if value == float("inf"):
            raise LiteralError("double is out of range", 0, len(text))
        return "double", -value if negative else value
    unsigned = bool(match["hex_unsigned"] or match["unsigned"])
    whole = _whole(match["hex"], match["int"])
    if unsigned:
        if whole > UINT_MAX:
            raise LiteralError("uint is out of range", 0, len(text), "at most 2^64 - 1")
        return "uint", whole
    whole = -whole if negative else whole
    if not INT_MIN <= whole <= INT_MAX:
        note = "`int` has 64 bits; write `u` behind it for `uint`" if 0 < whole <= UINT_MAX else ""
        raise LiteralError("int is out of range", 0, len(text), note or "`int` has 64 bits")
    return "int", whole


def _whole(hexadecimal: str | None, decimal: str | None) -> int:
    if hexadecimal:
        return int(hexadecimal, 16)
    digits = (decimal or "").lstrip("0") or "0"
    # Python refuses or takes quadratic time for very long decimals; these are out of range anyway.
    return int(digits) if len(digits) <= 20 else UINT_MAX + 1


def string(text: str) -> tuple[ConstantKind, str | bytes]:
    """The kind and value of a string or bytes literal, prefix and quotes included.

    Raises `LiteralError` when it is not closed, holds an unknown escape, or is not Unicode.

    >>> string(r"'a\\x41'"), string(r'b"\\377"'), string(r'r"\\d"')
    (('string', 'aA'), ('bytes', b'\\xff'), ('string', '\\\\d'))
    """
    quote = text[0]
    if text[-1] == quote and quote in "'\"" and text.isascii() and "\\" not in text:
        body = text[1:-1]
        if quote not in body and len(text) > 1:
            return "string", body
    opening = _OPENING.match(text)
    if opening is None:
        raise LiteralError("this is not a string", 0, len(text))
    binary, raw, quote = opening.groups()
    body = text[opening.end() : -len(quote)]
    if not _closed(text, opening.end(), quote, raw=bool(raw)):
        raise LiteralError(f"this string has no closing `{quote}`", 0, len(text))
    if not body.isascii():
        _refuse_surrogates(body, opening.end())
    if binary:
        return "bytes", body.encode() if raw or "\\" not in body else _bytes(body, opening.end())
    if raw or "\\" not in body:
        return "string", body
    return "string", _ESCAPE.sub(lambda match: _character(match, opening.end()), body)


def _closed(text: str, opened: int, quote: str, *, raw: bool) -> bool:
    if len(text) < opened + len(quote) or not text.endswith(quote):
        return False
    if raw:
        return True
    body = text[opened : -len(quote)]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 0


def _refuse_surrogates(body: str, offset: int) -> None:
    for i, character in enumerate(body):
        if "\ud800" <= character <= "\udfff":
            place = offset + i
            raise LiteralError("half a surrogate pair is not a character", place, place + 1)


def _character(match: re.Match[str], offset: int) -> str:
    group = match.lastgroup
    if group == "plain":
        return _PLAIN[match["plain"]]
    if group == "low":
        high, low = int(match["high"], 16), int(match["low"], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    if group is None or group == "bad":
        raise _bad_escape(match, offset)
    code = int(match[group], 8 if group == "octal" else 16)
    start, end = match.start() + offset, match.end() + offset
    if 0xD800 <= code <= 0xDFFF:
        raise LiteralError("half a surrogate pair is not a character", start, end)
    if code > 0x10FFFF:
        raise LiteralError("no such character", start, end, "Unicode ends at `\\U0010FFFF`")
    return chr(code)


def _bytes(body: str, offset: int) -> bytes:
    pieces: list[bytes] = []
    position = 0
    for match in _ESCAPE.finditer(body):
        pieces.append(body[position : match.start()].encode())
        position = match.end()
        group = match.lastgroup
        if group == "plain":
            pieces.append(_PLAIN[match["plain"]].encode())
        elif group in ("byte", "octal"):
            pieces.append(bytes([int(match[group], 8 if group == "octal" else 16)]))
        elif group in ("short", "long", "low"):
            start, end = match.start() + offset, match.end() + offset
            raise LiteralError("bytes have no Unicode escapes", start, end, "write `\\x..` bytes")
        else:
            raise _bad_escape(match, offset)
    pieces.append(body[position:].encode())
    return b"".join(pieces)


def _bad_escape(match: re.Match[str], offset: int) -> LiteralError:
    letter = (match["bad"] or " ")[0]
    note = {
        "x": "`\\x` takes two hexadecimal digits",
        "X": "`\\X` takes two hexadecimal digits",
        "u": "`\\u` takes four hexadecimal digits",
        "U": "`\\U` takes eight hexadecimal digits",
    }.get(letter, "three octal digits up to `\\377`" if letter.isdigit() else "")
    note = note or 'write `\\\\` for a backslash, or a raw string `r"..."`'
    start, end = match.start() + offset, match.end() + offset
    return LiteralError("unknown escape", start, end, note)


def write_string(value: str) -> str:
    """The canonical literal of a string.

    >>> print(write_string('say "hi"'))
    "say \\"hi\\""
    """
    return '"' + "".join(map(_written, value)) + '"'


def _written(character: str) -> str:
    if character in _WRITTEN:
        return _WRITTEN[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def write_bytes(value: bytes) -> str:
    """The canonical literal of bytes.

    >>> print(write_bytes(b"a\\xff"))
    b"a\\xff"
    """
    return 'b"' + "".join(_written_byte(byte) for byte in value) + '"'


def _written_byte(byte: int) -> str:
    character = chr(byte)
    if character in _WRITTEN:
        return _WRITTEN[character]
    return character if 32 <= byte < 127 else f"\\x{byte:02x}"
