"""Takes messages to webhooks: to public addresses only, to the very one that was looked at, bounded in time.

A name that leads to a private address, now or at the second look, gets nobody into this network: the name is looked
up once, every address of it is judged, and the connection goes to that address. Redirects are not followed.
"""

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from app.domain.addresses import Network, is_named, may_be_reached
from app.domain.webhook import MOST_ANSWER_CHARS, Try, url_problem
from app.ports import Message
from app.release import release

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 10.0
_PORTS = {"http": 80, "https": 443}


class Unreachable(Exception):
    """Why nobody was asked."""


class HttpCourier:
    """Implements ports.Courier. `allowed`: networks beside the public ones."""

    def __init__(self, allowed: Sequence[Network], timeout_s: float = TIMEOUT_S) -> None:
        self._allowed = tuple(allowed)
        self._timeout_s = timeout_s
        # the library is loaded for the first message: most processes never have one
        self._client: httpx.AsyncClient | None = None

    async def take(self, message: Message, at: datetime) -> Try:
        import httpx

        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                tried = await self._asked(message, at)
        except TimeoutError:
            tried = Try(at, 0, error=f"no answer within {self._timeout_s:g} s")
        except Unreachable as why:
            tried = Try(at, 0, error=str(why))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # its text may hold the address, which may be a secret
            tried = Try(at, 0, error=f"it could not be reached ({type(error).__name__})")
        return replace(tried, duration_ms=round((time.monotonic() - began) * 1000))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _asked(self, message: Message, at: datetime) -> Try:
        if url_problem(message.url) is not None:
            raise Unreachable("its address is not understood; it takes https://host/path")
        parts = urlsplit(message.url)
        host, address = str(parts.hostname), await self._address(parts)
        headers = {
            **dict(message.headers),
            "host": parts.netloc,
            "content-type": "application/json",
            "user-agent": f"liftlock/{release()}",
            "accept-encoding": "identity",
        }
        shown = f"[{address}]" if ":" in address else address
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        url = f"{parts.scheme}://{shown}:{parts.port or _PORTS[parts.scheme]}{path}"
        request = self._made().build_request(
            "POST", url, content=message.body.encode(), headers=headers, extensions={"sni_hostname": host}
        )
        response = await self._made().send(request, stream=True)
        try:
            return Try(at, 0, response.status_code, await _beginning(response))
        finally:
            await response.aclose()

    async def _address(self, parts: SplitResult) -> str:
        """Raises Unreachable where the name leads nowhere, or to where nobody may be sent."""
        port = parts.port or _PORTS[parts.scheme]
        try:
            found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unreachable("its name cannot be resolved") from None
        addresses = [str(one[4][0]) for one in found]
        refused = [one for one in addresses if not may_be_reached(one, self._allowed)]
        if refused:
            raise Unreachable("its address is not a public one; LIFTLOCK_WEBHOOK_ALLOW names networks that may be used")
        if parts.scheme != "https" and not is_named(addresses[0], self._allowed):
            raise Unreachable("it takes https; http is for networks that LIFTLOCK_WEBHOOK_ALLOW names")
        return addresses[0]

    def _made(self) -> "httpx.AsyncClient":
        """Nothing is kept of a message: two names may have one address, and each its own certificate and cookies."""
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                timeout=self._timeout_s,
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._client


async def _beginning(response: "httpx.Response") -> str:
    """Of an answer that may never end."""
    found = b""
    async for part in response.aiter_raw():
        found += part
        if len(found) >= MOST_ANSWER_CHARS:
            break
    text = found[:MOST_ANSWER_CHARS].decode("utf-8", "replace")
    return "".join(one if one.isprintable() or one in "\n\t" else "�" for one in text)
