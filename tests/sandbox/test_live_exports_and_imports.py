"""Exports and imports of responses, by the real client against a sandbox, and the keys of all exports."""

from __future__ import annotations

import asyncio
import io
import json
import warnings
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exporting import LIMIT, table
from living import living
from shapes import sample
from speaking import Caller, asynchronous, speaking

from qualtrics_async import (
    ApiError,
    InvalidRequest,
    JobFailed,
    NotFound,
    Qualtrics,
)
from qualtrics_async.models.legacy_response_exports import LegacyResponseExportOptions
from qualtrics_async.models.response_exports import ResponseExportOptions
from qualtrics_async.sandbox import ByPolls, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def respond(state: State) -> list[str]:
    """Two responses to the sandbox's own survey, and what was answered in each."""
    made = [
        state.add_response(
            state.survey_id,
            {"QID1": 2, "QID2_TEXT": "line one\nline two", "site": "north", "share": 1.5, "duration": 200},
            labels={"QID1": "High"},
        ),
        state.add_response(state.survey_id, {"QID1": 1, "QID2_TEXT": 'été, "quoted"', "QID3": ["1", "3"]}),
    ]
    return [response.id for response in made]


async def exported(client: Qualtrics, survey_id: str, options: ResponseExportOptions) -> bytes:
    """The file of an export."""
    async with client.response_exports.run(survey_id, options) as file:
        return await file.read(LIMIT)


def unpacked(content: bytes) -> tuple[str, bytes]:
    """The name and content of the only member of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name)


@asynchronous
async def test_responses_are_exported_as_a_zip_of_csv() -> None:
    async with living(jobs=ByPolls(3)) as (client, sandbox):
        state = sandbox.state
        ids = respond(state)
        survey_id = state.add_survey("Canteen: d'été / 2026")
        async with client.response_exports.run(state.survey_id, ResponseExportOptions(format="csv")) as file:
            assert file.status == 200
            assert file.headers["Content-Type"] == "application/zip"
            assert file.headers["Content-Disposition"] == "attachment; filename=Sandbox+survey.zip"
            name, content = unpacked(await file.read(LIMIT))
        assert name == "Sandbox survey.csv"
        tags, texts, sources, *rows = table(content)
        data = ["cohort", "site", "share"]
        assert tags[-9:] == ["Q1", "Q1_4_TEXT", "Q2", "Q3_1", "Q3_2", "Q3_3", *data]
        first, last = "How satisfied are you? → pick one", "Which did you use?"
        assert texts[-9:-6] == [first, f"{first} - Other - Text", "Why?"]
        assert texts[-6:] == [*(f"{last} - {name}" for name in ("Shop", "Website", "Telephone")), *data]
        assert [json.loads(source) for source in sources[-9:]] == [
            *({"ImportId": key} for key in ("QID1", "QID1_4_TEXT", "QID2_TEXT")),
            *({"ImportId": "QID3", "choiceId": choice} for choice in ("1", "2", "3")),
            *({"ImportId": key} for key in data),
        ]
        assert json.loads(sources[0]) == {"ImportId": "startDate", "timeZone": "Z"}
        assert [row[-9:] for row in rows] == [
            ["2", "", "line one\nline two", "", "", "", "", "north", "1.5"],
            ["1", "", 'été, "quoted"', "1", "", "1", "", "", ""],
        ]
        assert [row[tags.index("ResponseId")] for row in rows] == ids
        datetime.strptime(rows[0][0], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        assert sandbox.calls["GET /surveys/{surveyId}/export-responses/{exportProgressId}", 200] == 3
        empty = await exported(client, survey_id, ResponseExportOptions(format="csv"))
        name, content = unpacked(empty)
        assert name == "Canteen_ d_été _ 2026.csv"
        assert len(table(content)) == 3


@asynchronous
async def test_responses_are_exported_as_chosen() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        ids = respond(state)
        content = await exported(
            client,
            state.survey_id,
            ResponseExportOptions(
                format="tsv",
                compress=False,
                use_labels=True,
                question_ids=["QID1"],
                embedded_data_ids=["site", "share"],
                survey_metadata_ids=["_recordId"],
                newline_replacement=" ",
                format_decimal_as_comma=True,
                limit=1,
            ),
        )
        tags, _, _, *rows = table(content, "\t")
        assert tags == ["ResponseId", "Q1", "Q1_4_TEXT", "site", "share"]
        assert rows == [[ids[0], "High", "", "north", "1,5"]]


@pytest.mark.parametrize("form", ["json", "ndjson"])
@asynchronous
async def test_responses_are_exported_as_json(form: str) -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        ids = respond(state)
        options = ResponseExportOptions(format=form, compress=False, question_ids=["QID1"])
        content = await exported(client, state.survey_id, options)
        found = (
            json.loads(content)["responses"]
            if form == "json"
            else [json.loads(line) for line in content.splitlines()]
        )
        assert [response["responseId"] for response in found] == ids
        assert found[0]["values"]["QID1"] == 2
        assert found[0]["labels"] == {"QID1": "High"}
        assert found[0]["displayedFields"] == ["QID1", "QID1_4_TEXT"]
        assert "QID2_TEXT" not in found[0]["values"]


@asynchronous
async def test_an_export_has_a_time_and_goes_on_where_one_ended() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        exports, survey_id = client.response_exports, state.survey_id
        first, second = (state.responses[found] for found in respond(state))
        first.recorded, second.recorded = 1_000_000, 2_000_000
        start, end = EPOCH + timedelta(seconds=1000), EPOCH + timedelta(seconds=2000)
        within = ResponseExportOptions(format="json", compress=False, start_date=start, end_date=end)
        assert [
            r["responseId"] for r in json.loads(await exported(client, survey_id, within))["responses"]
        ] == [first.id]
        part = ResponseExportOptions(format="json", compress=False, limit=1, allow_continuation=True)
        started = await exports.start(survey_id, part)
        progress = await exports.progress(survey_id, started.progress_id)
        assert progress.continuation_token is not None
        rest = ResponseExportOptions(
            format="json",
            compress=False,
            allow_continuation=True,
            continuation_token=progress.continuation_token,
        )
        assert [
            r["responseId"] for r in json.loads(await exported(client, survey_id, rest))["responses"]
        ] == [second.id]


@asynchronous
async def test_filters_are_listed_and_used() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        filter_id = state.add_response_filter(state.survey_id, "North only")
        (found,) = await client.response_exports.filters(state.survey_id).collect()
        assert (found.filter_id, found.filter_name) == (filter_id, "North only")
        assert found.creation_date is not None
        options = ResponseExportOptions(format="ndjson", filter_id=filter_id, compress=False)
        assert await exported(client, state.survey_id, options) == b""
        with pytest.raises(NotFound):
            await client.response_exports.start(
                state.survey_id, ResponseExportOptions(format="csv", filter_id="unknown")
            )


@asynchronous
async def test_a_failed_export_leaves_no_file() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        sandbox.faults.add(kind="failed_job", route="POST /surveys/{surveyId}/export-responses")
        with pytest.raises(JobFailed) as caught:
            await exported(client, state.survey_id, ResponseExportOptions(format="csv"))
        assert caught.value.status == "failed"
        assert caught.value.detail.percent_complete == 100.0  # type: ignore[attr-defined]  # a progress
        assert len(state.shelf("response export file")) == 0


@asynchronous
async def test_a_file_goes_by_its_own_id() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        exports = client.response_exports
        started = await exports.start(state.survey_id, ResponseExportOptions(format="csv"))
        other = state.add_survey("Another")
        with pytest.raises(NotFound):
            async with exports.file(state.survey_id, started.progress_id):
                pass
        progress = await exports.progress(state.survey_id, started.progress_id)
        assert progress.file_id is not None
        assert progress.file_id.endswith("-def")
        with pytest.raises(NotFound):
            async with exports.file(other, progress.file_id):
                pass
        with pytest.raises(NotFound):
            await exports.progress(other, started.progress_id)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"format": "spss"},
        {"format": "csv", "compress": "yes"},
        {"format": "csv", "limit": 0},
        {"format": "csv", "limit": True},
        {"format": "csv", "questionIds": "QID1"},
        {"format": "csv", "startDate": "soon"},
        {"format": "csv", "colour": "red"},
        {"format": "json", "useLabels": True},
        {"format": "csv", "useLabels": True, "includeLabelColumns": True},
    ],
)
@asynchronous
async def test_the_sandbox_refuses_exports_that_the_service_refuses(body: dict[str, Any]) -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        with pytest.raises(InvalidRequest):
            await client.request("POST", "/surveys/{surveyId}/export-responses", state.survey_id, body=body)
        assert state.jobs == {}


@asynchronous
async def test_a_filter_goes_with_no_continuation() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        body = {"format": "csv", "filterId": state.add_response_filter(state.survey_id, "North")}
        path = "/surveys/{surveyId}/export-responses"
        with pytest.raises(InvalidRequest, match="allowContinuation"):
            await client.request("POST", path, state.survey_id, body=body | {"allowContinuation": True})
        await client.request("POST", path, state.survey_id, body=body | {"allowContinuation": False})


@asynchronous
async def test_old_exports_still_work_and_warn() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        (_, second) = respond(state)
        with pytest.warns(DeprecationWarning, match=r"v2\.run") as told:
            made = client.response_exports.v2.run(state.survey_id, ResponseExportOptions(format="csv"))
        assert [warning.filename for warning in told] == [__file__]
        async with made as file:
            assert len(table(unpacked(await file.read(LIMIT))[1])) == 5
        options = LegacyResponseExportOptions(
            format="json",
            last_response_id=state.responses_of(state.survey_id)[0].id,
            use_labels=True,
            limit=5,
        )
        with pytest.warns(DeprecationWarning, match="legacy_response_exports") as told:
            async with client.legacy_response_exports.run(state.survey_id, options) as file:
                found = json.loads(unpacked(await file.read(LIMIT))[1])["responses"]
        assert len(told) == 1
        assert [response["responseId"] for response in found] == [second]


@asynchronous
async def test_old_exports_work_step_by_step() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        state = sandbox.state
        respond(state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            exports = client.legacy_response_exports
            started = await exports.start(state.survey_id, LegacyResponseExportOptions(format="csv"))
            running = await exports.progress(started.id)
            assert (running.percent_complete, running.status, running.file) == (50.0, "in progress", None)
            with pytest.raises(NotFound):
                async with exports.file(started.id):
                    pass
            done = await exports.progress(started.id)
            assert done.file == f"{sandbox.base_url}/responseexports/{started.id}/file"
            async with exports.file(started.id) as file:
                assert unpacked(await file.read(LIMIT))[0] == "Sandbox survey.csv"
            v2 = client.response_exports.v2
            begun = await v2.start(state.survey_id, ResponseExportOptions(format="csv"))
            assert (await v2.progress(state.survey_id, begun.progress_id)).file_id is None
            ended = await v2.progress(state.survey_id, begun.progress_id)
            assert ended.file_id is not None
            async with v2.file(state.survey_id, ended.file_id) as file:
                assert file.headers["Content-Type"] == "application/zip"


@asynchronous
async def test_what_was_exported_can_be_imported() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        ids = respond(state)
        content = await exported(
            client, state.survey_id, ResponseExportOptions(format="tsv", compress=False, limit=1)
        )
        done = await client.response_imports.run(state.survey_id, content, format="tsv")
        assert done.status == "complete"
        first, _, imported = state.responses_of(state.survey_id)
        assert imported.id not in ids
        assert imported.values["status"] == 4
        same = ("QID1", "QID2_TEXT", "site", "duration", "startDate")
        assert {key: imported.values[key] for key in same} == {key: first.values[key] for key in same}


@asynchronous
async def test_a_plain_table_is_imported_by_its_tags(tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    await asyncio.to_thread(path.write_bytes, "\ufeffQ1,Q2,site\n2,gut,n\n\n1,été,\n".encode("utf-16"))
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        started = await client.response_imports.start(state.survey_id, path, charset="UTF-16")
        assert started.status == "inProgress"
        progress = await client.response_imports.progress(state.survey_id, started.progress_id)
        assert progress.is_finished
        answers = [
            {key: response.values.get(key) for key in ("QID1", "QID2_TEXT", "site")}
            for response in state.responses_of(state.survey_id)
        ]
        assert answers == [
            {"QID1": 2, "QID2_TEXT": "gut", "site": "n"},
            {"QID1": 1, "QID2_TEXT": "été", "site": None},
        ]
        assert sandbox.calls["POST /surveys/{surveyId}/import-responses", 200] == 1


@asynchronous
async def test_an_import_that_is_repeated_on_doubt_makes_nothing_twice() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        sandbox.faults.add(kind="cut", when="after", route="POST /surveys/{surveyId}/import-responses")
        await client.response_imports.run(state.survey_id, b"Q1\n1\n2\n")
        assert state.processed["POST /surveys/{surveyId}/import-responses"] == 2
        assert len(state.responses_of(state.survey_id)) == 2


@asynchronous
async def test_a_key_is_good_for_one_file() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        imports, survey_id = client.response_imports, state.survey_id
        first = await imports.start(survey_id, b"Q1\n1\n", idempotency_key="key-1")
        again = await imports.start(survey_id, b"Q1\n1\n", idempotency_key="key-1")
        assert again.progress_id == first.progress_id
        assert len(state.responses_of(survey_id)) == 1
        other = await imports.start(survey_id, b"Q1\n2\n", idempotency_key="key-1")
        fresh = await imports.start(survey_id, b"Q1\n1\n")
        assert len({first.progress_id, other.progress_id, fresh.progress_id}) == 3
        assert len(state.responses_of(survey_id)) == 3


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b",\n1,2\n"])
@asynchronous
async def test_a_failed_import_says_why_and_makes_nothing(content: bytes) -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        with pytest.raises(JobFailed, match="The file") as caught:
            await client.response_imports.run(state.survey_id, content)
        assert caught.value.status == "PLACEHOLDER_IMPORT"
        started = await client.response_imports.start(state.survey_id, content)
        with pytest.raises(ApiError) as told:
            await client.response_imports.progress(state.survey_id, started.progress_id)
        assert told.value.status == 200
        assert state.responses == {}


@asynchronous
async def test_files_elsewhere_are_imported_by_their_address() -> None:
    async with living(jobs=ByPolls(1), record_bodies=True) as (client, sandbox):
        state = sandbox.state
        address = "https://files.example.com/responses.csv"
        done = await client.response_imports.run(state.survey_id, file_url=address)
        assert done.is_finished
        assert json.loads(sandbox.requests[0].body or b"") == {
            "format": "csv",
            "fileUrl": address,
            "charset": "UTF-8",
        }
        with pytest.raises(NotFound):
            await client.response_imports.start("SV_unknown", b"Q1\n")
        body = {"format": "xlsx", "fileUrl": address}
        with pytest.raises(InvalidRequest):
            await client.request("POST", "/surveys/{surveyId}/import-responses", state.survey_id, body=body)


@asynchronous
async def test_old_imports_still_work_and_warn() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        imports = client.legacy_response_imports
        with pytest.warns(DeprecationWarning, match="run"):
            done = await imports.run(state.survey_id, b"Q1\n2\n")
        assert done.percent_complete == 100.0
        with pytest.warns(DeprecationWarning, match="start"):
            started = await imports.start(
                state.survey_id,
                b"Q1\tsite\n1\tn\n",
                filename="t.tsv",
                content_type="text/tab-separated-values",
            )
        with pytest.warns(DeprecationWarning, match="progress"):
            assert (await imports.progress(started.id)).is_finished
        assert [response.values["QID1"] for response in state.responses_of(state.survey_id)] == [2, 1]
        sandbox.faults.add(kind="failed_job", route="POST /responseimports")
        with pytest.warns(DeprecationWarning, match="run"), pytest.raises(JobFailed):
            await imports.run(state.survey_id, b"Q1\n2\n")


async def answer(call: Caller, name: str) -> Any:
    """What the sandbox says where a sample shows what the service says."""
    state = call.sandbox.state
    surveys, directories = f"/surveys/{state.survey_id}", f"/directories/{state.default_directory_id}"
    state.add_response_filter(state.survey_id, "North")
    state.add_audit_event("users", userId="UR_1", isSuccessful=True)
    exports = await call.post(f"{surveys}/export-responses", {"format": "csv", "allowContinuation": True})
    legacy = await call.post("/responseexports", {"format": "csv", "surveyId": state.survey_id})
    contacts = await call.post(f"{directories}/export-contacts", {"format": "csv", "embeddedData": []})
    status = f"{directories}/export-contacts/{contacts.result['progressId']}/status"
    file_id = (await call.get(status)).result["fileId"]
    found = {
        "response_export_started": exports,
        "response_export_finished": await call.get(
            f"{surveys}/export-responses/{exports.result['progressId']}"
        ),
        "response_filters": await call.get(f"{surveys}/filters"),
        "legacy_response_export_started": legacy,
        "legacy_response_export_finished": await call.get(f"/responseexports/{legacy.result['id']}"),
        "contact_export_started": contacts,
        "contact_export_finished": await call.get(status),
        "contact_export_file": await call.get(f"{directories}/export-contacts/{file_id}/file"),
        "audit_events": await call.get("/logs", activityType="users"),
        "audit_activity_types": await call.get("/logs/activitytypes"),
    }
    return found[name].result


@pytest.mark.parametrize(
    "name",
    [
        "response_export_started",
        "response_export_finished",
        "response_filters",
        "legacy_response_export_started",
        "legacy_response_export_finished",
        "contact_export_started",
        "contact_export_finished",
        "contact_export_file",
        "audit_events",
        "audit_activity_types",
    ],
)
def test_bodies_have_the_keys_of_the_samples(name: str) -> None:
    """Two independent statements of the wire format agree."""
    expected = sample(name)["result"]

    async def ask() -> Any:
        async with speaking(jobs=ByPolls(0)) as call:
            return await answer(call, name)

    said = asyncio.run(ask())
    assert said.keys() == expected.keys()
    if "elements" in expected:
        assert said["elements"][0].keys() == expected["elements"][0].keys()
