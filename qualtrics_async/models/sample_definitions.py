"""How samples are drawn: by which criteria, and how many contacts."""

from __future__ import annotations

from qualtrics_async.models._base import JsonObject, Model, Number

__all__ = ["SampleDefinition"]


class SampleDefinition(Model, frozen=True, kw_only=True):
    """How a sample is drawn (used by clients).

    `sample_percentage` is written by one; that it is read as well is assumed.
    """

    sample_definition_id: str
    sample_criteria: JsonObject | None = None
    max_sample_size: int | None = None
    sample_percentage: Number | None = None

    @property
    def id(self) -> str:
        """The same as `sample_definition_id`."""
        return self.sample_definition_id
