"""Bulk work over contacts, links and responses: streams of outcomes, one for each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async._lazy import lazy

if TYPE_CHECKING:
    from qualtrics_async.bulk.changes import (
        Changed,
        remove_contacts,
        unsubscribe_contacts,
        update_contacts,
    )
    from qualtrics_async.bulk.contacts import create_contacts, import_contacts
    from qualtrics_async.bulk.failures import FailuresFile, failures_file
    from qualtrics_async.bulk.fanout import Outcomes
    from qualtrics_async.bulk.job import JobOptions
    from qualtrics_async.bulk.links import generate_links
    from qualtrics_async.bulk.outcome import Decision, Failed, InDoubt, Ok, Outcome, Summary
    from qualtrics_async.bulk.parquet import read_parquet
    from qualtrics_async.bulk.plan import Plan, Problem, plan_import, plan_links
    from qualtrics_async.bulk.readers import read_contacts, read_csv, read_ndjson
    from qualtrics_async.bulk.recipient import Recipient
    from qualtrics_async.bulk.response_plan import ResponsePlan, plan_responses
    from qualtrics_async.bulk.response_rows import ResponseChanged, ResponseRow
    from qualtrics_async.bulk.responses import delete_responses, update_responses
    from qualtrics_async.bulk.rows import BrokenRow, Imported, ImportRow, SourceRow
    from qualtrics_async.bulk.whole import RowLink, contacts_to_links

__all__ = [
    "BrokenRow",
    "Changed",
    "Decision",
    "Failed",
    "FailuresFile",
    "ImportRow",
    "Imported",
    "InDoubt",
    "JobOptions",
    "Ok",
    "Outcome",
    "Outcomes",
    "Plan",
    "Problem",
    "Recipient",
    "ResponseChanged",
    "ResponsePlan",
    "ResponseRow",
    "RowLink",
    "SourceRow",
    "Summary",
    "contacts_to_links",
    "create_contacts",
    "delete_responses",
    "failures_file",
    "generate_links",
    "import_contacts",
    "plan_import",
    "plan_links",
    "plan_responses",
    "read_contacts",
    "read_csv",
    "read_ndjson",
    "read_parquet",
    "remove_contacts",
    "unsubscribe_contacts",
    "update_contacts",
    "update_responses",
]

_FILES = (
    "outcome",
    "rows",
    "readers",
    "parquet",
    "failures",
    "fanout",
    "job",
    "recipient",
    "contacts",
    "changes",
    "links",
    "plan",
    "response_plan",
    "whole",
    "response_rows",
    "responses",
)

if not TYPE_CHECKING:  # a checker that saw it would take any misspelt name for a helper
    __getattr__ = lazy(__name__, __all__, _FILES)
