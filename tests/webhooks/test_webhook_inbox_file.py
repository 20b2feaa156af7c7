"""The inbox in a file: its bounds, and what is in the file."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual import run, virtual
from webhook_keeping import (
    activation,
    drained,
    kept,
    response,
    settled,
    tables,
)
from webhook_posting import filled, refusal

from qualtrics_async import JournalError
from qualtrics_async._core.store import INBOX, Store
from qualtrics_async.bulk.journal import Journal
from qualtrics_async.errors import DeliveryError
from qualtrics_async.webhooks.durable import DurableInbox
from qualtrics_async.webhooks.events import Event, event_of
from qualtrics_async.webhooks.packing import pack, unpacked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the inbox is."""
    return tmp_path / "inbox.db"


# Bounds.


@virtual
async def test_what_is_handed_out_counts_until_it_is_done(tmp_path: Path) -> None:
    inbox = await filled(tmp_path / "a.db", 1, 2, size=2)
    taken = await inbox.take()
    assert taken is not None
    assert await inbox.put(response(3)) == "full"
    await inbox.done(taken.number + 1)  # it was not handed out
    assert await inbox.put(response(3)) == "full"
    await inbox.done(taken.number)
    await inbox.done(taken.number)
    assert await inbox.put(response(3)) == "accepted"
    assert await inbox.put(response(4)) == "full"
    await inbox.aclose()


def test_the_last_marks_are_kept_and_no_others(path: Path) -> None:
    """In memory and on disk, also of many at once; a smaller bound holds from the opening on."""

    async def writing() -> None:
        inbox = await DurableInbox.open(path, 3, 4)
        for number in range(20):
            assert await inbox.put(response(number)) == "accepted"
            assert await inbox.put(activation()) == "accepted"
            await drained(inbox)
            assert len(inbox._seen) == min(number + 1, 4)
        await inbox.aclose()

    async def asking(remember: int, *numbers: int) -> list[str]:
        inbox = await DurableInbox.open(path, 100, remember)
        found: list[str] = [await inbox.put(response(number)) for number in numbers]
        await inbox.aclose()
        return found

    async def bursting() -> None:
        inbox = await DurableInbox.open(path, 100, 1)
        await asyncio.gather(*(inbox.put(response(number)) for number in range(100, 110)))
        await inbox.aclose()

    run(bursting())
    assert run(asking(4, 109)) == ["repeated"]
    assert len(tables(path)["marks"]) == 1
    path.unlink()
    run(writing())
    assert len(tables(path)["marks"]) == 4
    assert run(asking(4, 19, 18, 17, 16, 15)) == ["repeated"] * 4 + ["accepted"]
    assert run(asking(2, 15, 19)) == ["repeated"] * 2
    assert tables(path)["marks"] == tables(path)["marks"][-2:]
    assert run(asking(100, 15, 19, 18)) == ["repeated", "repeated", "accepted"]


def test_events_that_wait_or_were_settled_leave_nothing_in_memory(path: Path) -> None:
    async def working() -> None:
        inbox = await filled(path, size=10, remember=7)
        for round_ in range(30):
            events = [response(10 * round_ + n) for n in range(5)] + [activation(n) for n in range(5)]
            await asyncio.gather(*map(inbox.put, events))
            assert await drained(inbox) == events
            await settled(inbox)
            held = (inbox._waiting, inbox._handed_out, inbox._done, inbox._writing, inbox._next.events)
            assert [len(part) for part in held] == [0] * 5
            assert len(inbox._seen) <= 7
        await inbox.aclose()

    run(working())
    assert path.stat().st_size < 100_000


# What is in the file.

names = st.sampled_from(
    ["Status", "SurveyID", "ResponseID", "CompletedDate", "StartedDate", "BrandID", "Other"]
)
texts = st.one_of(
    st.text(max_size=6), st.sampled_from(["Complete", "SV_1", "R_1", "acme", "Active", "2026-05-02 08:03:20"])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)
words = st.sampled_from(
    [
        "surveyengine.completedResponse.SV_1",
        "controlpanel.activateSurvey",
        "threesixty.created",
        "x",
        "",
        "acme.",
    ]
)
topics = st.builds("{}{}{}".format, st.sampled_from(["", "acme.", ".", "ACME.", "threesixty."]), words, texts)


@given(
    topic=topics, fields=st.dictionaries(names, st.one_of(texts, values), max_size=7), is_signed=st.booleans()
)
@settings(max_examples=150)
def test_an_event_comes_back_as_it_was(topic: str, fields: dict[str, Any], is_signed: bool) -> None:
    try:
        event = event_of(topic, fields, is_signed=is_signed)
    except DeliveryError:
        return
    again = unpacked(pack(event))
    assert again == event
    assert type(again) is type(event)
    assert repr(again) == repr(event)


def test_an_event_of_another_release_is_handed_out_without_its_type(path: Path) -> None:
    """Rules may change; what was accepted is never lost for that."""
    told: dict[str, Any] = {
        "topic": "surveyengine.completedResponse.SV_1",
        "brand_id": "acme",
        "is_signed": True,
    }
    odd = Event(**told, fields={"Status": "Complete", "SurveyID": "SV_1"})

    async def writing() -> None:
        inbox = await filled(path)
        await inbox.put(odd)
        await inbox.aclose()

    run(writing())
    assert run(kept(path)) == [odd]


def test_a_file_for_something_else_is_refused(path: Path) -> None:
    """A journal of a job is no inbox, nor the other way round; the text names what it is, and a remedy."""

    async def as_journal() -> None:
        await (await Journal.open(path, {"job": "x"})).aclose()

    asyncio.run(as_journal())
    before = path.read_bytes()
    error = refusal(DurableInbox.open(path, 5, 5))
    assert error.reason == "foreign"
    assert str(error) == f"{path} cannot be the inbox: it is the journal of a job; name another file"
    assert path.read_bytes() == before

    inbox = path.with_name("other.db")
    asyncio.run(filled_and_closed(inbox))
    error = refusal(Journal.open(inbox, {"job": "x"}))
    assert error.reason == "foreign"
    assert str(error) == f"{inbox} cannot be the journal: it is an inbox of webhooks; name another file"


async def filled_and_closed(path: Path) -> None:
    """Make an inbox."""
    await (await filled(path, 1)).aclose()


def test_what_cannot_be_used_is_told_for_an_inbox(path: Path) -> None:
    """In use, damaged, of another version, nowhere: each text speaks of an inbox, not of jobs."""

    async def twice() -> JournalError:
        first = await filled(path, 1)
        with pytest.raises(JournalError) as caught:
            await DurableInbox.open(path, 5, 5)
        await first.aclose()
        return caught.value

    async def newer() -> None:
        await (await Store.open(path.with_name("newer.db"), "CREATE TABLE t (x)", 2, INBOX)).aclose()

    def spoil(statement: str) -> Path:
        copy = path.with_name(f"spoilt-{len(statement)}.db")
        shutil.copyfile(path, copy)
        db = sqlite3.connect(copy)
        db.execute(statement)
        db.commit()
        db.close()
        return copy

    told = {"in use": asyncio.run(twice())}
    asyncio.run(newer())
    text = path.with_name("text.db")
    text.write_text("no database" * 100)
    told["version"] = refusal(DurableInbox.open(path.with_name("newer.db"), 5, 5))
    told["damaged"] = refusal(DurableInbox.open(text, 5, 5))
    told["path"] = refusal(DurableInbox.open(path.with_name("no") / "inbox.db", 5, 5))
    for reason, error in told.items():
        assert error.reason == reason
        assert "inbox" in str(error)
        assert "job" not in str(error)
        assert reason == "path" or "journal" not in str(error)
    for statement in (
        "UPDATE events SET event = x'93'",
        "UPDATE events SET event = x'9401020304'",
        "DROP TABLE marks",
    ):
        spoilt = spoil(statement)
        errors = [refusal(DurableInbox.open(spoilt, 5, 5)) for _ in range(2)]  # the first one lets go of it
        assert {error.reason for error in errors} <= {"damaged", "unusable"}
    assert run(kept(path)) == [response(1)]
