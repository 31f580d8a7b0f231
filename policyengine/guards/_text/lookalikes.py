"""Characters that look like Latin letters, and characters that nobody sees.

Written for this project from the Unicode charts; the idea of folding look-alikes to one letter is
that of Unicode Technical Standard 39 (confusable detection).
"""

from __future__ import annotations

from collections.abc import Mapping


def _table(rows: Mapping[str, str]) -> dict[str, str]:
    return {character: letter for letter, characters in rows.items() for character in characters}


SCRIPTS: Mapping[str, str] = _table(
    {
        "a": "аɑα",
        "b": "Ьƅ",
        "c": "сϲ",
        "d": "ԁɗ",
        "e": "еҽє",
        "f": "ƒϝ",
        "g": "ɡց",
        "h": "һհ",
        "i": "іıι",
        "j": "јϳ",
        "k": "кκ",
        "l": "ӏ",
        "m": "м",
        "n": "пηո",
        "o": "оοσօ",
        "p": "рρ",
        "q": "ԛգ",
        "r": "г",
        "s": "ѕ",
        "t": "тτ",
        "u": "υսц",
        "v": "νѵ",
        "w": "ԝωѡ",
        "x": "хχ",
        "y": "уүγ",
        "z": "ʐ",
        "A": "АΑᎪ",
        "B": "ВΒᏴ",
        "C": "СϹᏟ",
        "D": "Ꭰ",
        "E": "ЕΕᎬ",
        "F": "Ϝ",
        "G": "Ԍ",
        "H": "НΗᎻ",
        "I": "ІΙӀ",
        "J": "ЈᎫ",
        "K": "КΚᏦ",
        "L": "Ꮮ",
        "M": "МΜᎷ",
        "N": "Ν",
        "O": "ОΟՕ",
        "P": "РΡᏢ",
        "Q": "Ԛ",
        "R": "ᎡᏒ",
        "S": "ЅᏚ",
        "T": "ТΤᎢ",
        "U": "Սሀ",
        "V": "ѴᏙ",
        "W": "ԜᎳ",
        "X": "ХΧ",
        "Y": "УΥҮ",
        "Z": "ΖᏃ",
    }
)
"""Letters of other scripts by the Latin letter that they pass for."""

SHAPES: Mapping[str, str] = _table(
    {
        "a": "ᴀɐ",
        "b": "ʙ",
        "c": "ᴄɔ",
        "d": "ᴅ",
        "e": "ᴇǝɘ",
        "f": "ꜰɟ",
        "g": "ɢƃ",
        "h": "ʜɥ",
        "i": "ɪᴉɩ",
        "j": "ᴊɾ",
        "k": "ᴋʞ",
        "l": "ʟł",
        "m": "ᴍɯ",
        "n": "ɴ",
        "o": "ᴏø",
        "p": "ᴘ",
        "r": "ʀɹ",
        "s": "ꜱ",
        "t": "ᴛʇŧ",
        "u": "ᴜ",
        "v": "ᴠʌ",
        "w": "ᴡʍ",
        "y": "ʏʎ",
        "z": "ᴢ",
        "D": "Đ",
        "L": "Ł",
        "O": "Ø",
        "'": "‘’‚‛′ʹʻʼʽˈ´＇",
        '"': "“”„‟″«»",
        "-": "‐‑‒–—―−﹘",
        "/": "⁄∕",
        "<": "‹〈⟨",
        ">": "›〉⟩",
        ":": "ː꞉∶",
        "|": "ǀ∣",
        "!": "ǃ",
        "\n": "\u2028\u2029\x85",
        " ": "\u2800\u1680",
    }
)
"""Small capitals, letters upside down and kinds of punctuation: one meaning wherever they stand."""
SHAPES = {
    **SHAPES,
    # Negative circled and squared capitals, and the letters of flags, have no decomposition.
    **{chr(first + i): chr(65 + i) for first in (0x1F150, 0x1F170) for i in range(26)},
    **{chr(0x1F1E6 + i): chr(97 + i) for i in range(26)},
}

TAGS = range(0xE0020, 0xE007F)
"""Tag characters: an invisible copy of ASCII, each its letter plus 0xE0000."""

# Soft hyphen, joiners, fillers, direction marks, variation selectors, interlinear marks.
_INVISIBLE_RANGES = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE001F),
    (0xE007F, 0xE007F),
    (0xE0100, 0xE01EF),
)
# Accents of Latin, Greek and Cyrillic letters, and the marks that are piled on any letter; the
# vowel signs of other scripts are part of their words.
_ACCENT_RANGES = (
    (0x0300, 0x036F),
    (0x0483, 0x0489),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE20, 0xFE2F),
)


def _all(ranges: tuple[tuple[int, int], ...]) -> frozenset[str]:
    return frozenset(chr(c) for first, last in ranges for c in range(first, last + 1))


INVISIBLE = _all(_INVISIBLE_RANGES)
ACCENTS = _all(_ACCENT_RANGES)
