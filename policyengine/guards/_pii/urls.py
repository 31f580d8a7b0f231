"""Web addresses, those that carry credentials, and bare names of hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policyengine.guards._pii.entity import Entity, Hit, listed
from policyengine.guards._pii.view import View

_MOST: Final = 2048
_SCHEMES: Final = frozenset(
    listed("http|https|ftp|ftps|sftp|ssh|ws|wss|git|s3|gs|jdbc|postgres|postgresql|mysql|mongodb")
    + listed("redis|amqp|amqps|ldap|ldaps|smb|file|rtsp|telnet|vnc|rdp|mongodb+srv|rediss|imap")
)
_BACKWARDS = re.compile(r"[A-Za-z0-9+.]{1,20}")
_REST = re.compile(r"[^\s<>\"'`{}|\\^]{1,2048}")
_WWW = re.compile(r"www\d?\.[\w-]{1,63}\.[^\s<>\"'`{}|\\^]{2,2000}", re.IGNORECASE)
_TRAILING: Final = ".,;:!?)]*"
# User and password before a host, or a parameter that is named after a secret.
_CREDENTIALS = re.compile(
    r"://[^/\s:@?#]{1,256}:[^/\s@?#]{1,256}@"
    r"|[?&#;](?:[\w.-]{0,20}(?:token|secret|password|passwd|signature|api-?_?key)|key|pwd|pass|sig"
    r"|auth|access_key|code|session(?:_?id)?|jwt)=[^&#\s]{6}",
    re.IGNORECASE,
)
# Top levels of which hosts are written without a scheme; `.py` and `.md` would be files.
_TOPS: Final = (
    "com|org|net|edu|gov|mil|int|info|biz|name|io|ai|app|dev|cloud|online|shop|site|store|tech|xyz"
    "|me|tv|cc|co|de|uk|fr|it|es|nl|be|ch|at|se|no|dk|fi|eu|cz|sk|hu|ro|bg|gr|pt|ie|ru|ua|tr|il"
    "|us|ca|mx|br|ar|cl|au|nz|za|in|jp|cn|kr|tw|hk|sg|my|ph|vn|th|ae|eg|ng|ke"
)
_TOP = re.compile(
    rf"\.(?:{_TOPS})(?![\w-]|\.[A-Za-z]|\()(?::\d{{1,5}})?(?:/[^\s<>\"'`{{}}|\\^]{{0,2000}})?"
)
_HOST_BACKWARDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,120}")


def scan(view: View, wanted: frozenset[str]) -> Iterator[Hit]:
    """The addresses of a text; a bare host is a DOMAIN_NAME, and a URL as well."""
    text = view.text
    past = 0
    for start, end in _addresses(view):
        past = max(past, end)
        yield Hit("URL", start, end, 0.95, "scheme")
        if "URL_WITH_CREDENTIALS" in wanted and _CREDENTIALS.search(text, start, end):
            yield Hit("URL_WITH_CREDENTIALS", start, end, 0.95, "credentials")
        if "DOMAIN_NAME" in wanted and "://" not in text[start:end]:
            yield Hit("DOMAIN_NAME", start, _host_end(text, start, end), 0.8, "www")
    if wanted & {"URL", "DOMAIN_NAME"}:
        yield from _bare(view)


def _addresses(view: View) -> Iterator[tuple[int, int]]:
    text = view.text
    at = text.find("://")
    while at >= 0:
        scheme = _BACKWARDS.match(text[max(0, at - 20) : at][::-1])
        rest = _REST.match(text, at + 3)
        end = at + 3
        if scheme is not None and rest is not None:
            name = scheme.group()[::-1]
            while name and name.lower() not in _SCHEMES:
                name = name[1:]
            end = _trimmed(text, at + 3, rest.end())
            if name and end > at + 3:
                yield at - len(name), end
        at = text.find("://", end)
    if "www" in view.lower:
        for found in _WWW.finditer(text):
            start = found.start()
            if not start or not (text[start - 1].isalnum() or text[start - 1] in "/@."):
                yield start, _trimmed(text, start, found.end())


def _trimmed(text: str, start: int, end: int) -> int:
    """An end without the punctuation of the sentence; a parenthesis that was opened stays."""
    while end > start and text[end - 1] in _TRAILING:
        if text[end - 1] == ")" and text.count("(", start, end) >= text.count(")", start, end):
            return end
        end -= 1
    return end


def _host_end(text: str, start: int, end: int) -> int:
    cut = re.compile(r"[/?#:]").search(text, start, end)
    return cut.start() if cut else end


def _bare(view: View) -> Iterator[Hit]:
    """Hosts without a scheme, such as `example.com/path`."""
    text = view.text
    past = 0
    for found in _TOP.finditer(text):
        at = found.start()
        before = _HOST_BACKWARDS.match(text[max(past, at - 121) : at][::-1])
        if before is None:
            continue
        start = at - before.end()
        # A mail address, or what another address has found already.
        if start and text[start - 1] in "@/:_%=&+$":
            continue
        host = text[start:at]
        if host[0] in ".-" or ".." in host or not any(map(str.isalpha, host)):
            continue
        end = _trimmed(text, at, found.end())
        past = end
        if view.shape[end : end + 1] == "@":
            continue
        yield Hit("DOMAIN_NAME", start, _host_end(text, start, end), 0.75, "top level")
        yield Hit("URL", start, end, 0.6, "top level")


ENTITIES = (
    Entity(
        "URL",
        "Web addresses, and hosts written without a scheme",
        checked="scheme, `www`, or a known top level",
        source="RFC 3986",
        scan=scan,
        span=_MOST + 24,
    ),
    Entity(
        "URL_WITH_CREDENTIALS",
        "Addresses that carry a password, a key, a token or a signature",
        checked="user and password, or a parameter named after a secret",
        source="RFC 3986, section 3.2.1",
        scan=scan,
        span=_MOST + 24,
    ),
    Entity(
        "DOMAIN_NAME",
        "Names of hosts written without a scheme",
        checked="known top level",
        source="RFC 1035, IANA root zone",
        scan=scan,
        span=253,
    ),
)
