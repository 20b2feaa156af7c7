"""One import from its start to its end."""

from __future__ import annotations

import asyncio

import pytest
from recorder import Recorder

from qualtrics_async.errors import ConnectFailed, JobFailed
from qualtrics_async.models import ContactCreate, TransactionMeta
from qualtrics_async.resources.contact_imports import ContactImports

JOBS = "/directories/POOL_1/mailinglists/CG_1/transactioncontacts"
NOOR = ContactCreate(email="noor@example.com")


def test_an_import_is_started_once_and_polled_to_its_end() -> None:
    """What was given to `run` is what `start` sends, and the finished progress is the result."""
    recorder = Recorder("contact_import_started", "contact_import_running", "contact_import_finished")
    meta = TransactionMeta(batch_id="BT_1")
    ended = asyncio.run(ContactImports(recorder).run("POOL_1", "CG_1", [NOOR], transaction_meta=meta))
    assert (ended.id, ended.is_finished, ended.is_failed) == ("PGRS_1iMpOrTjOb001", True, False)
    assert (ended.added, ended.updated) != (None, None)
    job = f"{JOBS}/PGRS_1iMpOrTjOb001"
    assert [request.route.path for request in recorder.requests] == [JOBS, job, job]
    assert recorder.requests[0].body == {"transactionMeta": meta, "contacts": [NOOR]}


def test_an_import_that_fails_as_a_whole_is_an_error() -> None:
    """The error has the job's id and what the last progress said."""
    recorder = Recorder("contact_import_started", "contact_import_failed")
    with pytest.raises(JobFailed) as caught:
        asyncio.run(ContactImports(recorder).run("POOL_1", "CG_1", [NOOR]))
    assert caught.value.job_id == "PGRS_1iMpOrTjOb001"
    assert caught.value.detail is not None


def test_an_import_that_did_not_start_is_not_polled() -> None:
    """The error of the start is the error of the whole."""
    recorder = Recorder(ConnectFailed("no route"))
    with pytest.raises(ConnectFailed):
        asyncio.run(ContactImports(recorder).run("POOL_1", "CG_1", [NOOR]))
    assert recorder.request.route.path == JOBS
