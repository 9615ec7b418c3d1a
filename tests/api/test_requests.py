"""What may be sent, and how what may not is named."""

import json
from io import BytesIO
from typing import Any

import pytest

from tests.api.stand import Answer, Stand

JSON = "application/json"


def send(stand: Stand, body: str | bytes, path: str = "/migrations/run", content_type: str | None = JSON) -> Answer:
    return stand.post(path, data=body, content_type=content_type)


def problems(response: Answer) -> set[tuple[str, str]]:
    return {(one["code"], one.get("pointer") or one.get("parameter", "")) for one in response.json["problems"]}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/migrations/run"),
        ("GET", "/migrations"),
        ("POST", "/migrations/rollback"),
        ("DELETE", "/migrations/reset"),
        ("GET", "/migrations/conflicts"),
    ],
)
def test_the_calls_work_without_body_and_header(stand: Stand, method: str, path: str) -> None:
    assert stand.call(method, path).status_code in (200, 202)
    assert stand.call(method, f"{path}/").status_code in (200, 202)


@pytest.mark.parametrize("content_type", [None, JSON, "text/plain", "application/x-www-form-urlencoded", "nonsense"])
@pytest.mark.parametrize("body", ["", "  \n"])
def test_an_empty_body_may_be_of_any_type(stand: Stand, content_type: str | None, body: str) -> None:
    assert send(stand, body, content_type=content_type).status_code == 202


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "application/x+json", None])
def test_a_json_object_is_taken(stand: Stand, content_type: str | None) -> None:
    answer = send(stand, '{"note": "because", "to": "orders", "atomic": "run"}', content_type=content_type)
    assert answer.status_code == 202
    assert answer.json["note"] == "because"
    assert answer.json["request"]["to"] == "orders"
    assert answer.json["request"]["atomic"] == "run"


def test_everything_wrong_is_listed_at_once(stand: Stand) -> None:
    body = '{"noet": 1, "lockTimeoutMs": 0, "onBusy": "maybe", "to": 5, "atomic": null, "a/b~c": 1}'
    refused = send(stand, body, path="/migrations/run?limt=3")
    assert refused.status_code == 422
    assert refused.json["type"] == "/problems/validation-failed"
    assert problems(refused) == {
        ("unknown_field", "/noet"),
        ("unknown_field", "/a~1b~0c"),
        ("unknown_field", "limt"),
        ("out_of_range", "/lockTimeoutMs"),
        ("not_one_of", "/onBusy"),
        ("not_one_of", "/atomic"),
        ("wrong_type", "/to"),
    }
    assert "did you mean `note`?" in refused.text


def test_what_does_not_exist_is_unknown_rather_than_ignored(stand: Stand) -> None:
    assert problems(send(stand, '{"count": true}')) == {("unknown_field", "/count")}


def test_each_change_takes_its_own_fields(stand: Stand) -> None:
    stand.apply(*stand.files)
    assert problems(send(stand, '{"atomic": "run"}', "/migrations/rollback")) == {("unknown_field", "/atomic")}
    assert problems(send(stand, '{"to": "orders"}', "/migrations/rollback/1")) == {("unknown_field", "/to")}
    reset = stand.delete("/migrations/reset", json={"to": "orders"})
    assert problems(reset) == {("unknown_field", "/to")}
    assert send(stand, '{"to": "create users"}', "/migrations/rollback").status_code == 202


@pytest.mark.parametrize("value", ["0", "-1", "600001", "1.0", '"5"', "true", "1e3", "[]", "9" * 400])
def test_a_number_is_a_whole_number_in_its_range(stand: Stand, value: str) -> None:
    assert problems(send(stand, f'{{"lockTimeoutMs": {value}}}')) == {("out_of_range", "/lockTimeoutMs")}


@pytest.mark.parametrize("n", ["0", "-1", "abc", "99999999999", "1.5", "10001", "03", "1_000", "%20", "٣", "1e2"])
def test_the_number_of_a_rollback_is_named_with_its_range(stand: Stand, n: str) -> None:
    refused = stand.post(f"/migrations/rollback/{n}")
    assert refused.status_code == 422
    assert problems(refused) == {("out_of_range", "n")}
    assert "from 1 to 10000" in refused.json["detail"]


def test_more_than_is_applied_is_refused_with_both_numbers(stand: Stand) -> None:
    stand.apply(*stand.files)
    refused = stand.post("/migrations/rollback/4")
    assert (refused.status_code, refused.json["type"]) == (422, "/problems/rollback-too-deep")
    assert (refused.json["requested"], refused.json["applied"]) == (4, 3)
    assert refused.json["nextSteps"] == ["curl -X POST http://localhost:3000/migrations/rollback/3"]


@pytest.mark.parametrize(
    "body",
    ['{"a"', "{'a': 1}", "nope", '{"note": NaN}', '{"lockTimeoutMs": Infinity}', b"\xff\xfe{}", "[" * 100_000,
     '{"lockTimeoutMs": ' + "9" * 5000 + "}", "{} {}"],
)  # fmt: skip
def test_what_is_not_json_is_refused_with_its_place(stand: Stand, body: str | bytes) -> None:
    refused = send(stand, body)
    assert (refused.status_code, refused.json["type"]) == (400, "/problems/malformed-json")


def test_limits_are_told_in_words_of_the_api(stand: Stand) -> None:
    long = send(stand, '{"lockTimeoutMs": ' + "9" * 5000 + "}")
    assert long.json["detail"] == "the body is not JSON: a number of 5000 digits is more than can be read"
    many = send(stand, json.dumps({"allowHazards": ["INDEX_BUILD"] * 101}))
    assert many.json["detail"] == "`allowHazards` takes at most 100 of them, not 101"


def test_the_place_of_a_slip_is_told(stand: Stand) -> None:
    (problem,) = send(stand, '{\n  "note": "a",,\n}').json["problems"]
    assert (problem["line"], problem["column"]) == (2, 15)


@pytest.mark.parametrize("broken", [OSError("no more data"), ValueError("Invalid chunk size"), RuntimeError("trailer")])
def test_a_body_that_cannot_be_read_to_its_end_is_refused(stand: Stand, broken: Exception) -> None:
    class Broken(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise broken

        def readinto(self, _buffer: Any, /) -> int:
            raise broken

    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    refused = stand.post("/migrations/run", input_stream=Broken(), environ_overrides=chunked)
    assert (refused.status_code, refused.json["type"]) == (400, "/problems/bad-request")


@pytest.mark.parametrize("body", ["[]", '"text"', "5", "1.5", "true", "null"])
def test_json_that_is_no_object_is_refused(stand: Stand, body: str) -> None:
    refused = send(stand, body)
    assert refused.status_code == 422
    assert "takes a JSON object" in refused.json["detail"]


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "a\\u0000b"])
def test_text_that_postgresql_cannot_hold_is_refused(stand: Stand, text: str) -> None:
    assert send(stand, f'{{"note": "{text}"}}').status_code == 422
    assert stand.get("/jobs?environment=%00").status_code == 422


def test_a_field_given_twice_is_refused(stand: Stand) -> None:
    assert problems(send(stand, '{"to": "a", "to": "b"}')) == {("given_twice", "/to")}
    assert problems(stand.get("/migrations?environment=a&environment=b")) == {("given_twice", "environment")}


def test_a_note_has_an_end(stand: Stand) -> None:
    assert send(stand, f'{{"note": "{"x" * 1000}"}}').status_code == 202
    assert problems(send(stand, f'{{"note": "{"x" * 1001}"}}')) == {("too_long", "/note")}


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_another_type_is_refused_with_what_to_send(stand: Stand, content_type: str) -> None:
    refused = send(stand, "note=x", content_type=content_type)
    assert (refused.status_code, refused.json["type"]) == (415, "/problems/unsupported-media-type")
    assert "Content-Type: application/json" in refused.json["detail"]


def test_an_encoded_body_is_refused(stand: Stand) -> None:
    refused = stand.post("/migrations/run", data=b"\x1f\x8b", content_type=JSON, headers={"Content-Encoding": "gzip"})
    assert refused.status_code == 415


def test_a_body_over_one_mebibyte_is_refused(stand: Stand) -> None:
    refused = send(stand, b"x" * (1024 * 1024 + 1))
    assert (refused.status_code, refused.json["maxBytes"]) == (413, 1024 * 1024)
    assert send(stand, b" " * (1024 * 1024)).status_code == 202


def test_a_body_of_untold_length_is_refused_too(stand: Stand) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    for size in (1024 * 1024 + 1, 3 * 1024 * 1024):
        body = BytesIO(b" " * size)
        refused = stand.post("/migrations/run", input_stream=body, content_type=JSON, environ_overrides=chunked)
        assert refused.status_code == 413


def test_ten_thousand_unknown_fields_are_not_all_said_back(stand: Stand) -> None:
    body: dict[str, Any] = {f"field{i}": i for i in range(10_000)}
    refused = stand.post("/migrations/run", json=body)
    assert len(refused.json["problems"]) == 51
    assert len(refused.data) < 20_000


def test_environment_and_confirm_may_be_in_query_or_body_but_must_agree(stand: Stand) -> None:
    stand.apply(*stand.files)
    in_query = stand.post("/migrations/rollback?environment=production&confirm=production")
    in_body = stand.post("/migrations/rollback", json={"environment": "production", "confirm": "production"})
    both = stand.post("/migrations/rollback?environment=production", json={"environment": "development"})
    assert in_query.json["environment"] == in_body.json["environment"] == "production"
    assert (both.status_code, problems(both)) == (422, {("contradiction", "/environment")})


def test_an_unknown_environment_is_not_found_with_those_there_are(stand: Stand) -> None:
    for path in ("/migrations?environment=prod", "/jobs?environment=prod", "/migrations/conflicts?environment=prod"):
        refused = stand.get(path)
        assert refused.status_code == 404
        assert refused.json["environments"] == ["development", "production"]
    assert stand.post("/migrations/run?environment=prod").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/migrations?x=1", "/jobs?limit=0", "/jobs?limit=501", "/jobs?limit=1.5", "/jobs?state=done", "/jobs?kind=dance",
     "/migrations/conflicts?state=shut", "/version?x", "/health/live?x=1"],
)  # fmt: skip
def test_wrong_query_parameters_are_refused(stand: Stand, path: str) -> None:
    assert stand.get(path).status_code == 422
