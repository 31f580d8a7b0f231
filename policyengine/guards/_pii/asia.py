"""Identifiers of south, east and south-east Asia."""

from __future__ import annotations

from typing import Final

from policyengine.guards._pii.checks import is_date, is_yymmdd, verhoeff, weighted
from policyengine.guards._pii.entity import (
    CHECKED,
    DIGITS,
    SHAPED,
    STRONG,
    SURE,
    TYPICAL,
    Entity,
    Form,
    Strength,
    listed,
)
from policyengine.guards._pii.view import words


def is_aadhaar(number: str) -> bool:
    """Whether an Indian Aadhaar number checks (UIDAI: Verhoeff; no number begins with 0 or 1).

    >>> is_aadhaar("234123412346"), is_aadhaar("234123412347")
    (True, False)
    """
    return number[0] not in "01" and verhoeff(number) and number != number[::-1]


def is_pan(code: str) -> bool:
    """Whether the fourth letter of an Indian account number names a kind of holder."""
    return code[3] in "ABCFGHJKLPTE"


def is_gstin(code: str) -> bool:
    """Whether an Indian tax number checks (modulus 36).

    >>> is_gstin("27AAPFU0939F1ZV"), is_gstin("27AAPFU0939F1ZA")
    (True, False)
    """
    total = 0
    for i, c in enumerate(code[:14]):
        total += sum(divmod(int(c, 36) * (1 + i % 2), 36))
    return code[13] == "Z" and int(code[14], 36) == -total % 36 and 1 <= int(code[:2]) <= 97


_STATES: Final = frozenset(
    listed(
        "AN|AP|AR|AS|BH|BR|CH|CG|DD|DL|DN|GA|GJ|HP|HR|JH|JK|KA|KL|LA|LD|MH|ML|MN|MP|MZ|NL|OD|OR|PB"
        "|PY|RJ|SK|TN|TR|TS|TG|UK|UA|UP|WB"
    )
)


def is_indian_plate(number: str) -> bool:
    """Whether an Indian registration begins with a state."""
    return number[:2] in _STATES


def is_resident(number: str) -> bool:
    """Whether a Chinese resident's number checks (GB 11643: ISO 7064 MOD 11-2).

    >>> is_resident("11010519491231002X"), is_resident("110105194912310021")
    (True, False)
    """
    if not is_date(int(number[6:10]), int(number[10:12]), int(number[12:14])):
        return False
    total = weighted(number[:17], [2 ** (17 - i) % 11 for i in range(17)])
    return number[0] in "12345678" and "10X98765432"[total % 11] == number[17]


def is_hkid(number: str) -> bool:
    """Whether a Hong Kong identity number checks (modulus 11).

    >>> is_hkid("A1234563"), is_hkid("A1234564")
    (True, False)
    """
    letters = number[:-7].rjust(2)
    values = [36 if c == " " else int(c, 36) for c in letters] + [int(d) for d in number[-7:-1]]
    total = sum(v * (9 - i) for i, v in enumerate(values))
    check = -total % 11
    return number[-1] == ("A" if check == 10 else str(check))


def is_taiwanese(number: str) -> bool:
    """Whether a Taiwanese identity number checks.

    >>> is_taiwanese("A123456789"), is_taiwanese("A123456788")
    (True, False)
    """
    place = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0])
    total = place // 10 + place % 10 * 9 + weighted(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return number[1] in "1289" and total % 10 == 0


def is_my_number(number: str) -> bool:
    """Whether a Japanese individual number checks (modulus 11).

    >>> is_my_number("123456789018"), is_my_number("123456789019")
    (True, False)
    """
    rest = weighted(number, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(number[11])


def is_rrn(number: str) -> bool:
    """Whether a Korean resident's number has a day and a citizen's digit; since 2020 no check."""
    return is_yymmdd(number[:6]) and number[6] in "123490"


def is_frn(number: str) -> bool:
    """Whether a Korean foreigner's number has a day and a foreigner's digit."""
    return is_yymmdd(number[:6]) and number[6] in "5678"


def is_brn(number: str) -> bool:
    """Whether a Korean business number checks.

    >>> is_brn("1168119948"), is_brn("1168119949")
    (True, False)
    """
    total = weighted(number, (1, 3, 7, 1, 3, 7, 1, 3, 5)) + int(number[8]) * 5 // 10
    return -total % 10 == int(number[9])


def is_nric(number: str) -> bool:
    """Whether a Singaporean identity number checks.

    >>> is_nric("S1234567D"), is_nric("G1234567X"), is_nric("S1234567A")
    (True, True, False)
    """
    total = weighted(number[1:], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    tables = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK"}
    if number[0] == "M":
        return "KLJNPQRTUWX"[10 - total % 11] == number[8]
    return number[0] in tables and tables[number[0]][total % 11] == number[8]


def is_uen(number: str) -> bool:
    """Whether a Singaporean entity's number has letters in their places."""
    return number[0] in "TSR" or number[0].isdigit()


def is_thai(number: str) -> bool:
    """Whether a Thai identity number checks (modulus 11).

    >>> is_thai("1100700012344"), is_thai("3100600445635")
    (False, True)
    """
    check = (11 - weighted(number, range(13, 1, -1)) % 11) % 10
    return number[0] not in "09" and check == int(number[12])


def is_mykad(number: str) -> bool:
    """Whether a Malaysian number begins with a day."""
    return is_yymmdd(number[:6]) and number[6:8] not in ("00", "17", "18", "19", "20")


def is_nik(number: str) -> bool:
    """Whether an Indonesian number has a day in its place; women add 40 to it."""
    day = int(number[6:8])
    day -= 40 * (day > 40)
    return number[0] != "0" and is_yymmdd(f"{number[10:12]}{number[8:10]}{day:02}")


_PASSPORT = words("passport|passports|travel document|여권|护照|पासपोर्ट")

ENTITIES = (
    Entity(
        "IN_AADHAAR",
        "Indian Aadhaar numbers",
        "IN",
        "first digit, Verhoeff's check digit",
        "UIDAI",
        (
            Form("9999 9999 9999", STRONG),
            Form("9999-9999-9999", STRONG),
            Form("999999999999", Strength(0.5, 0.95)),
        ),
        is_aadhaar,
        words("aadhaar|aadhar|uidai|uid|आधार"),
    ),
    Entity(
        "IN_PAN",
        "Indian permanent account numbers",
        "IN",
        "letters and digits in their places, kind of holder",
        "Income Tax Department",
        (Form("AAAAA9999A", Strength(0.8, 0.97)),),
        is_pan,
        words("pan|permanent account|income tax|pan card"),
        folded=True,
    ),
    Entity(
        "IN_GSTIN",
        "Indian goods and services tax numbers",
        "IN",
        "check character, modulus 36",
        "GSTN",
        (Form("99AAAAA9999AXAX", SURE),),
        is_gstin,
        words("gstin|gst"),
        folded=True,
    ),
    Entity(
        "IN_PASSPORT",
        "Indian passport numbers",
        "IN",
        "form, and a context word",
        "ICAO Doc 9303",
        (Form("A9999999", DIGITS),),
        None,
        _PASSPORT,
        folded=True,
    ),
    Entity(
        "IN_VOTER",
        "Indian voter numbers",
        "IN",
        "form, and a context word",
        "Election Commission of India",
        (Form("AAA9999999", Strength(0.35, 0.85)),),
        None,
        words("voter|epic|election|elector"),
        folded=True,
    ),
    Entity(
        "IN_VEHICLE_REGISTRATION",
        "Indian vehicle registrations",
        "IN",
        "state",
        "Motor Vehicles Act",
        (
            Form("AA~99~AA~9999", TYPICAL, " -"),
            Form("AA~99~A~9999", TYPICAL, " -"),
            Form("AA~9~AA~9999", SHAPED, " -"),
        ),
        is_indian_plate,
        words("vehicle|registration|rto|car|bike|plate"),
    ),
    Entity(
        "CN_RESIDENT_ID",
        "Chinese resident identity numbers",
        "CN",
        "date, check character, MOD 11-2",
        "GB 11643-1999",
        (Form("99999999999999999X", SURE),),
        is_resident,
        words("身份证|身份证号|居民身份证|resident identity|shenfenzheng"),
        folded=True,
    ),
    Entity(
        "HK_HKID",
        "Hong Kong identity card numbers",
        "HK",
        "check digit, modulus 11",
        "Immigration Department",
        (
            Form("A999999(X)", SURE),
            Form("AA999999(X)", SURE),
            Form("A999999X", CHECKED),
        ),
        is_hkid,
        words("hkid|identity card|香港身份證|身份證"),
        folded=True,
    ),
    Entity(
        "TW_NATIONAL_ID",
        "Taiwanese identity numbers",
        "TW",
        "check digit",
        "Ministry of the Interior",
        (Form("A999999999", Strength(0.6, 0.95)),),
        is_taiwanese,
        words("身分證|身分證字號|統一編號|national id|arc"),
        folded=True,
    ),
    Entity(
        "JP_MY_NUMBER",
        "Japanese individual numbers",
        "JP",
        "check digit, modulus 11",
        "Ministry of Internal Affairs ordinance 85 of 2014",
        (
            Form("9999 9999 9999", Strength(0.55, 0.95)),
            Form("9999-9999-9999", Strength(0.55, 0.95)),
            Form("999999999999", Strength(0.35, 0.9)),
        ),
        is_my_number,
        words("マイナンバー|個人番号|my number|mynumber|individual number"),
    ),
    Entity(
        "KR_RRN",
        "Korean resident registration numbers",
        "KR",
        "date and citizen's digit",
        "Ministry of the Interior and Safety",
        (Form("999999-9999999", Strength(0.8, 0.97)), Form("9999999999999", Strength(0.3, 0.9))),
        is_rrn,
        words("주민등록번호|주민번호|rrn|resident registration"),
    ),
    Entity(
        "KR_FRN",
        "Korean foreigner registration numbers",
        "KR",
        "date and foreigner's digit",
        "Ministry of Justice",
        (Form("999999-9999999", Strength(0.8, 0.97)), Form("9999999999999", Strength(0.3, 0.9))),
        is_frn,
        words("외국인등록번호|외국인번호|frn|foreigner registration|alien registration"),
    ),
    Entity(
        "KR_BRN",
        "Korean business registration numbers",
        "KR",
        "check digit",
        "National Tax Service",
        (Form("999-99-99999", STRONG), Form("9999999999", Strength(0.2, 0.9))),
        is_brn,
        words("사업자등록번호|사업자번호|brn|business registration"),
    ),
    Entity(
        "KR_PASSPORT",
        "Korean passport numbers",
        "KR",
        "letters in use, and a context word",
        "ICAO Doc 9303",
        (Form("A99999999", DIGITS), Form("A999A9999", Strength(0.3, 0.85))),
        lambda t: t[0] in "MSRODG",
        _PASSPORT,
        folded=True,
    ),
    Entity(
        "KR_DRIVER_LICENSE",
        "Korean driving licence numbers",
        "KR",
        "form and region",
        "Korean National Police Agency",
        (Form("99-99-999999-99", Strength(0.7, 0.95)),),
        lambda t: 11 <= int(t[:2]) <= 28,
        words("운전면허|면허번호|운전면허번호|driver|license"),
    ),
    Entity(
        "SG_NRIC_FIN",
        "Singaporean identity numbers",
        "SG",
        "check letter, modulus 11",
        "Immigration and Checkpoints Authority",
        (Form("A9999999A", STRONG),),
        is_nric,
        words("nric|fin|singapore|ic"),
        folded=True,
    ),
    Entity(
        "SG_UEN",
        "Singaporean entity numbers",
        "SG",
        "form, and a context word",
        "ACRA",
        (
            Form("99999999A", Strength(0.25, 0.85)),
            Form("999999999A", Strength(0.25, 0.85)),
            Form("A99AA9999A", Strength(0.55, 0.95)),
        ),
        is_uen,
        words("uen|entity number|acra|company registration"),
        folded=True,
    ),
    Entity(
        "TH_TNIN",
        "Thai identity numbers",
        "TH",
        "check digit, modulus 11",
        "Department of Provincial Administration",
        (
            Form("9-9999-99999-99-9", SURE),
            Form("9 9999 99999 99 9", SURE),
            Form("9999999999999", Strength(0.35, 0.9)),
        ),
        is_thai,
        words("บัตรประชาชน|เลขประจำตัวประชาชน|thai id|tnin|national id|citizen"),
    ),
    Entity(
        "MY_NRIC",
        "Malaysian identity numbers",
        "MY",
        "date and place",
        "Jabatan Pendaftaran Negara",
        (Form("999999-99-9999", Strength(0.8, 0.97)), Form("999999999999", Strength(0.15, 0.8))),
        is_mykad,
        words("mykad|nric|ic|kad pengenalan"),
    ),
    Entity(
        "ID_NIK",
        "Indonesian identity numbers",
        "ID",
        "date, and a context word",
        "Direktorat Jenderal Kependudukan",
        (Form("9999999999999999", Strength(0.3, 0.9)),),
        is_nik,
        words("nik|ktp|kependudukan|identitas"),
    ),
    Entity(
        "PH_TIN",
        "Philippine taxpayer numbers",
        "PH",
        "form, and a context word",
        "Bureau of Internal Revenue",
        (
            Form("999-999-999-999", SHAPED),
            Form("999-999-999", Strength(0.25, 0.8)),
            Form("999999999", DIGITS),
            Form("999999999999", DIGITS),
        ),
        None,
        words("tin|taxpayer|bir|tax identification"),
    ),
    Entity(
        "PH_UMID",
        "Philippine multi-purpose identity numbers",
        "PH",
        "form, and a context word",
        "Social Security System",
        (Form("9999-9999999-9", Strength(0.45, 0.9)),),
        None,
        words("umid|crn|common reference|multi purpose"),
    ),
    Entity(
        "PH_PASSPORT",
        "Philippine passport numbers",
        "PH",
        "form, and a context word",
        "ICAO Doc 9303",
        (Form("A9999999A", DIGITS), Form("AA9999999", DIGITS)),
        None,
        words("passport|pasaporte"),
    ),
    Entity(
        "VN_CCCD",
        "Vietnamese identity numbers",
        "VN",
        "province, and a context word",
        "Luật Căn cước",
        (Form("999999999999", Strength(0.05, 0.75)),),
        lambda t: t[0] == "0" and int(t[:3]) <= 96,
        words("cccd|căn cước|căn cước công dân|cmnd"),
    ),
    Entity(
        "PK_CNIC",
        "Pakistani identity numbers",
        "PK",
        "form",
        "NADRA",
        (Form("99999-9999999-9", Strength(0.75, 0.95)), Form("9999999999999", DIGITS)),
        lambda t: t[0] in "1234567",
        words("cnic|nadra|nicop|شناختی"),
    ),
)
