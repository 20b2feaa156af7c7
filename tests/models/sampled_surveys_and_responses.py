"""Samples of the models around surveys, their responses, and jobs over these."""

from __future__ import annotations

from qualtrics_async.models._base import Model
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted
from qualtrics_async.models.responses import Response, ResponseCreated
from qualtrics_async.models.surveys import SurveyImported, SurveyQuota, SurveyQuotaCombination

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    ResponseCreated: ("response_created",),
    ResponseJobProgress: (
        "response_job_queued",
        "response_job_running",
        "response_job_finished",
        "response_job_failed",
    ),
    ResponseJobStarted: ("response_job_started",),
    SurveyImported: ("survey_imported",),
    SurveyQuota: ("survey_quotas",),
    Response: ("response", "response_sparse"),
}
NESTED: set[type[Model]] = {SurveyQuotaCombination}
