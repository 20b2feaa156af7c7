"""Samples and segments, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from living import living
from shapes import closed, sample
from speaking import Caller, Clock, asynchronous, speaking

from qualtrics_async import InvalidRequest, JobFailed, NotFound
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.sandbox import ByPolls, BySeconds

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State

SWEET = ContactFilter(filter_type="embeddedData", comparison="eq", field="taste", value="sweet")


def arrange(state: State) -> tuple[str, list[str]]:
    """A list with four sweet teeth and one other, and a sweet tooth beside it; the ids of the sweet ones."""
    list_id = state.add_mailing_list("North")
    sweet = [
        state.add_contact(list_id, email=f"sweet{n}@example.com", embedded_data={"taste": "sweet"}).id
        for n in range(4)
    ]
    state.add_contact(list_id, email="sour@example.com", embedded_data={"taste": "sour"})
    beside = state.add_contact(None, email="beside@example.com", embedded_data={"taste": "sweet"})
    return list_id, [*sweet, beside.id]


@asynchronous
async def test_a_sample_is_drawn_by_its_definition() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        _, sweet = arrange(sandbox.state)
        definition = await client.sample_definitions.create(pool, sample_criteria=SWEET, max_sample_size=3)
        sample = await client.samples.creations.run(pool, sample_definition_id=definition.id)
        assert (sample.contact_count, sample.owner_id) == (3, sandbox.state.user_id)
        assert [listed.id for listed in await client.samples.list(pool).collect()] == [sample.id]
        drawn = await client.samples.contacts(pool, sample.id, page_size=2).collect()
        assert [contact.contact_id for contact in drawn] == sweet[:3]
        assert drawn[0].embedded_data == {"taste": "sweet"}
        await client.samples.update(pool, sample.id, {"name": "Three", "frozen": True})
        changed = await client.samples.get(pool, sample.id)
        assert (changed.name, changed.frozen, changed.hidden) == ("Three", True, False)
        await client.samples.delete(pool, sample.id)
        assert await client.samples.list(pool).collect() == []
        assert len(sandbox.state.contacts) == 6


@asynchronous
async def test_who_was_deleted_is_neither_listed_nor_counted() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        _, sweet = arrange(sandbox.state)
        segment = await client.segments.create(pool, name="Sweet", criteria=SWEET)
        definition = await client.sample_definitions.create(pool, sample_criteria=SWEET)
        sample = await client.samples.creations.run(pool, sample_definition_id=definition.id)
        assert ((await client.segments.get(pool, segment.id)).contact_count, sample.contact_count) == (5, 5)
        await client.contacts.delete(pool, sweet[0])
        assert len(await client.segment_contacts.list(pool, segment.id).collect()) == 4
        assert len(await client.samples.contacts(pool, sample.id).collect()) == 4
        assert (await client.segments.get(pool, segment.id)).contact_count == 4
        assert [made.contact_count async for made in client.segments.list(pool)] == [4]
        assert (await client.samples.get(pool, sample.id)).contact_count == 4
        assert [made.contact_count async for made in client.samples.list(pool)] == [4]


@asynchronous
async def test_a_sample_is_drawn_from_a_list_or_from_another() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        list_id, sweet = arrange(sandbox.state)
        half = await client.sample_definitions.create(pool, sample_criteria=SWEET, sample_percentage=50)
        draw = client.samples.creations.run
        first = await draw(pool, sample_definition_id=half.id, parent_id=list_id)
        second = await draw(pool, sample_definition_id=half.id, parent_id=first.id)
        assert [first.contact_count, second.contact_count] == [2, 1]
        assert (first.parent_group_id, second.parent_group_id) == (list_id, first.id)
        (left,) = await client.samples.contacts(pool, second.id).collect()
        assert left.contact_id == sweet[0]
        await client.contacts.delete(pool, sweet[0])
        assert await client.samples.contacts(pool, second.id).collect() == []


@asynchronous
async def test_a_definition_is_listed_changed_and_deleted() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        arrange(sandbox.state)
        nobody = ContactFilter(filter_type="email", comparison="eq", value="nobody@example.com")
        made = await client.sample_definitions.create(pool, sample_criteria=nobody)
        await client.sample_definitions.update(pool, made.id, sample_criteria=SWEET, max_sample_size=1400)
        (listed,) = await client.sample_definitions.list(pool).collect()
        assert listed == await client.sample_definitions.get(pool, made.id)
        assert listed.max_sample_size == 1400
        sample = await client.samples.creations.run(pool, sample_definition_id=made.id)
        assert sample.contact_count == 5
        await client.sample_definitions.delete(pool, made.id)
        with pytest.raises(NotFound):
            await client.samples.creations.run(pool, sample_definition_id=made.id)
        assert (await client.samples.get(pool, sample.id)).contact_count == 5


@asynchronous
async def test_a_sample_is_there_when_its_job_has_ended() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        arrange(sandbox.state)
        definition = await client.sample_definitions.create(pool, sample_criteria=SWEET)
        started = await client.samples.creations.start(pool, sample_definition_id=definition.id)
        assert started.progress_id is not None
        assert started.sample_id is not None
        halfway = await client.samples.creations.progress(pool, started.progress_id)
        assert (halfway.percent_complete, halfway.is_finished, halfway.sample_id) == (50.0, False, None)
        with pytest.raises(NotFound):
            await client.samples.get(pool, started.sample_id)
        ended = await client.samples.creations.progress(pool, started.progress_id)
        assert (ended.percent_complete, ended.is_finished) == (100.0, True)
        assert ended.sample_id == started.sample_id
        assert (await client.samples.get(pool, started.sample_id)).contact_count == 5


@asynchronous
async def test_jobs_end_though_nobody_asks() -> None:
    clock = Clock()
    async with living(jobs=BySeconds(60), clock=clock) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        arrange(sandbox.state)
        definition = await client.sample_definitions.create(pool, sample_criteria=SWEET)
        await client.samples.creations.start(pool, sample_definition_id=definition.id)
        segment = await client.segments.create(pool, name="Sweet", criteria=SWEET)
        sandbox.state.add_contact(None, email="new@example.com", embedded_data={"taste": "sweet"})
        await client.segments.refreshes.start(pool, segment.id)
        assert await client.samples.list(pool).collect() == []
        assert (await client.segments.get(pool, segment.id)).contact_count == 5
        clock.now += 60
        (sample,) = await client.samples.list(pool).collect()
        assert sample.contact_count == 5
        assert (await client.segments.get(pool, segment.id)).contact_count == 6


@asynchronous
async def test_a_drawing_that_fails_leaves_no_sample() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        definition = await client.sample_definitions.create(pool, sample_criteria=SWEET)
        sandbox.faults.add(kind="failed_job", route="POST /directories/{directoryId}/samples")
        with pytest.raises(JobFailed) as caught:
            await client.samples.creations.run(pool, sample_definition_id=definition.id)
        assert (caught.value.status, caught.value.job_id in sandbox.state.jobs) == ("failed", True)
        assert await client.samples.list(pool).collect() == []


@asynchronous
async def test_a_segment_follows_its_contacts_when_it_is_refreshed() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        pool = state.default_directory_id
        list_id, sweet = arrange(state)
        made = await client.segments.create(pool, name="Sweet", criteria=SWEET, description="Dessert")
        segment = await client.segments.get(pool, made.id)
        assert (segment.name, segment.description, segment.contact_count) == ("Sweet", "Dessert", 5)
        new = state.add_contact(
            list_id, email="new@example.com", embedded_data={"taste": "sweet"}, unsubscribed=True
        )
        with pytest.raises(NotFound):
            await client.segment_contacts.get(pool, made.id, new.id)
        assert (await client.segments.refreshes.run(pool, made.id)).is_finished
        contacts = await client.segment_contacts.list(pool, made.id, page_size=2).collect()
        assert [contact.contact_id for contact in contacts] == [*sweet, new.id]
        found = await client.segment_contacts.get(pool, made.id, new.id)
        assert (found.email, found.directory_unsubscribed, found.segment_unsubscribed) == (
            "new@example.com",
            True,
            True,
        )
        assert found.segment_unsubscribe_date is not None


@asynchronous
async def test_a_segment_is_changed_and_deleted() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        list_id, sweet = arrange(sandbox.state)
        made = await client.segments.create(pool, name="Sweet", criteria=SWEET)
        north = ContactFilter(filter_type="inList", comparison=True, mailing_list_id=list_id)
        await client.segments.update(pool, made.id, criteria=north & SWEET)
        contacts = await client.segment_contacts.list(pool, made.id).collect()
        assert [contact.contact_id for contact in contacts] == sweet[:4]
        await client.segments.update(pool, made.id, name="Sweet in the north", description="List only")
        (segment,) = await client.segments.list(pool, page_size=1).collect()
        assert (segment.name, segment.contact_count) == ("Sweet in the north", 4)
        inside = {"simpleFilter": _wire(SWEET)}
        assert segment.criteria is not None
        assert segment.criteria["filterGroup"]["filters"][1] == inside
        either = {"filterGroup": {"conjunction": "or", "filters": [inside]}}
        await client.segments.update(pool, made.id, criteria=either)
        assert (await client.segments.get(pool, made.id)).contact_count == 5
        await client.segments.delete(pool, made.id)
        with pytest.raises(NotFound):
            await client.segments.get(pool, made.id)
        assert len(sandbox.state.contacts) == 6


def _wire(condition: ContactFilter) -> dict[str, Any]:
    return {
        "filterType": condition.filter_type,
        "comparison": condition.comparison,
        "field": condition.field,
        "value": condition.value,
    }


@asynchronous
async def test_a_refresh_takes_polls_and_may_fail() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        pool = sandbox.state.default_directory_id
        made = await client.segments.create(pool, name="Sweet", criteria=SWEET)
        arrange(sandbox.state)
        started = await client.segments.refreshes.start(pool, made.id)
        halfway = await client.segments.refreshes.progress(pool, made.id, started.progress_id)
        assert (halfway.percent_complete, halfway.is_finished) == (50.0, False)
        sandbox.faults.add(kind="failed_job", route="POST *", path="refresh-jobs")
        with pytest.raises(JobFailed, match="failed"):
            await client.segments.refreshes.run(pool, made.id)
        assert (await client.segments.get(pool, made.id)).contact_count == 0
        await client.segments.refreshes.run(pool, made.id)
        assert (await client.segments.get(pool, made.id)).contact_count == 5


@pytest.mark.parametrize(
    "criteria",
    [
        {},
        {"simpleFilter": {}},
        {"simpleFilter": {"filterType": "email", "comparison": "eq"}},
        {"simpleFilter": {"filterType": "email", "comparison": "like", "value": "a"}},
        {"filterGroup": {"conjunction": "xor", "filters": []}},
        {"filterGroup": {"conjunction": "and", "filters": [{}]}},
        {"everybody": True},
    ],
)
def test_criteria_that_nobody_can_meet_are_refused(criteria: dict[str, Any]) -> None:
    async def attempt() -> None:
        async with living() as (client, sandbox):
            pool = sandbox.state.default_directory_id
            with pytest.raises(InvalidRequest):
                await client.segments.create(pool, name="Odd", criteria=criteria)
            with pytest.raises(InvalidRequest):
                await client.sample_definitions.create(pool, sample_criteria=criteria)
            assert await client.segments.list(pool).collect() == []

    asyncio.run(attempt())


@asynchronous
async def test_what_is_not_there_is_not_found() -> None:
    async with living() as (client, sandbox):
        pool = sandbox.state.default_directory_id
        definition = await client.sample_definitions.create(pool, sample_criteria=SWEET)
        first = await client.segments.create(pool, name="One", criteria=SWEET)
        second = await client.segments.create(pool, name="Two", criteria=SWEET)
        started = await client.segments.refreshes.start(pool, first.id)
        drawing = await client.samples.creations.start(pool, sample_definition_id=definition.id)
        other = sandbox.state.add_directory("Other")
        for attempt in (
            client.samples.creations.progress(other, drawing.progress_id or ""),
            client.samples.creations.run(pool, sample_definition_id=definition.id, parent_id="CG_0"),
            client.samples.creations.progress(pool, started.progress_id),
            client.segments.refreshes.progress(pool, second.id, started.progress_id),
            client.segments.refreshes.run(pool, "SEG_0"),
            client.samples.update(pool, "SMPL_0", {"name": "Nobody"}),
            client.sample_definitions.delete(pool, "SD_0"),
            client.segments.list("POOL_0").first_page(),
        ):
            with pytest.raises(NotFound):
                await attempt
        sample = await client.samples.creations.run(pool, sample_definition_id=definition.id)
        with pytest.raises(InvalidRequest, match="colour"):
            await client.samples.update(pool, sample.id, {"colour": "red"})


POOL = "/directories/{directory}"
CALLS = [
    ("sample", POOL + "/samples/{sample}"),
    ("samples", POOL + "/samples"),
    ("sample_contacts", POOL + "/samples/{sample}/contacts"),
    ("sample_definition", POOL + "/samples/definitions/{definition}"),
    ("sample_definitions", POOL + "/samples/definitions"),
    ("sample_creation_finished", POOL + "/samples/progress/{job}"),
    ("segment", POOL + "/segments/{segment}"),
    ("segments", POOL + "/segments"),
    ("segment_contact", POOL + "/segments/{segment}/contacts/{contact}"),
    ("segment_contacts", POOL + "/segments/{segment}/contacts"),
    ("segment_refresh_finished", POOL + "/segments/{segment}/refresh-jobs/{refresh}"),
]
DATA = ("criteria", "sampleCriteria", "creationLogic")
"""Objects whose keys are data."""


async def _one_of_everything(call: Caller) -> dict[str, str]:
    directory = call.sandbox.state.default_directory_id
    _, sweet = arrange(call.sandbox.state)
    pool = f"/directories/{directory}"
    criteria = {"simpleFilter": _wire(SWEET)}
    limits = {"maxSampleSize": 9, "samplePercentage": 100}
    made = await call.post(f"{pool}/samples/definitions", {"sampleCriteria": criteria, **limits})
    definition = made.result["sampleDefinitionId"]
    job = (await call.post(f"{pool}/samples", {"sampleDefinitionId": definition})).result
    segment = (await call.post(f"{pool}/segments", {"name": "Sweet", "criteria": criteria})).result
    refresh = await call.post(f"{pool}/segments/{segment['segmentId']}/refresh-jobs", {})
    return {
        "directory": directory,
        "definition": definition,
        "sample": job["sampleId"],
        "job": job["progressId"],
        "segment": segment["segmentId"],
        "contact": sweet[0],
        "refresh": refresh.result["progressId"],
    }


@pytest.mark.parametrize(("name", "template"), CALLS)
def test_bodies_have_the_keys_of_the_samples(name: str, template: str) -> None:
    async def ask() -> Any:
        async with speaking(jobs=ByPolls(0)) as call:
            return (await call.get(template.format(**await _one_of_everything(call)))).json

    assert closed(asyncio.run(ask()), *DATA) == closed(sample(name), *DATA)
