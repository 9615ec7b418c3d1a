"""`/tokens` and `/whoami`: who may come in, and as whom this caller did."""

import json
from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from app.api import access_schemas
from app.api.access_schemas import TokenBody, TokenPath, TokensQuery
from app.api.answers import encoded, json_response, tagged_response
from app.api.changes import answer_change
from app.api.context import access, origin, run, services
from app.api.inputs import NoBody
from app.api.paging import after, link_next
from app.api.render import Json, principal
from app.api.render_values import moment
from app.api.requests import checked, uuid_or_not_found
from app.domain.access import Token
from app.ports import KeyClaim, TokensWanted
from app.services.token_desk import AskedToken, MadeToken

api = APIBlueprint("tokens", __name__, abp_tags=[Tag(name="Access", description="Who may come in, and who did what.")])

OF = "tokens"


@api.get("/whoami", responses={200: access_schemas.WhoAmI}, operation_id="whoAmI")
@checked
def who_am_i() -> Response:
    """Who asks, and what it may do here"""
    caller, settings = access(), services().settings
    token = caller.token
    return tagged_response(
        {
            "auth": settings.auth.value,
            "principal": principal(caller.principal),
            "role": None if token is None or token.role is None else token.role.value,
            "scopes": sorted(str(scope) for scope in caller.scopes),
            "expiresAt": None if token is None else moment(token.expires_at),
            "readOnly": settings.read_only,
        }
    )


@api.get("/tokens", responses={200: access_schemas.Tokens}, operation_id="listTokens")
@checked
def list_tokens(query: TokensQuery) -> Response:
    """Tokens, newest first

    Without their secrets, and with those that were revoked or have expired. The next page is in the `Link` header.
    """
    found = run(services().tokens.page(TokensWanted(query.limit + 1, after(query.page_token, OF))))
    response = tagged_response([_token(one) for one in found[: query.limit]])
    return link_next(response, OF, str(found[query.limit - 1].id)) if len(found) > query.limit else response


@api.post("/tokens", responses={201: access_schemas.MadeToken}, operation_id="makeToken")
@checked
def make_token(body: TokenBody) -> Response:
    """Make a token

    With a role, for all environments or some; or with scopes. The answer shows it once: only its hash is kept, so
    that a repeated answer to the same Idempotency-Key says everything but the token itself.
    """
    asked = AskedToken(body.name, body.role, tuple(body.environments), tuple(body.scopes), body.expires_at)
    made: list[MadeToken] = []

    def make(_: KeyClaim | None) -> Response:
        made.append(run(services().tokens.make(asked, origin())))
        response = json_response({**_token(made[0].token), "token": None}, HTTPStatus.CREATED)
        response.headers["Location"] = "/tokens"
        return response

    response = answer_change(body, make)
    if made:
        # after the answer was kept for its key: the token itself is kept nowhere
        response.set_data(encoded({**json.loads(response.get_data()), "token": made[0].text}))
    return response


@api.delete("/tokens/<id>", responses={204: None}, operation_id="revokeToken")
@checked
def revoke_token(path: TokenPath, body: NoBody) -> Response:
    """Revoke a token

    For ever. Other processes let it in for at most 5 seconds more.
    """
    token_id = uuid_or_not_found(path.id, "token", "/tokens")

    def revoke(_: KeyClaim | None) -> Response:
        run(services().tokens.revoke(token_id, origin()))
        services().authenticator.forget(token_id)
        response = Response(status=int(HTTPStatus.NO_CONTENT))
        del response.headers["Content-Type"]
        return response

    return answer_change(body, revoke)


def _token(token: Token) -> Json:
    return {
        "id": str(token.id),
        "name": token.name,
        "role": None if token.role is None else token.role.value,
        "scopes": sorted(str(scope) for scope in token.scopes),
        "state": token.state_at(services().tokens.now()).value,
        "createdAt": moment(token.created_at),
        "createdBy": token.created_by,
        "expiresAt": moment(token.expires_at),
        "lastUsedAt": moment(token.last_used_at),
        "lastUsedFrom": token.last_used_from,
        "revokedAt": moment(token.revoked_at),
        "revokedBy": token.revoked_by,
        "links": {"self": f"/tokens/{token.id}", "audit": f"/audit?principal={token.id}"},
    }
