"""Operations that answer secrets keep them out of whatever may be printed."""

from __future__ import annotations

from typing import Any

import pytest
from test_catalogue import REQUESTS

from qualtrics_async import DecodeError, QualtricsError
from qualtrics_async._core.codec import decode

SECRET = "s3cretValueOf40Characters"
ANSWERS = [
    b'{"result": {"apiToken": ["%b"], "jwt": "%b"}, "meta": {}}',
    b'{"result": {"apiToken": "%b", "jwt": "%b"',
    b"<html>%b %b</html>",
]
SECRET_ANSWERS = ["users.api_token.get", "users.api_token.create", "contact_exports.file", "(credentials)"]


@pytest.mark.parametrize("body", ANSWERS)
@pytest.mark.parametrize("name", SECRET_ANSWERS)
def test_a_broken_answer_shows_no_secret(name: str, body: bytes) -> None:
    """Neither the message nor the excerpt of the error has any of what came back."""
    request: Any = REQUESTS[name]
    with pytest.raises(QualtricsError) as failure:
        decode(request, 200, {"Content-Type": "application/json"}, body.replace(b"%b", SECRET.encode()))
    assert isinstance(failure.value, DecodeError)
    assert SECRET not in f"{failure.value!r} {failure.value} {failure.value.excerpt}"
