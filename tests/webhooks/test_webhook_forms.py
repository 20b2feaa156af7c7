"""The forms in which a delivery may come, and those in which it may not."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_making import DONE, FORM, JSON, KEY, TOPIC, encoded, flat, listed, signature, signed

from qualtrics_async import DeliveryMalformed, DeliveryTypeRefused, SignatureMismatch, webhooks
from qualtrics_async.webhooks.events import CompletedResponse
from qualtrics_async.webhooks.forms import MOST_FIELDS, read_form

PAIRS = [("Topic", TOPIC), *DONE.items()]
SIGNED = [
    ("Topic", TOPIC),
    ("MSG", json.dumps(DONE)),
    ("HMAC", signature(json.dumps(DONE).encode())),
    ("undefined", ""),
]


def as_list(found: Any) -> bytes:
    return json.dumps(found).encode()


@pytest.mark.parametrize(
    "content_type",
    [
        FORM,
        FORM.upper(),
        f"{FORM}; charset=UTF-8",
        f'{FORM};charset="utf-8"',
        f"{FORM} ; Charset = us-ascii ; x=y",
        f"{FORM};charset=ISO-8859-1",
        f"{FORM};",
    ],
)
def test_forms_are_taken_however_their_type_is_written(content_type: str) -> None:
    """Case, spaces and parameters do not matter."""
    assert isinstance(webhooks.parse(flat(), content_type), CompletedResponse)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        ";",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded2",
        f"{FORM}, {FORM}",
        "application/jsonp",
        "application/cloudevents+json",
        "\ud800\N{GRINNING FACE}",
    ],
)
def test_other_types_are_refused_whatever_they_carry(content_type: str | None) -> None:
    """A delivery has one of two types; with a key as well the type is looked at first."""
    for key in (None, KEY):
        with pytest.raises(DeliveryTypeRefused) as caught:
            webhooks.parse(flat(), content_type, key)
        assert caught.value.status == 415
        assert len(str(caught.value)) < 150


def test_names_and_values_are_decoded_once() -> None:
    """A plus is a space, an escape a byte, `%252B` is `%2B`; a semicolon separates nothing."""
    assert read_form(b"a+b=%2B+c&d%26=%3D=%252B&e&=f&&g;h=i%00%ff\xc3\xbc", FORM) == [
        (b"a b", b"+ c"),
        (b"d&", b"==%2B"),
        (b"e", b""),
        (b"", b"f"),
        (b"g;h", b"i\x00\xff\xc3\xbc"),
    ]
    assert read_form(b"", FORM) == []


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=6).map(lambda raw: raw.replace(b"%", b"").replace(b"&", b"")),
            st.binary(max_size=4).map(lambda raw: b"".join(b"%%%02X" % byte for byte in raw)),
            st.sampled_from([b"%0a", b"%0D", b"=\r\n", b"=\n", b"==", b"_", b" \n", b"%3d", b"%5F", b"=3D"]),
        ),
        max_size=12,
    )
)
def test_forms_are_decoded_as_the_standard_library_does(parts: list[bytes]) -> None:
    """Also what means something in quoted-printable: `_`, spaces, and `=` before the end of a line."""
    body = b"".join(parts)
    name, _, value = (unquote_to_bytes(part.replace(b"+", b" ")) for part in body.partition(b"="))
    assert read_form(body, FORM) == ([(name, value)] if body else [])


@pytest.mark.parametrize("escape", [b"%", b"%2", b"%2&a=b", b"%zz", b"%%41", b"%+1", b"%-1", b"%u0041"])
def test_broken_escapes_are_refused(escape: bytes) -> None:
    """Readers differ about them, and no encoder writes them; also where nobody reads the field."""
    with pytest.raises(DeliveryMalformed, match="%"):
        webhooks.parse(signed(DONE) + b"&x=" + escape, FORM, KEY)


@pytest.mark.parametrize("broken", [b"%ff", b"\xff", b"%c3", b"%ed%a0%80", b"%c0%af", b"%f4%90%80%80"])
@pytest.mark.parametrize(
    "place", [b"Topic=%b&a=1", b"Topic=x&%b=1", b"Topic=x&a=%b", b'Topic=x&MSG={"a":"%b"}']
)
def test_what_is_not_utf_8_is_refused(place: bytes, broken: bytes) -> None:
    """Cut short, overlong, surrogates, beyond Unicode: in topics, names, values and messages."""
    with pytest.raises(DeliveryMalformed):
        webhooks.parse(place % broken, FORM)


@pytest.mark.parametrize("name", ["Topic", "MSG", "HMAC"])
def test_no_field_of_a_signed_form_comes_twice(name: str) -> None:
    """Not even with the same value: whoever looked at the other one would be deceived."""
    for again in (dict(SIGNED)[name], "x"):
        for pairs in ([*SIGNED, (name, again)], [(name, again), *SIGNED]):
            for body, content_type in ((encoded(pairs), FORM), (as_list(listed(pairs)), JSON)):
                with pytest.raises(DeliveryMalformed, match="two fields"):
                    webhooks.parse(body, content_type, KEY)
    assert webhooks.parse(encoded([*SIGNED, ("x", "1"), ("x", "2")]), FORM, KEY).is_signed


@pytest.mark.parametrize("name", ["Topic", "SurveyID", "Unknown", ""])
def test_no_field_of_a_flat_form_comes_twice(name: str) -> None:
    """All of them are handed on, so none may have two values."""
    with pytest.raises(DeliveryMalformed, match="two fields"):
        webhooks.parse(encoded([*PAIRS, (name, "1"), (name, "2")]), FORM)
    with pytest.raises(DeliveryMalformed, match="two fields"):
        webhooks.parse(flat() + b"&Survey%49D=SV_2", FORM)


@pytest.mark.parametrize("wrap", [list, lambda pairs: {"$formdata": pairs, "$content-type": FORM}])
def test_keys_and_values_as_the_specification_lists_them(wrap: Any) -> None:
    """By themselves or inside the specification's object, signed or not; the same event as from the form."""
    assert webhooks.parse(as_list(wrap(listed(PAIRS))), JSON) == webhooks.parse(flat(), FORM)
    event = webhooks.parse(as_list(wrap(listed(SIGNED))), f"{JSON}; charset=utf-8", KEY)
    assert event == webhooks.parse(encoded(SIGNED), FORM, KEY)
    assert event.is_signed
    wrong = [(name, value.replace("R_1", "R_2")) for name, value in SIGNED]
    with pytest.raises(SignatureMismatch):
        webhooks.parse(as_list(wrap(listed(wrong))), JSON, KEY)


@pytest.mark.parametrize("content", [encoded(SIGNED).decode(), b64encode(encoded(SIGNED)).decode()])
def test_the_content_counts_where_there_is_no_list(content: str) -> None:
    """In Base64, as flows hand forms on, or as it is."""
    found: dict[str, Any] = {"$content-type": FORM, "$content": content, "$formdata": None}
    assert webhooks.parse(as_list(found), JSON, KEY) == webhooks.parse(encoded(SIGNED), FORM, KEY)
    del found["$formdata"], found["$content-type"]
    assert webhooks.parse(as_list(found), JSON, KEY).is_signed
    with pytest.raises(SignatureMismatch):
        webhooks.parse(as_list(found), JSON, "another key")


@pytest.mark.parametrize(
    "found",
    [
        None,
        "x",
        1,
        {},
        DONE,
        {"$content": None},
        {"$content": 1},
        {"$content": ""},
        {"$formdata": {}},
        {"$formdata": "x", "$content": encoded(PAIRS).decode()},
        [],
        ["x"],
        [None],
        [["key", "value"]],
        [{"key": "Topic"}],
        [{"value": "Topic"}],
        [{"key": "Topic", "value": 1}],
        [{"key": None, "value": "x"}],
    ],
)
def test_other_json_is_malformed(found: Any) -> None:
    """Whatever is not a list of keys and values."""
    with pytest.raises(DeliveryMalformed):
        webhooks.parse(as_list(found), JSON)


@pytest.mark.parametrize("declared", ["application/json", "text/plain", None, 1])
def test_content_of_another_type_is_refused(declared: Any) -> None:
    """What flows wrap has a type of its own."""
    with pytest.raises(DeliveryTypeRefused):
        webhooks.parse(as_list({"$content-type": declared, "$content": encoded(PAIRS).decode()}), JSON)


def test_many_fields_are_taken_and_more_are_refused() -> None:
    """The limit is on fields of any form, before any of them is decoded."""
    pairs = [("Topic", TOPIC), *DONE.items()]
    pairs += [(f"x{number}", "") for number in range(MOST_FIELDS - len(pairs))]
    more = [*pairs, ("one", "more")]
    for body, content_type in ((encoded(pairs), FORM), (as_list(listed(pairs)), JSON)):
        assert len(webhooks.parse(body, content_type).fields) == MOST_FIELDS - 1
    for body, content_type in ((encoded(more), FORM), (as_list(listed(more)), JSON)):
        with pytest.raises(DeliveryMalformed, match="more than 1000 fields"):
            webhooks.parse(body, content_type)
