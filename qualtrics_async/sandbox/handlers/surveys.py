"""Surveys as objects: list, look at, import, share, change and delete them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._definitions import keep_quotas
from qualtrics_async.sandbox.legacy_survey import legacy_survey
from qualtrics_async.sandbox.response_columns import export_column_map
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.survey_file import into_flow, read_elements
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["find_survey", "routes"]

routes = Routes()

_QSF = "application/vnd.qualtrics.survey.qsf"
_TYPES = (_QSF, "application/vnd.qualtrics.survey.txt", "application/vnd.qualtrics.survey.doc")
_PERMISSIONS = {
    "surveyDefinitionManipulation": (
        *("copySurveyQuestions", "editSurveyFlow", "useBlocks", "useSkipLogic", "useConjoint"),
        *("useTriggers", "useQuotas", "setSurveyOptions", "editQuestions", "deleteSurveyQuestions"),
    ),
    "surveyManagement": (
        *("editSurveys", "activateSurveys", "deactivateSurveys", "copySurveys"),
        *("distributeSurveys", "deleteSurveys", "translateSurveys"),
    ),
    "response": ("editSurveyResponses", "createResponseSets", "viewResponseId", "useCrossTabs"),
    "result": ("downloadSurveyResults", "viewSurveyResults", "filterSurveyResults", "viewPersonalData"),
}
"""What every client sends; the key `useScreenouts` and a few more are sent by some."""


@routes("GET", "/surveys", "observed")
def list_surveys(call: Call) -> Body:
    """Observed; pages by offset are documented."""
    return call.page(list(call.state.surveys.values()), _summary, cursor="offset")


@routes("GET", "/surveys/{surveyId}", "observed")
def get_survey(call: Call) -> Body:
    """Observed: the older camelCase form."""
    survey = find_survey(call)
    counts = {
        "auditable": len(call.state.responses_of(survey.id)),
        "generated": 0,
        "deleted": survey.deleted_responses,
    }
    more = {
        "expiration": survey.expiration,
        "responseCounts": counts,
        "exportColumnMap": export_column_map(survey.definition),
    }
    return result(legacy_survey(survey.definition, iso(survey.created)) | more)


@routes("POST", "/surveys", "documented")
def import_survey(call: Call) -> Body:
    """Documented: a form with `name`, and `file` or `fileUrl` with its type; the answer has id and name.

    Of a QSF file blocks, flow, options, questions and quotas are taken. That the survey is inactive is
    assumed, and what another file or an address holds is not read here.
    """
    form = call.form()
    check_keys(form, ("name", "file", "contentType", "fileUrl"), ("name",))
    name = _text(form["name"].content)
    if not name or ("file" in form) == ("fileUrl" in form):
        raise Refused(400, "PLACEHOLDER_400", "A survey takes a name, and a file or the address of one.")
    if "file" in form:
        content, kind = form["file"].content, form["file"].content_type
    else:
        check_keys(form, form, ("contentType",))
        content, kind = b"", _text(form["contentType"].content)
    if kind not in _TYPES:
        raise Refused(400, "PLACEHOLDER_400", f"No survey is a {kind}.")
    imported = _elements(content) if "file" in form and kind == _QSF else []
    survey_id = call.state.add_survey(name, active=False)
    if imported:
        _fill(call.state.surveys[survey_id].definition, imported, call.state.new_id("BL_"))
        keep_quotas(call, survey_id, imported)
    return result({"id": survey_id, "name": name})


@routes("PUT", "/surveys/{surveyId}", "documented")
def update_survey(call: Call) -> Body:
    """Documented: a part of the survey, and answers meta only. That each date is set by itself is assumed."""
    survey, body = find_survey(call), call.json()
    check_keys(body, ("name", "isActive", "expiration", "ownerId"))
    check_texts(body, ("name", "ownerId"))
    expiration = nested(body, "expiration")
    check_keys(expiration, survey.expiration)
    check_texts({key: value for key, value in expiration.items() if value is not None}, expiration)
    if not isinstance(body.get("isActive", True), bool):
        raise Refused(400, "PLACEHOLDER_400", "isActive must be a boolean.")
    survey.name = body.get("name", survey.name)
    survey.owner_id = body.get("ownerId", survey.owner_id)
    survey.expiration |= expiration
    survey.modified = call.state.now()
    survey.definition |= {
        "SurveyName": survey.name,
        "OwnerID": survey.owner_id,
        "LastModified": iso(survey.modified),
    }
    call.state.activate(survey, active=body.get("isActive", survey.active))
    return {}


@routes("DELETE", "/surveys/{surveyId}", "documented")
def delete_survey(call: Call) -> Body:
    """Documented: answers meta only. That responses and distributions go with it is assumed."""
    survey, state = find_survey(call), call.state
    state.forget_responses(survey.id)
    for sent in [made for made in state.distributions.values() if made.survey_id == survey.id]:
        del state.distributions[sent.id]
    for shelf in (state.shelf("SMS distribution"), state.shelf("WhatsApp distribution")):
        for text in [made for made in shelf if made["surveyId"] == survey.id]:
            shelf.remove(text["id"])
    del state.surveys[survey.id]
    return {}


@routes("POST", "/surveys/{surveyId}/permissions/collaborations", "documented")
def share_survey(call: Call) -> Body:
    """Documented: every key is required and a boolean. Kept in `collaborations` of the survey's record."""
    survey, body = find_survey(call), call.json()
    check_keys(body, ("userId", "recipientId", "permissions"), ("permissions",))
    check_texts(body, ("userId", "recipientId"))
    recipients = [body[key] for key in ("userId", "recipientId") if body.get(key)]
    if len(recipients) != 1:
        raise Refused(400, "RP_10", "Expected param not found: userId")
    permissions = nested(body, "permissions")
    check_keys(permissions, _PERMISSIONS, _PERMISSIONS)
    for part, required in _PERMISSIONS.items():
        given = nested(permissions, part)
        check_keys(given, given, required)
        if not all(isinstance(value, bool) for value in given.values()):
            raise Refused(400, "PLACEHOLDER_400", "Permissions must be booleans.")
    survey.collaborations[recipients[0]] = permissions
    return {}


@routes("POST", "/surveys/{surveyId}/embeddeddatafields", "assumed")
def insert_embedded_data_fields(call: Call) -> Body:
    """Assumed from clients: fields with `key`, perhaps `value` and `type`. They begin the flow."""
    survey, body = find_survey(call), call.json()
    check_keys(body, ("embeddedDataFields",), ("embeddedDataFields",))
    fields = body["embeddedDataFields"]
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise Refused(400, "PLACEHOLDER_400", "embeddedDataFields must be a list of objects.")
    for field in fields:
        check_keys(field, ("key", "value", "type"), ("key",))
        check_texts(field, field)
    into_flow(survey.definition, {"Type": "EmbeddedData", "EmbeddedData": _data(fields)}, first=True)
    survey.modified = call.state.now()
    return {}


@routes("GET", "/surveys/{surveyId}/quotas", "assumed")
def list_quotas(call: Call) -> Body:
    """Assumed from a client, the pages by offset too: the quotas that the definition has."""
    survey = find_survey(call)
    return call.page(call.state.shelf("quota").under(survey.id), _quota, cursor="offset")


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


def _text(content: bytes) -> str:
    return content.decode(errors="replace").strip()


def _elements(content: bytes) -> list[Any]:
    """The elements of a QSF file."""
    try:
        file = json.loads(content)
    except (ValueError, RecursionError):
        file = None
    if not isinstance(file, dict) or not isinstance(file.get("SurveyEntry"), dict):
        raise Refused(400, "PLACEHOLDER_400", "The file is no survey.")
    found = file.get("SurveyElements")
    return found if isinstance(found, list) else []


def _fill(definition: Body, imported: list[Any], block_id: str) -> None:
    """Replace what a survey began with; questions without a block get one."""
    definition |= {"Questions": {}, "Blocks": {}}
    read_elements(definition, imported)
    if not definition["Blocks"]:
        asked = [{"Type": "Question", "QuestionID": qid} for qid in definition["Questions"]]
        definition["Blocks"] = {block_id: {"Type": "Default", "ID": block_id, "BlockElements": asked}}


def _data(fields: list[Body]) -> list[Body]:
    return [
        {
            "Description": field["key"],
            "Type": "Custom" if "value" in field else "Recipient",
            "Field": field["key"],
            "VariableType": "Scale" if field.get("type") == "number" else "String",
            "DataVisibility": [],
            "AnalyzeText": False,
        }
        | ({"Value": field["value"]} if "value" in field else {})
        for field in fields
    ]


def _quota(quota: dict[str, Any]) -> Body:
    return {
        "id": quota.get("ID"),
        "name": quota.get("Name"),
        "count": quota.get("Count", 0),
        "quota": quota.get("Occurrences"),
        "logicType": quota.get("LogicType"),
    }
