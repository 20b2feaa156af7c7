"""Surveys and their definitions, to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.definition import legacy_survey, qsf
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.wire import Refused, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()


@routes("GET", "/surveys", "observed")
def list_surveys(call: Call) -> Body:
    """Observed; pages by offset are documented."""
    return call.page(list(call.state.surveys.values()), _summary, cursor="offset")


@routes("GET", "/surveys/{surveyId}", "observed")
def get_survey(call: Call) -> Body:
    """Observed: the older camelCase form."""
    survey = find_survey(call)
    return result(legacy_survey(survey.definition, iso(survey.created)))


@routes("GET", "/survey-definitions/{surveyId}", "observed")
def get_definition(call: Call) -> Body:
    """Observed; of `?format=qsf` only the top keys are."""
    survey = find_survey(call)
    return result(qsf(survey.definition) if call.query.get("format") == "qsf" else survey.definition)


def find_survey(call: Call) -> Survey:
    """The survey in the path; the refusal is assumed."""
    survey = call.state.surveys.get(call.ids[0])
    if survey is None:
        raise Refused(404, "PLACEHOLDER_404", "No such survey.")
    return survey


def _summary(survey: Survey) -> Body:
    return {
        "id": survey.id,
        "name": survey.name,
        "ownerId": survey.owner_id,
        "lastModified": iso(survey.modified),
        "creationDate": iso(survey.created),
        "isActive": survey.active,
    }
