"""Participants of a directory and of projects, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from living import living
from shapes import closed, sample
from speaking import asynchronous, speaking

from qualtrics_async import Conflict, InvalidRequest, JobFailed, NotFound
from qualtrics_async.models.participants import ParticipantFilter, ParticipantImportRow
from qualtrics_async.sandbox import ByPolls

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from qualtrics_async import Download

CSV = (
    "Unique Identifier,FirstName,LastName,Email,Username,Site\r\n"
    "E-1,Noor,Haddad,noor@example.com,noor,North\r\n"
    "E-2,Inès,Okafor,,,South\r\n"
).encode()


def row(number: int, **fields: Any) -> ParticipantImportRow:
    known: dict[str, Any] = {
        "first_name": "Noor",
        "last_name": f"Haddad {number}",
        "email": f"e{number}@example.com",
    }
    return ParticipantImportRow(unique_identifier=f"E-{number}", **known | fields)


async def text_of(export: AbstractAsyncContextManager[Download]) -> list[dict[str, str]]:
    """The rows of an export's file."""
    async with export as file:
        return list(csv.DictReader(io.StringIO((await file.read(1_000_000)).decode())))


@asynchronous
async def test_a_directory_from_import_to_deletion() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        people = client.directory_participants
        done = await people.imports.run("ex", [row(number, metadata={"Site": "N"}) for number in range(5)])
        assert (done.successful_count, done.failed_count, done.failed) == (5, 0, [])
        listed = await people.list("ex", page_size=2).collect()
        assert [found.unique_identifier for found in listed] == [f"E-{number}" for number in range(5)]
        assert {found.participant_id for found in listed} == {
            made["participantId"] for made in sandbox.state.participants["ex"].values()
        }
        assert [found.metadata for found in listed] == [{}] * 5
        (one,) = await people.list("ex", unique_identifier="E-3", include_metadata=True).collect()
        assert one.metadata == {"Site": "N"}
        assert await people.get("ex", one.participant_id) == one
        assert await people.list("ex", unique_identifier="E-99").collect() == []
        with pytest.warns(DeprecationWarning, match=r"directory_participants\.list$"):
            older = people.list_by_get("ex", page_size=2)
        assert await older.collect() == listed

        await people.imports.run("ex", [row(3, email=None, metadata={"Team": "Bread"})])
        changed = await people.get("ex", one.participant_id)
        assert (changed.email, changed.metadata) == (None, {"Site": "N", "Team": "Bread"})
        assert changed.user_id == one.user_id

        gone = await people.deletions.run("ex", ["E-3", "E-99"], confirm=True)
        assert (gone.successful_count, gone.failed_count) == (1, 1)
        assert gone.failed is not None
        assert gone.failed[0].item_ids == ["E-99"]
        assert list(sandbox.state.participants["ex"]) == ["E-0", "E-1", "E-2", "E-4"]
        with pytest.raises(NotFound):
            await people.get("ex", one.participant_id)


@asynchronous
async def test_a_project_from_copies_and_files() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        project_id = sandbox.state.add_ex_project()
        sandbox.state.add_participant("ex", "E-7", first_name="Tomasz", metadata={"Site": "West"})
        people = client.project_participants
        copied = await people.copies.run(project_id, ["E-7", "E-8"])
        assert (copied.successful_count, copied.failed_count) == (1, 1)
        imported = await people.imports.run(project_id, CSV)
        assert imported.successful_count == 2
        listed = await people.list(project_id, include_metadata=True).collect()
        assert [(found.unique_identifier, found.first_name, found.metadata) for found in listed] == [
            ("E-7", "Tomasz", {"Site": "West"}),
            ("E-1", "Noor", {"Site": "North"}),
            ("E-2", "Inès", {"Site": "South"}),
        ]
        state = sandbox.state.participants
        assert list(state["ex"]) == ["E-7", "E-1", "E-2"]
        assert state["ex"]["E-1"]["userId"] == state[project_id]["E-1"]["userId"]
        assert await people.get(project_id, listed[2].participant_id) == listed[2]
        assert listed[2].email is None
        with pytest.warns(DeprecationWarning, match=r"project_participants\.list$"):
            older = people.list_by_get(project_id, include_metadata=True, unique_identifier="E-1")
        assert await older.collect() == [listed[1]]
        await people.deletions.run(project_id, ["E-1"], confirm=True)
        assert list(state[project_id]) == ["E-7", "E-2"]
        assert "E-1" in state["ex"]


@asynchronous
async def test_listings_of_projects_tell_how_far_somebody_is() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        project_id = sandbox.state.add_ex_project()
        sandbox.state.add_participant(project_id, "E-1", participant_data={"complete": "true"})
        sandbox.state.add_participant(project_id, "E-2", subject_data={"nominationsSent": "3"})
        people = client.project_participants
        plain = await people.list(project_id).collect()
        assert [(found.participant_data, found.subject_data) for found in plain] == [(None, None)] * 2
        first, second = await people.list(project_id, include_participant_data=True).collect()
        assert first.participant_data is not None
        assert first.participant_data.complete == "true"
        assert second.subject_data is not None
        assert second.subject_data.nominations_sent == "3"


@asynchronous
async def test_exports_leave_a_file() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        project_id = sandbox.state.add_ex_project()
        for place_id in ("ex", project_id):
            for number, site in enumerate(("North", "South", "North")):
                metadata = {"Site": site, "Years": str(number * 9)}
                sandbox.state.add_participant(place_id, f"E-{number}", first_name="Noor", metadata=metadata)
        whole = await text_of(client.directory_participants.exports.run("ex"))
        assert [line["Unique Identifier"] for line in whole] == ["E-0", "E-1", "E-2"]
        assert whole[1] == {
            "Unique Identifier": "E-1",
            "FirstName": "Noor",
            "LastName": "",
            "Email": "",
            "Username": "",
            "Site": "South",
            "Years": "9",
        }
        north = ParticipantFilter(type="text", metadata_field="Site", value="North", operator="EQUAL_TO")
        long = ParticipantFilter(type="numeric", metadata_field="Years", value="10", operator="GREATER_THAN")
        one_of = ParticipantFilter(type="text", metadata_field="Site", value="South,West", operator="IN")
        exports = client.project_participants.exports
        for filters, expected in (
            ([north], ["E-0", "E-2"]),
            ([north, long], ["E-2"]),
            ([one_of], ["E-1"]),
        ):
            found = await text_of(exports.run(project_id, filters=filters))
            assert [line["Unique Identifier"] for line in found] == expected
        with pytest.warns(DeprecationWarning, match=r"exports\.start$"):
            job = await client.directory_participants.exports.start_by_get("ex")
        async with asyncio.timeout(5):
            while not (
                progress := await client.directory_participants.exports.progress("ex", job.job_id)
            ).is_finished:
                assert progress.result_id is None
        assert progress.job_type == "participantExport"
        assert progress.result_id is not None
        assert await text_of(client.directory_participants.exports.file("ex", progress.result_id)) == whole


@asynchronous
async def test_an_export_can_be_imported() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        people = client.directory_participants
        await people.imports.run("ex", CSV)
        before = {**sandbox.state.participants["ex"]}
        async with people.exports.run("ex") as file:
            exported = await file.read(1_000_000)
        await people.deletions.run("ex", list(before), confirm=True)
        await people.imports.run("ex", exported)
        after = sandbox.state.participants["ex"]
        kept = ("firstName", "lastName", "email", "username", "metadata")
        assert {uid: [made[key] for key in kept] for uid, made in after.items()} == {
            uid: [made[key] for key in kept] for uid, made in before.items()
        }


@asynchronous
async def test_only_metadata_that_all_have_is_imported() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        rows = [row(1, metadata={"Site": "N", "Team": "Bread"}), row(2, metadata={"Site": "S"})]
        await client.directory_participants.imports.run("ex", rows)
        made = sandbox.state.participants["ex"]
        assert [made[uid]["metadata"] for uid in ("E-1", "E-2")] == [{"Site": "N"}, {"Site": "S"}]


@asynchronous
async def test_a_failed_job_did_nothing() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        sandbox.state.add_participant("ex", "E-1")
        people = client.directory_participants
        for route in ("import-participants", "delete-participants", "export-participants"):
            template = f"POST /employee-directories/{{directoryId}}/{route}"
            sandbox.faults.add(kind="failed_job", route=template)
        with pytest.raises(JobFailed, match="failed"):
            await people.imports.run("ex", [row(2)])
        with pytest.raises(JobFailed, match="failed"):
            await people.deletions.run("ex", ["E-1"], confirm=True)
        with pytest.raises(JobFailed, match="failed"):
            await text_of(people.exports.run("ex"))
        assert list(sandbox.state.participants["ex"]) == ["E-1"]


@asynchronous
async def test_evaluators_are_kept_as_they_came() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        project_id = sandbox.state.add_ex_project()
        body = {"evaluators": [{"evaluatorUniqueIdentifier": "E-1"}]}
        answer = await client.project_participants.import_evaluators(project_id, body)
        assert answer["jobId"].startswith("JOB_")
        assert list(sandbox.state.shelf("evaluators")) == [body]


@asynchronous
async def test_ten_jobs_of_a_place_run_at_a_time() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        imports = client.directory_participants.imports
        jobs = [await imports.start("ex", [row(number)]) for number in range(10)]
        with pytest.raises(Conflict):
            await imports.start("ex", [row(11)])
        await imports.start("cx", [row(11)])
        assert not (await imports.progress("ex", jobs[0].job_id)).is_finished
        assert (await imports.progress("ex", jobs[0].job_id)).is_finished
        await imports.start("ex", [row(11)])
        assert "E-11" in sandbox.state.participants["ex"]


@asynchronous
async def test_jobs_and_results_belong_to_their_place_and_kind() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        project_id = sandbox.state.add_ex_project()
        people, others = client.directory_participants, client.project_participants
        job = await people.imports.start("ex", [row(1)])
        unpolled = sandbox.state.jobs[job.job_id].record["result_id"]
        with pytest.raises(NotFound):
            await people.imports.result("ex", unpolled)
        progress = await people.imports.progress("ex", job.job_id)
        assert progress.result_id == unpolled
        assert (await people.imports.result("ex", unpolled)).successful_count == 1
        for wrong in (
            people.imports.progress("cx", job.job_id),
            people.deletions.progress("ex", job.job_id),
            others.imports.progress(project_id, job.job_id),
            people.imports.result("cx", unpolled),
            people.deletions.result("ex", unpolled),
            others.copies.progress(project_id, job.job_id),
            others.copies.result(project_id, unpolled),
            others.deletions.progress(project_id, job.job_id),
            others.deletions.result(project_id, unpolled),
            others.exports.progress(project_id, job.job_id),
            others.imports.result(project_id, unpolled),
            text_of(people.exports.file("ex", unpolled)),
            text_of(others.exports.file(project_id, unpolled)),
            people.list("POOL_1").collect(),
            people.list(project_id).collect(),
            others.list("ex").collect(),
        ):
            with pytest.raises(NotFound):
                await wrong


REFUSED = [
    ("import-participants", {}, 400),
    ("import-participants", {"participants": {}}, 400),
    ("import-participants", {"participants": ["E-1"]}, 400),
    ("import-participants", {"participants": [{"uniqueIdentifier": "E-1"}]}, 400),
    ("import-participants", {"participants": [], "more": 1}, 400),
    ("delete-participants", [], 400),
    ("delete-participants", {}, 400),
    ("delete-participants", [None], 400),
    ("delete-participants", ["E-1"] * 25_001, 413),
    ("export-participants", {}, 400),
    ("export-participants", [{"type": "text"}], 400),
    (
        "export-participants",
        [{"type": "text", "metadataField": "a", "value": "b", "operator": "LIKE"}],
        400,
    ),
    ("participants", {"skipToken": "?"}, 400),
    ("participants", {"uniqueIdentifier": None}, 400),
    ("participants", {"uniqueIdentifiers": ["E-1"]}, 400),
]


@pytest.mark.parametrize(("what", "body", "status"), REFUSED)
def test_what_the_sandbox_refuses(what: str, body: Any, status: int) -> None:
    @asynchronous
    async def ask() -> None:
        async with speaking() as call:
            assert (await call.post(f"/employee-directories/ex/{what}", body)).status == status
            assert call.sandbox.state.participants["ex"] == {}

    ask()


@pytest.mark.parametrize(
    "content", [b"", b"Unique Identifier,FirstName\r\nE-1,Noor\r\n", b"\xff\xfe", b"a" * 200_000]
)
def test_what_is_no_list_of_participants_is_refused(content: bytes) -> None:
    @asynchronous
    async def send() -> None:
        async with living(jobs=ByPolls(2)) as (client, sandbox):
            with pytest.raises(InvalidRequest):
                await client.directory_participants.imports.start("ex", content)
            assert sandbox.state.participants["ex"] == {}

    send()


SHAPES = [
    (
        "POST",
        "/participants?includeMetadata=true&includeParticipantData=true&pageSize=1",
        "participants_page1",
    ),
    (
        "GET",
        "/participants?includeMetadata=true&includeParticipantData=true&pageSize=1",
        "participants_page1",
    ),
    ("GET", "/participants/{participant}", "participant"),
    ("POST", "/import-participants", "participant_job_started"),
    ("GET", "/import-participants/{job}", "participant_job_finished"),
    ("GET", "/import-participants/results/{result}", "participant_job_result"),
]
OPEN = ("metadata", "participantData", "subjectData")


@pytest.mark.parametrize(("method", "path", "name"), SHAPES)
def test_bodies_have_the_keys_of_the_samples(method: str, path: str, name: str) -> None:
    """Nothing more and nothing less, but for what is the participant's own."""

    async def ask() -> Any:
        async with speaking(jobs=ByPolls(0)) as call:
            state, root = call.sandbox.state, "/ex-projects/{project}"
            ids = {"project": state.add_ex_project()}
            ids["participant"] = state.add_participant(
                ids["project"],
                "E-1",
                participant_data={"complete": "true"},
                subject_data={"status": "Active"},
            )
            state.add_participant(ids["project"], "E-2")
            rows = {
                "participants": [{"uniqueIdentifier": " ", "firstName": "", "lastName": "", "email": None}]
            }
            started = await call.post(f"{root}/import-participants".format(**ids), rows)
            ids["job"] = started.json["jobId"]
            progress = await call.get(f"{root}/import-participants/{{job}}".format(**ids))
            ids["result"] = progress.json["resultId"]
            body = {"POST": rows if "import" in path else {}}.get(method)
            return (await call(method, (root + path).format(**ids), body)).json

    assert closed(asyncio.run(ask()), *OPEN) == closed(sample(name), *OPEN)
