"""Reading a delivery takes time in proportion to its length, whatever it is: counted, not measured.

Counted are the lines of Python that run, the calls into C, and the length of each text whose method is
called: a loop over a body that looks at the whole of it again shows, as does a value that is copied again for
each of its parts. What one call does inside C is linear by itself: splitting, replacing, decoding, HMAC,
the scanner of `json`, and the patterns, none of which matches one piece of text in two ways. The one that is
not, making a number of its digits, gets a bounded number of them.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from webhook_making import DONE, FORM, JSON, KEY, TOPIC, encoded, listed, signature, signed

from qualtrics_async import DeliveryError, webhooks
from qualtrics_async.webhooks import strict_json

TEXTS = (bytes, str)  # what grows, as lists and byte arrays do, is not looked at again when it does
SMALL, LARGE = 3_000, 24_000


class Meter:
    """Counts what one call does."""

    def __init__(self) -> None:
        self.work = 0

    def _line(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        self.work += 1
        return self._line

    def _call(self, frame: FrameType, event: str, arg: object) -> None:
        if event == "c_call":
            of = getattr(arg, "__self__", None)
            self.work += 1 + (len(of) if isinstance(of, TEXTS) else 0)

    def of(self, body: bytes, content_type: str, key: str | None) -> int:
        """The work that one delivery makes, taken or refused."""
        before = sys.gettrace(), sys.getprofile()
        sys.settrace(self._line)
        sys.setprofile(self._call)
        try:
            webhooks.parse(body, content_type, key, max_size=10**7, max_age=1)
        except DeliveryError:
            pass
        finally:
            sys.setprofile(before[1])
            sys.settrace(before[0])
        return self.work


def message(value: bytes) -> bytes:
    return signed(json.dumps(DONE)[:-1].encode() + b',"x":' + value + b"}")


def numbered(count: int) -> list[tuple[str, str]]:
    return [(f"x{number}", "") for number in range(count)]


FAMILIES: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "one long value": (FORM, lambda n: b"Topic=" + b"a" * n),
    "a long topic of dots": (FORM, lambda n: b"Topic=" + b"." * n),
    "a topic of known words": (FORM, lambda n: b"Topic=" + b"surveyengine" * (n // 12)),
    "spaces": (FORM, lambda n: b"Topic=" + b"+" * n),
    "escapes": (FORM, lambda n: b"Topic=" + b"%41" * (n // 3)),
    "broken escapes": (FORM, lambda n: b"Topic=" + b"%41" * (n // 3) + b"%"),
    "no fields": (FORM, lambda n: b"&" * n),
    "fields": (FORM, lambda n: b"Topic=x&" + encoded(numbered(n // 25)) + b"&y=" + b"y" * n),
    "many fields": (FORM, lambda n: b"a=b&" * (n // 4)),
    "the same field": (FORM, lambda n: b"a=" * 900 + b"&a=" * 90 + b"a" * n),
    "equals signs": (FORM, lambda n: b"=" * n),
    "a message of blanks": (FORM, lambda n: signed(b" " * n + b"!")),
    "Base64, nearly": (FORM, lambda n: signed(b"A" * n + b"!")),
    "Base64 with breaks": (FORM, lambda n: signed(b"A \r\n" * (n // 4))),
    "no JSON after many lines": (FORM, lambda n: signed(b"\n" * n + b"{")),
    "keys": (FORM, lambda n: signed(json.dumps({**DONE, **dict(numbered(n // 10))}).encode())),
    "the same key": (FORM, lambda n: signed(b"{" + b'"a":1,' * (n // 6) + b'"a":1}')),
    "objects": (FORM, lambda n: message(b"[" + b'{"a":{}},' * (n // 9) + b"1]")),
    "an escaped text": (FORM, lambda n: message(b'"' + b"\\ud83d\\ude00" * (n // 12) + b'"')),
    "surrogates": (FORM, lambda n: message(b'"' + b"\\ud800" * (n // 6) + b'"')),
    "numbers": (FORM, lambda n: message(b"[" + b"1," * (n // 2) + b"1]")),
    "long numbers": (FORM, lambda n: message(b"[" + (b"0." + b"1" * 380 + b",") * (n // 383) + b"1]")),
    "a number": (FORM, lambda n: message(b"9" * n)),
    "nesting": (FORM, lambda n: message(b"[" * n)),
    "closed nesting": (FORM, lambda n: message(b"[" * (n // 2) + b"]" * (n // 2))),
    "wide and deep": (FORM, lambda n: message(b"[" * 30 + b"[]," * (n // 3) + b"1" + b"]" * 30)),
    "another signature": (FORM, lambda n: b"Topic=x&MSG={}&HMAC=" + b"0" * n),
    "a long message": (FORM, lambda n: b"Topic=x&HMAC=0&MSG=" + b"0" * n),
    "a list": (JSON, lambda n: json.dumps(listed(numbered(n // 30))).encode()),
    "a list of one long message": (
        JSON,
        lambda n: json.dumps(listed([("Topic", TOPIC), ("a", "ü" * n)])).encode(),
    ),
    "a signed list": (
        JSON,
        lambda n: json.dumps(
            listed([("Topic", TOPIC), ("MSG", "0" * n), ("HMAC", signature(b"0" * n))])
        ).encode(),
    ),
    "content": (JSON, lambda n: json.dumps({"$content": "a=b+" * (n // 4)}).encode()),
    "content in Base64": (
        JSON,
        lambda n: json.dumps({"$content": b64encode(b"Topic=x&a=" + b"+" * n).decode()}).encode(),
    ),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("key", [None, KEY])
def test_eight_times_the_length_is_at_most_eight_times_the_work(family: str, key: str | None) -> None:
    """A tenth is allowed for what a doubling rounds; quadratic would be sixty-four times."""
    content_type, make = FAMILIES[family]
    small, large = make(SMALL), make(LARGE)
    assert len(large) > 4 * len(small)
    works = [Meter().of(body, content_type, key) for body in (small, large)]
    assert works[0] > 5
    assert works[1] / len(large) <= 1.1 * works[0] / len(small)
    assert works[1] < 20 * len(large)


def test_numbers_are_made_of_few_digits() -> None:
    """The one step that is not linear never gets more than it may have."""
    for make in (strict_json._integer, strict_json._float):
        with pytest.raises(ValueError, match=r"number|integer"):
            make("1" * 401)
    assert strict_json._float("0." + "1" * 398) == pytest.approx(1 / 9)


def test_the_meter_sees_quadratic_work() -> None:
    """A loop that copies the rest of a body for each of its fields is found by the same count."""

    def slow(body: bytes) -> int:
        meter = Meter()
        sys.setprofile(meter._call)
        try:
            while body:
                _, _, body = body.partition(b"&")
        finally:
            sys.setprofile(None)
        return meter.work

    assert slow(b"a&" * 800) > 50 * slow(b"a&" * 100)
