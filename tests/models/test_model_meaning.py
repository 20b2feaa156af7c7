"""What the attributes of single models mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from reading import body, read, rows

from qualtrics_async.errors import UsageError
from qualtrics_async.models import (
    Contact,
    ContactCreate,
    ContactFields,
    ContactImportProgress,
    ContactImportRow,
    ContactImportStarted,
    ContactUpdate,
    Created,
    Directory,
    DistributionLink,
    EventSubscription,
    HeaderInput,
    ImportReportEntry,
    ListContact,
    MailingList,
    MessageInput,
    TransactionMeta,
)
from qualtrics_async.models.common import AnyCreated
from qualtrics_async.models.event_subscriptions import AnyEventSubscription, EventSubscriptionCreate

MODIFIED = datetime(2026, 3, 2, 11, 22, 33, tzinfo=UTC)


def sent(value: object) -> Any:
    """What an input looks like on the wire."""
    return json.loads(msgspec.json.encode(value))


def test_mailing_list_has_its_id_under_both_names() -> None:
    """`mailingListId` and `id` are one attribute, wherever it stood."""
    observed = read(MailingList, rows("mailing_list")[0])
    documented = read(MailingList, rows("mailing_list_documented")[0])
    assert observed == documented
    assert observed.id == observed.mailing_list_id == "CG_6lIsToFtEsTs001"


def test_mailing_list_without_any_id_is_refused() -> None:
    """A list that cannot be named is no list."""
    with pytest.raises(msgspec.ValidationError):
        read(MailingList, {"name": "North"})


def test_instants_are_aware_however_they_are_written() -> None:
    """Milliseconds as numbers and as text are the same aware instant."""
    number = read(MailingList, rows("mailing_list")[0])
    text = read(MailingList, rows("mailing_list_documented")[0])
    assert number.last_modified_date == text.last_modified_date == MODIFIED
    assert read(Contact, rows("contact")[0]).last_modified == MODIFIED


@pytest.mark.parametrize(
    "name",
    ["distribution_created", "reminder_created", "event_subscription_created_nested"],
)
def test_created_is_found_under_each_name(name: str) -> None:
    """Reminders answer `distributionId`, the specifications nest the id in a second `result`."""
    created = read(AnyCreated, body(name)["result"])
    assert isinstance(created, Created)
    assert created.id[:4] in {"EMD_", "SUB_"}


@pytest.mark.parametrize("wire", [{}, [], {"id": None}, {"result": {"result": {}}}, {"id": 3}])
def test_created_without_an_id_is_refused(wire: object) -> None:
    """An answer without an id is not taken for a success."""
    with pytest.raises(msgspec.ValidationError):
        read(AnyCreated, wire)


def test_event_subscription_may_be_nested() -> None:
    """The specifications nest the subscription in a second `result`."""
    plain = read(AnyEventSubscription, body("event_subscription")["result"])
    nested = read(AnyEventSubscription, body("event_subscription_nested")["result"])
    assert isinstance(plain, EventSubscription)
    assert plain == nested


def test_unprocessed_indexes_are_parsed_and_kept_raw() -> None:
    """Integers and numerals are indexes; objects are only in the raw list."""
    started = read(ContactImportStarted, rows("contact_import_started")[0])
    assert started.unprocessed == [2, 5]
    assert started.unprocessed_raw == [2, "5", {"email": "odd"}]
    assert str(started.tracking_url).endswith(started.id)


@pytest.mark.parametrize("contacts", [None, [], {}, {"unprocessed": None}, {"unprocessed": []}])
def test_nothing_unprocessed_has_many_spellings(contacts: object) -> None:
    """Empty, null and missing are all nothing."""
    started = read(ContactImportStarted, {"id": "PGRS_1", "contacts": contacts})
    assert started.unprocessed == started.unprocessed_raw == []
    assert started.tracking_url is None


def test_unprocessed_may_be_an_object_with_numbered_keys() -> None:
    """PHP writes a list with gaps as an object."""
    started = read(ContactImportStarted, {"id": "PGRS_1", "contacts": {"unprocessed": {"0": 1, "3": 4}}})
    assert started.unprocessed == [1, 4]


@pytest.mark.parametrize(
    ("name", "finished", "failed"),
    [
        ("contact_import_running", False, False),
        ("contact_import_finished", True, False),
        ("contact_import_failed", True, True),
    ],
)
def test_progress_knows_its_end(name: str, finished: bool, failed: bool) -> None:
    """100 percent as a number or as text ends a job, and a job that failed says 100 percent too."""
    progress = read(ContactImportProgress, rows(name)[0])
    assert (progress.is_finished, progress.is_failed) == (finished, failed)


@pytest.mark.parametrize("status", ["complete", "Completed", " failed ", "ERROR"])
def test_a_status_word_alone_ends_a_job(status: str) -> None:
    """No source pins the status words, so the known ones count in any case, without a percentage."""
    assert ContactImportProgress(status=status).is_finished


def test_an_unknown_status_word_does_not_end_a_job() -> None:
    """A job whose status nobody knows goes on until it says 100 percent."""
    assert not ContactImportProgress(status="pondering", percent_complete=99.9).is_finished
    assert ContactImportProgress(status="pondering", percent_complete=100.0).is_finished


def test_progress_counts() -> None:
    """Counts are numbers, also where the wire has text, and None while they are missing."""
    finished = read(ContactImportProgress, rows("contact_import_finished")[0])
    running = read(ContactImportProgress, rows("contact_import_running")[0])
    assert (finished.added, finished.updated, finished.failed, finished.transactions_created) == (2, 1, 1, 3)
    assert (running.added, running.updated, running.failed, running.transactions_created) == (None,) * 4
    assert finished.invalid_emails == ["nobody at example"]


def test_report_entries_have_an_index() -> None:
    """The index of a row is a number, also where the wire has text."""
    pages = [
        body(name)["results"]["importReportEntries"]
        for name in ("import_report_page1", "import_report_page2")
    ]
    entries = [read(ImportReportEntry, entry) for page in pages for entry in page]
    assert [entry.index for entry in entries] == [0, 1]
    assert ImportReportEntry(source_index_id="row-1").index is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?Q_CHL=gl&Q_DL=EMD_1_2_CGC_3", "CGC_3"),
        ("?Q_DL=EMD_1_2_MLRP_3&Q_CHL=gl", "MLRP_3"),
        ("?Q_CHL=gl&Q_DL=1_2_CGC_3#part", "CGC_3"),
        ("?Q_DL=EMD%5F1_2_CGC%5F3", "CGC_3"),
        ("?Q_DL=EMD_1_2", None),
        ("?Q_DL=1_2", None),
        ("?Q_DL=", None),
        ("?Q_CHL=gl", None),
        ("?NOT_Q_DL=EMD_1_2_CGC_3", None),
        ("", None),
    ],
)
def test_links_name_the_membership(query: str, expected: str | None) -> None:
    """The lookup id is the end of `Q_DL`, whose distribution has its prefix or not."""
    link = DistributionLink(contact_id="CID_1", link=f"https://example.com/jfe/form/SV_2{query}")
    assert link.contact_lookup_id == expected


def test_link_expiration_is_aware() -> None:
    """Links say in UTC when they end."""
    link = read(DistributionLink, rows("distribution_links_page1")[0])
    assert link.link_expiration == datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [(False, False), (True, True), ("0", False), ("1", True), (1, True), (None, None), ("perhaps", None)],
)
def test_links_know_opt_outs_in_each_spelling(wire: object, expected: bool | None) -> None:
    """`unsubscribed` is a boolean, `"0"`, `"1"` or null."""
    row = {**rows("distribution_links_page1")[0], "unsubscribed": wire}
    assert read(DistributionLink, row).unsubscribed is expected


def test_embedded_data_may_be_an_empty_list() -> None:
    """PHP writes an empty object as a list."""
    full, empty = (read(ListContact, row) for row in rows("contacts"))
    assert full.embedded_data == {"site": "north"}
    assert empty.embedded_data == {}


def test_directories_say_whether_they_deduplicate() -> None:
    """One criterion is enough; none means that every creation makes a new contact."""
    first, second = (read(Directory, row) for row in rows("directories"))
    assert first.deduplication_criteria is not None
    assert second.deduplication_criteria is not None
    assert first.deduplication_criteria.active
    assert not second.deduplication_criteria.active
    assert first.id == first.directory_id


@pytest.mark.parametrize(
    "kind", [ContactCreate, ContactUpdate, ContactImportRow, TransactionMeta, HeaderInput]
)
def test_unset_keys_are_never_sent(kind: type[Any]) -> None:
    """The service refuses keys that it does not expect, so nothing is sent by default."""
    assert sent(kind()) == {}


@pytest.mark.parametrize("kind", [ContactCreate, ContactUpdate])
def test_contact_fields_on_the_wire(kind: type[Any]) -> None:
    """Each field has the vendor's name, and None is null."""
    contact = kind(
        first_name="Noor",
        last_name="Sample",
        email="noor@example.com",
        phone="+15550109999",
        ext_ref="p-1",
        embedded_data={"site": "north"},
        private_embedded_data={"grade": "4"},
        language=None,
        unsubscribed=False,
    )
    assert sent(contact) == {
        "firstName": "Noor",
        "lastName": "Sample",
        "email": "noor@example.com",
        "phone": "+15550109999",
        "extRef": "p-1",
        "embeddedData": {"site": "north"},
        "privateEmbeddedData": {"grade": "4"},
        "language": None,
        "unsubscribed": False,
    }


def test_import_row_on_the_wire() -> None:
    """A row has the contact's fields, an id and transaction data."""
    row = ContactImportRow(email="noor@example.com", id="CID_1", transaction_data={"order": "1"})
    assert isinstance(row, ContactFields)
    assert sent(row) == {"email": "noor@example.com", "id": "CID_1", "transactionData": {"order": "1"}}
    assert sent(TransactionMeta(batch_id="BT_1", fields=["order"])) == {
        "batchId": "BT_1",
        "fields": ["order"],
    }


def test_rows_are_read_from_their_wire_form() -> None:
    """What was written to a spool can be read back, and a misspelt key is refused."""
    row = ContactImportRow(ext_ref="p-1", unsubscribed=True)
    assert msgspec.json.decode(msgspec.json.encode(row), type=ContactImportRow) == row
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"ext_ref": "p-1"}', type=ContactImportRow)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"message_id": "MS_1", "library_id": "UR_1", "message_text": "Hello"},
        {"message_id": "MS_1"},
        {"library_id": "UR_1"},
        {"library_id": "UR_1", "message_text": "Hello"},
    ],
)
def test_messages_that_cannot_be_meant(arguments: dict[str, str]) -> None:
    """A message is either in a library, with both ids, or it is its text."""
    with pytest.raises(UsageError):
        MessageInput(**arguments)


def test_messages_on_the_wire() -> None:
    """Both kinds of message have the vendor's names."""
    assert sent(MessageInput(library_id="UR_1", message_id="MS_1")) == {
        "libraryId": "UR_1",
        "messageId": "MS_1",
    }
    assert sent(MessageInput(message_text="Hello")) == {"messageText": "Hello"}


def test_shared_keys_are_not_printed() -> None:
    """Neither the key nor the address shows up in the text of a subscription."""
    body = EventSubscriptionCreate(topics="*", publication_url="https://example.com/?k=1", shared_key="hush")
    assert "hush" not in repr(body)
    assert "k=1" not in repr(body)
