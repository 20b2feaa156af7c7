"""Deliveries of strangers: whatever arrives is an event that can be kept, or one of our errors."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webhook_making import DONE, FORM, JSON, KEY, TOPIC, encoded, flat, listed, signature, signed

from qualtrics_async import DeliveryError, SignatureMismatch, webhooks
from qualtrics_async.webhooks.events import CompletedResponse, Event

PIECES = [
    *(
        b"Topic",
        b"MSG",
        b"HMAC",
        b"undefined",
        b"&",
        b"=",
        b"+",
        b"%",
        b"%2",
        b"%00",
        b"%ff",
        b"\xff",
        b";",
        b"\n",
    ),
    *(b"Status", b"SurveyID", b"ResponseID", b"BrandID", b"CompletedDate", b"Complete", b"Active", b"SV_1"),
    *(b"examplebrand.", b"surveyengine.completedResponse.", b"controlpanel.activateSurvey", b"threesixty."),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b",",
        b":",
        b"\\u",
        b"\\ud800",
        b"null",
        b"NaN",
        b"1e999",
        b"-",
        b"9" * 30,
    ),
    *(b'{"Status":"Complete","SurveyID":"SV_1","ResponseID":"R_1"}', b"QUJDREVGR0hJSktMTU5PUFFSUw=="),
    *(
        b'"$formdata":',
        b'"$content":',
        b'"$content-type":',
        b'{"key":"Topic","value":"x"}',
        b'"key":"MSG","value":',
    ),
]
TYPES = st.sampled_from([FORM, JSON, f"{FORM}; charset=utf-8"])
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
    st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(PIECES)), max_size=8).map(encoded),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
OTHERS = st.text(max_size=8).filter(lambda name: name not in {*DONE, "Topic", "MSG", "HMAC"})


def attempt(body: bytes, content_type: str | None, **options: Any) -> Event | None:
    """The event, or None for what is refused; it can be written as JSON, which the inbox does."""
    try:
        event = webhooks.parse(body, content_type, **options)
    except DeliveryError as refused:
        error = refused
    else:
        assert msgspec.json.decode(msgspec.json.encode(event.fields)) == event.fields
        assert isinstance(event.identity, tuple | None)
        event.topic.encode()
        return event
    assert error.status in (400, 401, 413, 415)
    assert str(error).isprintable()
    assert len(str(error)) < 300
    return None


@settings(max_examples=600)
@given(BODIES, TYPES | st.text(max_size=40) | st.none(), st.booleans())
def test_nothing_is_raised_but_our_errors(body: bytes, content_type: str | None, has_age: object) -> None:
    """Bytes of any kind under any type; with a key all of them are refused, since nobody here can sign."""
    attempt(body, content_type, max_age=60 if has_age else None, decrypt=lambda message: message[::-1])
    assert attempt(body, content_type, shared_key=KEY) is None


@settings(max_examples=600)
@given(BODIES, st.sampled_from([TOPIC, "threesixty.x", "x"]))
def test_nothing_is_raised_for_what_is_signed(message: bytes, topic: str) -> None:
    """Any message, signed well, by whoever has the key."""
    body = signed(message, topic)
    event = attempt(body, FORM, shared_key=KEY)
    assert event is None or event.is_signed
    assert (attempt(body, FORM) is None) == (event is None) or topic != "threesixty.x"


@settings(max_examples=150)
@given(
    st.dictionaries(OTHERS, VALUES, max_size=5),
    st.booleans(),
    st.sampled_from([None, (",", ":"), (" , ", "\t:\n")]),
)
def test_signed_fields_come_out_as_they_went_in(
    more: dict[str, Any], is_ascii: object, separators: Any
) -> None:
    """Whatever the fields, and however the JSON is written."""
    fields = {**more, **DONE}
    message = json.dumps(fields, ensure_ascii=bool(is_ascii), separators=separators, indent=None).encode()
    event = webhooks.parse(signed(message), FORM, KEY)
    assert isinstance(event, CompletedResponse)
    assert event.fields == fields
    again = listed([("MSG", message.decode()), ("HMAC", signature(message)), ("Topic", TOPIC)])
    assert webhooks.parse(json.dumps(again).encode(), JSON, KEY) == event


@settings(max_examples=150)
@given(st.dictionaries(OTHERS, st.text(), max_size=5))
def test_flat_fields_come_out_as_they_went_in(more: dict[str, str]) -> None:
    """Also names of no characters, and those with separators in them."""
    fields = {**more, **DONE}
    event = webhooks.parse(flat(fields=fields), FORM)
    assert isinstance(event, CompletedResponse)
    assert event.fields == fields
    again = json.dumps(listed([*fields.items(), ("Topic", TOPIC)])).encode()
    assert webhooks.parse(again, JSON) == event


@pytest.mark.parametrize("name", ["MSG", "HMAC"])
def test_no_bit_of_what_is_signed_can_be_changed(name: str) -> None:
    """Each bit of the decoded values, each byte left out, and one more at each place."""
    message = json.dumps(DONE).encode()
    form = {"Topic": TOPIC.encode(), "MSG": message, "HMAC": signature(message).encode()}
    value = form[name]
    changed = [
        value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
        for at in range(len(value))
        for bit in range(8)
    ]
    changed += [value[:at] + value[at + 1 :] for at in range(len(value))]
    changed += [value[:at] + b" " + value[at:] for at in range(len(value) + 1)]
    for other in changed:
        with pytest.raises(SignatureMismatch):
            webhooks.parse(encoded({**form, name: other}.items()), FORM, KEY)


def test_no_bit_on_the_way_makes_another_event() -> None:
    """The raw body, topic included: what is not refused is the same event, but for how its topic reads."""
    body = signed(DONE)
    event = webhooks.parse(body, FORM, KEY)
    for at in range(len(body)):
        for bit in range(8):
            other = attempt(body[:at] + bytes([body[at] ^ 1 << bit]) + body[at + 1 :], FORM, shared_key=KEY)
            assert other is None or msgspec.structs.replace(other, topic=event.topic) == event
