"""Research Core, which is retired, from the client to the sandbox and back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from living import living
from shapes import keys, sample
from speaking import asynchronous, speaking

from qualtrics_async import InvalidRequest, JobFailed, NotFound
from qualtrics_async.models.research_core import ResearchCoreContactFields
from qualtrics_async.sandbox import ByPolls
from qualtrics_async.sandbox.handlers.research_core import CONTACT, LIST, SAMPLE

if TYPE_CHECKING:
    from qualtrics_async.sandbox import State

pytestmark = pytest.mark.filterwarnings("ignore:research_core:DeprecationWarning")

ADA = ResearchCoreContactFields(first_name="Ada", email="ada@example.com", external_data_ref="guest-1")


@asynchronous
async def test_a_list_of_a_library_lives_and_dies() -> None:
    async with living(page_size=1) as (client, sandbox):
        old = client.research_core
        made = await old.mailing_lists.create(library_id="UR_1", name="Guests", category="Canteen")
        await old.mailing_lists.create(library_id="UR_1", name="Others")
        names = [listed.name for listed in await old.mailing_lists.list().collect()]
        assert names == ["Guests", "Others"]
        await old.mailing_lists.update(made.id, name="Old guests", library_id="UR_2")
        found = await old.mailing_lists.get(made.id)
        assert (found.name, found.library_id, found.category) == ("Old guests", "UR_2", "Canteen")
        await old.contacts.create(made.id, ADA)
        await old.mailing_lists.delete(made.id)
        with pytest.raises(NotFound):
            await old.mailing_lists.get(made.id)
        assert (len(sandbox.state.shelf(LIST)), len(sandbox.state.shelf(CONTACT))) == (1, 0)


@asynchronous
async def test_a_contact_of_a_list_lives_and_dies() -> None:
    async with living() as (client, _):
        old = client.research_core.contacts
        made_list = await client.research_core.mailing_lists.create(library_id="UR_1", name="Guests")
        made = await old.create(made_list.id, ADA)
        contact = await old.get(made_list.id, made.id)
        assert (contact.first_name, contact.external_data_reference) == ("Ada", "guest-1")
        assert (contact.language, contact.language_raw) == (None, "null")
        changed = ResearchCoreContactFields(language="EN", unsubscribed=True, embedded_data={"table": "4"})
        await old.update(made_list.id, made.id, changed)
        (contact,) = await old.list(made_list.id).collect()
        assert (contact.id, contact.language, contact.unsubscribed) == (made.id, "EN", True)
        assert (contact.first_name, contact.embedded_data) == ("Ada", {"table": "4"})
        await old.delete(made_list.id, made.id)
        assert await old.list(made_list.id).collect() == []
        with pytest.raises(NotFound):
            await old.delete(made_list.id, made.id)


@asynchronous
async def test_contacts_are_imported_by_a_job() -> None:
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        old = client.research_core
        made = await old.mailing_lists.create(library_id="UR_1", name="Guests")
        rows = [ADA, ResearchCoreContactFields(email="bram@example.com")]
        started = await old.contact_imports.start(made.id, rows)
        halfway = await old.contact_imports.progress(made.id, started.id)
        assert (halfway.percent_complete, halfway.is_finished, halfway.status) == (50.0, False, None)
        assert (await old.contact_imports.summary(made.id, started.id))["percentComplete"] == 100.0
        assert (await old.contact_imports.run(made.id, rows)).is_finished
        emails = [contact.email for contact in await old.contacts.list(made.id).collect()]
        assert emails == ["ada@example.com", "bram@example.com"] * 2
        sandbox.faults.add(kind="failed_job", route="POST *", path="contactimports")
        with pytest.raises(JobFailed):
            await old.contact_imports.run(made.id, rows)
        assert len(sandbox.state.shelf(CONTACT)) == 4
        phone = {"contacts": [{"phone": "+15550100001"}]}
        with pytest.raises(InvalidRequest, match="phone"):
            await client.request("POST", "/mailinglists/{mailingListId}/contactimports", made.id, body=phone)
        other = await old.mailing_lists.create(library_id="UR_1", name="Others")
        with pytest.raises(NotFound):
            await old.contact_imports.progress(other.id, started.id)


def sampled(state: State, list_id: str, *contact_ids: str) -> None:
    """A sample that somebody drew long ago."""
    sample = {"id": "PL_1", "name": "Window seats", "contactIds": list(contact_ids)}
    state.shelf(SAMPLE).put(list_id, "PL_1", record=sample)


@asynchronous
async def test_samples_of_a_list_are_read() -> None:
    async with living(page_size=1) as (client, sandbox):
        old = client.research_core
        made = await old.mailing_lists.create(library_id="UR_1", name="Guests")
        ids = [(await old.contacts.create(made.id, ADA)).id for _ in range(3)]
        sampled(sandbox.state, made.id, ids[0], ids[2])
        (sample,) = await old.samples.list(made.id).collect()
        assert (sample.id, sample.name) == ("PL_1", "Window seats")
        drawn = await old.samples.get(made.id, sample.id).collect()
        assert [contact.id for contact in drawn] == [ids[0], ids[2]]
        with pytest.raises(NotFound):
            await old.samples.get(made.id, "PL_0").first_page()
        await old.mailing_lists.delete(made.id)
        assert len(sandbox.state.shelf(SAMPLE)) == 0


@asynchronous
async def test_each_call_warns_at_the_line_of_its_caller() -> None:
    async with living() as (client, _):
        with pytest.warns(DeprecationWarning, match="use mailing_lists.create") as caught:
            made = await client.research_core.mailing_lists.create(library_id="UR_1", name="Guests")
        with pytest.warns(DeprecationWarning, match="use contact_imports.run") as more:
            await client.research_core.contact_imports.run(made.id, [ADA])
        assert [warning.filename for warning in (*caught, *more)] == [__file__] * 2


@asynchronous
async def test_what_cannot_be_kept_is_refused() -> None:
    async with living() as (client, sandbox):
        made = await client.research_core.mailing_lists.create(library_id="UR_1", name="Guests")
        with pytest.raises(NotFound):
            await client.research_core.contacts.create("ML_0", ADA)
        odd = ResearchCoreContactFields(embedded_data=["table"])  # type: ignore[arg-type]  # the point
        with pytest.raises(InvalidRequest, match="embeddedData"):
            await client.research_core.contacts.create(made.id, odd)
        assert len(sandbox.state.shelf(CONTACT)) == 0


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("research_core_mailing_list", "/mailinglists/{list}"),
        ("research_core_mailing_lists", "/mailinglists"),
        ("research_core_contact", "/mailinglists/{list}/contacts/{contact}"),
        ("research_core_contacts", "/mailinglists/{list}/contacts"),
        ("research_core_import_finished", "/mailinglists/{list}/contactimports/{job}"),
        ("research_core_samples", "/mailinglists/{list}/samples"),
        ("research_core_contacts", "/mailinglists/{list}/samples/PL_1"),
    ],
)
def test_bodies_have_the_keys_of_the_samples(name: str, path: str) -> None:
    async def ask() -> Any:
        async with speaking(jobs=ByPolls(0)) as call:
            made = (await call.post("/mailinglists", {"libraryId": "UR_1", "name": "Guests"})).result["id"]
            contact = (await call.post(f"/mailinglists/{made}/contacts", {"firstName": "Ada"})).result["id"]
            job = (await call.post(f"/mailinglists/{made}/contactimports", {"contacts": []})).result["id"]
            sampled(call.sandbox.state, made, contact)
            return (await call.get(path.format(list=made, contact=contact, job=job))).json

    assert _plain(keys(asyncio.run(ask()))) == _plain(keys(sample(name)))


def _plain(found: set[str]) -> set[str]:
    """Without the entries of histories, which the sandbox has none of."""
    return {path for path in found if "History[]" not in path}
