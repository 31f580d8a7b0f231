"""IP addresses and networks: `net.IP` and `net.CIDR` of CEL's `network` extension.

Texts are read strictly: no zones, no leading zeros, no net masks. An IPv4 address inside an IPv6
one (`::ffff:c0a8:1`) is that IPv4 address, so that no block can be passed by writing an address
in another way; with dots (`::ffff:192.168.0.1`) it is refused, as cel-spec wants it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from policyengine.errors import EvaluationError
from policyengine.values import failures

_MAX_TEXT: Final = 64
_BITS: Final = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class IP:
    """An address: the IP version, 4 or 6, and the address as a number."""

    version: int
    number: int
    CEL_TYPE = "net.IP"

    def cel_string(self) -> str:
        """`string(address)`, in the usual form."""
        return str(IPv4Address(self.number) if self.version == 4 else IPv6Address(self.number))


@dataclass(frozen=True, slots=True)
class CIDR:
    """A network as it was written: an address, perhaps with host bits, and the prefix's length."""

    address: IP
    length: int
    CEL_TYPE = "net.CIDR"

    def cel_string(self) -> str:
        """`string(network)`."""
        return f"{self.address.cel_string()}/{self.length}"

    def holds(self, address: IP) -> bool:
        """Whether the address lies in the network."""
        if self.address.version != address.version:
            return False
        rest = _BITS[address.version] - self.length
        return self.address.number >> rest == address.number >> rest


@lru_cache(maxsize=1024)
def parse_ip(text: str) -> IP:
    """The address that a text holds; raises `EvaluationError` (`bad-conversion`).

    >>> parse_ip("::ffff:c0a8:1") == parse_ip("192.168.0.1")
    True
    """
    address = _address(text)
    if address is None:
        raise failures.bad_conversion("net.IP", text, "not an IP address")
    return address


@lru_cache(maxsize=1024)
def parse_cidr(text: str) -> CIDR:
    """The network that a text such as `10.0.0.0/8` holds.

    Raises `EvaluationError` (`bad-conversion`).
    """
    written, _, length = text.partition("/") if len(text) <= _MAX_TEXT else ("", "", "")
    address = _address(written)
    # The length of a prefix of `::ffff:c0a8:1` counts other bits than that of the IPv4 address.
    mapped = address is not None and address.version == 4 and ":" in written
    if address is not None and not mapped and _is_length(length):
        bits = int(length)
        if bits <= _BITS[address.version]:
            return CIDR(address, bits)
    raise failures.bad_conversion("net.CIDR", text, "not an address, `/` and a prefix's length")


def _is_length(text: str) -> bool:
    plain = text.isascii() and text.isdigit() and len(text) <= 3
    return plain and (text == "0" or text[0] != "0")


def _address(text: str) -> IP | None:
    if len(text) > _MAX_TEXT or "%" in text:
        return None
    try:
        if ":" not in text:
            return IP(4, int(IPv4Address(text)))
        address = IPv6Address(text)
    except AddressValueError:
        return None
    mapped = address.ipv4_mapped
    if mapped is None:
        return IP(6, int(address))
    return None if "." in text else IP(4, int(mapped))


def ip(value: Any) -> IP:
    """`ip(text)`, or `cidr.ip()`: the address before the prefix's length.

    >>> ip("2001:DB8::1").cel_string(), ip(cidr("10.0.0.1/8")).cel_string()
    ('2001:db8::1', '10.0.0.1')
    """
    if value.__class__ is str:
        return parse_ip(value)
    if value.__class__ is CIDR:
        return IP(value.address.version, value.address.number)
    raise failures.no_such_overload("ip", value)


def cidr(text: Any) -> CIDR:
    """`cidr(text)`."""
    if text.__class__ is not str:
        raise failures.no_such_overload("cidr", text)
    return parse_cidr(text)


def is_ip(text: Any) -> bool:
    """`isIP(text)`: whether `ip(text)` is an address."""
    if text.__class__ is not str:
        raise failures.no_such_overload("isIP", text)
    return _address(text) is not None


def is_cidr(text: Any) -> bool:
    """`isCIDR(text)`: whether `cidr(text)` is a network."""
    if text.__class__ is not str:
        raise failures.no_such_overload("isCIDR", text)
    try:
        parse_cidr(text)
    except EvaluationError:
        return False
    return True


def is_canonical(text: Any) -> bool:
    """`ip.isCanonical(text)`: whether an address is written in its usual form.

    Raises `EvaluationError` (`bad-conversion`).

    >>> is_canonical("2001:db8::68"), is_canonical("2001:DB8::68")
    (True, False)
    """
    if text.__class__ is not str:
        raise failures.no_such_overload("ip.isCanonical", text)
    return bool(parse_ip(text).cel_string() == text)


def _ip(function: str, address: Any) -> IP:
    if isinstance(address, IP):
        return address
    raise failures.no_such_overload(function, address)


def _cidr(function: str, network: Any, *args: Any) -> CIDR:
    if isinstance(network, CIDR):
        return network
    raise failures.no_such_overload(function, network, *args)


def family(address: Any) -> int:
    """`address.family()`: 4 or 6."""
    return _ip("family", address).version


def is_unspecified(address: Any) -> bool:
    """`address.isUnspecified()`: `0.0.0.0` or `::`."""
    return _ip("isUnspecified", address).number == 0


def is_loopback(address: Any) -> bool:
    """`address.isLoopback()`: in `127.0.0.0/8`, or `::1`."""
    return _is_loopback(_ip("isLoopback", address))


def is_link_local_unicast(address: Any) -> bool:
    """`address.isLinkLocalUnicast()`: in `169.254.0.0/16` or `fe80::/10`."""
    return _is_link_local(_ip("isLinkLocalUnicast", address))


def is_link_local_multicast(address: Any) -> bool:
    """`address.isLinkLocalMulticast()`: in `224.0.0.0/24`, or of scope 2 in `ff00::/8`."""
    found = _ip("isLinkLocalMulticast", address)
    if found.version == 4:
        return found.number >> 8 == 0xE00000
    return found.number >> 112 & 0xFF0F == 0xFF02


def is_global_unicast(address: Any) -> bool:
    """`address.isGlobalUnicast()`: for one receiver, beyond this link; private addresses too."""
    found = _ip("isGlobalUnicast", address)
    if found.number == 0 or (found.version == 4 and found.number == 0xFFFFFFFF):
        return False
    return not (_is_loopback(found) or _is_link_local(found) or _is_multicast(found))


def _is_loopback(address: IP) -> bool:
    return address.number >> 24 == 127 if address.version == 4 else address.number == 1


def _is_link_local(address: IP) -> bool:
    if address.version == 4:
        return address.number >> 16 == 0xA9FE
    return address.number >> 118 == 0xFE80 >> 6


def _is_multicast(address: IP) -> bool:
    return address.number >> 28 == 0xE if address.version == 4 else address.number >> 120 == 0xFF


def contains_ip(network: Any, address: Any) -> bool:
    """`network.containsIP(address)`, a `net.IP` or its text.

    Raises `EvaluationError` (`bad-conversion`).

    >>> contains_ip(cidr("10.0.0.0/8"), "10.1.2.3"), contains_ip(cidr("10.0.0.0/8"), ip("::1"))
    (True, False)
    """
    found = _cidr("containsIP", network, address)
    if address.__class__ is str:
        return found.holds(parse_ip(address))
    return found.holds(_ip("containsIP", address))


def contains_cidr(network: Any, other: Any) -> bool:
    """`network.containsCIDR(other)`, a `net.CIDR` or its text.

    Raises `EvaluationError` (`bad-conversion`).

    >>> contains_cidr(cidr("10.0.0.0/8"), "10.1.0.0/16")
    True
    """
    found = _cidr("containsCIDR", network, other)
    inner = parse_cidr(other) if other.__class__ is str else _cidr("containsCIDR", other)
    return found.length <= inner.length and found.holds(inner.address)


def masked(network: Any) -> CIDR:
    """`network.masked()`: without the host bits.

    >>> masked(cidr("192.168.0.1/24")).cel_string()
    '192.168.0.0/24'
    """
    found = _cidr("masked", network)
    rest = _BITS[found.address.version] - found.length
    return CIDR(IP(found.address.version, found.address.number >> rest << rest), found.length)


def is_mask(network: Any) -> bool:
    """`network.isMask()`: whether there are no host bits."""
    found = _cidr("isMask", network)
    return masked(found) == found


def prefix_length(network: Any) -> int:
    """`network.prefixLength()`: the bits before the host bits."""
    return _cidr("prefixLength", network).length
