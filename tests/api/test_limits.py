"""Limits of tokens, and callers that an identity provider vouches for."""

import dataclasses
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.adapters.identity import JwksIdentity
from app.domain.access import Auth, Role, scopes_of
from app.domain.job import Ended, JobId, JobKind, JobRequest, JobState, Origin
from app.domain.oidc import Grant, Oidc, grants_of, scopes_in
from app.domain.rate import Rate
from app.ports import NewJob
from app.services.identity import IdentityDesk
from app.services.tries import FailedTries
from tests.api.stand import Stand, standing
from tests.api.test_doors import CASES

ADMIN = "the-admins-token-of-this-test-long-enough"
AUDIENCE = "liftlock"
RSA = {name: rsa.generate_private_key(65537, 2048) for name in ("one", "two")}
EC = ec.generate_private_key(ec.SECP256R1())
GRANTS, _ = grants_of("dba=admin, team a=operator@production, *=viewer")


class Provider:
    """An issuer on this machine: its documents, how often it was asked, and its hand for tokens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: list[dict[str, Any]] = [public("one")]
        self.asked: list[str] = []

    def documents(self) -> dict[str, Any]:
        return {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": self.keys},
        }

    def token(self, key: str = "one", algorithm: str = "RS256", **changed: Any) -> str:
        claims = {
            "iss": self.url, "aud": AUDIENCE, "sub": "u-17", "exp": time.time() + 60, "email": "ada@example.com",
            "groups": ["dba"], **changed,
        }  # fmt: skip
        signing: Any = EC if algorithm == "ES256" else RSA[key]
        claims = {name: one for name, one in claims.items() if one is not None}
        return jwt.encode(claims, signing, algorithm, headers={"kid": "ec" if algorithm == "ES256" else key})


def public(name: str) -> dict[str, Any]:
    return {**json.loads(RSAAlgorithm.to_jwk(RSA[name].public_key())), "kid": name, "use": "sig"}


@contextmanager
def providing() -> Iterator[Provider]:
    class Documents(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            found = made.documents().get(self.path)
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Documents)
    made = Provider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as made:
        yield made


@contextmanager
def trusting(provider: Provider) -> Iterator[Stand]:
    """A stand that takes its tokens, and those that it has made itself."""
    oidc = Oidc(provider.url, AUDIENCE, "groups", GRANTS)
    with standing(changed_settings={"auth": Auth.TOKEN, "admin_token": ADMIN, "oidc": oidc}) as stand:
        desk = IdentityDesk(oidc, JwksIdentity(oidc), FailedTries(stand.clock))
        extension = stand.app.extensions["liftlock"]
        changed = dataclasses.replace(extension.services, identity=desk)
        stand.app.extensions["liftlock"] = dataclasses.replace(extension, services=changed)
        yield stand


def test_somebody_of_the_provider_may_do_what_their_groups_grant(provider: Provider) -> None:
    with trusting(provider) as stand:
        said = stand.get("/whoami", token=provider.token()).json
        assert said["principal"] == {
            "id": "oidc:u-17", "kind": "oidc", "address": "127.0.0.1", "name": "ada@example.com",
        }  # fmt: skip
        assert "admin" in said["scopes"]
        some = provider.token(groups="team-b dba2", sub="u-18")
        assert stand.get("/whoami", token=some).json["scopes"] == ["read"]
        assert stand.post("/migrations/run", token=some).json["needs"] == "run:development"
        assert stand.get("/whoami", token=ADMIN).json["principal"]["kind"] == "admin_token"


def test_other_kinds_of_keys_are_taken_too(provider: Provider) -> None:
    provider.keys = [{**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "ec"}, public("one")]
    with trusting(provider) as stand:
        assert stand.get("/whoami", token=provider.token(algorithm="ES256")).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": "nobody\0"},
        {"sub": "\x1b[31mred"},
        {"sub": "half \ud800"},
        {"sub": "u" * 256},
        {"key": "two"},
    ],
)
def test_a_token_that_is_not_for_us_or_not_good_now_lets_nobody_in(
    provider: Provider, changed: Mapping[str, Any]
) -> None:
    provider.keys = [public("one")]
    with trusting(provider) as stand:
        answer = stand.get("/whoami", token=provider.token(**changed))
        assert (answer.status_code, answer.json["type"]) == (401, "/problems/unauthenticated")


def forged(provider: Provider) -> dict[str, str]:
    """As people forge them: without a signature, or signed with what everybody may know."""
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    known = RSA["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head, body, signature = provider.token().split(".")
    encode = jwt.utils.base64url_encode
    hs256 = encode(b'{"alg":"HS256","typ":"JWT","kid":"one"}').decode()
    es256 = encode(b'{"alg":"ES256","typ":"JWT","kid":"one"}').decode()
    mac = encode(hmac.new(known, f"{hs256}.{body}".encode(), hashlib.sha256).digest()).decode()
    return {
        "none": jwt.encode(claims, "", "none", headers={"kid": "one"}),
        "signed with the public key": f"{hs256}.{body}.{mac}",
        "another body": f"{head}.{encode(json.dumps({**claims, 'sub': 'root'}).encode()).decode()}.{signature}",
        "no signature": f"{head}.{body}.",
        "no claims": f"{head}..{signature}",
        "algorithm of another key": f"{es256}.{body}.{signature}",
        "its own key": jwt.encode(claims, RSA["two"], "RS256", headers={"kid": "two", "jwk": public("two")}),
    }


def test_forged_tokens_let_nobody_in(provider: Provider) -> None:
    with trusting(provider) as stand:
        for how, token in forged(provider).items():
            answer = stand.get("/whoami", token=token)
            assert answer.status_code == 401, how


def test_an_algorithm_that_its_key_is_not_for_is_a_wrong_token(provider: Provider) -> None:
    provider.keys = [{**json.loads(ECAlgorithm.to_jwk(EC.public_key())), "kid": "ec"}]
    head, body, signature = provider.token(algorithm="ES256").split(".")
    with trusting(provider) as stand:
        for algorithm in ("ES384", "ES512", "EdDSA", "RS256"):
            head = jwt.utils.base64url_encode(json.dumps({"alg": algorithm, "kid": "ec"}).encode()).decode()
            answer = stand.get("/whoami", token=f"{head}.{body}.{signature}")
            assert (answer.status_code, answer.json["type"]) == (401, "/problems/unauthenticated"), algorithm
    provider.keys = [public("one")]


def test_a_provider_that_lists_what_is_no_key_is_taken_at_its_others(provider: Provider) -> None:
    nothing: Any = None
    provider.keys = [nothing, public("one")]
    with trusting(provider) as stand:
        assert stand.get("/whoami", token=provider.token()).status_code == 200
    provider.keys = [public("one")]


def test_a_symmetric_key_of_the_provider_is_no_key_for_us(provider: Provider) -> None:
    shared = "k" * 32
    provider.keys = [{"kty": "oct", "k": jwt.utils.base64url_encode(shared.encode()).decode(), "kid": "one"}]
    with trusting(provider) as stand:
        signed = jwt.encode({"iss": provider.url, "aud": AUDIENCE, "sub": "x", "exp": time.time() + 9}, shared, "HS256")
        assert stand.get("/whoami", token=signed).status_code == 401
    provider.keys = [public("one")]


def test_a_new_key_is_known_when_it_is_first_used_and_the_provider_is_not_asked_for_each_token(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.keys = [public("one")]
    with trusting(provider) as stand:
        stand.get("/whoami", token=provider.token())
        asked = len(provider.asked)
        provider.keys = [public("one"), public("two")]
        for _ in range(3):
            assert stand.get("/whoami", token=provider.token("two")).status_code == 401
        assert len(provider.asked) == asked
        monkeypatch.setattr("app.adapters.identity.ASK_AGAIN_S", 0.0)
        assert stand.get("/whoami", token=provider.token("two")).status_code == 200
        assert len(provider.asked) == asked + 2
        provider.keys = [public("two")]
        monkeypatch.setattr("app.adapters.identity.GOOD_FOR_S", 0.0)
        assert stand.get("/whoami", token=provider.token("one")).status_code == 401


def test_without_the_provider_its_tokens_wait_and_ours_do_not() -> None:
    with trusting(Provider("http://127.0.0.1:1")) as stand:
        away = stand.get("/whoami", token=Provider("http://127.0.0.1:1").token())
        assert (away.status_code, away.json["backend"]) == (503, "oidc")
        assert stand.get("/whoami", token=ADMIN).status_code == 200


def test_wrong_tokens_of_an_address_are_looked_at_more_and_more_slowly(provider: Provider) -> None:
    with trusting(provider) as stand:
        answers = [stand.get("/whoami", token="ey.ey.xx").status_code for _ in range(12)]
        assert answers == [401] * 10 + [429] * 2


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("", None), ("a=b=admin", None), ("a=admin@*", None),
     *((one, one) for one in ("admin", "x=king", "x=viewer@", "=admin", "x=admin@staging"))],
)  # fmt: skip
def test_grants_are_read_or_said_to_be_wrong(text: str, wrong: str | None) -> None:
    assert grants_of(text)[1] == wrong


def test_a_grant_may_be_for_some_environments() -> None:
    assert GRANTS[1] == Grant("team a", Role.OPERATOR, ("production",))
    oidc = Oidc("i", "a", "groups", GRANTS)
    held = scopes_in(oidc, {"groups": ["team a"]})
    assert held == scopes_of(Role.OPERATOR, ("production",)) | scopes_of(Role.VIEWER)
    assert scopes_in(oidc, {"groups": {"dba": 1}}) == scopes_of(Role.VIEWER)


def test_a_token_that_sends_too_much_is_told_when_to_go_on_and_others_are_not() -> None:
    settings = {"auth": Auth.TOKEN, "admin_token": ADMIN, "rate": Rate(most=3, every_s=10)}
    with standing(changed_settings=settings) as stand:
        made = stand.post("/tokens", token=ADMIN, json={"name": "other", "role": "viewer"}).json["token"]
        first = stand.get("/jobs", token=ADMIN)
        assert first.headers["RateLimit-Policy"] == '"token";q=3;w=30'
        assert first.headers["RateLimit"] == '"token";r=1;t=20'
        stand.get("/jobs", token=ADMIN)
        refused = stand.get("/jobs", token=ADMIN)
        assert (refused.status_code, refused.json["type"]) == (429, "/problems/too-many-requests")
        assert refused.headers["Retry-After"] == "10"
        assert refused.headers["RateLimit-Policy"] == '"token";q=3;w=30'
        assert refused.headers["RateLimit"] == '"token";r=0;t=30'
        assert stand.get("/jobs", token=made).status_code == 200
        assert stand.get("/health/live").status_code == 200
        stand.clock.advance(10)
        assert stand.get("/jobs", token=ADMIN).status_code == 200


def test_where_nobody_is_asked_who_they_are_nobody_is_counted() -> None:
    with standing(changed_settings={"rate": Rate(most=1, every_s=1000)}) as stand:
        answers = [stand.get("/jobs") for _ in range(3)]
        assert [one.status_code for one in answers] == [200] * 3
        assert "RateLimit" not in answers[0].headers


def test_a_service_that_is_read_only_refuses_every_change() -> None:
    """Whatever is asked of it: routes that nobody thought of as well."""
    with standing(changed_settings={"read_only": True}) as stand:
        failed = Ended(JobState.FAILED, "sql_error", "it failed")
        new = NewJob(JobId(UUID(int=1)), JobRequest(JobKind.RUN, "development"), Origin(), "x", finished=failed)
        stand.run(stand.services.board.add(new))
        seen: dict[str, str] = {}
        for route, case in CASES.items():
            method, _, _ = route.partition(" ")
            path = case.path
            for name in ("job", "plan", "conflict", "token", "webhook"):
                path = path.replace(f"{{{name}}}", "00000000-0000-0000-0000-000000000001")
            # a plan is a question
            if method == "GET" or route == "POST /migrations/plan":
                continue
            answer = stand.call(method, path, json=case.body or None)
            seen[route] = answer.json["type"] if answer.is_json and answer.status_code >= 400 else "done"
        assert {route: what for route, what in seen.items() if what != "/problems/read-only"} == {}
