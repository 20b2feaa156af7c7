"""Samples: contacts of a directory that were drawn once."""

from __future__ import annotations

from qualtrics_async.models._base import Flag, JsonObject, Model
from qualtrics_async.models.common import JobProgress

__all__ = ["Sample", "SampleCreationProgress", "SampleCreationStarted"]


class Sample(Model, frozen=True, kw_only=True):
    """A sample (used by a client). `creation_logic` says how it was drawn; no source has its keys."""

    sample_id: str
    parent_group_id: str | None = None
    name: str | None = None
    description: str | None = None
    category: str | None = None
    creator_id: str | None = None
    owner_id: str | None = None
    contact_count: int | None = None
    hidden: Flag | None = None
    frozen: Flag | None = None
    creation_logic: JsonObject | None = None

    @property
    def id(self) -> str:
        """The same as `sample_id`."""
        return self.sample_id


class SampleCreationStarted(Model, frozen=True, kw_only=True):
    """A sample that is being drawn: the job's id (documented), the sample's own (used by a client)."""

    progress_id: str | None = None
    sample_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse an answer that names neither."""
        if not (self.progress_id or self.sample_id):
            raise ValueError("expected `progressId` or `sampleId`")


class SampleCreationProgress(JobProgress, frozen=True, kw_only=True):
    """How far the drawing of a sample is (assumed)."""

    sample_id: str | None = None
