"""`webhooks verify`: a captured delivery is what it says, or nothing of it is printed."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., Any]

KEY = "Schlüssel + 100 % geheim"
TOPIC = "examplebrand.surveyengine.completedResponse.SV_1"
FIELDS = {
    "Status": "Complete",
    "SurveyID": "SV_1",
    "ResponseID": "R_1",
    "CompletedDate": "2026-05-02 08:03:20",
    "BrandID": "examplebrand",
    "Remark": "1 + 1 = 100 % 🙂",
}
JSON_TYPE = "application/json"


def signed(message: str, *, key: str = KEY, topic: str = TOPIC) -> bytes:
    """A delivery as the service posts it."""
    code = hmac.new(key.encode(), message.encode(), hashlib.sha512).hexdigest()
    return f"Topic={quote_plus(topic)}&MSG={quote_plus(message)}&HMAC={code}".encode()


MESSAGE = json.dumps(FIELDS, ensure_ascii=False)
EVENT = {
    "type": "CompletedResponse",
    "topic": "surveyengine.completedResponse.SV_1",
    "brandId": "examplebrand",
    "occurred": "2026-05-02T08:03:20Z",
    "signed": True,
    "surveyId": "SV_1",
    "responseId": "R_1",
    "recipientId": None,
    "distributionId": None,
    "fields": FIELDS,
}


@pytest.fixture
def check(call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Verify a body with the key of the environment, which is in nothing that is written."""
    monkeypatch.setenv("HOOK_KEY", KEY)

    def checked(body: bytes, *more: str, variable: str = "HOOK_KEY") -> Any:
        Path("delivery.txt").write_bytes(body)
        done = call("webhooks", "verify", "delivery.txt", "--shared-key-env", variable, *more)
        assert KEY not in done.out + done.err
        return done

    return checked


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_good_delivery_is_one_line(check: Call, end: bytes) -> None:
    """The event as `listen` prints it; a line end that an editor added is no part of it, and told."""
    done = check(signed(MESSAGE) + end)
    assert (done.code, done.out.count("\n")) == (0, 1)
    assert json.loads(done.out) == EVENT
    assert list(json.loads(done.out)) == list(EVENT)
    assert done.err == ("the line end at the end was left out\n" if end else "")


def test_other_events_have_what_they_have(check: Call) -> None:
    """A type without ids or date has no ids, and null for its date."""
    activated = json.dumps({"Status": "Active", "SurveyID": "SV_1", "BrandID": "b"})
    line = json.loads(check(signed(activated, topic="b.controlpanel.activateSurvey")).out)
    assert (line["type"], line["surveyId"], line["occurred"]) == ("SurveyActivated", "SV_1", None)
    assert "responseId" not in line
    line = json.loads(check(signed('{"ProjectID":1}', topic="b.threesixty.reportReady")).out)
    assert (line["type"], line["name"], line["fields"]) == (
        "ThreeSixtyEvent",
        "reportReady",
        {"ProjectID": 1},
    )
    line = json.loads(check(signed("{}", topic="new.thing")).out)
    assert (line["type"], line["topic"], line["brandId"]) == ("Event", "new.thing", None)


def test_the_list_of_the_specification(check: Call) -> None:
    """By its content type; without it, it is no form."""
    pairs = [{"key": name, "value": value} for name, value in (("Topic", TOPIC), ("MSG", MESSAGE))]
    code = hmac.new(KEY.encode(), MESSAGE.encode(), hashlib.sha512).hexdigest()
    body = json.dumps([*pairs, {"key": "HMAC", "value": code}]).encode()
    assert json.loads(check(body, "--content-type", JSON_TYPE).out) == EVENT
    assert check(body).code == 1


@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        (signed(MESSAGE, key="another"), [], "not signed with this key"),
        (signed(MESSAGE).replace(b"R_1", b"R_2"), [], "not signed with this key"),
        (signed(MESSAGE)[:-1], [], "not signed with this key"),
        (signed(MESSAGE) + b"\n\n", [], "not signed with this key"),
        (signed(MESSAGE, topic="b.surveyengine.partialResponse.SV_1"), [], "another brand"),
        (signed(MESSAGE, topic="surveyengine.partialResponse.SV_1"), [], "Status"),
        (urlencode({"Topic": TOPIC, **FIELDS}).encode(), [], "not signed"),
        (b"", [], "the body is empty"),
        (b"MSG=x", [], "without a Topic"),
        (signed(MESSAGE), ["--content-type", "text/plain"], "text/plain"),
        (signed(MESSAGE), ["--max-age", "60"], "at most 60 s"),
        (signed("x" * 65_536), [], "more than 65,536 bytes"),
    ],
)
def test_what_is_not_verified_is_an_error(check: Call, body: bytes, more: list[str], words: str) -> None:
    """In the error's own words, with nothing on stdout."""
    done = check(body, *more)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert done.err.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_key_nothing_is_verified(
    call: Call, check: Call, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """That is a wrong usage, which names the variable; it never looks like a success."""
    monkeypatch.delenv("HOOK_KEY")
    if value is not None:
        monkeypatch.setenv("HOOK_KEY", value)
    done = check(signed(MESSAGE, key="x"))
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: --shared-key-env: HOOK_KEY is not set, or empty\n"
    done = call("webhooks", "verify", "delivery.txt")
    assert (done.code, done.out) == (2, "")
    assert "--shared-key-env" in done.err


def test_a_key_is_no_argument(call: Call, check: Call) -> None:
    """One that is given instead of the name of its variable is refused, and not repeated."""
    done = check(signed(MESSAGE), variable=KEY)
    assert done.code == 2
    for argv in (["--shared-key", "0123456789abcdef"], ["--shared-key=0123456789abcdef"]):
        done = call("webhooks", "verify", "delivery.txt", "--shared-key-env", "HOOK_KEY", *argv)
        assert (done.code, done.out) == (2, "")
        assert "a secret is never taken from an argument" in done.err
        assert "--shared-key-env" in done.err
        assert "0123456789abcdef" not in done.err
    done = check(signed(MESSAGE), variable="0123456789abcdef")
    assert "0123456789abcdef" not in done.err
    assert check(signed(MESSAGE), variable="a\0b").code == 2


def test_a_key_that_an_error_repeats_is_not_shown(check: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wrote the text: here the key is the content type as well."""
    monkeypatch.setenv("HOOK_KEY", "not/a-type")
    done = check(signed(MESSAGE), "--content-type", "not/a-type")
    assert done.code == 1
    assert done.err == "error: a delivery is a form, not '<secret>'\n"


def test_from_stdin(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a pipe; a closed stdin is told."""
    monkeypatch.setenv("HOOK_KEY", KEY)
    argv = ["webhooks", "verify", "-", "--shared-key-env", "HOOK_KEY"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(signed(MESSAGE) + b"\n")))
    assert json.loads(call(*argv).out) == EVENT
    assert call(*argv, "--max-age", "60").code == 1
    assert call(*argv, "--max-ages", "60").code == 2
    assert "no option --option" in call("webhooks", "verify", "--option", *argv[-2:]).err
    monkeypatch.setattr(sys, "stdin", None)
    done = call(*argv)
    assert (done.code, done.out) == (2, "")
    assert "stdin is closed" in done.err


def test_a_file_that_is_not_there(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong usage, as everywhere."""
    monkeypatch.setenv("HOOK_KEY", KEY)
    done = call("webhooks", "verify", "none.txt", "--shared-key-env", "HOOK_KEY")
    assert (done.code, done.out) == (2, "")
    assert "none.txt: there is no such file" in done.err


def test_the_installed_command(tmp_path: Path) -> None:
    """It needs neither a token nor a data centre."""
    (tmp_path / "delivery.txt").write_bytes(signed(MESSAGE))
    argv = ["webhooks", "verify", "delivery.txt", "--shared-key-env", "HOOK_KEY"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUALTRICS_")}
    done = subprocess.run(
        [sys.executable, "-m", "qualtrics_async", *argv],
        cwd=tmp_path,
        env=kept | {"HOOK_KEY": KEY, "PYTHONWARNINGS": "error"},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == EVENT
