"""What the sandbox remembers. Instants are milliseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qualtrics_async.sandbox.jobs import Progress

__all__ = [
    "AcceptedRow",
    "Contact",
    "DeliveryRecord",
    "Directory",
    "Distribution",
    "ImportJob",
    "MailingList",
    "Member",
    "Place",
    "RequestRecord",
    "Response",
    "Subscription",
    "Survey",
    "Transaction",
    "TransactionBatch",
    "UploadedFile",
]


Place = tuple[str, str]
"""A directory and a mailing list, which need not exist."""


@dataclass(slots=True)
class RequestRecord:
    """One request as it arrived. `at` is in seconds of the sandbox's clock.

    `status` is 0 while it is served and when no status line was sent; `processed` says that the operation was
    carried out, whatever became of the answer; `fault` is the kind of fault that it drew.
    """

    at: float
    method: str
    route: str | None
    path: str
    query: str
    status: int = 0
    processed: bool = False
    fault: str | None = None
    body: bytes | None = None


@dataclass(slots=True, eq=False)
class Contact:
    """A person in a directory. `accepted` counts the rows and calls that made or changed it."""

    id: str
    directory_id: str
    created: int
    modified: int
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    ext_ref: str | None = None
    language: str | None = None
    embedded_data: dict[str, Any] | None = None
    unsubscribed_at: int | None = None
    accepted: int = 0
    exceeded_frequency: bool = False
    bounced: bool = False

    @property
    def unsubscribed(self) -> bool:
        """Opted out of the whole directory."""
        return self.unsubscribed_at is not None


@dataclass(slots=True, eq=False)
class Member:
    """A contact's place in one mailing list."""

    contact: Contact
    lookup_id: str
    unsubscribed_at: int | None = None
    private_embedded_data: dict[str, Any] | None = None

    @property
    def unsubscribed(self) -> bool:
        """Opted out of this list."""
        return self.unsubscribed_at is not None

    @property
    def reachable(self) -> bool:
        """Neither opted out of the list nor of the directory."""
        return self.unsubscribed_at is None and self.contact.unsubscribed_at is None


@dataclass(slots=True, eq=False)
class Directory:
    """A pool of contacts. `deduplicate` names the fields that make two contacts one; empty is off."""

    id: str
    name: str | None
    is_default: bool
    deduplicate: tuple[str, ...]
    contact_count: int = 0
    by_key: dict[str, Contact] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class MailingList:
    """A list with its members, in order of arrival and by contact id. `changes` counts comings and goings."""

    id: str
    directory_id: str
    name: str
    owner_id: str
    created: int
    modified: int
    members: list[Member] = field(default_factory=list)
    by_contact: dict[str, Member] = field(default_factory=dict)
    string_dates: bool = False
    changes: int = 0

    def add(self, member: Member) -> None:
        """Append a member."""
        self.members.append(member)
        self.changes += 1
        self.by_contact[member.contact.id] = member

    def remove(self, member: Member) -> None:
        """Take a member out; its contact stays in the directory."""
        self.members.remove(member)
        self.changes += 1
        del self.by_contact[member.contact.id]

    def find(self, contact_id: str) -> Member | None:
        """The member by its contact id or, slower, by its lookup id."""
        return self.by_contact.get(contact_id) or self.find_lookup(contact_id)

    def find_lookup(self, lookup_id: str) -> Member | None:
        """The member by its lookup id, which alone distributions take."""
        if lookup_id.startswith("CID_"):
            return None
        return next((member for member in self.members if member.lookup_id == lookup_id), None)


@dataclass(slots=True)
class Survey:
    """A survey with its definition as sent.

    `collaborations` has what each user it is shared with may do; `deleted_responses` counts them.
    """

    id: str
    name: str
    owner_id: str
    created: int
    modified: int
    active: bool
    definition: dict[str, Any]
    expiration: dict[str, str | None] = field(default_factory=lambda: {"startDate": None, "endDate": None})
    collaborations: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted_responses: int = 0


@dataclass(slots=True, eq=False)
class Response:
    """A response to a survey: `values` and `labels` as the wire has them, metadata and embedded data too.

    `files` has what was uploaded with it by file id: the field, and the name, type and content. `edits` is
    the history of its fields, as the wire has it. `arrival` and `change` are numbers in the order in which
    responses came and changed, `arrived` and `modified` the instants. `import_key` is the `Idempotency-Key`
    of the import that it came with, empty without one, None for what was not imported.
    """

    id: str
    survey_id: str
    values: dict[str, Any]
    labels: dict[str, Any]
    recorded: int
    files: dict[str, UploadedFile] = field(default_factory=dict)
    edits: list[dict[str, Any]] = field(default_factory=list)
    arrival: int = 0
    change: int = 0
    arrived: int = 0
    modified: int = 0
    import_key: str | None = None


class UploadedFile(NamedTuple):
    """A file in a response."""

    question_id: str
    name: str
    content_type: str
    content: bytes


class AcceptedRow(NamedTuple):
    """A row of an import that became part of a list. `row` is its place in the request."""

    import_id: str
    row: int
    contact: Contact
    added: bool


@dataclass(slots=True, eq=False)
class ImportJob:
    """An import job. `contacts[i]` is what row i became, None when it was not accepted.

    `fate` other than complete is what a fault or a wrong id made of it: none of its rows was accepted then.
    `rows` are kept until it is done, None in place of one that cannot be read; `taken` of them are processed.
    """

    id: str
    directory_id: str
    mailing_list_id: str
    size: int
    progress: Progress
    fate: Literal["complete", "failed", "zero"] = "complete"
    string_numbers: bool = False
    batch_id: str | None = None
    rows: list[Any] = field(default_factory=list)
    taken: int = 0
    contacts: list[Contact | None] = field(default_factory=list)
    lookup_ids: list[str | None] = field(default_factory=list)
    added: bytearray = field(default_factory=bytearray)
    unprocessed: list[int] = field(default_factory=list)
    invalid_emails: list[str] = field(default_factory=list)
    rejected: dict[int, dict[str, Any]] = field(default_factory=dict)
    transactions: dict[int, str] = field(default_factory=dict)
    done: bool = False

    @property
    def place(self) -> Place:
        """Where its queue is."""
        return self.directory_id, self.mailing_list_id

    def accepted(self) -> Iterator[AcceptedRow]:
        """The rows that were accepted, in order."""
        for index, contact in enumerate(self.contacts):
            if contact is not None:
                yield AcceptedRow(self.id, index, contact, bool(self.added[index]))


@dataclass(slots=True, eq=False)
class Transaction:
    """Something that happened to a member of a list, which a distribution can ask about."""

    id: str
    mailing_list_id: str
    member: Member
    date: int
    data: dict[str, Any]


@dataclass(slots=True, eq=False)
class TransactionBatch:
    """Transactions for one distribution: their ids, with the time when each was added."""

    id: str
    directory_id: str
    created: int
    added: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.added)

    def __iter__(self) -> Iterator[str]:
        return iter(self.added)


@dataclass(slots=True, eq=False)
class Distribution:
    """A distribution with the members and transactions that it was made for, fixed when it was created.

    `answers` has the responses that came of it, by lookup id.
    """

    id: str
    survey_id: str
    request_type: str
    created: int
    progress: Progress
    mailing_list_id: str | None = None
    contact_id: str | None = None
    batch_id: str | None = None
    parent_id: str | None = None
    link_type: str | None = None
    expiration: str | None = None
    send_date: str | None = None
    description: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)
    message: dict[str, Any] = field(default_factory=dict)
    embedded_data: dict[str, Any] | None = None
    members: list[Member] = field(default_factory=list)
    transaction_ids: list[str] | None = None
    answers: dict[str, Response] = field(default_factory=dict)

    @property
    def target_id(self) -> str | None:
        """The batch or else the list that it was made for."""
        return self.batch_id or self.mailing_list_id

    @property
    def has_links(self) -> bool:
        """Made to generate links, not to send."""
        return self.request_type == "GeneratedInvite"


@dataclass(slots=True)
class Subscription:
    """A subscription to events. `successful_calls` counts the posts that were answered with 2xx."""

    id: str
    topics: str
    publication_url: str
    encrypted: bool
    shared_key: str | None = field(repr=False)
    successful_calls: int = 0


@dataclass(slots=True, eq=False)
class DeliveryRecord:
    """One attempt to deliver an event, or to ask a new subscription's URL by GET.

    `topic` is without the brand. All attempts and repeats for one event and subscription have one `delivery`
    number; the GET has number 0. `at` is in seconds of the sandbox's clock. `status` is 0 while it is under
    way and where nothing was answered, then `error` says why; `fault` is the kind of fault that it drew.
    """

    at: float
    subscription_id: str
    topic: str
    url: str
    method: str = "POST"
    body: bytes = b""
    delivery: int = 0
    attempt: int = 1
    status: int = 0
    error: str | None = None
    fault: str | None = None

    @property
    def is_taken(self) -> bool:
        """The receiver answered with 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004  # 2xx
