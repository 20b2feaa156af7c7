"""Contact import jobs (`transactioncontacts`) and their report.

What is done with the rows, and when, is in `import_queue`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers.mailing_list_contacts import CONTACT_TEXTS, check_contact
from qualtrics_async.sandbox.jobs import Progress
from qualtrics_async.sandbox.records import ImportJob
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["MAX_BYTES", "MAX_CONTACTS", "routes"]

routes = Routes()

MAX_CONTACTS = 10_000
MAX_BYTES = 5_000_000
SLICE = 500

_IMPORTS = "/directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts"
_META_KEYS = frozenset(("batchId", "fields"))
_ROW_KEYS = frozenset((*CONTACT_TEXTS, "id", "embeddedData", "unsubscribed", "transactionData"))


@routes("POST", _IMPORTS, "documented", per_minute=100)
async def start_import(call: Call) -> Body:
    """Documented, the unchecked ids too: wrong ones end with all counts 0. The refusals are assumed."""
    if len(call.payload) > MAX_BYTES:
        raise Refused(413, "PLACEHOLDER_413", "The body is larger than 5 MB.")
    body = call.json()
    check_keys(body, ("transactionMeta", "contacts"), ("contacts",))
    meta = nested(body, "transactionMeta")
    check_keys(meta, _META_KEYS)
    check_texts(meta, ("batchId",))
    rows = body["contacts"]
    if not isinstance(rows, list) or len(rows) > MAX_CONTACTS:
        raise Refused(400, "PLACEHOLDER_400", f"contacts must be a list of at most {MAX_CONTACTS}.")
    for row in rows:
        if isinstance(row, dict) and not row.keys() <= _ROW_KEYS:
            check_keys(row, _ROW_KEYS)
    unprocessed = await _read(rows)
    job = _new_job(call, rows, meta)
    if job.fate == "complete":
        job.unprocessed = unprocessed
    queues = call.state.queues
    queues.put(job)
    if call.settings.imports == "at_once":
        await queues.take_at_once(job)
    await queues.catch_up_in_turns([job.place])
    shape = str if job.string_numbers else int
    return result(
        {
            "id": job.id,
            "contacts": {"unprocessed": [shape(index) for index in job.unprocessed]},
            "tracking": {"url": f"{call.origin}{call.path.rstrip('/')}/{job.id}"},
            "status": "in progress",
        }
    )


@routes("GET", _IMPORTS + "/{importId}", "documented", per_minute=500)
def import_progress(call: Call) -> Body:
    """Documented; the status words are assumed. Every third import says `"100"` instead of 100."""
    return result(_progress(call, _find(call, call.ids[2])))


@routes("GET", _IMPORTS + "/{importId}/summary", "documented")
def import_summary(call: Call) -> Body:
    """Documented, deprecated: the same fields as the progress."""
    return result(_progress(call, _find(call, call.ids[2])))


@routes("GET", "/directories/{directoryId}/imports/api-import/jobs/{importId}/report", "documented")
def import_report(call: Call) -> Body:
    """Documented: `results`, and `skipToken` beside it. Status words, 403 and 404 are assumed."""
    if not call.settings.import_report:
        raise Refused(403, "AuthZ_2.0", "This needs XM Directory.")
    job = _find(call, call.ids[1])
    if not job.done:
        raise Refused(404, "PLACEHOLDER_404", "The import is not complete.")
    indexes: Sequence[int] = range(len(job.contacts))
    if job.unprocessed:
        indexes = sorted(set(indexes) - set(job.unprocessed))
    start, stop, following = call.window(len(indexes))
    entries = [_entry(job, index) for index in indexes[start:stop]]
    return {"results": {"importReportEntries": entries}, "skipToken": following}


def _new_job(call: Call, rows: list[Any], meta: dict[str, Any]) -> ImportJob:
    state = call.state
    directory_id, mailing_list_id = call.ids
    began = Progress(state.monotonic())
    job = ImportJob(state.new_id("PGRS_"), directory_id, mailing_list_id, len(rows), began)
    mailing_list = state.mailing_lists.get(mailing_list_id)
    batch_id = job.batch_id = meta.get("batchId")
    known = mailing_list is not None and mailing_list.directory_id == directory_id
    if not known or (batch_id is not None and batch_id not in state.transaction_batches):
        job.fate = "zero"
    match call.fault_kind():
        case "stuck_job":
            job.progress.stuck = True
        case "failed_job":
            job.fate = "failed"
        case "zero_job":
            job.fate = "zero"
    if job.fate == "complete":
        job.rows = rows
    state.imports[job.id] = job
    job.string_numbers = call.settings.quirks and len(state.imports) % 3 == 0
    return job


async def _read(rows: list[Any]) -> list[int]:
    """Put None in place of each row that cannot be read, and return where; others get their turn between."""
    unprocessed = []
    for index, row in enumerate(rows):
        if not _readable(row):
            rows[index] = None
            unprocessed.append(index)
        if index % SLICE == SLICE - 1:
            await asyncio.sleep(0)
    return unprocessed


def _readable(row: Any) -> bool:
    if not isinstance(row, dict) or not any(row.get(key) for key in CONTACT_TEXTS):
        return False
    try:
        check_contact(row)
    except Refused:
        return False
    return True


def _find(call: Call, import_id: str) -> ImportJob:
    job = call.state.imports.get(import_id)
    if job is None:
        raise Refused(404, "PLACEHOLDER_404", "No such import.")
    return job


def _progress(call: Call, job: ImportJob) -> Body:
    fraction = call.state.queues.fraction(job)
    if fraction < 1.0:
        body: Body = {"percentComplete": min(round(fraction * 100, 1), 99.9), "status": "in progress"}
        if fraction == 0.0:
            return body | {"contacts": {"count": {}}, "transactions": {"count": {}}}
        return body | _counts(job, int(job.size * fraction))
    percent = "100" if job.string_numbers else 100.0
    status = "failed" if job.fate == "failed" else "complete"
    counts = _counts(job, len(job.contacts))
    if job.fate == "failed":
        counts["contacts"]["count"]["failed"] = job.size
    return {"percentComplete": percent, "status": status, "invalidEmails": job.invalid_emails} | counts


def _counts(job: ImportJob, rows: int) -> dict[str, Any]:
    added = sum(job.added[:rows])
    accepted = sum(1 for contact in job.contacts[:rows] if contact is not None)
    failed = sum(1 for index in job.rejected if index < rows)
    created = sum(1 for index in job.transactions if index < rows)
    counts = {"added": added, "updated": accepted - added, "failed": failed}
    return {"contacts": {"count": counts}, "transactions": {"count": {"created": created}}}


def _entry(job: ImportJob, index: int) -> Body:
    contact = job.contacts[index]
    if contact is None:
        return {
            "sourceIndexId": index,
            **job.rejected.get(index, _LOST),
            "contactId": None,
            "importStatus": "PLACEHOLDER_FAILED",
            "importStatusCode": "PLACEHOLDER",
            **dict.fromkeys(_MEMBERSHIP),
        }
    word = "PLACEHOLDER_ADDED" if job.added[index] else "PLACEHOLDER_UPDATED"
    transaction_id = job.transactions.get(index)
    return {
        "sourceIndexId": index,
        "email": contact.email,
        "phone": contact.phone,
        "contactId": contact.id,
        "importStatus": word,
        "importStatusCode": "PLACEHOLDER",
        "transactionId": transaction_id,
        "transactionStatus": None if transaction_id is None else "PLACEHOLDER_ADDED",
        "transactionStatusCode": None if transaction_id is None else "PLACEHOLDER",
        "contactListContactId": job.lookup_ids[index],
        "contactListContactStatus": word,
        "contactListContactStatusCode": "PLACEHOLDER",
    }


_LOST = dict.fromkeys(("email", "phone"))
_MEMBERSHIP = (
    "transactionId",
    "transactionStatus",
    "transactionStatusCode",
    "contactListContactId",
    "contactListContactStatus",
    "contactListContactStatusCode",
)
