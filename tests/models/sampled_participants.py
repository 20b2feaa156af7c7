"""Samples of the models around participants."""

from __future__ import annotations

from qualtrics_async.models import participants as models
from qualtrics_async.models._base import Model

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    models.Participant: ("participant", "participants_page1", "participants_page2"),
    models.ParticipantJobStarted: ("participant_job_started",),
    models.ParticipantJobProgress: (
        "participant_job_running",
        "participant_job_finished",
        "participant_job_failed",
        "participant_job_without_result",
    ),
    models.ParticipantJobResult: ("participant_job_result",),
}
NESTED = {models.ParticipantData, models.ParticipantJobFailure, models.ParticipantSubjectData}
