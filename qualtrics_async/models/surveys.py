"""Surveys as objects, in the older camelCase format."""

from __future__ import annotations

from qualtrics_async.models._base import Flag, Instant, JsonList, JsonObject, Model

__all__ = ["ResponseCounts", "Survey", "SurveyExpiration", "SurveySummary"]


class SurveySummary(Model, frozen=True, kw_only=True):
    """A survey in a listing (observed)."""

    id: str
    name: str
    owner_id: str | None = None
    last_modified: Instant | None = None
    creation_date: Instant | None = None
    is_active: Flag | None = None


class SurveyExpiration(Model, frozen=True, kw_only=True):
    """When a survey opens and closes; `None` where it does not."""

    start_date: Instant | None = None
    end_date: Instant | None = None


class ResponseCounts(Model, frozen=True, kw_only=True):
    """How many responses a survey has."""

    auditable: int | None = None
    generated: int | None = None
    deleted: int | None = None


class Survey(Model, frozen=True, kw_only=True):
    """A survey with its questions, blocks and flow (observed).

    The structured parts are plain JSON: `questions` by question id, `blocks` by block id,
    `export_column_map` by export tag. `SurveyDefinition` is the fuller description.
    """

    id: str
    name: str
    owner_id: str | None = None
    organization_id: str | None = None
    is_active: Flag | None = None
    creation_date: Instant | None = None
    last_modified_date: Instant | None = None
    expiration: SurveyExpiration | None = None
    questions: JsonObject | None = None
    export_column_map: JsonObject | None = None
    blocks: JsonObject | None = None
    flow: JsonList | None = None
    embedded_data: JsonList | None = None
    comments: JsonObject | None = None
    loop_and_merge: JsonObject | None = None
    response_counts: ResponseCounts | None = None
