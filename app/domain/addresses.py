"""Which addresses of the network a message may be sent to: public ones, and networks that the configuration names."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out: what stands elsewhere (::127.0.0.1, fec0::1, 64:ff9b:1::1) is public to nobody."""


def network_of(text: str) -> Network | None:
    """`10.0.0.0/8`, or one address; None for anything else."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def is_closed(host: str, allowed: Sequence[Network]) -> bool:
    """Whether it is an address that nobody may be sent to. Where a name leads is not known before it is looked up."""
    return bool(_all_of(host)) and not may_be_reached(host, allowed)


def is_named(text: str, allowed: Sequence[Network]) -> bool:
    """Whether one of the networks holds the address, however it is written."""
    return any(one in network for one in _all_of(text) for network in allowed if one.version == network.version)


def may_be_reached(text: str, allowed: Sequence[Network]) -> bool:
    """Not private, loopback, link-local, shared or reserved, nor a way to such an address; or named."""
    found = _all_of(text)
    if not found:
        return False
    return is_named(text, allowed) or all(_is_public(one) for one in found)


def _is_public(address: Address) -> bool:
    given_out = address.version == 4 or address in _UNICAST or address in _NAT64
    return given_out and address.is_global and not address.is_multicast


def _all_of(text: str) -> tuple[Address, ...]:
    """The address, and the one of IPv4 that it stands for: mapped, 6to4, Teredo or NAT64."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ()
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    teredo = () if address.teredo is None else address.teredo
    nat64 = (ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF),) if address in _NAT64 else ()
    sixtofour = () if address.sixtofour is None else (address.sixtofour,)
    return (address, *teredo, *nat64, *sixtofour)
