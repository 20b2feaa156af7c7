"""No secret, address or link in any log record, message, `repr`, event or traceback, whatever goes wrong."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from talking import client_of, subscribe
from virtual import virtual

from qualtrics_async import Event, Limits, Qualtrics, QualtricsError, SessionPool
from qualtrics_async.sandbox import Sandbox

E_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
LINK = re.compile(r"https?:/", re.IGNORECASE)

FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 400},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 404, "body": "no_request_id"},
    {"kind": "status", "status": 429, "retry_after": 0},
    {"kind": "status", "status": 500, "body": "html"},
    {"kind": "status", "status": 503, "body": "meta_null"},
    {"kind": "cut"},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "content_type"},
    {"kind": "error_in_200"},
    {"kind": "no_result"},
    {"kind": "nested", "depth": 5000},
    {"kind": "surrogates"},
    {"kind": "redirect"},
    {"kind": "repeat_page"},
    {"kind": "next_page", "next_page": "https://elsewhere.example.com/?who=jane@example.com"},
]


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def shown(error: BaseException) -> str:
    """Return all that a program may print of an error."""
    parts = ["".join(traceback.format_exception(error))]
    for cause in causes(error):
        parts += [str(cause), repr(cause), repr(vars(cause)), repr(cause.args)]
    return "\n".join(parts)


async def everything(sandbox: Sandbox, client: Qualtrics, told: list[str]) -> None:
    """Let each fault strike each kind of call; its errors quote the secret and a person's data."""
    for fault in FAULTS:
        await client.users.whoami()
        secret = " ".join(client._engine._credential.secrets)
        private = f"{secret} jane.doe@example.com https://x.example.com/jfe/form/1"
        said: dict[str, Any] = {"message": private} if fault["kind"] in {"status", "error_in_200"} else {}
        for route, call in (
            ("GET /whoami", client.users.whoami),
            ("GET /surveys", lambda: client.surveys.list().collect()),
            ("POST /eventsubscriptions", lambda: subscribe(client)),
        ):
            sandbox.faults.add(route=route, times=None, **said, **fault)
            with client.trace() as calls:
                try:
                    await call()
                except QualtricsError as error:
                    told.append(shown(error))
            told += [f"{made.method} {made.template} {made.error!r} {made.request_id}" for made in calls]
            sandbox.faults.clear()


@pytest.mark.parametrize("oauth", [False, True], ids=["token", "oauth"])
@virtual
async def test_nothing_private_is_ever_shown(*, oauth: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Neither API token nor client secret nor bearer token is in anything that can be printed or logged."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    events: list[Event] = []
    async with Sandbox(proxied=True) as sandbox, SessionPool() as pool:
        options: dict[str, Any] = {"pool": pool, "hooks": [events.append], "limits": Limits()}
        if oauth:
            secret = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret, "token": None}
            options |= {**secret, "scopes": ["read:users"]}
        async with client_of(sandbox, **options) as client:
            await everything(sandbox, client, told)
            engine: Any = client._engine
            told += map(repr, (client, pool, engine, engine._credential, engine.settings, client.quota()))
            told += map(repr, (engine._throttle, engine._wire, client.surveys, client.surveys.list()))
            secrets = {sandbox.token, sandbox.client_secret, *engine._credential.secrets}
    logged = [record.getMessage() + str(record.exc_text or "") for record in caplog.records]
    told += map(repr, events)
    assert len(told) > 2 * len(FAULTS)
    assert any("rate limit" in line for line in logged)
    for line in [*told, *logged]:
        for private in (*secrets, "jane.doe@"):
            assert private not in line
            assert private[:20] not in line
    for line in logged:
        assert not E_MAIL.search(line)
        assert not LINK.search(line)
        assert "\n" not in line


@pytest.mark.parametrize("status", [401, 500])
@virtual
async def test_a_token_request_that_fails_shows_nothing(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Client secret and HTTP Basic header stay hidden where the token endpoint itself refuses."""
    caplog.set_level(logging.DEBUG)
    async with Sandbox() as sandbox:
        oauth = {"client_id": "some-client", "client_secret": "some-secret", "token": None}
        async with client_of(sandbox, **oauth) as client:
            if status == 500:
                sandbox.faults.add(
                    kind="status", status=500, route="POST /oauth2/token", times=None, message="some-secret"
                )
            with pytest.raises(QualtricsError) as failure:
                await client.users.whoami()
            basic = client._tokens._credential.secrets[1] if client._tokens is not None else "-"
    seen = shown(failure.value) + caplog.text
    assert "some-secret" not in seen
    assert basic not in seen


def test_a_refused_setting_is_not_quoted() -> None:
    """A token that was refused is not in the message, nor in the traceback's last line."""
    with pytest.raises(QualtricsError) as refusal:
        Qualtrics(token="s3cret with blanks", datacenter="fra1")
    assert "s3cret" not in str(refusal.value)
    with pytest.raises(QualtricsError) as refusal:
        Qualtrics(token="t", base_url="https://jane:s3cret@gateway.example.com/x")
    assert "s3cret" not in str(refusal.value)
