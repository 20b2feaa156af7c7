"""Requests to bytes: what JSON cannot say is refused, and large bodies are not walked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from decoding import JSON, READ, WRITE, envelope, refused
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async import (
    UsageError,
)
from qualtrics_async._core.codec import decode, encode_body, outcome_unknown
from qualtrics_async._core.request import GET, POST, Request


def post(body: object, **options: Any) -> Request[Any]:
    return Request(POST("/things"), None, body=body, idempotent=False, **options)


finite_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet="aé", max_size=9), inner),
    max_leaves=10,
)


@given(finite_json)
def test_encoding_and_decoding_is_the_identity(value: object) -> None:
    """What goes out as a body comes back as a result, unchanged."""
    encoded = encode_body(post({"result": value}))
    assert encoded is not None
    content_type, data = encoded
    assert content_type == "application/json"
    request: Request[Any] = Request(GET("/things"), Any)
    assert decode(request, 200, JSON, data).value == value


@dataclass
class _Row:
    value: object


class _Body(msgspec.Struct):
    value: object


@given(
    st.sampled_from([float("nan"), float("inf"), float("-inf")]),
    st.lists(
        st.sampled_from(
            [
                lambda inner: [None, inner],
                lambda inner: (inner,),
                lambda inner: {"a": 1, "b": inner},
                _Body,
                _Row,
            ]
        ),
        max_size=4,
    ),
)
def test_nan_never_goes_out(bad: float, layers: list[Any]) -> None:
    """NaN and infinities are refused wherever they hide; they would leave as null."""
    value: object = bad
    for layer in layers:
        value = layer(value)
    with pytest.raises(UsageError, match="NaN"):
        encode_body(post(value))


def test_null_itself_may_go_out() -> None:
    """None is null, also beside finite numbers."""
    assert encode_body(post({"a": None, "b": 1.5})) == ("application/json", b'{"a":null,"b":1.5}')
    assert encode_body(post(None)) == ("application/json", b"null")


def _circle() -> list[object]:
    circle: list[object] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    "body",
    [{"a": "\ud800"}, {"\udfff": 1}, object(), {"a": object()}, {(1, 2): 3}, _circle(), 1j],
    ids=["value", "key", "object", "within", "tuple", "circle", "complex"],
)
def test_what_json_cannot_say_is_the_callers_mistake(body: object) -> None:
    """Lone surrogates, unknown types and circles are refused before anything is sent."""
    with pytest.raises(UsageError, match="POST /things"):
        encode_body(post(body))


def test_no_body_is_no_body() -> None:
    """A request without a body has none, which is not null."""
    assert encode_body(READ) is None


def test_a_form_is_urlencoded() -> None:
    """OAuth takes its parameters as a form."""
    request = post({"grant_type": "client_credentials", "scope": "read:surveys write:x"}, form=True)
    assert encode_body(request) == (
        "application/x-www-form-urlencoded",
        b"grant_type=client_credentials&scope=read%3Asurveys+write%3Ax",
    )


def test_doubt_says_what_is_known() -> None:
    """The error for a write in doubt keeps status and request id, and says to look first."""
    cause = refused(envelope(), 503, request=WRITE)
    doubt = outcome_unknown(WRITE, cause)
    assert (doubt.status, doubt.request_id, doubt.method, doubt.template) == (503, "r1", "POST", "/things")
    assert "look before you send it again" in str(doubt)
    bare = outcome_unknown(WRITE, TimeoutError())
    assert (bare.status, bare.request_id) == (None, None)
