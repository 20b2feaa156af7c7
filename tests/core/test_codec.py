"""Bytes to results and errors: every defensive case, each with the right class and nothing private in it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from decoding import JSON, PRIVATE, READ, WRITE, Thing, answer, envelope, refused
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async import (
    ApiError,
    Conflict,
    DecodeError,
    Forbidden,
    InvalidRequest,
    NotFound,
    QualtricsError,
    RateLimited,
    ServerFault,
    Unauthorized,
    UnexpectedStatus,
)
from qualtrics_async._core.codec import parse_retry_after
from qualtrics_async._core.paging import Page
from qualtrics_async._core.request import GET, POST, Request
from qualtrics_async.models._base import Instant, JsonList, JsonObject, Model, Number


def test_a_result_is_taken_out_of_its_envelope() -> None:
    """The result is typed; request id and notice come with it."""
    got = answer({"meta": {"requestId": "r1", "notice": "n"}, "result": {"id": "T_1", "more": []}})
    assert got == (Thing(id="T_1"), "r1", "n")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"meta": null}', b'{"meta":{"requestId":"r"},"result":{}}'])
def test_where_no_result_is_due_none_is_needed(body: bytes) -> None:
    """A write that answers nothing, or only `meta`, or more than it should, has succeeded."""
    assert answer(body, request=WRITE).value is None


def test_an_empty_answer_without_content_type_is_enough_for_a_write() -> None:
    """A 204 or an empty 200 needs no headers where nothing is due."""
    assert answer(b"", 204, {}, WRITE).value is None


@pytest.mark.parametrize(
    ("meta", "request_id"),
    [
        (None, None),
        ({}, None),
        ({"requestId": None}, None),
        ({"requestId": ""}, ""),
        ({"requestId": 17}, "17"),
        ({"requestId": ["x"]}, None),
        ({"requestId": "r", "notice": 5}, "r"),
        ("strange", None),
        ([], None),
        (7, None),
        ({"requestId": "r", "error": None}, "r"),
        ({"requestId": "r", "error": []}, "r"),
    ],
    ids=repr,
)
def test_a_strange_meta_does_not_cost_the_result(meta: object, request_id: str | None) -> None:
    """`meta` null, without `requestId` or of a strange type: the result is still there."""
    got = answer({"result": {"id": "T_1"}, "meta": meta})
    assert (got.value, got.request_id) == (Thing(id="T_1"), request_id)


def test_an_envelope_without_meta_is_understood() -> None:
    """`meta` may be absent altogether."""
    assert answer({"result": {"id": "T_1"}}).value == Thing(id="T_1")


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=utf-8", "application/problem+json", "Application/JSON"]
)
def test_any_json_content_type_will_do(content_type: str) -> None:
    """Parameters, suffixes and case of the content type do not matter."""
    assert answer({"result": {"id": "T"}}, headers={"Content-Type": content_type}).value == Thing(id="T")


def test_http_status_in_the_body_is_never_read() -> None:
    """A 200 is a 200, whatever `meta.httpStatus` says."""
    assert answer({"result": {"id": "T"}, "meta": {"httpStatus": "500 - Oops"}}).value == Thing(id="T")


def test_a_whole_body_is_its_own_result() -> None:
    """Answers without an envelope are decoded as they are."""
    request: Request[Any] = Request(GET("/things"), dict, whole=True)
    assert answer({"results": [1]}, request=request).value == {"results": [1]}


@pytest.mark.parametrize("returns", [dict, Page[Any], None])
def test_an_error_inside_of_a_200_is_found_in_a_whole_body_too(returns: Any) -> None:
    """Without an envelope, an error is an error all the same."""
    request: Request[Any] = Request(GET("/things"), returns, whole=True)
    body = {"elements": [], "meta": {"requestId": "r9", "error": {"errorCode": "E_1", "errorMessage": "no"}}}
    error = refused(body, request=request)
    assert isinstance(error, UnexpectedStatus)
    assert (error.error_code, error.request_id) == ("E_1", "r9")


@pytest.mark.parametrize(
    "value", [1717230000000, "1717230000000", "2024-06-01T08:20:00Z", "2024-06-01T10:20:00+02:00"]
)
def test_both_spellings_of_an_instant_are_one(value: object) -> None:
    """Milliseconds (number or text) and ISO 8601 become the same aware moment."""
    got = answer({"result": {"id": "T", "seen": value}}).value
    assert got.seen == datetime(2024, 6, 1, 8, 20, tzinfo=UTC)


def undecodable(body: object, *, transient: bool, headers: Mapping[str, str] = JSON) -> DecodeError:
    error = refused(body, headers=headers)
    assert type(error) is DecodeError
    assert error.transient is transient
    assert (error.status, error.method, error.template) == (200, "GET", "/things/{thingId}")
    assert len(error.excerpt) <= 200
    return error


def test_html_with_a_200_is_a_page_of_the_edge() -> None:
    """Another content type is a transient fault, and the excerpt shows what came."""
    error = undecodable(
        b"<html>maintenance</html>", transient=True, headers={"Content-Type": "text/html; charset=utf-8"}
    )
    assert error.excerpt == "<html>maintenance</html>"
    assert "text/html" in str(error)


@pytest.mark.parametrize(
    "body", [b"", b" ", b'{"result": {"id": "T', b'{"result": nul', b"{]", b"\xff\xfe", b"\x00"]
)
def test_a_body_that_is_no_json_broke_on_the_way(body: bytes) -> None:
    """Empty where a result is due, truncated, malformed or not UTF-8: transient, at the root."""
    assert undecodable(body, transient=True).path == "$"


def test_json_nested_too_deep_is_an_error_like_any_other() -> None:
    """A hundred thousand brackets overflow nothing, wherever they stand."""
    deep = b"[" * 100_000 + b"]" * 100_000
    for body in (deep, b'{"result":' + deep + b"}", b'{"result":{"id":"T"},"more":' + deep + b"}"):
        undecodable(body, transient=True)


def test_deep_json_with_an_error_status_is_that_status() -> None:
    """The status decides even where the body cannot be read."""
    assert type(refused(b"[" * 100_000, 404)) is NotFound


@pytest.mark.parametrize("text", [b"\\ud800", b"\\udfff", b"\\ud800x", b"\xed\xa0\x80"])
def test_lone_surrogates_are_refused(text: bytes) -> None:
    """Half of a character never becomes a `str` that nothing can write."""
    undecodable(b'{"result":{"id":"' + text + b'"}}', transient=True)


@pytest.mark.parametrize(
    ("result", "path"),
    [
        ({"id": 5}, "$.result.id"),
        ({}, "$.result"),
        ([], "$.result"),
        (None, "$.result"),
        ({"id": "T", "count": "x"}, "$.result.count"),
        ({"id": "T", "seen": {}}, "$.result.seen"),
        ({"id": "T", "seen": 10**300}, "$.result.seen"),
        ({"id": "T", "seen": "0001-01-01T00:00:00+23:59"}, "$.result.seen"),
        ({"id": "T", "seen": "--5"}, "$.result.seen"),
        ({"id": "T", "seen": "9" * 5000}, "$.result.seen"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_result_of_another_shape_is_named_by_its_path(result: object, path: str) -> None:
    """A wrong shape will be wrong again, so it is not transient; the path says where."""
    error = undecodable({"result": result, "meta": {"requestId": "r5"}}, transient=False)
    assert error.path.startswith(path)
    assert error.request_id == "r5"
    assert "r5" in str(error)


def test_a_missing_result_is_not_none() -> None:
    """An envelope without `result` where one is due is refused, with its request id."""
    error = undecodable({"meta": {"requestId": "r6"}}, transient=False)
    assert error.request_id == "r6"
    assert "no result" in str(error)


def test_an_envelope_that_is_no_object_is_refused() -> None:
    """A list or a text at the top is of another shape."""
    for body in (b"[]", b'"x"', b"5", b"null", b"true"):
        undecodable(body, transient=False)


def test_excerpts_hold_nothing_private() -> None:
    """Addresses, links and the token are masked, also as PHP escapes them, wherever the excerpt ends."""
    escaped = "https:\\/\\/fra1.qualtrics.com\\/jfe\\/form\\/SV_1 jane.doe\\u0040example.com "
    for length in range(0, 1200, 7):
        for filler in ("x" * length, "https://a.example/" + "y" * length + " "):
            error = refused((filler + PRIVATE + escaped + PRIVATE).encode())
            assert "form" not in error.excerpt
            assert "example.com" not in error.excerpt
    assert "<secret>" in refused(PRIVATE.encode()).excerpt
    assert "<e-mail>" in refused(escaped.encode()).excerpt
    assert "<link>" in refused(escaped.encode()).excerpt


def test_an_answer_that_holds_a_new_token_has_no_excerpt() -> None:
    """What answers a form is a credential, unknown as yet and so masked whole."""
    request: Request[Any] = Request(
        POST("/oauth2/token"),
        Thing,
        body={"grant_type": "x"},
        whole=True,
        form=True,
        private=True,
        idempotent=True,
    )
    error = refused({"access_token": "fresh-and-secret", "id": 5}, request=request)
    assert "fresh" not in f"{error} {error.excerpt}"
    error = refused(b'{"access_token": "fresh-and-secr', request=request)
    assert "fresh" not in f"{error} {error.excerpt}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


class Anything(Model, frozen=True, kw_only=True):
    """Every lenient type at once."""

    a: Instant | None = None
    b: Number | None = None
    c: JsonList | None = None
    d: JsonObject | None = None


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys("abcd", json_values)), json_values, st.integers(100, 599)
)
def test_whatever_json_comes_it_is_a_result_or_an_error_of_ours(
    result: dict[str, Any], meta: object, status: int
) -> None:
    """No JSON makes the decoder raise anything but a `QualtricsError`."""
    request: Request[Any] = Request(GET("/things"), Anything)
    try:
        got = answer({"result": result, "meta": meta}, status, request=request)
    except QualtricsError:
        return
    assert isinstance(got.value, Anything)


@given(st.binary(max_size=40), st.sampled_from([200, 204, 302, 400, 429, 500]))
def test_whatever_bytes_come_they_are_a_result_or_an_error_of_ours(body: bytes, status: int) -> None:
    """No bytes make the decoder raise anything but a `QualtricsError`."""
    for request in (READ, WRITE):
        with suppress(QualtricsError):
            answer(body, status, request=request)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (301, None, UnexpectedStatus),
        (302, None, UnexpectedStatus),
        (304, None, UnexpectedStatus),
        (400, "RP_9", InvalidRequest),
        (400, "ATP_2", Unauthorized),
        (401, "DCD_7", Unauthorized),
        (402, None, UnexpectedStatus),
        (403, "AuthZ_2.0", Forbidden),
        (404, "PACC_6", NotFound),
        (405, None, UnexpectedStatus),
        (409, None, Conflict),
        (411, None, InvalidRequest),
        (413, None, InvalidRequest),
        (414, None, InvalidRequest),
        (415, None, InvalidRequest),
        (422, None, InvalidRequest),
        (429, None, RateLimited),
        (500, None, ServerFault),
        (501, None, ServerFault),
        (502, None, ServerFault),
        (599, None, ServerFault),
    ],
)
def test_each_status_has_its_class(status: int, code: str | None, expected: type[ApiError]) -> None:
    """The tree's table, status by status; the message is one line with operation, code and request id."""
    error = refused(envelope(code), status)
    assert type(error) is expected
    assert (error.status, error.error_code, error.message) == (status, code, "It went wrong.")
    assert (error.request_id, error.method, error.template) == ("r1", "GET", "/things/{thingId}")
    assert str(error).startswith(f"GET /things/{{thingId}} answered {status}")
    assert "It went wrong." in str(error)
    assert "request id r1" in str(error)


def test_an_error_inside_of_a_200_is_an_error() -> None:
    """`meta.error` with status 200 fails as `UnexpectedStatus`, also next to a result."""
    for body in (envelope(), {**envelope(), "result": {"id": "T"}}, {**envelope(), "result": None}):
        for request in (READ, WRITE):
            error = refused(body, request=request)
            assert type(error) is UnexpectedStatus
            assert (error.status, error.error_code, error.request_id) == (200, "E_1", "r1")


def test_an_error_inside_of_a_200_may_be_a_bare_text() -> None:
    """`meta.error` of a strange type is still an error."""
    assert type(refused({"meta": {"error": "boom", "requestId": "r"}})) is UnexpectedStatus


def test_an_error_may_lack_its_code_and_its_request_id() -> None:
    """The answer to an unknown route has neither (observed)."""
    error = refused(
        {"meta": {"httpStatus": "404 - Not Found", "error": {"errorMessage": "does not exist"}}}, 404
    )
    assert (error.error_code, error.request_id, error.message) == (None, None, "does not exist")


@pytest.mark.parametrize("key", ["internalErrorCode", "qualtricsErrorCode"])
def test_the_shape_before_2016_is_understood(key: str) -> None:
    """Message and code may stand in `meta` itself."""
    body = {
        "meta": {"status": "Error", "errorMessage": "Bad list", key: "GP_0", "errorId": "x"},
        "result": None,
    }
    error = refused(body, 400)
    assert (type(error), error.error_code, error.message) == (InvalidRequest, "GP_0", "Bad list")


def test_the_flat_error_of_oauth_is_understood() -> None:
    """RFC 6749 answers without an envelope."""
    error = refused({"error": "invalid_client", "error_description": "No such client."}, 401)
    assert (type(error), error.error_code) == (Unauthorized, "invalid_client")
    assert error.message == "No such client."


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[]", b"null", b'"x"', b"{", b"\xff"])
def test_an_error_without_an_envelope_keeps_its_status_and_shows_an_excerpt(body: bytes) -> None:
    """HTML, nothing, or JSON of another shape on a 502 is a `ServerFault` with the beginning of the body."""
    error = refused(body, 502, {"Content-Type": "text/html"})
    assert type(error) is ServerFault
    assert error.excerpt == body.decode("utf-8", "replace")
    assert "no envelope" in str(error)


@pytest.mark.parametrize("value", [5, ["x"], {"a": 1}, True, None, 1.5])
def test_strange_types_in_an_error_are_survived(value: object) -> None:
    """Codes, messages and ids of any type give text or None."""
    error = refused({"meta": {"requestId": value, "error": {"errorCode": value, "errorMessage": value}}}, 400)
    assert error.error_code is None or isinstance(error.error_code, str)
    assert error.request_id is None or isinstance(error.request_id, str)


def test_a_message_from_the_server_stays_one_line_and_private() -> None:
    """Line ends, addresses, links and the token of a server's message do not get through, nor its length."""
    said = f"Row 1: {PRIVATE}\r\nFAKE LOG LINE\n" + "long " * 1000
    for body in (envelope(message=said), {"meta": {"errorMessage": said}}, {"error_description": said}):
        error = refused(body, 400)
        assert len(str(error)) < 1000
        assert "<e-mail>" in str(error)
    for body in (envelope(code=PRIVATE), {"error": PRIVATE}, envelope(requestId=f"r\n{PRIVATE}")):
        refused(body, 400)


def test_masking_takes_linear_time() -> None:
    """A huge message without an address in it is masked at once."""
    began = time.perf_counter()
    for said in ("a" * 1_000_000, "a@" * 300_000, "https://" * 100_000):
        refused(envelope(message=said), 400)
    assert time.perf_counter() - began < 5


def test_hints_say_what_to_try() -> None:
    """The commonest mistakes come with a way out."""
    assert "data centre" in str(refused(envelope("DCD_7"), 401))
    assert "API permission" in str(refused(envelope("AuthZ_2.0"), 403))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        (" 3 ", 3.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
        (None, None),
        (True, None),
        ([], None),
        (5, 5.0),
    ],
)
def test_retry_after_in_each_spelling(header: object, expected: float | None) -> None:
    """Seconds and dates are read, never negative; garbage is None."""
    assert parse_retry_after(header) == expected


def test_a_date_to_come_is_so_many_seconds() -> None:
    """An HTTP date counts from now, with or without a zone."""
    moment = datetime.now(UTC) + timedelta(seconds=90)
    for text in (format_datetime(moment, usegmt=True), format_datetime(moment.replace(tzinfo=None))):
        seconds = parse_retry_after(text)
        assert seconds is not None
        assert 85 < seconds <= 90


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ ([+-]\d+|\w+)", fullmatch=True))
def test_no_retry_after_header_raises(text: str) -> None:
    """Any header is seconds from 0 up, or nothing."""
    seconds = parse_retry_after(text)
    assert seconds is None or 0 <= seconds < float("inf")


def test_retry_after_stands_in_the_header_or_in_the_body() -> None:
    """The header wins over `meta.error.retryAfter`."""
    body = {"meta": {"error": {"errorCode": "x", "retryAfter": 9}}}
    assert refused(body, 429, {**JSON, "Retry-After": "4"}).retry_after == 4
    assert refused(body, 429).retry_after == 9
    assert refused(body, 429, {**JSON, "Retry-After": "garbage"}).retry_after == 9
    assert refused(b"", 429).retry_after is None
