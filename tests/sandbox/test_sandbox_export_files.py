"""Whatever is in a survey or asked of an export, the sandbox makes a file or refuses, and never breaks."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaking import speaking

from qualtrics_async.sandbox import ByPolls
from qualtrics_async.sandbox.response_files import FORMATS

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(("csv", "json", "2026-07-01T00:00:00Z", "users", "9999-12-31T23:59:59-23:59"))
    | st.text(max_size=4)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=6,
)
ANSWERS = st.dictionaries(
    st.sampled_from(("QID1", "QID2_TEXT", "QID9_1", "site", "startDate")) | st.text(max_size=3),
    VALUES,
    max_size=6,
)


def test_no_depth_breaks_an_export() -> None:
    """Groups in groups without end are refused."""
    deep: dict[str, Any] = {"filterType": "email", "comparison": "eq", "value": "noor@example.com"}
    for _ in range(200):
        deep = {"conjunction": "and", "contactFilterExpressions": [deep, {}]}

    async def write() -> int:
        async with speaking() as call:
            path = f"/directories/{call.sandbox.state.default_directory_id}/export-contacts"
            return (await call.post(path, {"format": "csv", "embeddedData": [], "filter": deep})).status

    assert asyncio.run(write()) == 400


@settings(max_examples=25, deadline=None)
@given(ANSWERS, st.text(max_size=12), st.sampled_from(sorted(FORMATS)), st.booleans())
def test_every_response_can_be_exported(values: dict[str, Any], name: str, form: str, compress: bool) -> None:
    """Odd values, odd names of surveys, lone surrogates in both."""

    async def export() -> None:
        async with speaking(jobs=ByPolls(0)) as call:
            survey_id = call.sandbox.state.add_survey(name + "\ud800")
            call.sandbox.state.add_response(survey_id, values | {"site": "\udc00"})
            path = f"/surveys/{survey_id}/export-responses"
            started = await call.post(path, {"format": form, "compress": compress})
            progress = await call.get(f"{path}/{started.result['progressId']}")
            url = f"{call.sandbox.base_url}{path}/{progress.result['fileId']}/file"
            async with call.session.get(url) as file:
                assert file.status == 200
                assert await file.read()

    asyncio.run(export())


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=60) | st.text(alphabet='Q1,\t"\n{}:ImportId', max_size=60).map(str.encode),
    st.sampled_from(("text/csv", "text/tab-separated-values", "text/csv; charset=utf-16")),
    st.sampled_from((None, "UTF-8", "utf-16", "rot13", "nonsense")),
)
def test_every_file_can_be_imported_or_fails(content: bytes, kind: str, charset: str | None) -> None:
    """What is no table ends as a failed job."""
    headers = {"Content-Type": kind} | ({} if charset is None else {"charset": charset})

    async def upload() -> None:
        async with speaking(jobs=ByPolls(0)) as call:
            path = f"/surveys/{call.sandbox.state.survey_id}/import-responses"
            url = call.sandbox.base_url + path
            async with call.session.post(url, data=BytesIO(content), headers=headers) as response:
                assert response.status == 200
                job_id = (await response.json())["result"]["progressId"]
            status = (await call.get(f"{path}/{job_id}")).result["status"]
            assert status in ("complete", "failed")
            assert status == "complete" or not call.sandbox.state.responses

    asyncio.run(upload())


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "", "text/csv; charset"])
def test_imports_have_a_type(kind: str) -> None:
    """415 is documented for a wrong type."""

    async def upload() -> int:
        async with speaking() as call:
            url = f"{call.sandbox.base_url}/surveys/{call.sandbox.state.survey_id}/import-responses"
            headers = {"Content-Type": kind}
            async with call.session.post(url, data=b"Q1\n1\n", headers=headers) as response:
                return response.status

    assert asyncio.run(upload()) == (200 if kind.startswith("text/csv") else 415)
