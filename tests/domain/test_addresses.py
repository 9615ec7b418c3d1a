"""Where a message may be sent to."""

import pytest

from app.domain.addresses import may_be_reached, network_of

HIDDEN = (
    "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.1.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::",
    "2001:0:7f00:1::", "::127.0.0.1", "::a00:1", "::ffff:0:10.0.0.1", "64:ff9b:1::a00:1", "fec0::1", "5f00::1",
    "localhost", "",
)  # fmt: skip


@pytest.mark.parametrize("address", HIDDEN)
def test_nothing_inside_is_reached_however_it_is_written(address: str) -> None:
    assert not may_be_reached(address, ())


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_public_addresses_are_reached(address: str) -> None:
    assert may_be_reached(address, ())


def test_a_network_that_is_named_is_reached_and_no_other() -> None:
    named = [network_of("10.1.0.0/16"), network_of("127.0.0.1")]
    allowed = [one for one in named if one is not None]
    reached = [may_be_reached(one, allowed) for one in ("10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "10.2.0.1", "::1")]
    assert reached == [True, True, True, False, False]


@pytest.mark.parametrize("text", ["", "all", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network_is_none(text: str) -> None:
    assert network_of(text) is None
