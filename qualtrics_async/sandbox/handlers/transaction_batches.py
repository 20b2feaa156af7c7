"""Transaction batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._dates import read_instant, write_plain
from qualtrics_async.sandbox.handlers.directories import find_directory
from qualtrics_async.sandbox.handlers.transactions import find_transaction
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import TransactionBatch
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_BATCHES = "/directories/{directoryId}/transactionbatches"
_BATCH = _BATCHES + "/{batchId}"


@routes("GET", _BATCHES, "documented")
def list_batches(call: Call) -> Body:
    """Documented."""
    directory = find_directory(call)
    found = [made for made in call.state.transaction_batches.values() if made.directory_id == directory.id]
    return call.page(found, _element)


@routes("POST", _BATCHES, "documented", per_minute=500)
def create_batch(call: Call) -> Body:
    """Documented: the list of transactions may be empty; a client sends a date.

    How unknown transactions are refused is assumed.
    """
    directory = find_directory(call)
    body = call.json()
    check_keys(body, ("transactionIds", "creationDate"), ("transactionIds",))
    date = read_instant(body["creationDate"], "creationDate") if "creationDate" in body else None
    transaction_ids = _transaction_ids(call, body)
    made = call.state.transaction_batches[call.state.add_transaction_batch(directory_id=directory.id)]
    made.created = made.created if date is None else date
    made.added |= dict.fromkeys(transaction_ids, call.state.now())
    return result({"id": made.id})


@routes("GET", _BATCH, "documented")
def get_batch(call: Call) -> Body:
    """Documented."""
    return result(_element(_find(call)))


@routes("DELETE", _BATCH, "assumed", per_minute=500)
def delete_batch(call: Call) -> Body:
    """Assumed: answers meta only and leaves the transactions."""
    del call.state.transaction_batches[_find(call).id]
    return {}


@routes("GET", _BATCH + "/transactions", "assumed")
def list_batch_transactions(call: Call) -> Body:
    """Assumed: nothing but the id of each transaction."""
    return call.page(list(_find(call)), lambda transaction_id: {"transactionId": transaction_id})


@routes("POST", _BATCH + "/transactions", "assumed")
def add_batch_transactions(call: Call) -> Body:
    """Assumed: answers meta only; what is in the batch already stays in it."""
    batch = _find(call)
    body = call.json()
    check_keys(body, ("transactionIds",), ("transactionIds",))
    batch.added = dict.fromkeys(_transaction_ids(call, body), call.state.now()) | batch.added
    return {}


@routes("DELETE", _BATCH + "/transactions/{transactionId}", "assumed", per_minute=500)
def remove_batch_transaction(call: Call) -> Body:
    """Assumed: answers meta only and leaves the transaction."""
    batch = _find(call)
    if call.ids[2] not in batch.added:
        raise Refused(404, "PLACEHOLDER_404", "No such transaction in this batch.")
    del batch.added[call.ids[2]]
    return {}


def _find(call: Call) -> TransactionBatch:
    directory = find_directory(call)
    made = call.state.transaction_batches.get(call.ids[1])
    if made is None or made.directory_id != directory.id:
        raise Refused(404, "PLACEHOLDER_404", "No such transaction batch in this directory.")
    return made


def _transaction_ids(call: Call, body: Body) -> list[str]:
    transaction_ids = body["transactionIds"]
    if not isinstance(transaction_ids, list) or not all(isinstance(each, str) for each in transaction_ids):
        raise Refused(400, "PLACEHOLDER_400", "transactionIds must be a list of texts.")
    return [find_transaction(call, each).id for each in transaction_ids]


def _element(made: TransactionBatch) -> Body:
    return {"batchId": made.id, "creationDate": write_plain(made.created)}
