"""Dates, dates of birth and ages: each begins at a run of digits."""

from __future__ import annotations

import re
from typing import Final

from policyengine.guards._pii.checks import is_date
from policyengine.guards._pii.entity import Entity, Hit, Start, Strength, hit, listed
from policyengine.guards._pii.view import View, words

_TIME = (
    r"(?:(?:T|,? (?:at )?)\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
    r"(?: ?[AaPp]\.?[Mm]\b|Z|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}(?![0-9A-Za-z])")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}(?![0-9A-Za-z])")
_EAST = re.compile(r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]")
_NAMES: Final = (
    "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec",
    "january|february|march|april|may|june|july|august|september|october|november|december",
    "januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember",
    "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre",
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre",
    "gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre",
    "janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro",
    "januari|februari|maart|mei|augustus|oktober|maj|okt|dez|mrz|jänner",
)
_MONTHS: Final = frozenset(name for names in _NAMES for name in listed(names))
_MONTH_WORDS: Final = frozenset(name.encode() for name in _MONTHS)
_WORD = r"[^\W\d_]{3,10}"
# "5 June 1999", "5th of June", "5. Juni 1999", "05-Jun-99", "5 de junio de 1999"
_DAY_MONTH = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|\.|er|º)?(?: (?:of |de )?|-|/)({_WORD})\.?"
    rf"(?:(?:,? (?:de |of )?|-|/)(\d{{4}}|'?\d{{2}}))?{_TIME}(?!\w)"
)
_AFTER_MONTH = re.compile(
    rf"(?:(\d{{1,2}})(?:st|nd|rd|th)?(?:(?:, ?| )(\d{{4}}))?|(\d{{4}})){_TIME}(?!\w)"
)
_BEFORE = re.compile(rf"({_WORD})\.?[ -]\Z")
_BIRTH = words(
    "born|birth|dob|d o b|date of birth|birthday|birthdate|bday|geboren|geburtsdatum|geb|geburtstag"
    "|né|née|naissance|nacido|nacida|nacimiento|nato|nata|nascita|nascido|nascida|nascimento"
    "|geboortedatum|född|född den|født|syntynyt|urodzony|urodzona|生年月日|出生"
)


def _date_at(view: View, start: int, end: int) -> tuple[int, int, float] | None:
    """The date that begins at a run of digits, or at the month before it."""
    text, shape, size = view.text, view.shape, end - start
    if shape[end] in "-/." and shape[end + 1] == "9":
        if size == 4:
            return _year_first(text, start)
        found = _YEAR_LAST.match(text, start)
        return _numeric(found, view) if found else None
    if size == 4 and shape[end] in ", " and not text[end : end + 2].isascii():
        east = _EAST.match(text, start)
        if east:
            return start, east.end(), 0.85
    if not _names_month(view):
        return None
    if size < 4 and (shape[end] in "Aa" or shape[end + 1] in " Aa"):
        found = _DAY_MONTH.match(text, start)
        if found and found[2].lower() in _MONTHS and 1 <= int(found[1]) <= 31:
            return start, found.end(), 0.85 if found[3] else 0.6
    return _after_month(text, start) if start > 3 else None


def _names_month(view: View) -> bool:
    """Whether a text has the name of a month as a word; asked once."""
    key = ("month", 0)
    found: bool | None = view.notes.get(key)
    if found is None:
        text, shape = view.text, view.shape
        # A bar and other signs belong to a word, and a time may follow at once: `5 mayT10:00`.
        unsure = not text.isascii() or "|" in text or "aA9" in shape or "AA9" in shape
        found = unsure or not view.vocabulary.isdisjoint(_MONTH_WORDS)
        view.notes[key] = found
    return found


def _year_first(text: str, start: int) -> tuple[int, int, float] | None:
    found = _YEAR_FIRST.match(text, start)
    if found is None or not is_date(int(found[1]), int(found[3]), int(found[4])):
        return None
    return start, found.end(), 0.75


def _numeric(found: re.Match[str], view: View) -> tuple[int, int, float] | None:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    start = found.start()
    if start > 1 and view.shape[start - 1] in "-./" and view.shape[start - 2] == "9":
        return None
    year += 0 if len(found[4]) == 4 else 2000
    if not (is_date(year, second, first) or is_date(year, first, second)):
        return None
    if len(found[4]) == 4:
        return start, found.end(), 0.75 if 1800 <= year <= 2200 else 0.3
    return start, found.end(), 0.55 if found[2] == "/" else 0.4


def _after_month(text: str, start: int) -> tuple[int, int, float] | None:
    if text[start - 1] not in " -" or not (text[start - 2].isalpha() or text[start - 2] == "."):
        return None
    before = _BEFORE.search(text, max(0, start - 13), start)
    if before is None or before[1].lower() not in _MONTHS:
        return None
    at = before.start()
    if at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        return None
    found = _AFTER_MONTH.match(text, start)
    if found is None:
        return None
    if found[3]:
        return (at, found.end(), 0.6) if 1800 <= int(found[3]) <= 2200 else None
    # "you may 5": a day without a year wants a capital.
    sure = 0.85 if found[2] else 0.6 if text[at].isupper() else 0.3
    return (at, found.end(), sure) if 1 <= int(found[1]) <= 31 else None


def _dates(view: View, start: int, end: int) -> tuple[Hit, ...]:
    """A date, and beside a word of birth a date of birth."""
    found = _date_at(view, start, end)
    if found is None:
        return ()
    date = Hit("DATE_TIME", *found, "calendar")
    if not view.says(_BIRTH, found[0], found[1]):
        return (date,)
    return date, Hit("DATE_OF_BIRTH", found[0], found[1], 0.95, "calendar, context")


_UNIT = re.compile(
    r"[ -]{0,2}(?:(?:years?|yrs?\.?|months?|weeks?)(?=[ -]{1,2}(?:old|of age)\b)"
    r"|y/?\.?o\.?(?![A-Za-z])|jahre(?= alt)|jaar(?= oud)|años(?= de edad)?|anni"
    r"|anos(?= de idade)?|ans\b|лет|годa?|歳|岁|살)",
    re.IGNORECASE,
)
_AGED: Final = listed("aged|age|age of|age is|turned|turning|alter|edad|âge|età")
# The words of the unit in texts of ASCII; two of its forms may be the beginning of a word.
_UNIT_WORDS: Final = frozenset(
    word.encode()
    for word in listed("year|years|yr|yrs|month|months|week|weeks|y|yo|o|jahre|jaar|ans")
)
_AGED_WORDS: Final = frozenset(word.split()[0].encode() for word in _AGED)
_AGE = Strength(0.85, 0.95)


def _age(view: View, start: int, end: int) -> tuple[Hit, ...]:
    if view.shape[end : end + 2] in (".9", "-9", "/9") or int(view.text[start:end]) > 120:
        return ()
    if start > 1 and view.shape[start - 1] in "-./," and view.shape[start - 2] == "9":
        return ()
    unit = _UNIT.match(view.text, end)
    if unit:
        return (hit(AGE, view, start, unit.end(), _AGE, "unit"),)
    if start < 3 or view.shape[start - 1] not in " :,(" or not _says_age(view):
        return ()
    before = view.text[max(0, start - 10) : start].lower().rstrip(" :=\"'(")
    if not before.endswith(_AGED):
        return ()
    word = next(word for word in _AGED if before.endswith(word))
    # "page 81" and "image 33" are no ages.
    return () if before[: -len(word)][-1:].isalpha() else (Hit("AGE", start, end, 0.7, "label"),)


def _is_idle(view: View) -> bool:
    """Whether a text has neither a word for age nor a unit of one."""
    text, vocabulary = view.text, view.vocabulary
    if not text.isascii() or "|" in text or "anni" in view.lower or "anos" in view.lower:
        return False
    return vocabulary.isdisjoint(_UNIT_WORDS) and not _says_age(view)


def _says_age(view: View) -> bool:
    """Whether a text has a word for age; asked once."""
    key = ("age", 0)
    if key not in view.notes:
        view.notes[key] = not view.vocabulary.isdisjoint(_AGED_WORDS)
    found: bool = view.notes[key]
    return found


AGE = Entity(
    "AGE",
    "Ages of people",
    checked="a unit behind the number, or a word for age before it",
    source="own table of words",
    words=words("patient|man|woman|boy|girl|male|female|child|son|daughter|old"),
    starts=(
        Start((1, 2, 3), (" a", "-a", " A", "a*", "A*", ",*", " ,")),
        Start((1, 2, 3), ("**",), ("a ", "A ", ": ", ", ", "a:", "A:", "a(", ",,", ",:")),
    ),
    at=_age,
    idle=_is_idle,
    span=20,
)
_STARTS = (
    Start((1, 2, 4), ("-9", "/9", ".9")),
    Start((1, 2), (" a", " A", "aa", "AA", ". ", "-A", "-a", "/A", "/a", ", ")),
    Start((1, 2, 4), ("**",), ("a ", "A ", ". ", "a-", "A-")),
    Start((4,), (",9", " ,", ", ")),
)

ENTITIES = (
    Entity(
        "DATE_TIME",
        "Dates, with a time of day if there is one, in digits or with a month's name",
        checked="the calendar; names of months in seven languages",
        source="ISO 8601, CLDR",
        starts=_STARTS,
        at=_dates,
        span=60,
    ),
    Entity(
        "DATE_OF_BIRTH",
        "Dates of birth",
        checked="a date, and a word of birth near it",
        source="ISO 8601, CLDR",
        words=_BIRTH,
        starts=_STARTS,
        at=_dates,
        span=60,
    ),
    AGE,
)
