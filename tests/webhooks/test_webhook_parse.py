"""Deliveries, from their bytes to events or to the error that says what is wrong."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from webhook_keeping import kept
from webhook_making import DONE, FORM, JSON, KEY, TOPIC, encoded, flat, signed

from qualtrics_async import (
    DeliveryEncrypted,
    DeliveryError,
    DeliveryExpired,
    DeliveryMalformed,
    DeliveryTooLarge,
    DeliveryTypeRefused,
    SignatureMismatch,
    TopicMismatch,
    UsageError,
    webhooks,
)
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.events import CompletedResponse, Event
from qualtrics_async.webhooks.parsing import MAX_SIZE
from qualtrics_async.webhooks.strict_json import MOST_LEVELS, MOST_VALUES

WHEN = datetime(2026, 5, 2, 8, 3, 20, tzinfo=UTC).timestamp()
SECRET = b64encode(bytes(range(48)))
OTHERS = len(DONE) + 2
"""How many values a message has beside those in its list `x`: the others, the list, and itself."""


def with_value(value: bytes) -> bytes:
    """A signed delivery whose message has this JSON as one of its values."""
    return signed(json.dumps(DONE)[:-1].encode() + b', "x": ' + value + b"}")


def test_both_forms_tell_the_same() -> None:
    """Flat fields or a message: all fields by the service's names, the topic without the brand."""
    event = webhooks.parse(flat(fields={**DONE, "New": "ü"}), FORM)
    assert event == CompletedResponse(
        topic="surveyengine.completedResponse.SV_1",
        brand_id="examplebrand",
        fields={**DONE, "New": "ü"},
        survey_id="SV_1",
        response_id="R_1",
        completed_date=datetime(2026, 5, 2, 8, 3, 20, tzinfo=UTC),
    )
    again = webhooks.parse(signed({**DONE, "New": {"deep": [1, None, 2.5]}}), FORM, KEY)
    assert isinstance(again, CompletedResponse)
    assert again.identity == event.identity
    assert again.fields["New"] == {"deep": [1, None, 2.5]}


def test_fields_beside_a_message_are_not_the_message() -> None:
    """Nothing signs them."""
    event = webhooks.parse(signed(DONE) + b"&ResponseID=R_2&Status=Partial&x=y", FORM, KEY)
    assert event.fields == DONE


@pytest.mark.parametrize("size", [1, 1000, MAX_SIZE])
def test_a_delivery_may_have_so_many_bytes_and_no_more(size: int) -> None:
    """One byte more, and not even its type is looked at."""
    whole = flat()
    if size > len(whole):
        whole += b"&x=" + b"x" * (size - len(whole) - 3)
        assert len(whole) == size
        assert isinstance(webhooks.parse(whole, FORM, max_size=size), CompletedResponse)
    with pytest.raises(DeliveryTooLarge) as caught:
        webhooks.parse(whole + b"x" * (size + 1 - len(whole)), None, KEY, max_size=size)
    assert caught.value.status == 413


def test_the_bytes_may_be_of_any_kind() -> None:
    """As servers hand them out; the size is in bytes whatever the items of a view are."""
    event = webhooks.parse(signed(DONE), FORM, KEY)
    for made in (bytearray, memoryview):
        assert webhooks.parse(made(signed(DONE)), FORM, KEY) == event
    wide = memoryview(bytes(8)).cast("Q")
    with pytest.raises(DeliveryTooLarge, match="8 bytes"):
        webhooks.parse(wide, FORM, max_size=7)


@pytest.mark.parametrize("body", ["Topic=a.b", {"Topic": "a.b"}, None, [1], 5, DONE.items()])
def test_a_body_that_is_no_bytes(body: Any) -> None:
    """The caller's mistake: a body that was decoded already is not what the signature is of."""
    for key in (KEY, None):
        with pytest.raises(UsageError, match=f"as they were posted, not {type(body).__name__}$"):
            webhooks.parse(body, FORM, key)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"", "the body is empty: was it read before"),
        (b64encode(flat()), "Base64"),
        (b"\xef\xbb\xbf" + flat(), "BOM"),
        (b"Host: example.com\r\n\r\n" + flat(), "headers"),
    ],
)
def test_a_body_without_a_topic_says_what_may_be_wrong(body: bytes, hint: str) -> None:
    """What happens to those who take the body from a framework, a gateway or a file."""
    for key in (KEY, None):
        with pytest.raises(DeliveryMalformed, match=hint):
            webhooks.parse(body, FORM, key)


def test_a_signed_event_is_the_same_in_a_file(tmp_path: Path) -> None:
    """With a brand in the message, in the topic alone, or nowhere."""
    bare = {name: value for name, value in DONE.items() if name != "BrandID"}
    made = [
        (topic, {**fields, "ResponseID": f"R_{number}"})
        for number, (topic, fields) in enumerate(
            (prefix + rest, fields)
            for fields in (DONE, bare)
            for prefix in ("", "examplebrand.")
            for rest in ("surveyengine.completedResponse.SV_1", "surveyengine.completedResponse")
        )
    ]
    made += [("examplebrand.threesixty.reportReady", {}), ("examplebrand.surveyengine.new", {}), ("new", {})]
    events = [webhooks.parse(signed(fields, topic), FORM, KEY) for topic, fields in made]
    assert {event.brand_id for event in events} == {"examplebrand", None}

    async def keeping() -> None:
        inbox = await DurableInbox.open(tmp_path / "inbox.db", 100, 100)
        for event in events:
            await inbox.put(event)
        await inbox.aclose()

    asyncio.run(keeping())
    assert asyncio.run(kept(tmp_path / "inbox.db")) == events


def test_one_thing_is_looked_at_after_the_other() -> None:
    """Size, type, fields, signature, message, topic, age: each error hides the later ones."""
    broken: list[tuple[str, str | bytes]] = [("MSG", "{"), ("HMAC", "0")]
    steps: list[tuple[bytes, str | None, type[Exception]]] = [
        (b"%" * (MAX_SIZE + 1), None, DeliveryTooLarge),
        (b"%", None, DeliveryTypeRefused),
        (b"%", FORM, DeliveryMalformed),
        (encoded(broken), FORM, DeliveryMalformed),
        (encoded([("Topic", b"\xff"), *broken]), FORM, SignatureMismatch),
        (signed(b"{", "a.surveyengine.partialResponse.SV_2"), FORM, DeliveryMalformed),
        (signed(DONE, "a.surveyengine.partialResponse.SV_2"), FORM, TopicMismatch),
        (signed(DONE), FORM, DeliveryExpired),
    ]
    for body, content_type, error in steps:
        with pytest.raises(error):
            webhooks.parse(body, content_type, KEY, max_age=1, now=lambda: WHEN + 2)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Topic",
        b"Topic=&SurveyID=SV_1",
        b"topic=a.b",
        encoded(DONE.items()),
        encoded([("MSG", json.dumps(DONE))]),
        encoded([("Topic", TOPIC), ("HMAC", "0" * 128), *DONE.items()]),
        flat(fields={**DONE, "SurveyID": ""}),
        flat(fields={"SurveyID": "SV_1", "Status": "Complete"}),
    ],
)
def test_missing_fields(body: bytes) -> None:
    """Topic, the survey's and the response's id, the message that a signature is of."""
    with pytest.raises(DeliveryMalformed) as caught:
        webhooks.parse(body, FORM)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{",
        b"{}{}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"Status": "Complete", "Status": "Partial"}',
        b'{"x": {"a": 1, "\\u0061": 1}}',
        b'{"a": "\x00"}',
        b'{"a": "\n"}',
        b"hello",
        b"Status=Complete&SurveyID=SV_1&ResponseID=R_1",
    ],
)
def test_messages_that_are_no_json_object(message: bytes) -> None:
    """Signed well, and still not readable in one way only."""
    for key in (KEY, None):
        with pytest.raises(DeliveryMalformed):
            webhooks.parse(signed(message), FORM, key)


@pytest.mark.parametrize(
    "value",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"0." + b"1" * 500,
        b"18446744073709551616",
        b"-9223372036854775809",
        b"9" * 5000,
        b"01",
        b"1_0",
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'["\\ud800\\ud800"]',
        b'["\\uD800", "\\\\u"]',
        b"[" * (MOST_LEVELS - 1) + b'{"a": ' + b"1}" + b"]" * (MOST_LEVELS - 1),
        b"[" * MOST_LEVELS + b"]" * MOST_LEVELS,
        b"[" + b"0," * (MOST_VALUES - OTHERS) + b"0]",
        b"[" + b"{}," * (MOST_VALUES - OTHERS) + b"0]",
        b"{" + b",".join(b'"a%d":""' % n for n in range(MOST_VALUES)) + b"}",
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b"[" * 25_000 + b"]" * 25_000,
    ],
)
def test_values_that_nobody_could_keep(value: bytes) -> None:
    """Not JSON, or such that other readers fail, differ, or take their time."""
    with pytest.raises(DeliveryMalformed) as caught:
        webhooks.parse(with_value(value), FORM, KEY, max_size=200_000)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1e308", 1e308),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'"\\u0000"', "\0"),
        (b'"' + b"[{" * MOST_LEVELS + b'"', "[{" * MOST_LEVELS),
        (b"[" + b"{}," * MOST_LEVELS + b"0]", [{}] * MOST_LEVELS + [0]),
        (b'"' + b"[," * 3000 + b'"', "[," * 3000),
        (b"[" + b"0," * (MOST_VALUES - OTHERS - 1) + b"0]", [0] * (MOST_VALUES - OTHERS)),
        (b'["\\u0041"' + b",0" * (MOST_VALUES - OTHERS - 1) + b"]", ["A"] + [0] * (MOST_VALUES - OTHERS - 1)),
        (b"null", None),
    ],
)
def test_values_at_the_edge(value: bytes, expected: object) -> None:
    """What can be kept is kept as it came."""
    assert webhooks.parse(with_value(value), FORM, KEY).fields["x"] == expected


def test_values_may_be_nested() -> None:
    """As deep as is promised: the message itself is the first level."""
    value: Any = webhooks.parse(
        with_value(b"[" * (MOST_LEVELS - 1) + b"]" * (MOST_LEVELS - 1)), FORM, KEY
    ).fields
    value = value["x"]
    for _ in range(MOST_LEVELS - 2):
        (value,) = value
    assert value == []


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("examplebrand.surveyengine.partialResponse.SV_1", DONE),
        ("examplebrand.surveyengine.completedResponse.SV_2", DONE),
        ("otherbrand.surveyengine.completedResponse.SV_1", DONE),
        ("examplebrand.controlpanel.activateSurvey", DONE),
        ("examplebrand.threesixty.reportReady", DONE),
        ("examplebrand.something.else", DONE),
        (TOPIC, {**DONE, "Status": "Partial"}),
        (TOPIC, {**DONE, "Status": "New"}),
        ("a.controlpanel.deactivateSurvey", {"Status": "Active", "SurveyID": "SV_1"}),
    ],
)
def test_a_topic_that_names_something_else_is_refused(topic: str, fields: dict[str, Any]) -> None:
    """It is outside the signature, so whoever sees one delivery could make another event of it."""
    with pytest.raises(TopicMismatch) as caught:
        webhooks.parse(signed(fields, topic), FORM, KEY)
    assert caught.value.status == 401


def test_old_events_are_refused_on_request() -> None:
    """By their own date, in seconds; one of tomorrow is none of an attacker's, for it is signed."""
    for later in (-86_400.0, 0.0, 60.0):
        webhooks.parse(signed(DONE), FORM, KEY, max_age=60, now=lambda: WHEN + later)  # noqa: B023
    with pytest.raises(DeliveryExpired, match="61 s old") as caught:
        webhooks.parse(signed(DONE), FORM, KEY, max_age=60, now=lambda: WHEN + 61)
    assert caught.value.status == 400
    webhooks.parse(signed(DONE), FORM, KEY)


@pytest.mark.parametrize("date", ["", "yesterday", "2026-05-02 25:00:00", None, 1777708800, "9999-99-99"])
def test_an_event_without_its_date_is_of_any_age(date: object) -> None:
    """Who asks for young events gets none whose age is unknown."""
    for topic, status, name in (
        ("surveyengine.completedResponse", "Complete", "CompletedDate"),
        ("surveyengine.startedRecipientSession", "Started", "StartedDate"),
    ):
        body = signed({"Status": status, "SurveyID": "SV_1", "ResponseID": "R_1", name: date}, topic)
        with pytest.raises(DeliveryExpired, match="no date"):
            webhooks.parse(body, FORM, KEY, max_age=1e12, now=lambda: WHEN)
        assert webhooks.parse(body, FORM, KEY).occurred is None


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("controlpanel.activateSurvey", {"Status": "Active", "SurveyID": "SV_1"}),
        ("threesixty.reportReady", {"CompletedDate": "2000-01-01 00:00:00"}),
        ("something.else", {}),
    ],
)
def test_events_that_never_have_a_date_pass(topic: str, fields: dict[str, Any]) -> None:
    """There is nothing to judge them by."""
    assert webhooks.parse(signed(fields, topic), FORM, KEY, max_age=0, now=lambda: WHEN).occurred is None


@pytest.mark.parametrize("max_age", [-1, float("nan")])
def test_an_age_that_cannot_be_meant(max_age: float) -> None:
    """The caller's mistake, whatever is delivered."""
    with pytest.raises(UsageError):
        webhooks.parse(signed(DONE), FORM, KEY, max_age=max_age)


@pytest.mark.parametrize("message", [SECRET, SECRET.replace(b"+", b" "), b64encode(b"x" * 16) + b"\n"])
def test_encrypted_deliveries_are_refused_with_an_explanation(message: bytes) -> None:
    """With a key, if it is signed; the cipher is not documented, so nothing is guessed."""
    for key in (KEY, None):
        with pytest.raises(DeliveryEncrypted, match=r"encrypt=False.*decrypt") as caught:
            webhooks.parse(signed(message), FORM, key)
        assert caught.value.status == 400
    with pytest.raises(SignatureMismatch, match="seems to be encrypted"):
        webhooks.parse(signed(message), FORM, "another key")


@pytest.mark.parametrize("plain", [json.dumps(DONE), json.dumps(DONE).encode()])
def test_the_caller_may_decrypt(plain: str | bytes) -> None:
    """The function gets what was delivered, decoded once, and what it gives is read like any message."""
    seen = []

    def decrypt(message: str) -> str | bytes:
        seen.append(message)
        return plain

    event = webhooks.parse(signed(SECRET), FORM, KEY, decrypt=decrypt)
    assert isinstance(event, CompletedResponse)
    assert event.is_signed
    assert seen == [SECRET.decode()]
    assert webhooks.parse(signed(DONE), FORM, KEY, decrypt=decrypt) == event
    with pytest.raises(SignatureMismatch):
        webhooks.parse(signed(SECRET), FORM, "another key", decrypt=decrypt)
    assert len(seen) == 1


@pytest.mark.parametrize("plain", [b"\xff", b"{", "[]", "\ud800", '{"x": "\ud800"}', '{"a": 1, "a": 2}'])
def test_what_was_decrypted_wrongly_is_malformed(plain: str | bytes) -> None:
    """As a rule the key or the mode is not the one."""
    with pytest.raises(DeliveryMalformed, match="decrypted"):
        webhooks.parse(signed(SECRET), FORM, KEY, decrypt=lambda message: plain)


def test_what_decrypt_raises() -> None:
    """An error is the delivery's, with its cause; what ends the program passes."""

    def raising(error: BaseException) -> Callable[[str], str]:
        def decrypt(message: str) -> str:
            raise error

        return decrypt

    cause = ValueError("padding")
    with pytest.raises(DeliveryEncrypted, match="decrypt raised ValueError") as caught:
        webhooks.parse(signed(SECRET), FORM, KEY, decrypt=raising(cause))
    assert caught.value.__cause__ is cause
    with pytest.raises(KeyboardInterrupt):
        webhooks.parse(signed(SECRET), FORM, KEY, decrypt=raising(KeyboardInterrupt()))
    wrong: Any = lambda message: {"Status": "Complete"}  # noqa: E731
    with pytest.raises(UsageError, match="dict"):
        webhooks.parse(signed(SECRET), FORM, KEY, decrypt=wrong)


def test_errors_tell_no_values() -> None:
    """Neither the key nor ids of people get into logs by an error."""
    person = {**DONE, "RecipientID": "CGC_person", "SurveyID": None}
    for body, content_type in (
        (flat(fields={**person, "SurveyID": ""}), FORM),
        (signed(person), FORM),
        (signed(person), JSON),
        (signed(json.dumps(person)[:-1].encode()), FORM),
        (signed(person, key="x"), FORM),
    ):
        with pytest.raises(DeliveryError) as caught:
            webhooks.parse(body, content_type, None if b"HMAC" not in body else KEY)
        assert "CGC_person" not in str(caught.value)
        assert KEY not in str(caught.value)


def test_unknown_topics_are_events_all_the_same() -> None:
    """With what came; nothing is lost because it is new."""
    event = webhooks.parse(encoded([("Topic", "examplebrand.new.thing"), ("a", "b"), ("c", "")]), FORM)
    assert event == Event(topic="examplebrand.new.thing", fields={"a": "b", "c": ""})
    assert event.identity is None
