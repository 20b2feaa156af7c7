"""The frame of the sandbox: credentials, routes, envelope, records, threads."""

from __future__ import annotations

import ast
import asyncio
import gc
import gzip
import json
import ssl
import sys
import threading
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from speaking import Clock, asynchronous, speaking, until

from qualtrics_async import InvalidRequest, Qualtrics
from qualtrics_async import sandbox as package
from qualtrics_async.sandbox import ByPolls, Sandbox


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def test_public_names_are_sorted_and_exist() -> None:
    assert package.__all__ == sorted(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)


def test_it_stands_on_the_standard_library_and_aiohttp_alone() -> None:
    for module in Path(package.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                ours = name.startswith(("qualtrics_async.sandbox.", "aiohttp.web"))
                # Events are posted by one module, and by nothing else.
                ours = ours or (module.name == "posting.py" and name.startswith("aiohttp."))
                assert ours or name.split(".")[0] in sys.stdlib_module_names, (module.name, name)


@asynchronous
async def test_whoami_has_the_envelope() -> None:
    async with speaking() as call:
        answer = await call.get("/whoami")
        assert answer.result["brandId"] == call.sandbox.state.brand_id
        assert answer.json["meta"]["httpStatus"] == "200 - OK"
        assert answer.headers["Content-Type"].startswith("application/json")


@asynchronous
async def test_missing_wrong_and_foreign_credentials() -> None:
    async with speaking() as call, aiohttp.ClientSession() as bare:
        url = f"{call.sandbox.base_url}/whoami"
        cases: list[tuple[dict[str, str], int, str]] = [
            ({}, 400, "ATP_2"),
            ({"X-API-TOKEN": "wrong"}, 401, "DCD_7"),
            ({"Authorization": "Bearer wrong"}, 401, "DCD_7"),
        ]
        for headers, status, code in cases:
            async with bare.get(url, headers=headers) as response:
                assert response.status == status
                assert (await response.json())["meta"]["error"]["errorCode"] == code


@asynchronous
async def test_oauth_tokens_are_issued_and_expire() -> None:
    clock = Clock()
    async with Sandbox(clock=clock, oauth_lifetime=60) as sandbox, aiohttp.ClientSession() as session:
        url = f"{sandbox.origin}/oauth2/token"
        client = basic(sandbox.client_id, sandbox.client_secret)
        form = {"grant_type": "client_credentials", "scope": "read:surveys"}
        multipart = aiohttp.FormData(form, default_to_multipart=True)
        issued: dict[str, Any] = {}
        for data in (form, multipart):
            async with session.post(url, headers=client, data=data) as response:
                issued = await response.json()
            assert issued.keys() == {"access_token", "token_type", "expires_in", "scope"}
            assert (issued["expires_in"], issued["scope"]) == (60, "read:surveys")
        headers = {"Authorization": f"Bearer {issued['access_token']}"}
        async with session.get(f"{sandbox.base_url}/whoami", headers=headers) as response:
            assert response.status == 200
        clock.now += 60
        async with session.get(f"{sandbox.base_url}/whoami", headers=headers) as response:
            assert response.status == 401
            assert (await response.json())["meta"]["error"]["errorCode"] == "AUTH_6.0"
        async with session.post(url, headers=basic("x", "y"), data=form) as response:
            assert response.status == 401
            assert (await response.json())["error"] == "invalid_client"
        async with session.post(url, headers=client, data={"grant_type": "password"}) as response:
            assert response.status == 400


@asynchronous
async def test_unknown_routes() -> None:
    async with speaking() as call:
        unknown = await call.get("/nope")
        assert unknown.status == 404
        assert unknown.json["meta"].keys() == {"httpStatus", "error"}
        assert (await call("PATCH", "/whoami")).status == 404
        assert (await call("GET", f"{call.sandbox.origin}/surveys")).status == 404


@asynchronous
async def test_slashes_too_many_are_tolerated() -> None:
    async with speaking() as call:
        survey_id = call.sandbox.state.survey_id
        for path in ("/surveys/", f"/surveys//{survey_id}", "/directories/"):
            assert (await call.get(path)).status == 200


@asynchronous
async def test_a_post_without_content_length_is_refused() -> None:
    async with Sandbox() as sandbox:
        host, port = sandbox.origin.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /API/v3/eventsubscriptions HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 411 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


@asynchronous
async def test_an_upload_that_breaks_off_does_nothing() -> None:
    async with Sandbox() as sandbox:
        host, port = sandbox.origin.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /API/v3/eventsubscriptions HTTP/1.1\r\nHost: x\r\nX-API-TOKEN: {sandbox.token}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        await until(lambda: sandbox.requests)
        writer.close()
        await writer.wait_closed()
        await until(lambda: sandbox.requests[0].status)
        assert not sandbox.requests[0].processed


@asynchronous
async def test_it_can_be_its_own_proxy() -> None:
    async with speaking() as call:
        answer = await call("GET", "http://somewhere.example.com/API/v3/whoami", proxy=call.sandbox.origin)
        assert answer.result["firstName"] == "Api"


def test_it_can_speak_tls() -> None:
    authority = pytest.importorskip("trustme").CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(client)

    async def ask() -> None:
        async with speaking(ssl=server) as call:
            assert call.sandbox.base_url.startswith("https://")
            assert (await call("GET", "/whoami", ssl=client)).status == 200

    asyncio.run(ask())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@asynchronous
async def test_addresses(host: str) -> None:
    async with speaking(host=host) as call:
        assert (await call.get("/whoami")).status == 200


@asynchronous
async def test_gzip_only_when_asked_for() -> None:
    async with speaking() as call:
        path = f"/survey-definitions/{call.sandbox.state.survey_id}"
        async with aiohttp.ClientSession(auto_decompress=False) as raw:
            for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
                headers = {"X-API-TOKEN": call.sandbox.token, "Accept-Encoding": accepted}
                async with raw.get(call.sandbox.base_url + path, headers=headers) as response:
                    body = await response.read()
                    assert response.headers.get("Content-Encoding") == encoding
                plain = gzip.decompress(body) if encoding else body
                assert json.loads(plain)["result"]["QuestionCount"] == "1000"


@asynchronous
async def test_the_wrong_data_centre_is_noticed() -> None:
    async with speaking(proxied=True) as call:
        assert "fra1.qualtrics.com" in (await call.get("/whoami")).json["meta"]["notice"]


@asynchronous
async def test_requests_are_recorded() -> None:
    async with speaking(record_bodies=True) as call:
        await call.post("/eventsubscriptions?x=1", {"topics": "*", "publicationUrl": "https://example.com"})
        await call.get("/surveys/SV_missing")
        done, refused = call.sandbox.requests
        assert (done.method, done.route, done.query) == ("POST", "/eventsubscriptions", "x=1")
        assert (done.status, done.processed) == (200, True)
        assert b"publicationUrl" in (done.body or b"")
        assert (refused.route, refused.status, refused.processed) == ("/surveys/{surveyId}", 404, False)
        assert call.sandbox.calls["GET /surveys/{surveyId}", 404] == 1
        assert call.sandbox.state.processed == {"POST /eventsubscriptions": 1}


@pytest.mark.parametrize(("kept", "expected"), [(False, 0), (2, 2)])
@asynchronous
async def test_records_are_bounded(kept: Any, expected: int) -> None:
    async with speaking(record_requests=kept) as call:
        for _ in range(3):
            await call.get("/whoami")
        assert len(call.sandbox.requests) == expected
        assert call.sandbox.calls["GET /whoami", 200] == 3


@asynchronous
async def test_the_same_seed_gives_the_same_ids() -> None:
    async def ids(seed: int) -> tuple[str, str, str, str]:
        async with speaking(seed=seed) as call:
            created = await call.post(call.lists, {"name": "a"})
            state = call.sandbox.state
            return (
                created.result["id"],
                state.survey_id,
                call.sandbox.token,
                created.json["meta"]["requestId"],
            )

    assert await ids(1) == await ids(1)
    assert not set(await ids(1)) & set(await ids(2))


@asynchronous
async def test_surveys_are_listed_by_offset() -> None:
    async with speaking(page_size=2) as call:
        state = call.sandbox.state
        added = [state.add_survey(f"Survey {n}", active=n % 2 == 0) for n in range(4)]
        first = (await call.get("/surveys")).result
        assert first["nextPage"] == f"{call.sandbox.base_url}/surveys?offset=2"
        pages = await call.walk("/surveys")
        assert [len(page) for page in pages] == [2, 2, 1]
        assert [survey["id"] for page in pages for survey in page] == [state.survey_id, *added]


@asynchronous
async def test_a_survey_and_its_definition() -> None:
    async with speaking() as call:
        survey_id = call.sandbox.state.survey_id
        assert (await call.get(f"/surveys/{survey_id}")).result["name"] == "Sandbox survey"
        definition = (await call.get(f"/survey-definitions/{survey_id}")).result
        assert definition["Questions"]["QID1"]["Language"] == []
        qsf = (await call.get(f"/survey-definitions/{survey_id}", format="qsf")).result
        assert qsf.keys() == {"SurveyEntry", "SurveyElements"}
        assert (await call.get("/survey-definitions/SV_none")).status == 404


@asynchronous
async def test_the_default_directory() -> None:
    async with speaking(deduplicate=("email", "phone")) as call:
        (directory,) = (await call.get("/directories")).result["elements"]
        assert directory["directoryId"] == call.sandbox.state.default_directory_id
        assert directory["isDefault"] is True
        criteria = directory["deduplicationCriteria"]
        assert {name for name, used in criteria.items() if used} == {"email", "phone"}


def test_unknown_criteria_are_refused() -> None:
    with pytest.raises(ValueError, match="extRef"):
        Sandbox(deduplicate=("extRef",))


def test_in_thread_serves_and_leaves_nothing_behind() -> None:
    before = threading.active_count()
    with Sandbox.in_thread(seed=3, jobs=ByPolls(0)) as sandbox:
        request = urllib.request.Request(f"{sandbox.base_url}/whoami", headers={"X-API-TOKEN": sandbox.token})
        with urllib.request.urlopen(request) as response:
            assert json.load(response)["result"]["userId"] == sandbox.state.user_id
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert len(sandbox.requests) == 1


def test_a_body_that_is_too_large_is_refused_unread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The refusal says how much is taken, and the connection that broke off leaves no task behind."""
    monkeypatch.setattr("qualtrics_async.sandbox.app.MAX_BODY", 1_000_000)

    async def main(sandbox: Sandbox) -> None:
        async with Qualtrics(token=sandbox.token, base_url=sandbox.base_url) as client:
            with pytest.raises(InvalidRequest, match="at most 1 MB") as refusal:
                await client.response_imports.start(sandbox.state.survey_id, bytes(20_000_000))
            assert refusal.value.status == 413

    with Sandbox.in_thread() as sandbox:
        asyncio.run(main(sandbox))
    gc.collect()
    assert "destroyed" not in caplog.text


def test_in_thread_ends_with_a_held_request() -> None:
    with Sandbox.in_thread() as sandbox:
        sandbox.faults.add(kind="delay", times=None)
        request = urllib.request.Request(f"{sandbox.base_url}/whoami", headers={"X-API-TOKEN": sandbox.token})
        with pytest.raises(TimeoutError), urllib.request.urlopen(request, timeout=0.05):
            pass


@asynchronous
async def test_an_outage_keeps_address_and_state() -> None:
    async with speaking() as call:
        made = (await call.post(call.lists, {"name": "a"})).result["id"]
        await call.sandbox.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await call.get("/whoami")
        await call.sandbox.start()
        assert (await call.get(f"{call.lists}/{made}")).result["name"] == "a"


def test_a_sandbox_that_does_not_run_says_so() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Sandbox().base_url


@asynchronous
async def test_closing_does_not_wait_for_idle_connections() -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox() as sandbox:
            async with session.get(f"{sandbox.base_url}/nope") as response:
                await response.read()
            loop = asyncio.get_running_loop()
            began = loop.time()
        assert loop.time() - began < 0.5
