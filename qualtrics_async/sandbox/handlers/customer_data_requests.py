"""Requests for what the brand knows of a customer. The steps are documented, the bodies assumed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers._files import begin_export, export_progress, exported, find_export
from qualtrics_async.sandbox.handlers._jobs import WORDS
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import File, Refused, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_REQUESTS = "/customer-data-requests"
_FAMILY = "customer data request"


@routes("POST", _REQUESTS, "assumed", per_minute=100)
def start_request(call: Call) -> Body:
    """Assumed: every text in the body, or in a list in it, may be the e-mail address of a customer."""
    body = call.json()
    lists = [value if isinstance(value, list) else [value] for value in body.values()]
    texts = [text for values in lists for text in values if isinstance(text, str) and text]
    if not texts:
        raise Refused(400, "PLACEHOLDER_400", "Nobody is named.")
    found = [contact for contact in call.state.contacts.values() if contact.email in texts]
    return result({"id": begin_export(call, _FAMILY, "", contacts=found).id})


@routes("GET", _REQUESTS + "/{customerDataRequestId}", "assumed", per_minute=100)
def request_status(call: Call) -> Body:
    """Assumed: as an export."""
    return result(export_progress(call, find_export(call, _FAMILY), WORDS))


@routes("GET", _REQUESTS + "/{customerDataRequestId}/files/{fileId}", "assumed", per_minute=100)
def request_file(call: Call) -> File:
    """Assumed: JSON with the contacts."""
    job = exported(call, _FAMILY, under=0)
    if job.id != call.ids[0]:
        raise Refused(404, "PLACEHOLDER_404", "No such file.")
    keys = ("id", "first_name", "last_name", "email", "phone", "ext_ref")
    known = [{key: getattr(contact, key) for key in keys} for contact in job.record["contacts"]]
    return File(json.dumps({"contacts": known}).encode(), "application/json", "customer.json")
