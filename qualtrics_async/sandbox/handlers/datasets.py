"""Datasets and their records, of which no source shows a body: what is given is kept and given back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_DATA = "/datasets/{datasetId}/data"
_RECORDS = "dataset record"


@routes("POST", "/datasets", "assumed", per_minute=500)
def create_dataset(call: Call) -> Body:
    """Assumed: any object, to which an id is given."""
    made = call.json() | {"id": call.state.new_id("DS_")}
    call.state.shelf("dataset").put(made["id"], record=made)
    return result(made)


@routes("GET", "/datasets/{datasetId}", "assumed", per_minute=500)
def get_dataset(call: Call) -> Body:
    """Assumed."""
    return result(call.state.shelf("dataset").find(call.ids[0]))


@routes("POST", _DATA, "assumed", per_minute=500)
def add_data(call: Call) -> Body:
    """Assumed: one record, named by its `id` or given one."""
    dataset = call.state.shelf("dataset").find(call.ids[0])
    body = call.json()
    check_texts(body, ("id",))
    made = {"id": call.state.new_id("")} | body
    call.state.shelf(_RECORDS).put(dataset["id"], made["id"], record=made)
    return result({"id": made["id"]})


@routes("GET", _DATA + "/{id}", "assumed", per_minute=500)
def get_data(call: Call) -> Body:
    """Assumed."""
    return result(call.state.shelf(_RECORDS).find(*call.ids))


@routes("PUT", _DATA + "/{id}", "assumed", per_minute=500)
def update_data(call: Call) -> Body:
    """Assumed: what is given is changed, but for the id."""
    record = call.state.shelf(_RECORDS).find(*call.ids)
    record.update(call.json() | {"id": record["id"]})
    return {}


@routes("DELETE", _DATA + "/{id}", "assumed", per_minute=500)
def delete_data(call: Call) -> Body:
    """Assumed."""
    call.state.shelf(_RECORDS).remove(*call.ids)
    return {}
