"""What samples, segments and text messages do beyond building one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from calling import check_refused
from recorder import Recorder

from qualtrics_async.errors import JobFailed, OutcomeUnknown
from qualtrics_async.models.contact_filters import ContactFilter
from qualtrics_async.models.distributions import MessageInput
from qualtrics_async.resources.sample_definitions import SampleDefinitions
from qualtrics_async.resources.samples import SampleCreations, Samples
from qualtrics_async.resources.segment_contacts import SegmentContacts
from qualtrics_async.resources.segments import SegmentRefreshes, Segments
from qualtrics_async.resources.sms_distributions import SmsDistributions
from qualtrics_async.resources.whatsapp_distributions import WhatsappDistributions

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
SWEET = ContactFilter(filter_type="email", comparison="eq", value="ada@example.com")
TEXT: dict[str, Any] = {
    "name": "Menu",
    "survey_id": "SV_1",
    "send_date": "2026-07-01T12:00:00Z",
    "message": MessageInput(message_text="Tell us"),
}


def test_a_sample_is_drawn_waited_for_and_fetched() -> None:
    """The id may come with the end alone; the sample itself is the result."""
    recorder = Recorder(
        "sample_creation_started_job", "sample_creation_running", "sample_creation_finished", "sample"
    )
    creations = SampleCreations(recorder)
    sample = asyncio.run(creations.run("POOL_1", sample_definition_id="SD_1", parent_id="SMPL_0"))
    assert (sample.id, sample.contact_count) == ("SMPL_1sPrInG00000001", 12)
    assert [(request.route.method, request.route.path) for request in recorder.requests] == [
        ("POST", "/directories/POOL_1/samples"),
        ("GET", "/directories/POOL_1/samples/progress/PGRS_5dRaWiNg0000001"),
        ("GET", "/directories/POOL_1/samples/progress/PGRS_5dRaWiNg0000001"),
        ("GET", "/directories/POOL_1/samples/SMPL_1sPrInG00000001"),
    ]
    assert recorder.requests[0].body == {"sampleDefinitionId": "SD_1", "parentId": "SMPL_0"}


@pytest.mark.parametrize(
    "answers",
    [
        ("sample_creation_started", "sample_creation_nameless", "sample"),
        ("sample_creation_started_sample", "sample"),
    ],
    ids=["named at the start", "made at once"],
)
def test_a_sample_that_is_named_at_the_start_is_fetched_by_that(answers: tuple[str, ...]) -> None:
    """Where the end names no sample, the start did; where there is no job, there is nothing to wait for."""
    recorder = Recorder(*answers)
    sample = asyncio.run(SampleCreations(recorder).run("POOL_1", sample_definition_id="SD_1"))
    assert sample.id == "SMPL_1sPrInG00000001"
    assert len(recorder.requests) == len(answers)


@pytest.mark.parametrize("end", ["sample_creation_failed", "sample_creation_nameless"])
def test_a_sample_that_nobody_names_is_a_failed_job(end: str) -> None:
    """A job that failed, or that ended without the id of a sample, has no result."""
    recorder = Recorder("sample_creation_started_job", end)
    with pytest.raises(JobFailed, match="PGRS_5dRaWiNg0000001") as caught:
        asyncio.run(SampleCreations(recorder).run("POOL_1", sample_definition_id="SD_1"))
    assert caught.value.job_id == "PGRS_5dRaWiNg0000001"
    assert len(recorder.requests) == 2


def test_a_segment_is_refreshed_and_waited_for() -> None:
    """The end of the refresh is the result."""
    recorder = Recorder("segment_refresh_started", "segment_refresh_running", "segment_refresh_finished")
    ended = asyncio.run(SegmentRefreshes(recorder).run("POOL_1", "SEG_1"))
    assert (ended.is_finished, ended.percent_complete) == (True, 100.0)
    path = "/directories/POOL_1/segments/SEG_1/refresh-jobs"
    assert [request.route.path for request in recorder.requests] == [
        path,
        f"{path}/PGRS_8rEfReSh0000001",
        f"{path}/PGRS_8rEfReSh0000001",
    ]


def test_a_refresh_may_fail() -> None:
    """100 percent is no success where the word says otherwise."""
    recorder = Recorder("segment_refresh_started", "segment_refresh_failed")
    with pytest.raises(JobFailed) as caught:
        asyncio.run(SegmentRefreshes(recorder).run("POOL_1", "SEG_1"))
    assert (caught.value.job_id, caught.value.status) == ("PGRS_8rEfReSh0000001", "failed")


@pytest.mark.parametrize("resource", [SmsDistributions, WhatsappDistributions])
def test_a_text_message_in_doubt_is_not_sent_again(resource: type[Any]) -> None:
    """The doubt is the caller's: one request was made, and it says that it must not be repeated."""
    recorder = Recorder(OutcomeUnknown("lost"))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(resource(recorder).create(mailing_list_id="CG_1", **TEXT))
    assert not recorder.request.idempotent


def sms(**changed: Any) -> Callable[[Recorder], Any]:
    """A text message, with changes."""
    return lambda recorder: SmsDistributions(recorder).create(**{**TEXT, **changed})


def whatsapp(**changed: Any) -> Callable[[Recorder], Any]:
    """The same by WhatsApp, to a list."""
    return lambda recorder: WhatsappDistributions(recorder).create(
        **{**TEXT, "mailing_list_id": "CG_1", **changed}
    )


REFUSED: list[tuple[str, Callable[[Recorder], Any]]] = [
    ("sample id empty", lambda r: Samples(r).delete("POOL_1", "")),
    ("sample id dots", lambda r: Samples(r).contacts("POOL_1", "..")),
    ("definition blank", lambda r: SampleCreations(r).start("POOL_1", sample_definition_id=" ")),
    (
        "parent blank",
        lambda r: SampleCreations(r).start("POOL_1", sample_definition_id="SD_1", parent_id=""),
    ),
    ("definition id empty", lambda r: SampleDefinitions(r).delete("POOL_1", "")),
    ("segment id empty", lambda r: Segments(r).delete("POOL_1", "")),
    ("segment without a name", lambda r: Segments(r).create("POOL_1", name="", criteria=SWEET)),
    ("segment's contact empty", lambda r: SegmentContacts(r).get("POOL_1", "SEG_1", "")),
    ("texts of no survey", lambda r: SmsDistributions(r).list("")),
    ("a text of a blank survey", lambda r: SmsDistributions(r).get("SMSD_1", survey_id=" ")),
    ("no text to delete", lambda r: SmsDistributions(r).delete("", survey_id="SV_1")),
    ("a text to nobody", sms()),
    ("a text to a blank contact", sms(mailing_list_id="CG_1", contact_id="")),
    ("a text to a contact that is a blank", sms(mailing_list_id="CG_1", contact_id=" ")),
    ("a text to a blank list", sms(mailing_list_id="")),
    ("a text to a list and a batch", sms(mailing_list_id="CG_1", transaction_batch_id="BT_1")),
    ("a text to a blank batch", sms(transaction_batch_id="")),
    ("a text to one of a batch", sms(transaction_batch_id="BT_1", contact_id="CGC_1")),
    ("a reminder of nothing", sms(method="Reminder", parent_distribution_id="")),
    ("a reminder to one", sms(method="Reminder", parent_distribution_id="SMSD_1", contact_id="CGC_1")),
    ("a text without words", sms(mailing_list_id="CG_1", message=None)),
    ("a text without a name", sms(mailing_list_id="CG_1", name="")),
    ("a text without a method", sms(mailing_list_id="CG_1", method="")),
    ("a text of no survey", sms(mailing_list_id="CG_1", survey_id="")),
    ("a text at no instant", sms(mailing_list_id="CG_1", send_date=NAIVE)),
    ("a text that expires at no instant", sms(mailing_list_id="CG_1", survey_link_expiration_date=NAIVE)),
    ("chats of no survey", lambda r: WhatsappDistributions(r).list("")),
    ("a chat with a blank list", whatsapp(mailing_list_id="")),
    ("a chat with a blank contact", whatsapp(contact_id="")),
    ("a chat without words", whatsapp(message=None)),
    ("no chat to delete", lambda r: WhatsappDistributions(r).delete("", survey_id="SV_1")),
]


@pytest.mark.parametrize(("name", "call"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_before_any_request(
    name: str, call: Callable[[Recorder], Any]
) -> None:
    """Nothing was sent: least of all to a whole list."""
    check_refused(call)
