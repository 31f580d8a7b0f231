from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.errors import EvaluationError
from policyengine.values import network
from policyengine.values.conversions import to_string
from policyengine.values.kinds import type_name
from policyengine.values.network import CIDR, IP

MAPPED = ipaddress.ip_network("::ffff:0:0/96")
V4 = st.ip_addresses(v=4)
V6 = st.ip_addresses(v=6).filter(lambda address: address not in MAPPED)


def code(function: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    assert "192" not in str(caught.value)
    return caught.value.code


@given(V4 | V6)
def test_addresses_against_ipaddress(oracle: Any) -> None:
    address = network.ip(str(oracle))
    assert address == IP(oracle.version, int(oracle))
    assert to_string(address) == str(oracle)
    assert network.family(address) == oracle.version
    assert network.is_loopback(address) is oracle.is_loopback
    assert network.is_unspecified(address) is oracle.is_unspecified
    assert network.is_link_local_unicast(address) is oracle.is_link_local
    assert network.is_canonical(str(oracle))
    assert network.is_global_unicast(address) is not (
        oracle.is_loopback
        or oracle.is_unspecified
        or oracle.is_link_local
        or oracle.is_multicast
        or str(oracle) == "255.255.255.255"
    )
    written = oracle.exploded.upper()
    assert network.ip(written) == address
    assert network.is_canonical(written) is (written == str(oracle))


@st.composite
def networks(draw: st.DrawFn) -> Any:
    address = draw(V4 | V6)
    return ipaddress.ip_interface((address, draw(st.integers(0, address.max_prefixlen))))


@given(networks(), networks(), V4 | V6)
def test_networks_against_ipaddress(oracle: Any, other: Any, address: Any) -> None:
    found = network.cidr(str(oracle))
    assert to_string(found) == str(oracle)
    assert to_string(network.ip(found)) == str(oracle.ip)
    assert network.prefix_length(found) == oracle.network.prefixlen
    assert to_string(network.masked(found)) == str(oracle.network)
    assert network.is_mask(found) is (oracle.ip == oracle.network.network_address)
    assert network.contains_ip(found, str(address)) is (address in oracle.network)
    assert network.contains_ip(found, network.ip(str(oracle.ip)))
    within = other.version == oracle.version and other.network.subnet_of(oracle.network)
    assert network.contains_cidr(found, str(other)) is within
    assert network.contains_cidr(found, network.masked(found))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.168.0",
        "192.168.0.1.0",
        "192.168.0.01",
        "192.168.0.256",
        "192.168.0.1 ",
        " 192.168.0.1",
        "192.168.0.1/32",
        "192.168.0.\u0661",
        "0xC0A80001",
        "3232235521",
        "192.168.0.1\n",
        "fe80::1%en0",
        "2001:db8:::68",
        "2001:db8",
        "[::1]",
        "12345::",
        "::ffff:192.168.0.1",
        "::FFFF:192.168.0.1",
        "0:0:0:0:0:ffff:192.168.0.1",
        "1:" * 5000,
        "1" * 100_000,
    ],
)
def test_texts_that_are_no_address(text: str) -> None:
    assert not network.is_ip(text)
    assert code(network.ip, text) == "bad-conversion"
    assert code(network.is_canonical, text) == "bad-conversion"
    assert not network.is_cidr(f"{text}/8")


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/8 ",
        "10.0.0.0/8/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/\u0668",
        "::/129",
        "::/1280",
        "fe80::1%en0/24",
        "::ffff:c0a8:1/112",
        "::ffff:192.168.0.1/24",
        "/8",
        "10.0.0.0/8" + "0" * 100,
    ],
)
def test_texts_that_are_no_network(text: str) -> None:
    assert not network.is_cidr(text)
    assert code(network.cidr, text) == "bad-conversion"


def test_an_ipv4_address_in_an_ipv6_one_is_that_address() -> None:
    """Otherwise a block list of IPv4 networks could be passed by another spelling."""
    address = network.ip("::ffff:c0a8:1")
    assert address == network.ip("192.168.0.1")
    assert network.family(address) == 4
    assert network.contains_ip(network.cidr("192.168.0.0/16"), "::FFFF:C0A8:0001")
    assert not network.is_canonical("::ffff:c0a8:1")


@pytest.mark.parametrize(
    ("text", "multicast"),
    [
        ("224.0.0.255", True),
        ("224.0.1.0", False),
        ("ff02::1", True),
        ("ff12::1", True),
        ("ff05::1", False),
        ("fe02::1", False),
    ],
)
def test_link_local_multicast(text: str, multicast: bool) -> None:
    assert network.is_link_local_multicast(network.ip(text)) is multicast


def test_the_types() -> None:
    address, block = network.ip("::1"), network.cidr("::1/64")
    assert (type_name(address), type_name(block)) == ("net.IP", "net.CIDR")
    assert isinstance(block, CIDR)
    assert code(network.family, block) == "no-such-overload"
    assert code(network.contains_ip, address, block) == "no-such-overload"
    assert code(network.contains_ip, block, block) == "no-such-overload"
    assert code(network.contains_cidr, block, address) == "no-such-overload"
    assert code(network.ip, address) == "no-such-overload"
    assert code(network.is_ip, block) == "no-such-overload"
