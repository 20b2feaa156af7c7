"""Exports of contacts, segments, the audit log and customer data, by the real client against a sandbox."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from aiohttp import web
from exporting import LIMIT, table
from living import living
from speaking import asynchronous, speaking

from qualtrics_async import (
    InvalidRequest,
    JobFailed,
    NotFound,
)
from qualtrics_async.models.audits import AuditExportOptions
from qualtrics_async.models.contact_exports import ContactExportOptions
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.sandbox import ByPolls, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def people(state: State) -> str:
    """A list with one of the two contacts of the directory."""
    list_id, other_id = state.add_mailing_list("North"), state.add_mailing_list("South")
    state.add_contact(list_id, email="noor@example.com", first_name="Noor", embedded_data={"site": "north"})
    state.add_contact(other_id, email="sam@example.com", last_name="Müller")
    return list_id


@asynchronous
async def test_contacts_are_exported() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        state = sandbox.state
        directory_id, list_id = state.default_directory_id, people(state)
        options = ContactExportOptions(embedded_data=["site"])
        async with client.contact_exports.run(directory_id, options) as file:
            assert file.headers["Content-Type"] == "text/csv"
            head, *rows = table(await file.read(LIMIT))
        assert head[-1] == "site"
        email, last_name = head.index("email"), head.index("lastName")
        assert [(row[email], row[last_name], row[-1]) for row in rows] == [
            ("noor@example.com", "", "north"),
            ("sam@example.com", "Müller", ""),
        ]
        of_list = ContactExportOptions(format="tsv", embedded_data="ALL", contact_list_id=list_id)
        async with client.contact_exports.run(directory_id, of_list) as file:
            head, *rows = table(await file.read(LIMIT), "\t")
        assert (head[-1], [row[email] for row in rows]) == ("site", ["noor@example.com"])
        either = ContactFilter(filter_type="email", comparison="eq", value="sam@example.com") | ContactFilter(
            filter_type="firstName", comparison="eq", value="Nobody"
        )
        found = ContactExportOptions(filter=either)
        started = await client.contact_exports.start(directory_id, found)
        running = await client.contact_exports.progress(directory_id, started.progress_id)
        done = await client.contact_exports.progress(directory_id, started.progress_id)
        assert (running.status, running.file_id) == ("IN_PROGRESS", None)
        assert (done.status, done.total_contacts) == ("COMPLETED", 1)


@asynchronous
async def test_the_credential_stays_with_the_api() -> None:
    """The file is read from another origin, with its token and without anything that opens the API."""
    asked: list[dict[str, str]] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(body=b"email\n", content_type="text/csv")

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with living(jobs=ByPolls(0)) as (client, sandbox):
            state = sandbox.state
            directory_id, exports = state.default_directory_id, client.contact_exports
            started = await exports.start(directory_id, ContactExportOptions())
            file_id = (await exports.progress(directory_id, started.progress_id)).file_id
            assert file_id is not None
            state.jobs[started.progress_id].record["url"] = f"http://127.0.0.1:{port}/files/1?part=1"
            async with exports.file(directory_id, file_id) as file:
                assert await file.read(LIMIT) == b"email\n"
            token = state.jobs[started.progress_id].record["jwt"]
            (headers,) = asked
            assert headers["X-JWT"] == token
            assert sandbox.token not in str(headers)
            assert {"X-API-TOKEN", "Authorization"}.isdisjoint(headers)
    finally:
        await runner.cleanup()


@asynchronous
async def test_a_file_elsewhere_wants_its_token_and_no_credential() -> None:
    async with speaking(jobs=ByPolls(0)) as call:
        directory = f"/directories/{call.sandbox.state.default_directory_id}/export-contacts"
        started = await call.post(directory, {"format": "csv", "embeddedData": []})
        progress = await call.get(f"{directory}/{started.result['progressId']}/status")
        address = (await call.get(f"{directory}/{progress.result['fileId']}/file")).result
        assert (await call.get(address["url"])).status == 400
        async with aiohttp.ClientSession() as bare:
            for headers, status in (
                ({}, 403),
                ({"X-JWT": "jwt.guessed"}, 403),
                ({"X-JWT": address["jwt"]}, 200),
            ):
                async with bare.get(address["url"], headers=headers) as file:
                    assert file.status == status
            async with bare.get(f"{call.sandbox.origin}/contact-export-files/unknown") as file:
                assert file.status == 404


@asynchronous
async def test_contact_exports_are_refused_and_fail() -> None:
    async with living(jobs=ByPolls(0)) as (client, sandbox):
        state = sandbox.state
        exports, directory_id = client.contact_exports, state.default_directory_id
        with pytest.raises(InvalidRequest):
            await exports.start(directory_id, ContactExportOptions(format="xlsx"))
        with pytest.raises(InvalidRequest):
            await exports.start(directory_id, ContactExportOptions(embedded_data=[3]))  # type: ignore[list-item]  # the point
        with pytest.raises(NotFound):
            await exports.start(directory_id, ContactExportOptions(contact_list_id="CG_unknown"))
        as_in_a_search = {"conjunction": "and", "filters": []}
        with pytest.raises(InvalidRequest, match="filters"):
            await exports.start(directory_id, ContactExportOptions(filter=as_in_a_search))
        sandbox.faults.add(kind="failed_job", route="POST /directories/{directoryId}/export-contacts")
        with pytest.raises(JobFailed) as caught:
            async with exports.run(directory_id, ContactExportOptions()):
                pass
        assert caught.value.status == "ERROR"


@asynchronous
async def test_segment_memberships_are_exported() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        exports, directory_id = client.segment_membership_exports, state.default_directory_id
        people(state)
        noor = ContactFilter(filter_type="email", comparison="eq", value="noor@example.com")
        segment = await client.segments.create(directory_id, name="Noor", criteria=noor)
        (member,) = [found for found in state.contacts.values() if found.email == "noor@example.com"]
        async with exports.run(directory_id, last_updated_date=EPOCH, format="tsv") as file:
            rows = table(await file.read(LIMIT), "\t")
        assert rows == [["contactId", "segmentId"], [member.id, segment.id]]
        started = await exports.start(directory_id, last_updated_date="2026-01-01T00:00:00Z")
        assert started.status == "CREATED"
        done = await exports.progress(directory_id, started.progress_id)
        assert done.file_id is not None
        async with exports.file(directory_id, done.file_id) as file:
            assert file.headers["Content-Type"] == "text/csv"
        with pytest.raises(InvalidRequest):
            await exports.start(directory_id, last_updated_date=EPOCH, format="xlsx")


@asynchronous
async def test_a_bulk_import_is_kept() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        made = await client.contact_imports.create_bulk(state.default_directory_id, {"contacts": []})
        assert state.shelf("bulk import").find(state.default_directory_id, made["id"]) == {"contacts": []}


@asynchronous
async def test_the_log_is_listed() -> None:
    async with living(page_size=2) as (client, sandbox):
        state = sandbox.state
        first = state.add_audit_event("users", userId="UR_1", action="created")
        second = state.add_audit_event("users", userId="UR_2")
        third = state.add_audit_event("users", userId="UR_1")
        state.add_audit_event("canteen_opened")
        types = [found.name async for found in client.audits.activity_types()]
        assert {"users", "session_creations", "canteen_opened"} <= set(types)
        found = await client.audits.list(activity_type="users").collect()
        assert [event.id for event in found] == [first, second, third]
        assert found[0].descriptor == {"userId": "UR_1", "action": "created"}
        assert found[0].timestamp is not None
        of_one = client.audits.list(activity_type="users", user_id="UR_1", order="dsc")
        assert [event.id async for event in of_one] == [third, first]
        old = client.audits.list(activity_type="users", end_date=found[0].timestamp)
        assert await old.collect() == []
        since = client.audits.list(activity_type="users", start_date=found[0].timestamp - timedelta(days=1))
        assert len(await since.collect()) == 3
        for name, order in (("unknown", None), ("users", "random")):
            with pytest.raises(InvalidRequest):
                await client.audits.list(activity_type=name, order=order).first_page()


@asynchronous
async def test_audit_events_are_exported() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        state = sandbox.state
        for user_id in ("UR_1", "UR_2"):
            state.add_audit_event("color_change", userId=user_id, color="réd")
        assert "color_change" in [found.name async for found in client.audits.event_types()]
        week = datetime.now(UTC) - timedelta(days=7), datetime.now(UTC) + timedelta(days=1)
        options = AuditExportOptions(
            event_name="color_change", start_date=week[0], end_date=week[1], user_id="UR_2"
        )
        async with client.audits.exports.run(options) as file:
            (line,) = (await file.read(LIMIT)).splitlines()
        assert json.loads(line)["color"] == "réd"
        assert json.loads(line)["userId"] == "UR_2"
        started = await client.audits.exports.start(options)
        await client.audits.exports.progress(started.id)
        done = await client.audits.exports.progress(started.id)
        assert (done.id, done.status) == (started.id, "COMPLETED")
        assert done.file_id is not None
        with pytest.raises(NotFound):
            async with client.audits.exports.file("another", done.file_id):
                pass
        options.event_name = "unknown"
        with pytest.raises(InvalidRequest):
            await client.audits.exports.start(options)
        sandbox.faults.add(kind="failed_job", route="POST /audit-exports")
        options.event_name = "color_change"
        with pytest.raises(JobFailed):
            async with client.audits.exports.run(options):
                pass


@asynchronous
async def test_customers_get_what_is_known_of_them() -> None:
    async with living(jobs=ByPolls(1)) as (client, sandbox):
        state = sandbox.state
        people(state)
        requests = client.customer_data_requests
        async with requests.run({"email": "noor@example.com"}) as file:
            (known,) = json.loads(await file.read(LIMIT))["contacts"]
        assert (known["email"], known["first_name"]) == ("noor@example.com", "Noor")
        started = await requests.start({"emails": ["nobody@example.com"]})
        done = await requests.progress(started["id"])
        assert done.file_id is not None
        async with requests.file(started["id"], done.file_id) as file:
            assert json.loads(await file.read(LIMIT)) == {"contacts": []}
        with pytest.raises(NotFound):
            async with requests.file("another", done.file_id):
                pass
        with pytest.raises(InvalidRequest):
            await requests.start({"email": None})
