"""The truth of a sandbox: what exists, and how it came to be."""

from __future__ import annotations

import random
import re
import string
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.accounts import account
from qualtrics_async.sandbox.arranged import Arranged
from qualtrics_async.sandbox.definition import definition
from qualtrics_async.sandbox.jobs import Job, Progress
from qualtrics_async.sandbox.records import (
    AcceptedRow,
    Contact,
    Directory,
    Distribution,
    ImportJob,
    MailingList,
    Member,
    Response,
    Subscription,
    Survey,
    Transaction,
    TransactionBatch,
)
from qualtrics_async.sandbox.shelves import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["State"]

_ALPHABET = string.digits + string.ascii_letters
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_ATTRIBUTES = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phone": "phone",
    "extRef": "ext_ref",
    "language": "language",
}
_CRITERIA = {
    "email": "email",
    "phone": "phone",
    "firstName": "first_name",
    "lastName": "last_name",
    "externalDataReference": "ext_ref",
}


class State(Arranged):
    """Everything that a sandbox knows; tests may read and arrange it at will.

    Records are kept by id. `accepted_rows` counts for each contact row how often it was accepted, by import
    or by a call of its own; its key is the row's extRef, else e-mail, else phone. `processed` counts by route
    how often an operation was carried out, whether or not its answer arrived. `deleted_all_subscriptions`
    has, for each call that deleted all subscriptions, the ids that it took away. `participants` are kept by
    directory or project, then by unique identifier, as on the wire. `shelf()` has what nothing but its own
    handlers reads.
    """

    def __init__(self, seed: int, clock: Callable[[], float], deduplicate: Sequence[str]) -> None:
        self.brand_id = "examplebrand"
        self.datacenter = "fra1"
        self.directories: dict[str, Directory] = {}
        self.mailing_lists: dict[str, MailingList] = {}
        self.contacts: dict[str, Contact] = {}
        self.surveys: dict[str, Survey] = {}
        self.responses: dict[str, Response] = {}
        self.distributions: dict[str, Distribution] = {}
        self.imports: dict[str, ImportJob] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.transactions: dict[str, Transaction] = {}
        self.transaction_batches: dict[str, TransactionBatch] = {}
        self.participants: dict[str, dict[str, dict[str, Any]]] = {"ex": {}, "cx": {}, "bx": {}}
        self.accepted_rows: Counter[str] = Counter()
        self.processed: Counter[str] = Counter()
        self.deleted_all_subscriptions: list[tuple[str, ...]] = []
        self.jobs: dict[str, Job] = {}
        self._shelves: dict[str, Shelf] = {}
        self._random = random.Random(seed)  # noqa: S311  # ids must be reproducible
        self._request_ids = random.Random(seed)  # noqa: S311  # refusals must not disturb the other ids
        self._clock = clock
        self._born = time.time() - clock()
        self.user_id = self.add_user(
            "api.user@example.com", first_name="Api", last_name="User", user_type="UT_BRANDADMIN"
        )
        self.default_directory_id = self.add_directory(is_default=True, deduplicate=deduplicate)
        self.survey_id = self.add_survey("Sandbox survey")

    def now(self) -> int:
        """Milliseconds since the epoch; advances with the sandbox's clock."""
        return int((self._born + self._clock()) * 1000)

    def monotonic(self) -> float:
        """Seconds of the sandbox's clock."""
        return self._clock()

    def shelf(self, noun: str) -> Shelf:
        """The records of one kind, as the wire has them: `state.shelf("segment")`."""
        return self._shelves.setdefault(noun, Shelf(noun))

    def new_id(self, prefix: str) -> str:
        """A prefix and 15 random characters, the same for the same seed."""
        return prefix + "".join(self._random.choices(_ALPHABET, k=15))

    def new_request_id(self) -> str:
        """A UUID."""
        return str(uuid.UUID(int=self._request_ids.getrandbits(128), version=4))

    def add_user(
        self, email: str, *, first_name: str = "", last_name: str = "", user_type: str = "UT_PARTICIPANT"
    ) -> str:
        """Make a user of the brand, whose name is the address and the brand."""
        user_id = self.new_id("UR_")
        record = account(
            user_id,
            self.brand_id,
            iso(self.now()),
            username=f"{email}#{self.brand_id}",
            email=email,
            first_name=first_name,
            last_name=last_name,
            user_type=user_type,
        )
        self.shelf("user").put(user_id, record=record)
        return user_id

    def add_directory(
        self, name: str | None = None, *, is_default: bool = False, deduplicate: Sequence[str] = ()
    ) -> str:
        """Make a directory; `deduplicate` takes the names of the vendor's `deduplicationCriteria`."""
        unknown = set(deduplicate) - set(_CRITERIA)
        if unknown:
            raise ValueError(
                f"no such criteria: {', '.join(sorted(unknown))}; choose from {', '.join(_CRITERIA)}"
            )
        directory = Directory(self.new_id("POOL_"), name, is_default, tuple(deduplicate))
        self.directories[directory.id] = directory
        return directory.id

    def add_survey(self, name: str, *, active: bool = True) -> str:
        """Make a survey with two questions."""
        survey_id, now = self.new_id("SV_"), self.now()
        wire = definition(survey_id, name, self.brand_id, self.user_id, iso(now), active=active)
        self.surveys[survey_id] = Survey(survey_id, name, self.user_id, now, now, active, wire)
        return survey_id

    def add_response(
        self, survey_id: str, values: dict[str, Any] | None = None, *, labels: dict[str, Any] | None = None
    ) -> Response:
        """Make a response without a request: `values` may say otherwise about its metadata as well.

        Without more it is a finished one that took no time.

        Raises:
            ValueError: for a `recordedDate` that is none.
        """
        response_id, now = self.new_id("R_"), self.now()
        known: dict[str, Any] = {
            "startDate": iso(now),
            "endDate": iso(now),
            "status": 0,
            "ipAddress": "192.0.2.1",
            "progress": 100,
            "duration": 0,
            "finished": 1,
            "recordedDate": iso_fraction(now),
            "_recordId": response_id,
            "locationLatitude": "0",
            "locationLongitude": "0",
            "distributionChannel": "anonymous",
            "userLanguage": "EN",
        }
        known |= (values or {}) | {"_recordId": response_id}
        recorded = from_iso(known["recordedDate"])
        made = Response(response_id, survey_id, known, {**(labels or {})}, recorded)
        self.responses[response_id] = made
        return made

    def add_response_filter(self, survey_id: str, name: str) -> str:
        """Make a saved filter of a survey, which finds every response."""
        filter_id = self.new_request_id()
        record = {"filterId": filter_id, "filterName": name, "creationDate": iso(self.now())}
        self.shelf("response filter").put(survey_id, filter_id, record=record)
        return filter_id

    def add_audit_event(self, name: str, **descriptor: Any) -> str:
        """Log that something was done, now; `descriptor` says more about it, as on the wire (`userId`)."""
        event_id = self.new_request_id()
        record = {"id": event_id, "name": name, "at": self.now(), "descriptor": descriptor}
        self.shelf("audit event").put(event_id, record=record)
        return event_id

    def responses_of(self, survey_id: str) -> list[Response]:
        """The responses of a survey in order of arrival."""
        return [response for response in self.responses.values() if response.survey_id == survey_id]

    def add_mailing_list(
        self, name: str, *, directory_id: str | None = None, owner_id: str | None = None
    ) -> str:
        """Make an empty mailing list, in the default directory unless another is named."""
        now = self.now()
        directory_id = directory_id or self.default_directory_id
        made = MailingList(self.new_id("CG_"), directory_id, name, owner_id or self.user_id, now, now)
        self.mailing_lists[made.id] = made
        return made.id

    def add_contact(
        self,
        mailing_list_id: str | None,
        *,
        directory_id: str | None = None,
        email: str | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
        phone: str | None = None,
        ext_ref: str | None = None,
        language: str | None = None,
        embedded_data: dict[str, Any] | None = None,
        unsubscribed: bool = False,
        list_unsubscribed: bool = False,
        exceeded_frequency: bool = False,
        bounced: bool = False,
    ) -> Contact:
        """Make a contact in a list without a request; it does not count as accepted.

        Without a list it is in the directory only, the default one unless another is named. `unsubscribed`
        opts out of the directory, `list_unsubscribed` of the list.
        """
        values = (first_name, last_name, email, phone, ext_ref, language)
        row: dict[str, Any] = {
            key: value for key, value in zip(_ATTRIBUTES, values, strict=True) if value is not None
        }
        row["embeddedData"] = embedded_data
        now = self.now()
        if mailing_list_id is None:
            contact, _ = self.store(self.directories[directory_id or self.default_directory_id], row, now)
        else:
            member, _ = self.upsert(self.mailing_lists[mailing_list_id], row, now)
            contact = member.contact
            if list_unsubscribed:
                member.unsubscribed_at = now
        contact.exceeded_frequency, contact.bounced = exceeded_frequency, bounced
        if unsubscribed:
            contact.unsubscribed_at = now
        return contact

    def add_transaction(
        self,
        mailing_list_id: str,
        contact_id: str,
        batch_id: str | None = None,
        *,
        data: dict[str, Any] | None = None,
    ) -> str:
        """Make a transaction of a member, in a batch if one is named; it happened now."""
        mailing_list = self.mailing_lists[mailing_list_id]
        member = mailing_list.by_contact[contact_id]
        return self.record_transaction(mailing_list, member, data or {}, batch_id)

    def add_transaction_batch(self, *, directory_id: str | None = None) -> str:
        """Make an empty transaction batch, in the default directory unless another is named."""
        made = TransactionBatch(self.new_id("BT_"), directory_id or self.default_directory_id, self.now())
        self.transaction_batches[made.id] = made
        return made.id

    def add_distribution(
        self, survey_id: str, mailing_list_id: str, *, request_type: str = "GeneratedInvite", **fields: Any
    ) -> Distribution:
        """Make a distribution for the members that a list has now; `fields` are those of the record."""
        made = Distribution(
            self.new_id("EMD_"),
            survey_id,
            request_type,
            self.now(),
            Progress(self._clock()),
            mailing_list_id=mailing_list_id,
            members=list(self.mailing_lists[mailing_list_id].members),
            **fields,
        )
        self.distributions[made.id] = made
        return made

    def add_subscription(self, topics: str, publication_url: str, *, shared_key: str | None = None) -> str:
        """Make an event subscription."""
        made = Subscription(
            self.new_id("SUB_"), topics, publication_url, encrypted=False, shared_key=shared_key
        )
        self.subscriptions[made.id] = made
        return made.id

    def add_ex_project(self) -> str:
        """Make an EX project without participants; the form of its id is assumed."""
        project_id = self.new_id("EX_")
        self.participants[project_id] = {}
        return project_id

    def add_participant(
        self,
        place_id: str,
        unique_identifier: str,
        *,
        first_name: str = "",
        last_name: str = "",
        email: str | None = None,
        username: str | None = None,
        metadata: dict[str, str] | None = None,
        participant_data: dict[str, str] | None = None,
        subject_data: dict[str, str] | None = None,
    ) -> str:
        """Make a participant of a directory (`ex`, `cx`, `bx`) or of a project, and return its id.

        Who is in the employee directory is the same user in a project.
        """
        known = self.participants["ex"].get(unique_identifier, {})
        participant_id = self.new_id("PRT_")
        self.participants[place_id][unique_identifier] = {
            "firstName": first_name,
            "lastName": last_name,
            "email": email,
            "username": username,
            "userId": known.get("userId") or self.new_id("UR_"),
            "participantId": participant_id,
            "uniqueIdentifier": unique_identifier,
            "metadata": metadata or {},
            "participantData": participant_data,
            "subjectData": subject_data,
        }
        return participant_id

    def list_contacts(self, mailing_list_id: str) -> list[Contact]:
        """The contacts of a list in order of arrival."""
        return [member.contact for member in self.mailing_lists[mailing_list_id].members]

    def links(self, distribution_id: str) -> dict[str, str]:
        """The link of each contact of a distribution by contact id, whether it was asked for or not."""
        made = self.distributions[distribution_id]
        return {member.contact.id: self.link(made, member) for member in made.members}

    def link(self, made: Distribution, member: Member) -> str:
        """The link of one member: the brand's host and the parameter `Q_DL` are observed."""
        form = f"https://{self.brand_id}.{self.datacenter}.qualtrics.com/jfe/form/{made.survey_id}"
        if made.link_type == "Anonymous":
            return form
        return f"{form}?Q_CHL=gl&Q_DL={made.id}_{made.survey_id[3:]}_{member.lookup_id}"

    def accepted(self) -> Iterator[AcceptedRow]:
        """Every row that an import accepted, in order of the imports."""
        for job in self.imports.values():
            yield from job.accepted()

    def store(self, directory: Directory, row: dict[str, Any], now: int) -> tuple[Contact, bool]:
        """Make or update a contact of a directory from its wire form; tells whether it is new."""
        contact = self.contacts.get(row["id"]) if "id" in row else None
        key = _key(directory.deduplicate, row)
        if contact is None and key is not None:
            contact = directory.by_key.get(key)
        added = contact is None
        if contact is None:
            contact = Contact(self.new_id("CID_"), directory.id, now, now)
            self.contacts[contact.id] = contact
            directory.contact_count += 1
        if key is not None:
            directory.by_key[key] = contact
        self.change(contact, row, now)
        return contact, added

    def upsert(self, mailing_list: MailingList, row: dict[str, Any], now: int) -> tuple[Member, bool]:
        """Make or update a contact from its wire form and put it in the list; tells whether it is new."""
        contact, added = self.store(self.directories[mailing_list.directory_id], row, now)
        member = mailing_list.by_contact.get(contact.id)
        if member is None:
            member = Member(contact, self.new_id("CGC_"))
            mailing_list.add(member)
        if "unsubscribed" in row:
            member.unsubscribed_at = now if row["unsubscribed"] else None
        if "privateEmbeddedData" in row:
            member.private_embedded_data = row["privateEmbeddedData"]
        return member, added

    def change(self, contact: Contact, row: dict[str, Any], now: int) -> None:
        """Set what the row has; embedded data is merged. Assumed."""
        for key, attribute in _ATTRIBUTES.items():
            if key in row:
                setattr(contact, attribute, row[key])
        if row.get("embeddedData"):
            contact.embedded_data = (contact.embedded_data or {}) | row["embeddedData"]
        contact.modified = now

    def update(self, contact: Contact, row: dict[str, Any], now: int) -> None:
        """Change a contact that exists; from then on its new values make duplicates of it. Assumed."""
        directory = self.directories[contact.directory_id]
        before = _key(directory.deduplicate, _row(contact))
        if before is not None and directory.by_key.get(before) is contact:
            del directory.by_key[before]
        self.change(contact, row, now)
        after = _key(directory.deduplicate, _row(contact))
        if after is not None:
            directory.by_key.setdefault(after, contact)

    def count_accepted(self, contact: Contact, row: dict[str, Any]) -> None:
        """Count a row that was accepted from outside."""
        contact.accepted += 1
        self.accepted_rows[row.get("extRef") or row.get("email") or row.get("phone") or ""] += 1

    def remove_contact(self, contact: Contact) -> None:
        """Forget a contact: in its directory, in every list, and its transactions."""
        del self.contacts[contact.id]
        directory = self.directories[contact.directory_id]
        directory.contact_count -= 1
        for key in [key for key, kept in directory.by_key.items() if kept is contact]:
            del directory.by_key[key]
        for mailing_list in self.mailing_lists.values():
            if contact.id in mailing_list.by_contact:
                mailing_list.remove(mailing_list.by_contact[contact.id])
        for made in [made for made in self.transactions.values() if made.member.contact is contact]:
            self.remove_transaction(made.id)

    def record_transaction(
        self,
        mailing_list: MailingList,
        member: Member,
        data: dict[str, Any],
        batch_id: str | None = None,
        *,
        date: int | None = None,
    ) -> str:
        """Keep a transaction of a member, now unless a date is given; a batch must exist."""
        now = self.now()
        made = Transaction(self.new_id("CTR_"), mailing_list.id, member, now if date is None else date, data)
        self.transactions[made.id] = made
        if batch_id is not None:
            self.transaction_batches[batch_id].added[made.id] = now
        return made.id

    def remove_transaction(self, transaction_id: str) -> None:
        """Forget a transaction, in its batches too."""
        del self.transactions[transaction_id]
        for batch in self.transaction_batches.values():
            batch.added.pop(transaction_id, None)


def iso(milliseconds: int) -> str:
    """`2026-06-01T09:00:00Z`."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_fraction(milliseconds: int) -> str:
    """`2026-06-01T09:00:00.123Z`, as the distribution history has it."""
    return f"{iso(milliseconds)[:-1]}.{milliseconds % 1000:03}Z"


def from_iso(text: str) -> int:
    """Milliseconds since the epoch, in UTC unless the text says otherwise."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def valid_email(email: str) -> bool:
    """Whether an import takes it for an address. Assumed."""
    return _EMAIL.fullmatch(email) is not None


def _row(contact: Contact) -> dict[str, Any]:
    return {key: getattr(contact, attribute) for key, attribute in _ATTRIBUTES.items()}


def _key(criteria: tuple[str, ...], row: dict[str, Any]) -> str | None:
    """What makes two rows one; None when a criterion is missing. That case does not count is assumed."""
    if not criteria:
        return None
    wire = {"externalDataReference": "extRef"}
    values = [row.get(wire.get(name, name)) for name in criteria]
    if not all(values):
        return None
    plain = "\0".join(values)  # type: ignore[arg-type]  # no None is left
    lowered = plain.lower()
    # A million rows are kept: do not keep the same text twice.
    return plain if lowered == plain else lowered
