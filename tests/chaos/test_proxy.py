"""The proxy does to a connection what its name says, else the tests behind it prove nothing."""

from collections.abc import Iterator

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as Gone
from redis.exceptions import TimeoutError as Silent

from tests.chaos.proxy import Proxy, proxied
from tests.support.eventually import eventually
from tests.support.servers import Servers

pytestmark = pytest.mark.servers


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    with proxied(servers.valkey.url) as running:
        yield running


def _client(proxy: Proxy) -> Redis:
    return Redis.from_url(proxy.url, socket_timeout=0.5, retry=None)


def test_a_proxy_forwards_both_ways(proxy: Proxy) -> None:
    assert _client(proxy).echo("here") == b"here"


def test_a_cut_proxy_refuses_until_it_forwards_again(proxy: Proxy) -> None:
    client = _client(proxy)
    client.ping()
    proxy.cut()
    with pytest.raises(Gone):
        client.ping()
    proxy.forward()
    assert client.ping()


def test_a_silent_proxy_keeps_the_connection_and_says_nothing(proxy: Proxy) -> None:
    client = _client(proxy)
    client.ping()
    proxy.silence()
    with pytest.raises(Silent):
        client.ping()
    proxy.forward()
    assert client.ping()


def test_a_frozen_connection_is_silent_and_a_new_one_is_served(proxy: Proxy) -> None:
    client = _client(proxy)
    client.ping()
    proxy.freeze_connections()
    with pytest.raises(Silent):
        client.ping()
    assert _client(proxy).ping()


def test_a_frozen_connection_stays_so_when_others_are_silent_for_a_while(proxy: Proxy) -> None:
    client = _client(proxy)
    client.ping()
    proxy.freeze_connections()
    proxy.silence()
    proxy.forward()
    with pytest.raises(Silent):
        client.ping()


def test_dropped_connections_are_served_anew(proxy: Proxy) -> None:
    client = _client(proxy)
    before = client.client_id()
    proxy.drop_connections()
    assert eventually(lambda: _other_id(client, before))


def _other_id(client: Redis, before: int) -> bool:
    try:
        return client.client_id() != before
    except Gone:
        return False
