"""Lists, their contacts, imports, distributions and subscriptions, by the real client against a sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from living import living
from speaking import Clock, asynchronous

from qualtrics_async import InvalidRequest, JobFailed, NotFound, OutcomeUnknown, ServerFault, UsageError
from qualtrics_async.models import (
    ContactCreate,
    ContactImportRow,
    ContactUpdate,
    HeaderInput,
    MessageInput,
    TransactionMeta,
)
from qualtrics_async.sandbox import ByPolls, Sandbox, State

HEADER = HeaderInput(
    from_name="Canteen",
    from_email="canteen@example.com",
    reply_to_email="chef@example.com",
    subject="Lunch?",
)
INVITATION = MessageInput(message_text="Hello: ${l://SurveyURL}")
REMINDER = MessageInput(library_id="UR_1", message_id="MS_1")
NOON = datetime(2020, 7, 1, 12, tzinfo=UTC)
ROWS = [
    ContactImportRow(email="ada@example.com", first_name="Ada", transaction_data={"order": "1"}),
    ContactImportRow(email="bram@example.com", first_name="Bram", transaction_data={"order": "2"}),
    ContactImportRow(email="no address", first_name="Nobody", transaction_data={"order": "3"}),
]


def people(state: State, count: int = 3) -> str:
    """A list of as many people."""
    list_id = state.add_mailing_list("Guests")
    for n in range(count):
        state.add_contact(list_id, email=f"guest{n}@example.com", first_name=f"Guest {n}")
    return list_id


def mail(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    """What an e-mail about the sandbox's survey takes, and more."""
    what = {"survey_id": sandbox.state.survey_id, "message": INVITATION, "header": HEADER, "send_date": NOON}
    return what | more


@asynchronous
async def test_a_mail_is_sent_and_followed_up() -> None:
    async with living(page_size=2) as (client, sandbox):
        state, mails = sandbox.state, client.distributions
        list_id = people(state)
        sent = await mails.create_email(
            **mail(sandbox, mailing_list_id=list_id, expiration_date=NOON, embedded_data={"wave": "1"})
        )
        await mails.create_reminder(
            sent.id, message=REMINDER, header=HEADER, send_date=NOON, embedded_data={"wave": "2"}
        )
        await mails.create_thank_you(sent.id, message=REMINDER, header=HEADER, send_date=NOON)
        found = await mails.list(state.survey_id).collect()
        assert [one.request_type for one in found] == ["Invite", "Reminder", "ThankYou"]
        assert [one.parent_distribution_id for one in found] == [None, sent.id, sent.id]
        assert [one.id for one in found] == list(state.distributions)
        (thanks,) = await mails.list(state.survey_id, distribution_request_type="ThankYou").collect()
        whole = await mails.get(thanks.id, survey_id=state.survey_id)
        assert whole.message is not None
        assert (whole.message.library_id, whole.message.message_type) == ("UR_1", "Library")
        reminder = await mails.get(found[1].id, survey_id=state.survey_id)
        assert (reminder.embedded_data, reminder.send_date) == ({"wave": "2"}, NOON)
        assert reminder.headers is not None
        assert reminder.headers.from_email == "canteen@example.com"
        assert reminder.stats is not None
        assert reminder.stats.sent == 3
        await mails.delete(sent.id)
        with pytest.raises(NotFound):
            await mails.create_reminder(sent.id, message=REMINDER, header=HEADER, send_date=NOON)
        assert len(await mails.list(state.survey_id, mailing_list_id=list_id).collect()) == 2


@asynchronous
async def test_who_answers_is_thanked_and_not_reminded() -> None:
    async with living() as (client, sandbox):
        state, mails, survey_id = sandbox.state, client.distributions, sandbox.state.survey_id
        list_id, pool = people(state), state.default_directory_id
        first, second, third = state.mailing_lists[list_id].members
        sent = await mails.create_email(**mail(sandbox, mailing_list_id=list_id))
        session = await client.sessions.start(
            survey_id, recipient_id=first.lookup_id, distribution_id=sent.id
        )
        await client.sessions.update(survey_id, session.session_id or "", close=True)
        follow_up: dict[str, Any] = {"message": REMINDER, "header": HEADER, "send_date": NOON}
        reminder = await mails.create_reminder(sent.id, **follow_up)
        session = await client.sessions.start(
            survey_id, recipient_id=second.lookup_id, distribution_id=reminder.id
        )
        await client.sessions.update(survey_id, session.session_id or "", close=True)
        thanks = await mails.create_thank_you(sent.id, **follow_up)
        received = {
            made: [entry.contact_lookup_id for entry in await mails.history(made).collect()]
            for made in (reminder.id, thanks.id)
        }
        assert received[reminder.id] == [second.lookup_id, third.lookup_id]
        assert received[thanks.id] == [first.lookup_id, second.lookup_id]
        history = await mails.history(sent.id).collect()
        assert [entry.status for entry in history] == ["SurveyPartiallyFinished"] * 2 + ["Success"]
        assert [entry.response_id for entry in history] == [*state.responses, None]
        found = await mails.get(sent.id, survey_id=survey_id)
        assert found.stats is not None
        assert (found.stats.sent, found.stats.started, found.stats.finished) == (3, 2, 0)
        for member, response_id, made in zip((first, second), state.responses, (sent, reminder), strict=True):
            (answer,) = await client.contacts.history(pool, member.contact.id, type="response").collect()
            assert (answer.response_id, answer.distribution_id) == (response_id, made.id)
            assert answer.survey_finished is False


@asynchronous
async def test_a_mail_waits_for_its_time() -> None:
    clock = Clock()
    async with living(clock=clock) as (client, sandbox):
        state, mails = sandbox.state, client.distributions
        list_id, pool = people(state), state.default_directory_id
        contact_id = next(iter(state.contacts))
        later = datetime.fromtimestamp(state.now() // 1000 + 3600, UTC)
        made = await mails.create_email(**mail(sandbox, mailing_list_id=list_id, send_date=later))

        async def told() -> tuple[str | None, int | None, int, int]:
            found = await mails.get(made.id, survey_id=state.survey_id)
            received = await client.contacts.history(pool, contact_id, type="email").collect()
            entries = await mails.history(made.id).collect()
            assert {entry.sent_at for entry in entries} <= {later}
            assert {entry.date for entry in received} <= {later}
            assert found.stats is not None
            return found.request_status, found.stats.sent, len(entries), len(received)

        assert await told() == ("Pending", 0, 0, 0)
        clock.now += 3600
        assert await told() == ("Done", 3, 3, 1)


@asynchronous
async def test_the_history_tells_each_fate() -> None:
    async with living(page_size=2) as (client, sandbox):
        state = sandbox.state
        list_id = people(state, 1)
        state.add_contact(list_id, email="gone@example.com", bounced=True)
        state.add_contact(list_id, email="away@example.com", list_unsubscribed=True)
        state.add_contact(list_id, email="weary@example.com", exceeded_frequency=True)
        sent = await client.distributions.create_email(**mail(sandbox, mailing_list_id=list_id))
        entries = await client.distributions.history(sent.id, page_size=3).collect()
        assert [entry.status for entry in entries] == ["Success", "HardBounce", "Skipped", "Skipped"]
        members = state.mailing_lists[list_id].members
        assert [entry.contact_lookup_id for entry in entries] == [member.lookup_id for member in members]
        assert entries[3].contact_frequency_rule_id == "RULE_DELETED"
        assert entries[0].sent_at is not None
        pool = state.default_directory_id
        (mailed,) = await client.mailing_list_contacts.history(
            pool, list_id, members[1].contact.id, type="email"
        ).collect()
        assert (mailed.distribution_id, mailed.result) == (sent.id, "Bounce")
        assert mailed.bounce_info is not None
        assert (mailed.bounce_info.type, mailed.bounce_info.blacklisted) == ("Hard", False)
        (spared,) = await client.mailing_list_contacts.history(
            pool, list_id, members[2].contact.id, type="email"
        ).collect()
        assert spared.result == "Skipped"
        answers = client.mailing_list_contacts.history(pool, list_id, members[0].contact.id, type="response")
        assert await answers.collect() == []
        test = state.add_distribution(state.survey_id, list_id, request_type="TestEmail")
        with pytest.raises(InvalidRequest) as caught:
            await client.distributions.history(test.id).first_page()
        assert caught.value.error_code == "CP_TD_GER_NP"


@asynchronous
async def test_a_mail_to_one_contact_reaches_nobody_else() -> None:
    async with living() as (client, sandbox):
        state, create = sandbox.state, client.distributions.create_email
        list_id = people(state)
        member = state.mailing_lists[list_id].members[1]
        to_one = {"mailing_list_id": list_id, "directory_id": state.default_directory_id}
        sent = await create(**mail(sandbox, contact_id=member.lookup_id, **to_one))
        (entry,) = await client.distributions.history(sent.id).collect()
        assert entry.contact_id == member.contact.id
        with pytest.raises(InvalidRequest, match="lookup id"):
            await create(**mail(sandbox, contact_id="CGC_0", **to_one))
        with pytest.raises(UsageError):
            await create(**mail(sandbox, contact_id=" ", **to_one))
        assert list(state.distributions) == [sent.id]


@asynchronous
async def test_a_mail_in_doubt_is_sent_once() -> None:
    async with living() as (client, sandbox):
        state, mails = sandbox.state, client.distributions
        sandbox.faults.add(kind="cut", route="POST /distributions", when="after")
        with pytest.raises(OutcomeUnknown):
            await mails.create_email(**mail(sandbox, mailing_list_id=people(state)))
        (sent,) = await mails.list(state.survey_id).collect()
        sandbox.faults.add(kind="cut", route="POST /distributions/{distributionId}/reminders", when="after")
        with pytest.raises(OutcomeUnknown):
            await mails.create_reminder(sent.id, message=REMINDER, header=HEADER, send_date=NOON)
        assert [made.request_type for made in state.distributions.values()] == ["Invite", "Reminder"]


@asynchronous
async def test_orders_are_imported_and_asked_about() -> None:
    """An import with transactions fills a batch, and each transaction gets its link."""
    async with living(jobs=ByPolls(2)) as (client, sandbox):
        state = sandbox.state
        pool, list_id, batch_id = (
            state.default_directory_id,
            state.add_mailing_list("Guests"),
            state.add_transaction_batch(),
        )
        meta = TransactionMeta(batch_id=batch_id, fields=["order"])
        ended = await client.contact_imports.run(pool, list_id, ROWS, transaction_meta=meta)
        report = await client.contact_imports.report(pool, ended.id).collect()
        assert [entry.source_index_id for entry in report] == list(range(len(ROWS)))
        assert (ended.added, ended.failed, ended.transactions_created) == (2, 1, 2)
        assert ended.invalid_emails == ["no address"]
        made = await client.distributions.create_links(
            survey_id=state.survey_id, transaction_batch_id=batch_id, description="Orders"
        )
        links = client.distributions.links(made.id, survey_id=state.survey_id)
        assert await links.collect() == []
        found = await links.collect()
        assert [link.transaction_id for link in found] == list(state.transactions)
        assert {link.contact_id: link.link for link in found} == state.links(made.id)
        lookup_ids = [member.lookup_id for member in state.mailing_lists[list_id].members]
        assert [link.contact_lookup_id for link in found] == lookup_ids
        batch_mail = await client.distributions.create_email(**mail(sandbox, transaction_batch_id=batch_id))
        with pytest.raises(ServerFault):
            await client.distributions.links(batch_mail.id, survey_id=state.survey_id).first_page()


@asynchronous
async def test_an_import_reports_each_row_and_may_fail() -> None:
    async with living() as (client, sandbox):
        state = sandbox.state
        pool, list_id = state.default_directory_id, state.add_mailing_list("Guests")
        started = await client.contact_imports.start(pool, list_id, ROWS[:1])
        while not (progress := await client.contact_imports.progress(pool, list_id, started.id)).is_finished:
            assert progress.added in (None, 0)
        (entry,) = await client.contact_imports.report(pool, started.id).collect()
        assert (entry.index, entry.contact_id) == (0, state.list_contacts(list_id)[0].id)
        with pytest.warns(DeprecationWarning, match="contact_imports.progress"):
            summary = await client.contact_imports.summary(pool, list_id, started.id)
        assert summary == progress
        sandbox.faults.add(kind="failed_job", route="POST *", path="transactioncontacts")
        with pytest.raises(JobFailed) as caught:
            await client.contact_imports.run(pool, list_id, ROWS)
        assert (caught.value.status, len(state.list_contacts(list_id))) == ("failed", 1)
        lost = await client.contact_imports.run(pool, "CG_0", ROWS)
        assert (lost.added, lost.updated, lost.failed) == (0, 0, 0)


@asynchronous
async def test_a_mailing_list_lives_and_dies() -> None:
    async with living(page_size=1) as (client, sandbox):
        state, lists = sandbox.state, client.mailing_lists
        pool = (await client.directories.default()).id
        made = await lists.create(pool, name="Guests", prioritize_list_metadata=True)
        other = await lists.create(pool, name="Staff", owner_id="UR_2")
        await lists.update(pool, made.id, name="Lunch guests", owner_id="UR_3")
        state.add_contact(made.id, email="ada@example.com")
        found = await lists.list(pool, include_count=True).collect()
        assert [(one.id, one.name, one.owner_id, one.contact_count) for one in found] == [
            (made.id, "Lunch guests", "UR_3", 1),
            (other.id, "Staff", "UR_2", 0),
        ]
        assert (await lists.get(pool, made.id, include_count=True)).contact_count == 1
        await lists.delete(pool, made.id)
        assert list(state.mailing_lists) == [other.id]
        with pytest.raises(NotFound) as caught:
            await lists.get(pool, made.id)
        assert caught.value.error_code == "PACC_6"
        with pytest.raises(InvalidRequest):
            await lists.create(pool, name="x" * 101)


@asynchronous
async def test_a_contact_of_a_list_lives_and_leaves() -> None:
    async with living(page_size=2) as (client, sandbox):
        state, contacts = sandbox.state, client.mailing_list_contacts
        pool, list_id = state.default_directory_id, people(state, 2)
        ada = ContactCreate(
            email="ada@example.com", embedded_data={"table": "4"}, private_embedded_data={"vip": "yes"}
        )
        made = await contacts.create(pool, list_id, ada)
        again = await contacts.create(pool, list_id, ContactCreate(email="ada@example.com", first_name="Ada"))
        assert again == made
        found = await contacts.list(pool, list_id, include_embedded=True).collect()
        assert [one.first_name for one in found] == ["Guest 0", "Guest 1", "Ada"]
        assert found[2].embedded_data == {"table": "4"}
        await contacts.update(pool, list_id, made.id, ContactUpdate(unsubscribed=True, phone="+15550100001"))
        whole = await contacts.get(pool, list_id, made.id)
        assert (whole.phone, whole.mailing_list_unsubscribed, whole.directory_unsubscribed) == (
            "+15550100001",
            True,
            False,
        )
        assert whole.private_embedded_data == {"vip": "yes"}
        (away,) = await contacts.opted_out(pool, list_id, since="2020-01-01T00:00:00Z").collect()
        assert away.contact_id == made.contact_id
        left = whole.mailing_list_unsubscribe_date
        assert left is not None
        assert away.mailing_list_unsubscribe_date == left.replace(microsecond=0)
        state.contacts[made.id].bounced = True
        (bounced,) = await contacts.bounced(pool, list_id, page_size=10).collect()
        assert bounced.contact_id == made.id
        await contacts.delete(pool, list_id, made.id)
        assert made.id in state.contacts
        with pytest.raises(NotFound):
            await contacts.get(pool, list_id, made.id)


@asynchronous
async def test_subscriptions_come_and_go_one_by_one_or_all() -> None:
    async with living(page_size=1) as (client, sandbox):
        state, subscriptions = sandbox.state, client.event_subscriptions
        url = "https://hooks.example.com/"
        first = await subscriptions.create(topics="controlpanel.activateSurvey", publication_url=url)
        second = await subscriptions.create(topics="*", publication_url=url, shared_key="hush")
        assert [one.id for one in await subscriptions.list().collect()] == [first.id, second.id]
        found = await subscriptions.get(second.id)
        assert (found.topics, found.publication_url, found.encrypted) == ("*", url, False)
        assert (found.scope, state.subscriptions[second.id].shared_key) == (state.brand_id, "hush")
        await subscriptions.delete(first.id)
        with pytest.raises(NotFound) as caught:
            await subscriptions.get(first.id)
        assert caught.value.error_code == "ESSG_2"
        with pytest.raises(UsageError):
            await subscriptions.delete("")
        assert list(state.subscriptions) == [second.id]
        await subscriptions.delete_all(confirm=True)
        assert state.deleted_all_subscriptions == [(second.id,)]
        assert await subscriptions.list().collect() == []


@asynchronous
async def test_deleting_everything_is_not_repeated_in_doubt() -> None:
    async with living() as (client, sandbox):
        sandbox.state.add_subscription("*", "https://hooks.example.com/")
        sandbox.faults.add(kind="cut", route="DELETE /eventsubscriptions", when="after")
        with pytest.raises(OutcomeUnknown):
            await client.event_subscriptions.delete_all(confirm=True)
        assert len(sandbox.state.deleted_all_subscriptions) == 1
