"""The `network` extension: the types `net.IP` and `net.CIDR`, as cel-spec and cel-go have them."""

from __future__ import annotations

from policyengine.cel.functions import Example, Function, Library
from policyengine.cel.functions._rows import method, risky, safe
from policyengine.cel.types import BOOL, INT, STRING, AbstractType, Type

IP = AbstractType("net.IP")
CIDR = AbstractType("net.CIDR")


def _of(
    type_: AbstractType, name: str, result: Type, row: str, impl: str, doc: str, *examples: Example
) -> Function:
    return Function(name, (method(row, (type_,), result),), f"network.{impl}", doc, examples)


_READING = (
    Function(
        "ip",
        (
            risky("string_to_ip", (STRING,), IP),
            method("cidr_ip", (CIDR,), IP),
        ),
        "network.ip",
        "The IP address of a text, without a zone; of a network, the address before the prefix's "
        "length. An IPv4 address inside an IPv6 one is that IPv4 address, and may not be written "
        "with dots.",
        (
            Example("ip('2001:DB8::1') == ip('2001:db8:0::1')", "true"),
            Example("cidr('10.0.0.1/8').ip() == ip('10.0.0.1')", "true"),
            Example("ip('::ffff:c0a8:1') == ip('192.168.0.1')", "true"),
            Example("ip(dyn('::ffff:192.168.0.1')).family()", error="bad-conversion"),
            Example("ip(dyn('192.168.0.01')).family()", error="bad-conversion"),
        ),
    ),
    Function(
        "cidr",
        (risky("string_to_cidr", (STRING,), CIDR),),
        "network.cidr",
        "The network of a text: an address, `/` and the length of the prefix.",
        (
            Example("string(cidr('2001:db8::/32'))", "'2001:db8::/32'"),
            Example("cidr(dyn('10.0.0.0/255.0.0.0')).prefixLength()", error="bad-conversion"),
        ),
    ),
    Function(
        "isIP",
        (safe("is_ip", (STRING,), BOOL),),
        "network.is_ip",
        "Whether a text is an address that `ip` takes.",
        (Example("isIP('10.0.0.1')", "true"), Example("isIP('10.0.0.1.5')", "false")),
    ),
    Function(
        "isCIDR",
        (safe("is_cidr", (STRING,), BOOL),),
        "network.is_cidr",
        "Whether a text is a network that `cidr` takes.",
        (Example("isCIDR('10.0.0.0/8')", "true"), Example("isCIDR('10.0.0.0/33')", "false")),
    ),
    Function(
        "ip.isCanonical",
        (risky("ip_is_canonical", (STRING,), BOOL),),
        "network.is_canonical",
        "Whether an address is written in its usual form.",
        (
            Example("ip.isCanonical('2001:db8::68')", "true"),
            Example("ip.isCanonical('2001:DB8::68')", "false"),
            Example("ip.isCanonical(dyn('10.0.0.1.5'))", error="bad-conversion"),
        ),
    ),
    Function(
        "string",
        (safe("ip_to_string", (IP,), STRING), safe("cidr_to_string", (CIDR,), STRING)),
        "conversions.to_string",
        examples=(Example("string(ip('2001:DB8::1'))", "'2001:db8::1'"),),
    ),
)

_ADDRESSES = (
    _of(
        IP, "family", INT, "ip_family", "family",
        "The version of the internet protocol, 4 or 6.",
        Example("ip('2001:db8::1').family()", "6"),
    ),
    _of(
        IP, "isUnspecified", BOOL, "ip_is_unspecified", "is_unspecified",
        "Whether it is `0.0.0.0` or `::`.",
        Example("ip('::').isUnspecified()", "true"),
    ),
    _of(
        IP, "isLoopback", BOOL, "ip_is_loopback", "is_loopback",
        "Whether it is in `127.0.0.0/8` or is `::1`.",
        Example("ip('127.0.0.1').isLoopback()", "true"),
    ),
    _of(
        IP, "isGlobalUnicast", BOOL, "ip_is_global_unicast", "is_global_unicast",
        "Whether it is the address of one host beyond this link, private networks included.",
        Example("ip('192.168.0.1').isGlobalUnicast()", "true"),
        Example("ip('255.255.255.255').isGlobalUnicast()", "false"),
    ),
    _of(
        IP, "isLinkLocalUnicast", BOOL, "ip_is_link_local_unicast", "is_link_local_unicast",
        "Whether it is in `169.254.0.0/16` or `fe80::/10`.",
        Example("ip('169.254.169.254').isLinkLocalUnicast()", "true"),
    ),
    _of(
        IP, "isLinkLocalMulticast", BOOL, "ip_is_link_local_multicast", "is_link_local_multicast",
        "Whether it is in `224.0.0.0/24` or of the link's scope in `ff00::/8`.",
        Example("ip('ff02::1').isLinkLocalMulticast()", "true"),
    ),
)  # fmt: skip

_NETWORKS = (
    Function(
        "containsIP",
        (
            method("cidr_contains_ip_ip", (CIDR, IP), BOOL),
            method("cidr_contains_ip_string", (CIDR, STRING), BOOL, can_fail=True),
        ),
        "network.contains_ip",
        "Whether an address, or the text of one, lies in a network.",
        (
            Example("cidr('10.0.0.0/8').containsIP('10.1.2.3')", "true"),
            Example("cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))", "false"),
            Example("cidr('10.0.0.0/8').containsIP(dyn('ten'))", error="bad-conversion"),
        ),
    ),
    Function(
        "containsCIDR",
        (
            method("cidr_contains_cidr", (CIDR, CIDR), BOOL),
            method("cidr_contains_cidr_string", (CIDR, STRING), BOOL, can_fail=True),
        ),
        "network.contains_cidr",
        "Whether another network, or the text of one, lies in a network.",
        (
            Example("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true"),
            Example("cidr('10.0.0.0/8').containsCIDR(cidr('0.0.0.0/0'))", "false"),
            Example("cidr('10.0.0.0/8').containsCIDR(dyn('10.1.0.0'))", error="bad-conversion"),
        ),
    ),
    _of(
        CIDR, "masked", CIDR, "cidr_masked", "masked",
        "The network without the host bits of its address.",
        Example("string(cidr('192.168.0.1/24').masked())", "'192.168.0.0/24'"),
    ),
    _of(
        CIDR, "isMask", BOOL, "cidr_is_mask", "is_mask",
        "Whether the address has no host bits.",
        Example("cidr('192.168.0.1/24').isMask()", "false"),
    ),
    _of(
        CIDR, "prefixLength", INT, "cidr_prefix_length", "prefix_length",
        "The number of bits that stand for the network.",
        Example("cidr('192.168.0.0/24').prefixLength()", "24"),
    ),
)  # fmt: skip

LIBRARY = Library(
    name="network",
    functions=(*_READING, *_ADDRESSES, *_NETWORKS),
    doc="IP addresses (`net.IP`) and networks (`net.CIDR`).",
)
