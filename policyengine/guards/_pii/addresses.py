"""Postal addresses: a number beside a word for a street, in the order of several countries."""

from __future__ import annotations

import re
from typing import Final

from policyengine.guards._pii.entity import Entity, Hit, Start, listed
from policyengine.guards._pii.view import View, words

# Ends of English street names; those in _SHORT need a capital.
_STREETS: Final = (
    "Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl"
    "|Square|Sq|Terrace|Ter|Terr|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Way|Crescent|Cres|Close|Grove"
    "|Gardens|Gdns|Mews|Row|Alley|Plaza|Pike|Turnpike|Loop|Walk|Esplanade|Parade|Hill|Rise|View"
    "|Broadway|Bypass|Quay|Wharf|Heights|Hollow|Ridge|Run|Path|Crossing|Corner|Green|Park|Expressway"
)
_NAME = r"[^\W\d_][\w'’.-]{0,24}"
_ENGLISH = re.compile(
    rf"\d{{1,5}}[A-Za-z]?(?:[-/ ]\d{{1,5}}[A-Za-z]?)?,?\s{{1,2}}"
    rf"(?:{_NAME}\s{{1,2}}|\d{{1,3}}(?:st|nd|rd|th)\s){{1,4}}?"
    rf"(?:{_STREETS}|{_STREETS.lower()})\b\.?"
    r"(?:\s(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\b)?"
)
_FRENCH = re.compile(
    r"\d{1,4}(?:\s?(?:bis|ter|quater))?,?\s{1,2}(?:rue|avenue|av\.?|boulevard|bd|place|chemin|allée"
    r"|impasse|quai|route|cours|square|faubourg|passage|ruelle)\s"
    r"(?:d[eu]s?\s|de la\s|de l['’]|l[ae]s?\s|d['’])?"
    r"[\w'’.-]{2,30}(?:[ -][A-ZÀ-Ý][\w'’-]{1,24}){0,3}",
    re.IGNORECASE,
)
_FRENCH_WORDS: Final = frozenset(
    listed("rue|avenue|av|boulevard|bd|place|chemin|allée|impasse|quai|route|cours|square|faubourg")
    + listed("bis|ter|passage|ruelle")
)
# What stands behind a street's name when the number comes last.
_ENDS: Final = listed(
    "straße|strasse|str.|str|weg|platz|allee|gasse|ring|damm|ufer|chaussee|steig|stieg|graben|laan"
    "|straat|plein|gracht|kade|dijk|singel|gatan|vägen|gränd|vej|gade|veien|gata|gate|katu|tie|utca"
    "|út|utja|caddesi|sokak|ulica|road|avenue|street"
)
_HEADS: Final = frozenset(
    listed("via|viale|piazza|corso|vicolo|largo|calle|avenida|avda|av|paseo|plaza|carrera|camino")
    + listed("rua|travessa|praça|estrada|alameda|rue|avenue|boulevard|place|chemin|ul|ulica|aleja")
    + listed("zona|strada|jalan|jl|ulitsa|улица|ул|проспект|calea|bulevardul|bd")
)
_STREET_WORDS: Final = frozenset(
    word.encode() for word in (*listed(_STREETS.lower()), *_FRENCH_WORDS)
)
_HEAD_WORDS: Final = frozenset(head.encode() for head in _HEADS)
_BOXES: Final = frozenset(listed("box|postfach|apartado|bp|unit|psc"))
_LAST_WORDS: Final = _HEAD_WORDS | {word.encode() for word in _BOXES}
_ENDS_OF_WORDS: Final = tuple(end.rstrip(".").encode() for end in _ENDS)
# One look at the last bytes of a word spares most comparisons with all ends.
_TAILS: Final = frozenset(end[-3:] for end in _ENDS_OF_WORDS)
_WEAK_HEADS: Final = frozenset(("av", "bd", "ul", "place", "avenue", "rue"))
_HEAD = re.compile(r"[^\W\d_]{2,10}")
_AFTER_HEAD = re.compile(r"\.?\s(?:[\w'’.-]{1,24}\s){0,4}[\w'’.-]{1,24},?\s\Z")
_LAST = re.compile(r"(?:[A-ZÄÖÜÅØÆ][\w'’.-]{0,30}[ -]){0,3}[\w'’.-]{2,40}\s?,?\s\Z")
_NUMBER = re.compile(r"\d{1,5}\s?[a-zA-Z]?(?:\s?[-/]\s?\d{1,4})?\b")
_TAIL = re.compile(
    r"(?:,?\s{1,3}(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Rm|No|Top|Stiege|#)\.?\s?#?\w{1,6})?"
    r"(?:\s{0,2}[,\n]\s{0,3}(?:[A-Z]{1,2}-)?\d{4,6}\s(?:[^\W\d_][\w'’.-]{1,24}\s?){1,2}"
    r"|(?:\s{0,2}[,\n]\s{0,3}[A-ZÀ-Ý][\w'’.-]{1,24}(?:\s[A-ZÀ-Ý][\w'’.-]{1,24}){0,2}){1,3}"
    r"(?:\s{0,2},?\s{0,3}[A-Z]{2},?\s{1,3}\d{5}(?:-\d{4})?|,?\s{1,3}\d{4,6}"
    r"|,?\s{1,3}[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2})?)?"
)
_BOX = re.compile(
    r"(?:P\.? ?O\.? ?Box|Post(?:al)? Box|Postfach|Apartado|BP|Box|Unit|PSC)\s?\Z", re.I
)
_MILITARY = re.compile(
    r"\d{1,6}(?:,?\s(?:Box|APO|FPO|DPO)\b[^\n,]{0,20}\n?){1,2}(?:[A-Z]{3} A[AEP] \d{5})?"
)
_STATES: Final = frozenset(
    listed(
        "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ"
        "|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR|GU|VI|AS|MP|AA|AE|AP"
    )
)
_ZIP_WORDS = words(
    "zip|zipcode|zip code|postal|postal code|postcode|post code|plz|postleitzahl|code postal"
    "|codigo postal|código postal|cap|cep|pin code|pincode|postnummer|postcode"
)


def _address(view: View, start: int, end: int) -> tuple[Hit, ...]:
    """The address that a number is part of."""
    found = _around(view, start, end, _words(view))
    return () if found is None else (found,)


def _words(view: View) -> tuple[bool, bool]:
    """The kinds of words for streets in a text; looked for once."""
    words: tuple[bool, bool] | None = view.notes.get(_WORDS_KEY)
    if words is None:
        words = view.notes[_WORDS_KEY] = _street_words(view)
    return words


def _is_idle(view: View) -> bool:
    return not any(_words(view))


_WORDS_KEY: Final = ("street words", 0)


def _street_words(view: View) -> tuple[bool, bool]:
    """Whether a text has words for streets with the number before them, and behind them."""
    vocabulary = view.vocabulary
    behind = not vocabulary.isdisjoint(_LAST_WORDS)
    return (
        not vocabulary.isdisjoint(_STREET_WORDS),
        behind or any(word.endswith(_ENDS_OF_WORDS) for word in vocabulary if word[-3:] in _TAILS),
    )


def _around(view: View, start: int, end: int, words: tuple[bool, bool]) -> Hit | None:
    text, shape = view.text, view.shape
    if start > 1 and text[start - 1] in "-.,/" and shape[start - 2] == "9":
        return None
    if words[0] and (shape[end] in " Aa-" or text[end : end + 1] == ","):
        found = _first(view, start, end) if shape[end + 1] in "Aa9 " else None
        if found is not None:
            return _finish(view, start, found)
    if words[1] and start > 3 and (text[start - 2].isalpha() or text[start - 2] in ",."):
        return _last(view, start, end)
    return None


def _last(view: View, start: int, end: int) -> Hit | None:
    """The address that ends with a number: `Hauptstraße 5`, `Via Roma 5`, `PO Box 5`."""
    text = view.text
    word = text[max(0, start - 30) : start].rsplit(None, 1)
    if not word:
        return None
    last = word[-1].lower().rstrip(",")
    low = max(0, start - 70)
    if last in _BOXES:
        box = _BOX.search(text, low, start)
        if box:
            military = _MILITARY.match(text, start)
            stop = military.end() if military else end
            return Hit("ADDRESS", box.start(), stop, 0.7 if military else 0.6, "box")
    if last.endswith(_ENDS) or not view.vocabulary.isdisjoint(_HEAD_WORDS):
        at = _street_before(text[low:start])
        if at is not None:
            number = _NUMBER.match(text, start)
            return _finish(view, low + at, number.end() if number else end)
    return None


def _first(view: View, start: int, end: int) -> int | None:
    """Where a street ends that its number begins (`12 Main Street`, `12 rue de la Paix`)."""
    text = view.text
    after = text[end : end + 14].lstrip(", ")
    word = after.split(" ", 1)[0]
    if word.lower().rstrip(".") in _FRENCH_WORDS:
        found = _FRENCH.match(text, start)
        if found:
            return found.end()
    # Small letters throughout are a street only where the word for it is spelt out.
    small = after[:1].islower()
    if small and not any(map(view.lower[end : end + 60].__contains__, _SPELT)):
        return None
    found = _ENGLISH.match(text, start)
    if found and (_is_named(found.group()) or found.group().split()[-1] in _SPELT):
        return found.end()
    return None


_SPELT: Final = frozenset(listed("street|avenue|road|boulevard|lane|drive|court|square|terrace"))


def _is_named(street: str) -> bool:
    """Whether a name and the word for a street have capitals."""
    return all(word[0].isupper() or word[0].isdigit() for word in street.split()[1:])


def _street_before(before: str) -> int | None:
    """Where a street begins whose number follows (`Hauptstraße 5`, `Via Roma 5`)."""
    parts = before.lower().replace(",", " ").split()
    if not parts:
        return None
    if parts[-1].endswith(_ENDS) and len(parts[-1]) > 3:
        found = _LAST.search(before)
        name = before.split()[-1]
        if found and (name[0].isupper() or name.endswith(("straße", "strasse"))):
            return found.start()
    heads = _HEADS.intersection(part.rstrip(".") for part in parts[-6:])
    if heads:
        for found in _HEAD.finditer(before):
            name = found.group().lower()
            if name not in heads or (name in _WEAK_HEADS and not found.group()[0].isupper()):
                continue
            if _AFTER_HEAD.match(before, found.end()):
                return found.start()
    return None


def _finish(view: View, start: int, end: int) -> Hit:
    tail = _TAIL.match(view.text, end)
    if tail and tail.end() > end:
        end = start + len(view.text[start : tail.end()].rstrip(" ,\n"))
        return Hit("ADDRESS", start, end, 0.85, "street and town")
    return Hit("ADDRESS", start, end, 0.75, "street")


def _zip(view: View, start: int, end: int) -> tuple[Hit, ...]:
    """A postal code in digits."""
    text, shape = view.text, view.shape
    longer = end - start == 5 and shape[end : end + 5] == "-9999"
    stop = end + 5 if longer and shape[end + 5] not in "9Aa-" else end
    if shape[stop] in "9Aa" or (shape[stop] in "-./" and shape[stop + 1] == "9"):
        return ()
    if start > 1 and shape[start - 1] in "-./" and shape[start - 2] == "9":
        return ()
    state = end - start == 5 and start > 2 and text[start - 3 : start - 1] in _STATES
    if state and (start == 3 or not text[start - 4].isalnum()):
        return (Hit("ZIP_CODE", start, stop, 0.8, "state"),)
    if view.says(_ZIP_WORDS, start, stop):
        return (Hit("ZIP_CODE", start, stop, 0.75, "context"),)
    return (Hit("ZIP_CODE", start, stop, 0.55, "form"),) if stop > end else ()


ENTITIES = (
    Entity(
        "ADDRESS",
        "Postal addresses: streets with a number, and boxes",
        checked="words for streets in twelve languages; a town and a postal code lengthen it",
        source="Universal Postal Union, addressing systems",
        starts=(
            Start((1, 2, 3, 4, 5), (" A", " a", " 9", ", ", "A ", "a ", "-9", " ,")),
            Start((1, 2, 3, 4, 5), ("**",), ("a ", "A ", ", ", ". ", "a,")),
        ),
        at=_address,
        idle=_is_idle,
        span=240,
    ),
    Entity(
        "ZIP_CODE",
        "Postal codes in digits",
        checked="a state before it, four more digits, or a context word",
        source="USPS Publication 28",
        words=_ZIP_WORDS,
        starts=(Start((4, 5, 6)),),
        at=_zip,
        span=10,
    ),
)
