"""The pages of the problems with who asks: as `problem_pages`, which holds them all."""

from collections.abc import Mapping

from app.api.page import Page

ACCESS_PAGES: Mapping[str, Page] = {
    "forbidden": Page(
        "The token lacks the scope that this takes; or the request came from somewhere that may not use this service.",
        "`needs` names the scope and `has` what the token has. Without them: the request carried a Host that is not "
        "known here, or was sent by a web page of another site.",
        "Use a token that has the scope, or have one made. For a Host: use the address the service printed at start, "
        "or add the name to LIFTLOCK_ALLOWED_HOSTS.",
    ),
    "unauthenticated": Page(
        "The service asks who is calling, and the request says nothing that it knows.",
        "There is no `Authorization: Bearer` header; or its token is unknown, was revoked, or has expired.",
        "Send the token as it was shown when it was made. An admin makes new ones with POST /tokens; the first one is "
        "made with LIFTLOCK_ADMIN_TOKEN.",
    ),
    "name-taken": Page(
        "Another token has this name, so none was made.",
        "Names stand on the audit trail, and each means one token at a time, expired ones included.",
        "Take another name, or revoke the token that has it: DELETE /tokens/{id}.",
    ),
    "too-many-requests": Page(
        "As many requests are waiting for jobs as one process can hold (503); too many wrong tokens have come from "
        "this address, or too many requests with this token (429).",
        "Long polls take a thread each, and some threads are kept for ordinary requests. Wrong tokens are looked up, "
        "so an address may send ten at once and then one every six seconds. What a token may send in a minute is "
        "LIFTLOCK_RATE_LIMIT; `RateLimit` of each answer says what is left.",
        "Ask again after Retry-After; or ask without waiting, or with the right token.",
    ),
    "read-only": Page(
        "This service answers questions and makes no changes.",
        "It was started with LIFTLOCK_READ_ONLY.",
        "Send the change to a service that makes changes.",
    ),
}
