"""Directories, lists, contacts and their transactions, and how rows become contacts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.clockwork import Clockwork
from qualtrics_async.sandbox.import_queue import ImportQueues
from qualtrics_async.sandbox.lag import Lag
from qualtrics_async.sandbox.records import (
    Contact,
    Directory,
    MailingList,
    Member,
    Transaction,
    TransactionBatch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from qualtrics_async.sandbox.jobs import ByPolls, BySeconds
    from qualtrics_async.sandbox.records import AcceptedRow, ImportJob

__all__ = ["People"]

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


class People(Clockwork):
    """What a sandbox knows of people. Whoever reads it gets what the clock has made of imports by then."""

    default_directory_id: str
    user_id: str

    def __init__(
        self,
        seed: int,
        clock: Callable[[], float],
        jobs: ByPolls | BySeconds,
        search_lag: ByPolls | BySeconds | None,
    ) -> None:
        super().__init__(seed, clock)
        self.imports: dict[str, ImportJob] = {}
        self.queues = ImportQueues(self, jobs)
        self.unsearchable = Lag(search_lag, clock)
        self._directories: dict[str, Directory] = {}
        self._mailing_lists: dict[str, MailingList] = {}
        self._contacts: dict[str, Contact] = {}
        self._transactions: dict[str, Transaction] = {}
        self._transaction_batches: dict[str, TransactionBatch] = {}
        self._accepted_rows: Counter[str] = Counter()
        self._changes = 0

    @property
    def directories(self) -> dict[str, Directory]:
        """The directories by id."""
        self.catch_up()
        return self._directories

    @property
    def mailing_lists(self) -> dict[str, MailingList]:
        """The mailing lists by id."""
        self.catch_up()
        return self._mailing_lists

    @property
    def contacts(self) -> dict[str, Contact]:
        """The contacts of all directories by id."""
        self.catch_up()
        return self._contacts

    @property
    def transactions(self) -> dict[str, Transaction]:
        """The transactions by id."""
        self.catch_up()
        return self._transactions

    @property
    def transaction_batches(self) -> dict[str, TransactionBatch]:
        """The transaction batches by id."""
        self.catch_up()
        return self._transaction_batches

    @property
    def accepted_rows(self) -> Counter[str]:
        """How often each contact row was accepted, by its extRef, else e-mail, else phone."""
        self.catch_up()
        return self._accepted_rows

    def catch_up(self) -> None:
        """Process the imports that are due by the clock, outside a request; safe from any thread."""
        if self.queues and not self.is_serving:
            with self.serving():
                self.queues.catch_up()

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
        self._directories[directory.id] = directory
        return directory.id

    def add_mailing_list(
        self, name: str, *, directory_id: str | None = None, owner_id: str | None = None
    ) -> str:
        """Make an empty mailing list, in the default directory unless another is named."""
        now = self.now()
        directory_id = directory_id or self.default_directory_id
        made = MailingList(self.new_id("CG_"), directory_id, name, owner_id or self.user_id, now, now)
        self._mailing_lists[made.id] = made
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
            contact, _ = self.store(self._directories[directory_id or self.default_directory_id], row, now)
        else:
            member, _ = self.upsert(self._mailing_lists[mailing_list_id], row, now)
            contact = member.contact
            if list_unsubscribed:
                member.unsubscribed_at = now
        contact.exceeded_frequency, contact.bounced = exceeded_frequency, bounced
        self.unsearchable.show(contact.directory_id, contact.id)
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
        mailing_list = self._mailing_lists[mailing_list_id]
        member = mailing_list.by_contact[contact_id]
        return self.record_transaction(mailing_list, member, data or {}, batch_id)

    def add_transaction_batch(self, *, directory_id: str | None = None) -> str:
        """Make an empty transaction batch, in the default directory unless another is named."""
        made = TransactionBatch(self.new_id("BT_"), directory_id or self.default_directory_id, self.now())
        self._transaction_batches[made.id] = made
        return made.id

    def list_contacts(self, mailing_list_id: str) -> list[Contact]:
        """The contacts of a list in order of arrival."""
        return [member.contact for member in self.mailing_lists[mailing_list_id].members]

    def accepted(self) -> Iterator[AcceptedRow]:
        """Every row that an import accepted, in order of the imports."""
        self.catch_up()
        for job in self.imports.values():
            yield from job.accepted()

    def store(self, directory: Directory, row: dict[str, Any], now: int) -> tuple[Contact, bool]:
        """Make or update a contact of a directory from its wire form; tells whether it is new."""
        contact = self._contacts.get(row["id"]) if "id" in row else None
        key = _key(directory.deduplicate, row)
        if contact is None and key is not None:
            contact = directory.by_key.get(key)
        added = contact is None
        if contact is None:
            contact = Contact(self.new_id("CID_"), directory.id, now, now)
            self._contacts[contact.id] = contact
            directory.contact_count += 1
            self.unsearchable.add(directory.id, contact.id)
        if key is not None:
            directory.by_key[key] = contact
        self.change(contact, row, now)
        return contact, added

    def upsert(self, mailing_list: MailingList, row: dict[str, Any], now: int) -> tuple[Member, bool]:
        """Make or update a contact from its wire form and put it in the list; tells whether it is new."""
        contact, added = self.store(self._directories[mailing_list.directory_id], row, now)
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
        self._changes += 1

    def update(self, contact: Contact, row: dict[str, Any], now: int) -> None:
        """Change a contact that exists; from then on its new values make duplicates of it. Assumed."""
        directory = self._directories[contact.directory_id]
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
        self._accepted_rows[row.get("extRef") or row.get("email") or row.get("phone") or ""] += 1

    def remove_contact(self, contact: Contact) -> None:
        """Forget a contact: in its directory, in every list, and its transactions."""
        del self._contacts[contact.id]
        directory = self._directories[contact.directory_id]
        directory.contact_count -= 1
        for key in [key for key, kept in directory.by_key.items() if kept is contact]:
            del directory.by_key[key]
        for mailing_list in self._mailing_lists.values():
            if contact.id in mailing_list.by_contact:
                mailing_list.remove(mailing_list.by_contact[contact.id])
        for made in [made for made in self._transactions.values() if made.member.contact is contact]:
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
        self._transactions[made.id] = made
        if batch_id is not None:
            self._transaction_batches[batch_id].added[made.id] = now
        return made.id

    def remove_transaction(self, transaction_id: str) -> None:
        """Forget a transaction, in its batches too."""
        del self._transactions[transaction_id]
        for batch in self._transaction_batches.values():
            batch.added.pop(transaction_id, None)


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
