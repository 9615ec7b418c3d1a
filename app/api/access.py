"""Who may pass: the token of a request, what its route asks for, and what is noted of those that are turned away."""

import structlog
from flask import g, request

from app.api.context import SAFE_METHODS, came_from, require, run, services
from app.api.doors import Asks, Door, door_of
from app.domain import errors
from app.domain.access import CARRIED, EVERYTHING, Access, Auth, Scope
from app.domain.audit import Deed
from app.domain.errors import BackendUnavailable, LiftlockError, TooOften, Unauthenticated
from app.domain.principal import Principal
from app.domain.removed import EnvironmentRemoved

NOTED = (
    errors.Unauthenticated,
    errors.Forbidden,
    errors.ReadOnly,
    errors.EnvironmentProtected,
    errors.ConfirmationRequired,
    errors.HazardNotAllowed,
    errors.ConflictsOpen,
    errors.DriftPresent,
    errors.ProofMissing,
    errors.NotPromoted,
    errors.OutsideWindow,
    errors.PlanStale,
    errors.Irreversible,
    errors.NewerDependents,
    EnvironmentRemoved,
)
"""Refusals that somebody may want to know of later; what was only misspelt is none of them."""

log = structlog.get_logger()


def admit() -> None:
    """Runs before every view. Raises Unauthenticated, TooManyTries, Forbidden or BackendUnavailable.

    What answers nothing but 404 or 405 asks for nothing, and neither does OPTIONS, which tells the methods of a route.
    """
    if request.url_rule is None or request.method == "OPTIONS":
        return
    door = door_of(request.url_rule, request.method)
    if door.asks is Asks.NOTHING:
        return
    g.access = _known_caller()
    _count_request()
    if door.asks is Asks.SCOPE:
        (verb,) = door.verbs
        require(Scope(verb))


def _known_caller() -> Access:
    """Raises as `admit`; whoever has not been let in yet is not told where the control database is."""
    try:
        return _access()
    except BackendUnavailable as error:
        if "address" not in error.facts:
            raise
        log.warning("access.unknown", why=error.detail)
        raise BackendUnavailable(
            "who is calling cannot be found out: the control database cannot be used now; the log of the API says why",
            facts={"backend": error.facts.get("backend")},
        ) from error


def is_let_in() -> bool:
    """Whether the caller of an open route has shown who they are, or need not."""
    try:
        _access()
    except LiftlockError:
        return False
    return True


def challenge() -> str:
    """For WWW-Authenticate (RFC 6750, section 3): without a token there is no error to name."""
    return 'Bearer realm="liftlock"' + ("" if _bearer() is None else ', error="invalid_token"')


def note_refusal(error: LiftlockError) -> None:
    """On the audit trail, where it was a change: beside the answer, which does not wait for it."""
    door = _door()
    if door is None or door.action is None or request.method in SAFE_METHODS or not isinstance(error, NOTED):
        return
    needs = error.facts.get("needs")
    deed = Deed(
        came_from(),
        door.action,
        environment=_environment_of(error),
        subject=(request.view_args or {}).get("id"),
        refused=error.slug,
        detail={"path": request.path[:200]} | ({} if needs is None else {"needs": needs}),
    )
    services().portal.start(services().trail.note_refusal(deed))


def _environment_of(error: LiftlockError) -> str | None:
    """A strange name is no environment, and is not kept as one."""
    in_path = (request.view_args or {}).get("environment")
    named = g.get("environment") or in_path or request.args.get("environment") or error.facts.get("environment")
    return named if isinstance(named, str) and services().environments.has_known(named) else None


def _door() -> Door | None:
    return None if request.url_rule is None else door_of(request.url_rule, request.method)


def _access() -> Access:
    carried = request.environ.get(CARRIED)
    if isinstance(carried, Access):
        return carried
    address = request.remote_addr
    if services().settings.auth is Auth.OFF:
        return Access(Principal(address=address), EVERYTHING)
    text = _bearer()
    if text is None:
        raise Unauthenticated(
            "this service asks who is calling; send `Authorization: Bearer ll_…` with a token that was made here"
        )
    identity = services().identity
    if identity is not None and identity.knows_shape(text):
        return run(identity.look_up(text, address))
    authenticator = services().authenticator
    return authenticator.at_once(text, address) or run(authenticator.look_up(text, address))


def _count_request() -> None:
    """Raises TooManyTries. Where nobody is asked who they are, nobody is counted either.

    What a page of the dashboard asks was counted with the page, as one.
    """
    allowance = services().allowance
    if allowance is not None and services().settings.auth is Auth.TOKEN and CARRIED not in request.environ:
        caller = g.access.principal.id
        try:
            g.allowance_left = allowance.take(caller)
        except TooOften:
            g.allowance_left = allowance.left(caller)
            raise


def rate_headers() -> dict[str, str]:
    """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/"""
    left, allowance = g.get("allowance_left"), services().allowance
    if left is None or allowance is None:
        return {}
    window_s = max(round(allowance.rate.most * allowance.rate.every_s), 1)
    return {
        "RateLimit-Policy": f'"token";q={allowance.rate.most};w={window_s}',
        "RateLimit": f'"token";r={left.requests};t={left.whole_in_s}',
    }


def _bearer() -> str | None:
    given = request.authorization
    return given.token if given is not None and given.type == "bearer" else None
