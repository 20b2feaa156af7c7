"""Contacts in lists, and what the jobs that change them leave of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from working import Scene

from qualtrics_async import bulk
from qualtrics_async.bulk import Changed, ImportRow, Outcomes

UPDATE = "PUT /directories/{directoryId}/mailinglists/{mailingListId}/contacts/{contactId}"
REMOVE = "DELETE /directories/{directoryId}/mailinglists/{mailingListId}/contacts/{contactId}"
DIRECTORY = "PUT /directories/{directoryId}/contacts/{contactId}"
SEARCH = "POST /directories/{directoryId}/contacts/search"

JOBS: dict[str, Callable[..., AbstractAsyncContextManager[Outcomes[ImportRow, Changed]]]] = {
    "update": bulk.update_contacts,
    "unsubscribe": bulk.unsubscribe_contacts,
    "remove": bulk.remove_contacts,
}
ROUTES = {"update": UPDATE, "unsubscribe": UPDATE, "remove": REMOVE}


def changing(
    s: Scene, kind: str, rows: Any, **options: Any
) -> AbstractAsyncContextManager[Outcomes[ImportRow, Changed]]:
    """Make a job that changes contacts of the first list."""
    given: dict[str, Any] = {"mailing_list": s.lists[0]}
    client = options.pop("client", s.client)
    return JOBS[kind](client, s.directory, rows, **{**given, **options})


def people(s: Scene, count: int, *, mailing_list: str | None = None) -> list[str]:
    """Put contacts into a list, and return their ids."""
    name = mailing_list or s.lists[0]
    return [
        s.sandbox.state.add_contact(
            name, email=f"person{n}@example.com", ext_ref=f"r{n}", first_name=f"Name {n}"
        ).id
        for n in range(count)
    ]


def named(s: Scene, contacts: list[str], identify_by: str) -> list[dict[str, Any]]:
    """Name contacts in one of the ways."""
    known = s.sandbox.state.contacts
    attribute = {"extRef": "ext_ref", "email": "email"}.get(identify_by)
    if attribute is None:
        return [{"contactId": contact} for contact in contacts]
    return [{identify_by: getattr(known[contact], attribute)} for contact in contacts]


def rows_of(s: Scene, kind: str, contacts: list[str], identify_by: str = "id") -> list[dict[str, Any]]:
    """Make rows for a job: an update gives everyone a language."""
    more = {"language": "FR"} if kind == "update" else {}
    return [row | more for row in named(s, contacts, identify_by)]


def is_done(s: Scene, kind: str, contact: str, mailing_list: str | None = None) -> bool:
    """Whether the sandbox's own record says that a contact was changed."""
    member = s.sandbox.state.mailing_lists[mailing_list or s.lists[0]].by_contact.get(contact)
    if kind == "remove":
        return member is None
    assert member is not None
    if kind == "unsubscribe":
        return member.unsubscribed
    return s.sandbox.state.contacts[contact].language == "FR"
