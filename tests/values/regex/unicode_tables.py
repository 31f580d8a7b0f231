"""Makes `unicode_tables.py` of the regex room: `python tests/values/regex/unicode_tables.py`.

Python has no script names and its general categories change with its version, so that one bundle
would decide differently on two Pythons. The tables are asked from RE2 itself, character by
character, which makes them the ones that other CEL engines use.
"""

from __future__ import annotations

import pathlib
import unicodedata

import re2

TARGET = (
    pathlib.Path(__file__).parents[3]
    / "policyengine" / "values" / "regex" / "unicode_tables.py"
)  # fmt: skip
SURROGATES = (0xD800, 0xDFFF)
EVERYTHING = "".join(
    chr(code) for code in range(0x110000) if not SURROGATES[0] <= code <= SURROGATES[1]
)
_CATEGORIES = (
    "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So "
    "Z Zl Zp Zs"
)
_SCRIPTS = (
    "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak "
    "Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian "
    "Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot "
    "Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs "
    "Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi "
    "Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic "
    "Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana "
    "Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu "
    "Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen "
    "Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs "
    "Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa "
    "Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian "
    "Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage "
    "Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic "
    "Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng "
    "Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil "
    "Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho "
    "Warang_Citi Yezidi Yi Zanabazar_Square"
)

CATEGORIES = _CATEGORIES.split()
SCRIPTS = _SCRIPTS.split()


def known(name: str) -> bool:
    """Whether RE2 knows this property."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(rf"\p{{{name}}}", options)
    except re2.error:
        return False
    return True


def ranges(name: str) -> list[tuple[int, int]]:
    """The code points that RE2 gives to a property, as inclusive ranges."""
    found = [
        (ord(EVERYTHING[m.start()]), ord(EVERYTHING[m.end() - 1]))
        for m in re2.compile(rf"\p{{{name}}}+").finditer(EVERYTHING)
    ]
    split: list[tuple[int, int]] = []
    for low, high in found:
        if low < SURROGATES[0] and high > SURROGATES[1]:
            split += [(low, SURROGATES[0] - 1), (SURROGATES[1] + 1, high)]
        else:
            split.append((low, high))
    return sorted([*split, SURROGATES]) if name in ("C", "Cs") else split


def orbits() -> list[str]:
    """The groups of characters that RE2's `(?i)` takes as one, as strings."""
    cased = [
        character
        for character in EVERYTHING
        if len({character, character.lower(), character.upper(), character.casefold()}) > 1
        or unicodedata.category(character) in ("Lu", "Ll", "Lt")
    ]
    text = "".join(cased)
    seen: set[str] = set()
    groups = []
    for character in cased:
        if character not in seen:
            group = re2.findall(rf"(?i)\x{{{ord(character):x}}}", text)
            seen.update(group)
            if len(group) > 1:
                groups.append("".join(group))
    return groups


def packed(pairs: list[tuple[int, int]]) -> str:
    """Ranges as `gap length` pairs in hexadecimal."""
    words, at = [], 0
    for low, high in pairs:
        words.append(f"{low - at:x} {high - low:x}")
        at = high
    return ",".join(words)


def literal(text: str) -> str:
    """A string as source lines that fit the line limit."""
    lines = [text[i : i + 88] for i in range(0, len(text), 88)]
    return "(\n" + "".join(f'        "{line}"\n' for line in lines) + "    )"


def module() -> str:
    """The text of the generated module."""
    rows = "".join(
        f'    "{name}": {literal(packed(ranges(name)))},\n' for name in CATEGORIES + SCRIPTS
    )
    folds = ",".join(" ".join(f"{ord(c):x}" for c in group) for group in orbits())
    return (
        '"""Unicode properties and case groups of RE2. Generated: see the command below.\n\n'
        "`python tests/values/regex/unicode_tables.py` renews it. The facts are those of the\n"
        "Unicode Character Database, version 15 (Unicode License v3).\n"
        '"""\n\n'
        "# fmt: off\n"
        "# Ranges as `gap length` in hexadecimal, the gap counted from the end of the one before.\n"
        f"PROPERTIES = {{\n{rows}}}\n"
        "# Characters that differ in case only, a group between commas.\n"
        f"CASE_GROUPS = {literal(folds)}\n"
    )


if __name__ == "__main__":
    unknown = [name for name in CATEGORIES + SCRIPTS if not known(name)]
    if unknown:
        raise SystemExit(f"RE2 does not know: {', '.join(unknown)}")
    TARGET.write_text(module(), encoding="utf-8")
