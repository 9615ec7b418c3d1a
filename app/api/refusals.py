"""Refusals that only HTTP knows; everything else is refused in the words of the domain."""

from app.domain.errors import ListedRefusal, Refusal


class BadRequest(Refusal):
    slug = "bad-request"
    title = "The request cannot be understood"


class MalformedJson(ListedRefusal):
    slug = "malformed-json"
    title = "The body is not JSON"


class ContentTooLarge(Refusal):
    slug = "content-too-large"
    title = "The body is too large"


class UnsupportedMediaType(Refusal):
    slug = "unsupported-media-type"
    title = "The body is not of a type that is understood"


class MethodNotAllowed(Refusal):
    slug = "method-not-allowed"
    title = "This address does not take this method"


class RangeNotSatisfiable(Refusal):
    slug = "range-not-satisfiable"
    title = "That part is not there"
