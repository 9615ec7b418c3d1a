"""Tokens of an identity provider, verified by the keys that it publishes; these are asked for when they are needed."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
import structlog

from app.domain.errors import BackendUnavailable
from app.domain.oidc import ALGORITHMS, LEEWAY_S, Oidc

TIMEOUT_S = 5.0
GOOD_FOR_S = 300.0
"""A key that was withdrawn is trusted for so long at most."""
ASK_AGAIN_S = 10.0
"""A token may name a key that nobody has: the provider is not asked for each of them."""
MOST_BYTES = 1024 * 1024
_NEEDED = ("exp", "iss", "aud", "sub")

log = structlog.get_logger()


class JwksIdentity:
    """Implements ports.Identity."""

    def __init__(self, oidc: Oidc) -> None:
        self._oidc = oidc
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._asked_at: float | None = None
        self._failed = False
        self._lock: asyncio.Lock | None = None

    async def claims(self, text: str) -> Mapping[str, Any] | None:
        try:
            head = jwt.get_unverified_header(text)
        except jwt.InvalidTokenError:
            return None
        # what is not signed with the private half of a key is not looked at any further
        if head.get("alg") not in ALGORITHMS:
            return None
        key = await self._key(head.get("kid"))
        return None if key is None else self._verified(text, key, str(head["alg"]))

    def _verified(self, text: str, key: jwt.PyJWK, algorithm: str) -> Mapping[str, Any] | None:
        if key.algorithm_name not in ALGORITHMS or key.key_type == "oct":
            return None
        try:
            claims: Mapping[str, Any] = jwt.decode(
                text,
                key.key,
                algorithms=[algorithm],
                audience=self._oidc.audience,
                issuer=self._oidc.issuer,
                leeway=LEEWAY_S,
                options={"require": list(_NEEDED)},
            )
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            log.info("identity.refused", why=type(error).__name__)
            return None
        return claims

    async def _key(self, key_id: object) -> jwt.PyJWK | None:
        """Also after the provider has changed its keys. Raises BackendUnavailable where it has never answered."""
        self._lock = self._lock or asyncio.Lock()
        name = key_id if isinstance(key_id, str) else None
        async with self._lock:
            age_s = None if self._asked_at is None else time.monotonic() - self._asked_at
            unknown = name not in self._keys and age_s is not None and age_s >= ASK_AGAIN_S
            if age_s is None or age_s >= GOOD_FOR_S or unknown or (self._failed and age_s >= ASK_AGAIN_S):
                await self._ask()
            if not self._keys:
                raise BackendUnavailable(
                    "the identity provider gives no keys, so nobody can be let in by its tokens; tokens that were "
                    "made here are taken as before",
                    facts={"backend": "oidc"},
                )
        return self._keys.get(name)

    async def _ask(self) -> None:
        """What was known is kept while the provider does not answer."""
        self._asked_at = time.monotonic()
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client:
                address = self._oidc.keys or await self._discovered(client)
                self._keys = _signing_keys(await _document(client, address))
            self._failed = False
        except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError, jwt.PyJWTError) as error:
            self._failed = True
            log.warning("identity.no_keys", issuer=self._oidc.issuer, error=type(error).__name__)

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        issuer = self._oidc.issuer
        document = await _document(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if document["issuer"] != issuer:
            raise ValueError("the discovery document is of another issuer")
        address = str(document["jwks_uri"])
        if not address.startswith("https://") and not issuer.startswith("http://"):
            raise ValueError("keys are fetched over https")
        return address


async def _document(client: httpx.AsyncClient, address: str) -> Mapping[str, Any]:
    response = await client.get(address)
    response.raise_for_status()
    if len(response.content) > MOST_BYTES:
        raise ValueError("the document is too large")
    document = response.json()
    if not isinstance(document, dict):
        raise ValueError("the document is no object")
    return document


def _signing_keys(document: Mapping[str, Any]) -> dict[str | None, jwt.PyJWK]:
    """By their names; one that is alone is also meant where no name is given. What cannot be used is left out."""
    found: dict[str | None, jwt.PyJWK] = {}
    for one in document["keys"]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            found[one.get("kid")] = jwt.PyJWK.from_dict(one)
        except jwt.PyJWTError:
            continue
    if len(found) == 1:
        found[None] = next(iter(found.values()))
    return found
