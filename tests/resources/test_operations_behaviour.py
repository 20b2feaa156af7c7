"""What operations do beyond building one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest
from calling import check_refused
from recorder import Recorder, raw

from qualtrics_async.errors import ConnectFailed, UsageError
from qualtrics_async.models import (
    ContactCreate,
    ContactFields,
    ContactImportRow,
    Created,
    Directory,
    HeaderInput,
    MessageInput,
    SurveyDefinition,
    SurveyQsf,
    TransactionMeta,
)
from qualtrics_async.resources.contact_imports import ContactImports
from qualtrics_async.resources.directories import Directories, _choose
from qualtrics_async.resources.distributions import Distributions
from qualtrics_async.resources.event_subscriptions import EventSubscriptions
from qualtrics_async.resources.mailing_list_contacts import MailingListContacts
from qualtrics_async.resources.mailing_lists import MailingLists
from qualtrics_async.resources.survey_definitions import SurveyDefinitions
from qualtrics_async.resources.surveys import Surveys

NAIVE = datetime(2026, 7, 1)  # noqa: DTZ001  (the mistake that is tested)
MAIL: dict[str, Any] = {
    "message": MessageInput(message_text="Hello"),
    "header": HeaderInput(subject="Lunch?"),
    "send_date": "2026-07-01T12:00:00Z",
}

REFUSED: list[tuple[str, Callable[[Recorder], Any]]] = [
    ("survey id empty", lambda r: Surveys(r).get("")),
    ("survey id a slash", lambda r: Surveys(r).get("SV_1/SV_2")),
    ("definition id blank", lambda r: SurveyDefinitions(r).get(" ")),
    ("list id empty", lambda r: MailingLists(r).delete("POOL_1", "")),
    ("directory id empty", lambda r: MailingLists(r).list("")),
    ("list without a name", lambda r: MailingLists(r).create("POOL_1", name=" ")),
    ("contact id empty", lambda r: MailingListContacts(r).delete("POOL_1", "CG_1", "")),
    ("contact id dots", lambda r: MailingListContacts(r).get("POOL_1", "CG_1", "..")),
    ("subscription id empty", lambda r: EventSubscriptions(r).delete("")),
    ("subscription id blank", lambda r: EventSubscriptions(r).delete("  ")),
    ("distribution id empty", lambda r: Distributions(r).delete("")),
    ("query id empty", lambda r: Distributions(r).links("EMD_1", survey_id="")),
    ("query id of a listing empty", lambda r: Distributions(r).list(" ")),
    ("query id none", lambda r: Distributions(r).get("EMD_1", survey_id=None)),  # type: ignore[arg-type]  # the point
    ("history type empty", lambda r: MailingListContacts(r).history("POOL_1", "CG_1", "CID_1", type="")),
    ("since naive", lambda r: MailingListContacts(r).bounced("POOL_1", "CG_1", since=NAIVE)),
    (
        "since naive text",
        lambda r: MailingListContacts(r).opted_out("POOL_1", "CG_1", since="2026-07-01 00:00:00"),
    ),
    ("start naive", lambda r: Distributions(r).list("SV_1", send_start_date=NAIVE)),
    ("end no date", lambda r: Distributions(r).list("SV_1", send_end_date="soon")),
    ("links to nobody", lambda r: Distributions(r).create_links(survey_id="SV_1")),
    (
        "links to two targets",
        lambda r: Distributions(r).create_links(
            survey_id="SV_1", mailing_list_id="CG_1", transaction_batch_id="BT_1"
        ),
    ),
    ("links to a blank list", lambda r: Distributions(r).create_links(survey_id="SV_1", mailing_list_id="")),
    (
        "links to a blank batch",
        lambda r: Distributions(r).create_links(survey_id="SV_1", transaction_batch_id=""),
    ),
    ("links of no survey", lambda r: Distributions(r).create_links(survey_id="", mailing_list_id="CG_1")),
    (
        "links that expire at no instant",
        lambda r: Distributions(r).create_links(
            survey_id="SV_1", mailing_list_id="CG_1", expiration_date=NAIVE
        ),
    ),
    ("mail to nobody", lambda r: Distributions(r).create_email(survey_id="SV_1", **MAIL)),
    (
        "mail to one contact of a batch",
        lambda r: Distributions(r).create_email(
            survey_id="SV_1", transaction_batch_id="BT_1", contact_id="CGC_1", **MAIL
        ),
    ),
    (
        "mail to a blank contact",
        lambda r: Distributions(r).create_email(
            survey_id="SV_1", mailing_list_id="CG_1", contact_id="", **MAIL
        ),
    ),
    (
        "mail at no instant",
        lambda r: Distributions(r).create_reminder("EMD_1", **{**MAIL, "send_date": NAIVE}),
    ),
    ("no topic", lambda r: EventSubscriptions(r).create(topics="", publication_url="https://example.com")),
    ("no address", lambda r: EventSubscriptions(r).create(topics="*", publication_url="")),
    ("all without consent", lambda r: EventSubscriptions(r).delete_all(confirm=False)),
    ("all with a truthy word", lambda r: EventSubscriptions(r).delete_all(confirm="yes")),  # type: ignore[arg-type]  # the point
    ("all with one", lambda r: EventSubscriptions(r).delete_all(confirm=1)),  # type: ignore[arg-type]  # the point
]


@pytest.mark.parametrize(("name", "call"), REFUSED, ids=[name for name, _ in REFUSED])
def test_what_cannot_be_meant_is_refused_before_any_request(
    name: str, call: Callable[[Recorder], Any]
) -> None:
    """The error is a UsageError and a ValueError, and nothing was sent."""
    assert isinstance(check_refused(call), ValueError)


@pytest.mark.parametrize(
    "contacts",
    [
        [ContactImportRow(email="noor@example.com", transaction_data={"order": "1"})],
        [raw({"email": "noor@example.com", "transactionData": {"order": "1"}})],
        raw([{"email": "noor@example.com", "transactionData": {"order": "1"}}]),
    ],
    ids=["rows", "encoded rows", "an encoded array"],
)
def test_imports_take_rows_in_three_forms(contacts: Any) -> None:
    """Rows, encoded rows and one encoded array make the same body."""
    recorder = Recorder("contact_import_started")
    meta = TransactionMeta(batch_id="BT_1", fields=["order"])
    started = asyncio.run(ContactImports(recorder).start("POOL_1", "CG_1", contacts, transaction_meta=meta))
    assert recorder.request.route.path == "/directories/POOL_1/mailinglists/CG_1/transactioncontacts"
    assert recorder.sent == {
        "transactionMeta": {"batchId": "BT_1", "fields": ["order"]},
        "contacts": [{"email": "noor@example.com", "transactionData": {"order": "1"}}],
    }
    assert (started.id, started.unprocessed) == ("PGRS_1iMpOrTjOb001", [2, 5])


def test_imports_without_transactions_do_not_mention_them() -> None:
    """`transactionMeta` is only sent when it is given."""
    recorder = Recorder("contact_import_started")
    contacts: list[ContactFields | msgspec.Raw] = [
        ContactCreate(email="noor@example.com"),
        raw({"phone": "+15550109999"}),
    ]
    asyncio.run(ContactImports(recorder).start("POOL_1", "CG_1", contacts))
    assert recorder.sent == {"contacts": [{"email": "noor@example.com"}, {"phone": "+15550109999"}]}


def test_encoded_rows_are_not_read_again() -> None:
    """What is encoded already goes out byte for byte."""
    recorder = Recorder("contact_import_started")
    odd = raw({"email": "noor@example.com"})
    asyncio.run(ContactImports(recorder).start("POOL_1", "CG_1", [odd]))
    body = recorder.request.body
    assert isinstance(body, dict)
    assert body["contacts"][0] is odd


def test_report_pages_by_token() -> None:
    """The report's token goes into the query, and its end is a page without one."""
    recorder = Recorder("import_report_page1", "import_report_page2")
    entries = asyncio.run(ContactImports(recorder).report("POOL_1", "PGRS_1").collect())
    assert [entry.index for entry in entries] == [0, 1]
    assert [request.query for request in recorder.requests] == [(), (("skipToken", "MQ=="),)]
    assert all(request.whole for request in recorder.requests)


def test_links_page_by_address() -> None:
    """The next page is the address that the server named, verbatim."""
    recorder = Recorder("distribution_links_page1", "distribution_links_page2")
    links = asyncio.run(Distributions(recorder).links("EMD_1", survey_id="SV_1").collect())
    assert [link.contact_lookup_id for link in links] == ["CGC_1lOoKuPoNe0001", "CGC_1lOoKuPtWo0002"]
    assert [link.unsubscribed for link in links] == [False, False]
    first, second = recorder.requests
    assert first.url is None
    assert str(second.url).endswith("/links?surveyId=SV_9tEsTsUrVeY0001&skipToken=MQ%3D%3D")
    assert second.query == ()


def test_summary_is_deprecated() -> None:
    """The warning names what to use instead, and the answer is that of `progress`."""
    recorder = Recorder("contact_import_finished", "contact_import_finished")
    imports = ContactImports(recorder)
    with pytest.warns(DeprecationWarning, match="progress"):
        summary = asyncio.run(imports.summary("POOL_1", "CG_1", "PGRS_1"))
    assert summary == asyncio.run(imports.progress("POOL_1", "CG_1", "PGRS_1"))


def test_definitions_come_in_two_formats() -> None:
    """The file format is asked for by name and has a type of its own."""
    definitions = SurveyDefinitions(Recorder("survey_definition", "survey_qsf"))
    assert type(asyncio.run(definitions.get("SV_1"))) is SurveyDefinition
    assert type(asyncio.run(definitions.get("SV_1", format="qsf"))) is SurveyQsf


def test_created_ids_have_one_name() -> None:
    """Whatever the wire calls it, the id of what was created is `id`."""
    recorder = Recorder("distribution_created", "reminder_created")
    distributions = Distributions(recorder)
    first = asyncio.run(distributions.create_links(survey_id="SV_1", mailing_list_id="CG_1"))
    second = asyncio.run(distributions.create_thank_you(first.id, **MAIL))
    assert [first, second] == [Created(id="EMD_5dIsTrIbUt0001"), Created(id="EMD_5dIsTrIbUt0002")]


def test_the_default_directory_is_found_once() -> None:
    """Concurrent callers share one request, and later ones need none."""
    recorder = Recorder("directories")
    directories = Directories(recorder)

    async def ask() -> set[str]:
        together = await asyncio.gather(*(directories.default() for _ in range(20)))
        return {found.id for found in (*together, await directories.default())}

    assert asyncio.run(ask()) == {"POOL_4pOoLoFtEsT01"}
    assert len(recorder.requests) == 1


def test_a_failed_search_for_the_default_directory_is_not_kept() -> None:
    """After a failure the next caller tries again."""
    recorder = Recorder(ConnectFailed("no route"), "directories")
    directories = Directories(recorder)

    async def ask() -> Directory:
        with pytest.raises(ConnectFailed):
            await directories.default()
        return await directories.default()

    assert asyncio.run(ask()).is_default
    assert len(recorder.requests) == 2


def test_a_cancelled_search_for_the_default_directory_hurts_nobody() -> None:
    """When the caller who searches is cancelled, one who waits takes over."""

    async def ask() -> tuple[Directory, int]:
        reached = asyncio.Event()

        async def never() -> str:
            reached.set()
            await asyncio.Event().wait()
            return "directories"

        recorder = Recorder(never, "directories")
        directories = Directories(recorder)
        first = asyncio.create_task(directories.default())
        await reached.wait()
        second = asyncio.create_task(directories.default())
        await asyncio.sleep(0)
        first.cancel()
        found = await second
        assert first.cancelled()
        return found, len(recorder.requests)

    found, requests = asyncio.run(ask())
    assert found.is_default
    assert requests == 2


def test_the_only_directory_is_the_default() -> None:
    """A brand with one directory needs no flag."""
    only = Directory(directory_id="POOL_1", is_default=False)
    assert _choose([only]) is only


@pytest.mark.parametrize("flags", [(), (False, False), (True, True)])
def test_no_clear_default_directory_is_an_error(flags: tuple[bool, ...]) -> None:
    """Without one default the caller has to name a directory, and is told the choices."""
    found = [Directory(directory_id=f"POOL_{index}", is_default=flag) for index, flag in enumerate(flags)]
    with pytest.raises(UsageError, match="POOL_1" if flags else "none"):
        _choose(found)


def test_keys_of_subscriptions_are_not_printed() -> None:
    """A request that is printed or logged does not show the shared key."""
    recorder = Recorder("event_subscription_created")
    create = EventSubscriptions(recorder).create
    asyncio.run(create(topics="*", publication_url="https://example.com/", shared_key="hush"))
    assert "hush" not in repr(recorder.request)


@pytest.mark.parametrize("key", [b"hush", "", " ", 7])
def test_keys_that_would_be_written_otherwise_are_refused(key: Any) -> None:
    """Bytes would become Base64: what is signed with that verifies with nothing. It is not quoted."""
    recorder = Recorder("event_subscription_created")
    create = EventSubscriptions(recorder).create
    with pytest.raises(UsageError, match="shared_key must be text") as caught:
        asyncio.run(create(topics="*", publication_url="https://example.com/", shared_key=key))
    assert "hush" not in str(caught.value)
    assert recorder.requests == []
