"""Transactions of contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._dates import read_instant, write_plain
from qualtrics_async.sandbox.handlers.contacts import find_contact
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import MailingList, Member, Transaction
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["find_transaction", "routes"]

routes = Routes()

_TEXTS = ("contactId", "mailingListId", "transactionDate")
_KEYS = (*_TEXTS, "data")
_TRANSACTIONS = "/directories/{directoryId}/transactions"
_TRANSACTION = _TRANSACTIONS + "/{transactionId}"


@routes("GET", "/directories/{directoryId}/contacts/{contactId}/transactions", "documented")
def list_transactions(call: Call) -> Body:
    """Documented."""
    contact = find_contact(call)
    made = [made for made in call.state.transactions.values() if made.member.contact is contact]
    return call.page(made, _element)


@routes("POST", _TRANSACTIONS, "documented", per_minute=500)
def create_transactions(call: Call) -> Body:
    """Documented, under the caller's names. Which ones are not processed, and why, is assumed."""
    directory = find_directory(call)
    body = call.json()
    for name in body:
        _check(nested(body, name), required=_TEXTS)
    created: Body = {}
    refused: Body = {}
    for name, wire in body.items():
        place = _place(call, directory.id, wire["contactId"], wire["mailingListId"])
        if place is None:
            refused[name] = {"error": "PLACEHOLDER", "errorMessage": "No such contact in this mailing list."}
            continue
        date = read_instant(wire["transactionDate"], "transactionDate")
        made = call.state.record_transaction(*place, dict(wire.get("data", {})), date=date)
        created[name] = {"id": made}
    return result({"createdTransactions": created, "unprocessedTransactions": refused})


@routes("GET", _TRANSACTION, "documented")
def get_transaction(call: Call) -> Body:
    """Documented."""
    return result(_element(find_transaction(call, call.ids[1])))


@routes("POST", _TRANSACTION, "assumed", per_minute=500)
def append_transaction(call: Call) -> Body:
    """Assumed: adds to the data, sets the rest, and answers meta only."""
    return _change(call, keep=True)


@routes("PUT", _TRANSACTION, "assumed", per_minute=500)
def update_transaction(call: Call) -> Body:
    """Assumed: sets what is given, the data as a whole, and answers meta only."""
    return _change(call, keep=False)


@routes("DELETE", _TRANSACTION, "assumed", per_minute=500)
def delete_transaction(call: Call) -> Body:
    """Assumed: answers meta only; the transaction leaves its batches."""
    call.state.remove_transaction(find_transaction(call, call.ids[1]).id)
    return {}


def find_transaction(call: Call, transaction_id: str) -> Transaction:
    """A transaction of the directory in the path; the refusal is assumed."""
    directory = find_directory(call)
    made = call.state.transactions.get(transaction_id)
    if made is None or made.member.contact.directory_id != directory.id:
        raise Refused(404, "PLACEHOLDER_404", "No such transaction in this directory.")
    return made


def _check(wire: Body, *, required: tuple[str, ...] = ()) -> None:
    check_keys(wire, _KEYS, required)
    check_texts(wire, _TEXTS)
    nested(wire, "data")
    if "transactionDate" in wire:
        read_instant(wire["transactionDate"], "transactionDate")


def _place(
    call: Call, directory_id: str, contact_id: str, mailing_list_id: str
) -> tuple[MailingList, Member] | None:
    mailing_list = call.state.mailing_lists.get(mailing_list_id)
    if mailing_list is None or mailing_list.directory_id != directory_id:
        return None
    member = mailing_list.by_contact.get(contact_id)
    return None if member is None else (mailing_list, member)


def _change(call: Call, *, keep: bool) -> Body:
    made = find_transaction(call, call.ids[1])
    wire = call.json()
    _check(wire)
    contact_id = wire.get("contactId", made.member.contact.id)
    list_id = wire.get("mailingListId", made.mailing_list_id)
    if (contact_id, list_id) != (made.member.contact.id, made.mailing_list_id):
        place = _place(call, call.ids[0], contact_id, list_id)
        if place is None:
            raise Refused(400, "PLACEHOLDER_400", "No such contact in this mailing list.")
        made.mailing_list_id, made.member = place[0].id, place[1]
    if "transactionDate" in wire:
        made.date = read_instant(wire["transactionDate"], "transactionDate")
    if "data" in wire:
        made.data = (made.data if keep else {}) | wire["data"]
    return {}


def _element(made: Transaction) -> Body:
    return {
        "transactionId": made.id,
        "contactId": made.member.contact.id,
        "mailingListId": made.mailing_list_id,
        "transactionDate": write_plain(made.date),
        "data": made.data,
    }
