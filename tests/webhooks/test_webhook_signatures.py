"""Signatures, against digests that `openssl dgst -sha512 -hmac` made of bytes written by hand."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from webhook_making import DONE, FORM, JSON, KEY, TOPIC, encoded, flat, signature, signed

from qualtrics_async import SignatureMismatch, UsageError, webhooks
from qualtrics_async.webhooks.events import CompletedResponse
from qualtrics_async.webhooks.signatures import is_signed_with, signing_key

# Each: the key, the MSG as it stands in the form, the same decoded, and what openssl makes of the latter.
VECTORS: dict[str, tuple[str | bytes, bytes, bytes, str]] = {
    "spacing, plus, percent, ampersand, equals, umlaut and emoji": (
        KEY,
        (
            b"%7B%22Status%22%3A+%22Complete%22%2C+%22SurveyID%22%3A%22SV_1%22%2C++"
            b"%22ResponseID%22%3A+%22R_1%22%2C+"
            b"%22CompletedDate%22%3A+%222026-05-02+08%3A03%3A20%22%2C+"
            b"%22Note%22%3A+%2250%25+%2B+a%26b%3Dc+%C3%BC+%F0%9F%98%80%22%7D"
        ),
        (
            b'{"Status": "Complete", "SurveyID":"SV_1",  "ResponseID": "R_1", '
            b'"CompletedDate": "2026-05-02 08:03:20", "Note": "50% + a&b=c \xc3\xbc \xf0\x9f\x98\x80"}'
        ),
        (
            "6f92c9467d6389d629ccfb33dd165cc56088cca5fb4e245b14e404f2309d80f2"
            "81948e85bcef72426284254bddb7cccca703525fd56dcb62b0c246122080dd97"
        ),
    ),
    "compact, %20 and lower-case escapes": (
        KEY,
        b"%7b%22Status%22:%22Complete%22,%22SurveyID%22:%22SV_1%22,%22ResponseID%22:%22R_1%22%7d",
        b'{"Status":"Complete","SurveyID":"SV_1","ResponseID":"R_1"}',
        (
            "67bb34b64450a42d9c79e66cbbc78be6dc31d4eed212806a2789b943397809d6"
            "09bed873706dc91a6547c79d2efa60647afd5b3c6d4f82f0b9b8fb1ab1823cf9"
        ),
    ),
    "a key with spaces and emoji, as given": (
        " cl\N{LATIN SMALL LETTER E WITH ACUTE} + 100% \N{GRINNING FACE}",
        b'{"Status":"Complete","SurveyID":"SV_1","ResponseID":"R_1"}',
        b'{"Status":"Complete","SurveyID":"SV_1","ResponseID":"R_1"}',
        (
            "95b2318c374dd621e57da84876a60b70e136e45ae9681644be397a2824f3a39a"
            "1c08513935716c85411037a92078108626c2b309059f973124293cce9edf14f9"
        ),
    ),
    "a key of bytes that are no text": (
        b"\x00\xff\x80",
        b'{"Status":"Complete","SurveyID":"SV_1","ResponseID":"R_1"}',
        b'{"Status":"Complete","SurveyID":"SV_1","ResponseID":"R_1"}',
        (
            "d4e33b67438b112e54b8016437d84e216898d524296ca5fb646f318b469c0cd4"
            "695552b33d26a573a308c471803a5be13ec0c33c2cfe741543212319353cae24"
        ),
    ),
}
# The recorded form of facts.md, with its key replaced; the digest is the recording's, not ours.
RECORDED = (
    b"Topic=examplebrand.surveyengine.completedResponse.SV_0aB1cD2eF3gH4iJ&MSG=%7B%22Status%22%3A+%22Complete"
    b"%22%2C+%22SurveyID%22%3A+%22SV_0aB1cD2eF3gH4iJ%22%2C+%22ResponseID%22%3A+%22R_9tU0vW1xY2zA3bC%22%2C+"
    b"%22CompletedDate%22%3A+%222026-05-02+08%3A03%3A20%22%2C+%22BrandID%22%3A+%22examplebrand%22%2C+"
    b"%22RecipientID%22%3A+%22CGC_5pQ6rS7tU8vW9xY%22%2C+%22DistributionID%22%3A+%22EMD_9jK0lM1nO2pQ3rS%22%2C+"
    b"%22ResponseEventContext%22%3A+%22%22%7D&HMAC=26591ccd578068129ff6189aa8684c3b643cb3fbd5a1a78151aad65370f1"
    b"a7f0fb3db4f2e9cb712aeaa7a4dbb10a723e031287a9b67b2cfeafd0a22e256d318f"
)


@pytest.mark.parametrize("name", VECTORS)
def test_the_signature_is_over_the_decoded_bytes(name: str) -> None:
    """Whatever the escapes, exactly the decoded bytes count, and a form that says so is taken."""
    key, written, decoded, digest = VECTORS[name]
    raw_key = key if isinstance(key, bytes) else key.encode()
    assert hmac.new(raw_key, decoded, hashlib.sha512).hexdigest() == digest
    body = b"Topic=" + TOPIC.encode() + b"&MSG=" + written + b"&HMAC=" + digest.encode()
    event = webhooks.parse(body, FORM, key)
    assert isinstance(event, CompletedResponse)
    assert event.is_signed
    assert event.response_id == "R_1"
    if "Note" in event.fields:
        assert event.fields["Note"] == "50% + a&b=c ü \N{GRINNING FACE}"


def test_a_recorded_delivery() -> None:
    """The whole form, as the service encodes it; a stray field changes nothing, wherever it stands."""
    event = webhooks.parse(RECORDED, FORM, KEY)
    assert isinstance(event, CompletedResponse)
    assert event.recipient_id == "CGC_5pQ6rS7tU8vW9xY"
    assert webhooks.parse(RECORDED + b"&undefined=", FORM, KEY) == event
    assert webhooks.parse(b"undefined=&undefined&" + RECORDED, FORM, KEY) == event


def test_a_message_written_anew_is_another_message() -> None:
    """The same JSON without its spaces, or with an escaped slash, has another signature."""
    for other in (b'{"Status":"Complete"}', b'{"Status": "Complete" }', b'{"Status":\t"Complete"}'):
        digest = signature(b'{"Status": "Complete"}')
        with pytest.raises(SignatureMismatch):
            webhooks.parse(encoded([("Topic", TOPIC), ("MSG", other), ("HMAC", digest)]), FORM, KEY)


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda digest: digest[:-1],
        lambda digest: digest + "0",
        lambda digest: f" {digest}",
        lambda digest: f"{digest}\n",
        lambda digest: f"sha512={digest}",
        bytes.fromhex,
        lambda digest: "ü" * 128,
        lambda digest: b"\xff\x00" * 64,
        lambda digest: "",
        lambda digest: hmac.new(KEY.encode(), b"{}", hashlib.sha256).hexdigest(),
    ],
)
def test_what_is_not_the_signature_is_a_mismatch(change: object) -> None:
    """Another case, length, encoding or algorithm, no text at all: one error, never a TypeError."""
    assert callable(change)
    body = encoded([("Topic", TOPIC), ("MSG", b"{}"), ("HMAC", change(signature(b"{}")))])
    with pytest.raises(SignatureMismatch) as caught:
        webhooks.parse(body, FORM, KEY)
    assert caught.value.status == 401


@pytest.mark.parametrize(
    "key", [f"{KEY} ", f" {KEY}", KEY.upper(), f"{KEY}\n", b"\xef\xbb\xbf" + KEY.encode()]
)
def test_the_key_counts_as_given(key: str | bytes) -> None:
    """Nothing is stripped or folded."""
    with pytest.raises(SignatureMismatch) as caught:
        webhooks.parse(signed(DONE), FORM, key)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        flat(),
        encoded([("Topic", TOPIC), ("MSG", "{}")]),
        encoded([("Topic", TOPIC), ("MSG", "{}"), ("HMAC", "")]),
        encoded([("Topic", TOPIC), ("HMAC", "0" * 128)]),
    ],
)
def test_with_a_key_only_what_is_signed_is_taken(body: bytes) -> None:
    """An attacker who leaves the signature away gets no further than one with a wrong one."""
    with pytest.raises(SignatureMismatch, match="not signed:"):
        webhooks.parse(body, FORM, KEY)


def test_without_a_key_a_signed_form_is_read_and_trusted_in_nothing() -> None:
    """The event says that nobody verified it."""
    event = webhooks.parse(signed(DONE, key="another"), FORM)
    assert isinstance(event, CompletedResponse)
    assert not event.is_signed


@pytest.mark.parametrize("key", ["", b"", "\ud800"])
def test_a_key_that_protects_nothing_is_a_mistake_of_the_callers(key: str | bytes) -> None:
    """It is refused for any delivery, before it is read."""
    with pytest.raises(UsageError):
        webhooks.parse(b"", JSON, key)


def test_the_primitive_against_the_published_vector() -> None:
    """RFC 4231, test case 2."""
    digest = (
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    )
    key = signing_key("Jefe")
    assert key == b"Jefe"
    assert is_signed_with(key, b"what do ya want for nothing?", digest.encode())
    assert not is_signed_with(key, b"what do ya want for nothing!", digest.encode())
    assert signing_key(None) is None


@pytest.mark.parametrize("verdict", [True, False])
def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch, verdict: bool) -> None:
    """Time does not tell how much of a signature is right: `compare_digest` alone looks, and decides."""
    compared: list[tuple[object, object]] = []

    def compare(one: object, other: object) -> bool:
        compared.append((one, other))
        return verdict

    monkeypatch.setattr(hmac, "compare_digest", compare)
    right = signature(b"{}").encode()
    for given in (right, b"0" * 128, b"short", b""):
        assert is_signed_with(KEY.encode(), b"{}", given) is verdict
        assert [{*pair} for pair in compared] == [{right, given}]
        assert all(type(each) is bytes for pair in compared for each in pair)
        compared.clear()
