"""Definitions of surveys: metadata, options, languages, versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers import surveys
from qualtrics_async.sandbox.handlers._definitions import changed, keep_quotas, languages_of
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.records import Survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso
from qualtrics_async.sandbox.survey_file import (
    ZERO_DATE,
    blank,
    copied,
    mapping,
    mysql,
    qsf_elements,
    read_elements,
)
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_DEFINITION = "/survey-definitions/{surveyId}"
_NEW = ("SurveyName", "Language", "ProjectCategory")
_FILE = ("SurveyEntry", "SurveyElements")
_METADATA = ("SurveyName", "SurveyDescription", "SurveyStatus", "SurveyStartDate", "SurveyExpirationDate")
_DATES = {"SurveyStartDate": "startDate", "SurveyExpirationDate": "endDate"}
_OPTIONS = (
    *("BackButton", "BallotBoxStuffingPrevention", "Header", "Footer", "NoIndex", "NextButton"),
    *("PartialData", "PreviousButton", "ProgressBarDisplay", "SaveAndContinue", "SecureResponseFiles"),
    *("Skin", "SurveyExpiration", "SurveyProtection", "SurveyTermination", "ValidationMessage"),
)
_NO_CONTENT = ("LastModified", "LastAccessed", "LastActivated", "SurveyStatus", "ProjectInfo")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)


@routes("POST", "/survey-definitions", "documented")
def create_survey(call: Call) -> Body:
    """Documented: three required keys, or the content of a file. What an empty survey has is assumed."""
    body = call.json()
    if "SurveyEntry" in body:
        return _from_file(call, body)
    check_keys(body, _NEW, _NEW)
    check_texts(body, _NEW)
    survey, block_id = _new(call, body["SurveyName"], body["Language"], body["ProjectCategory"])
    return result({"SurveyID": survey.id, "DefaultBlockID": block_id})


@routes("GET", _DEFINITION, "observed")
def get_definition(call: Call) -> Body:
    """Observed; of `?format=qsf` only the top keys are."""
    survey = find_survey(call)
    return result(_rendered(call, survey, survey.definition))


@routes("DELETE", _DEFINITION, "documented")
def delete_survey(call: Call) -> Body:
    """Documented, with the date."""
    surveys.delete_survey(call)
    return result({"DeletedDate": iso(call.state.now())})


@routes("GET", f"{_DEFINITION}/metadata", "documented")
def get_metadata(call: Call) -> Body:
    """Documented. The dates are in ISO 8601, as documented, and null where there is none."""
    survey = find_survey(call)
    return result(_entry(call, survey, survey.definition, lambda moment: moment))


@routes("PUT", f"{_DEFINITION}/metadata", "documented")
def update_metadata(call: Call) -> Body:
    """Documented: keys that are not sent stay, dates are MySQL's. The zero date for none is assumed."""
    survey = find_survey(call)
    body = call.json()
    check_keys(body, _METADATA)
    check_texts(body, [key for key in body if body[key] is not None or key != "SurveyDescription"])
    dates = {_DATES[key]: _moment(body[key]) for key in body if key in _DATES}
    if body.get("SurveyStatus", "Active") not in ("Active", "Inactive"):
        raise Refused(400, "PLACEHOLDER_400", "SurveyStatus must be Active or Inactive.")
    if "SurveyName" in body:
        survey.name = survey.definition["SurveyName"] = body["SurveyName"]
    if "SurveyDescription" in body:
        call.state.shelf("survey description").put(survey.id, record={"text": body["SurveyDescription"]})
    survey.expiration |= dates
    if "SurveyStatus" in body:
        call.state.activate(survey, active=body["SurveyStatus"] == "Active")
    changed(call, survey)
    return {}


@routes("GET", f"{_DEFINITION}/options", "documented")
def get_options(call: Call) -> Body:
    """Documented; the values are observed."""
    return result(mapping(find_survey(call).definition, "SurveyOptions"))


@routes("PUT", f"{_DEFINITION}/options", "documented")
def update_options(call: Call) -> Body:
    """Documented: replaces all of them, and sixteen keys are required. Others are kept as they are."""
    survey = find_survey(call)
    body = call.json()
    check_keys(body, body, _OPTIONS)
    check_texts(body, ("SurveyLanguage", "SurveyTitle"))
    survey.definition["SurveyOptions"] = body
    changed(call, survey)
    return {}


@routes("GET", "/surveys/{surveyId}/languages", "documented")
def get_languages(call: Call) -> Body:
    """Documented."""
    return result({"AvailableLanguages": languages_of(find_survey(call))})


@routes("PUT", "/surveys/{surveyId}/languages", "documented")
def update_languages(call: Call) -> Body:
    """Documented: existing ones must be sent too. That the survey's own cannot be left out is assumed."""
    survey = find_survey(call)
    body = call.json()
    check_keys(body, ("AvailableLanguages",), ("AvailableLanguages",))
    codes = body["AvailableLanguages"]
    if not isinstance(codes, list) or not all(isinstance(code, str) and code for code in codes):
        raise Refused(400, "PLACEHOLDER_400", "AvailableLanguages must be a list of codes.")
    own = languages_of(survey)[0]
    if own not in codes:
        raise Refused(400, "PLACEHOLDER_400", f"The survey's own language is {own}.")
    mapping(survey.definition, "SurveyOptions")["AvailableLanguages"] = {code: [] for code in codes}
    changed(call, survey)
    return {}


@routes("GET", f"{_DEFINITION}/versions", "documented")
def list_versions(call: Call) -> Body:
    """Documented, in one page; `metadata` in each element is what a client reads. The order is assumed."""
    found = call.state.shelf("survey version").under(find_survey(call).id)
    return result({"elements": [{"metadata": version["metadata"]} for version in found]})


@routes("POST", f"{_DEFINITION}/versions", "documented")
def create_version(call: Call) -> Body:
    """Documented; a client reports that, without a change, the latest version is published again."""
    survey = find_survey(call)
    body = call.json()
    check_keys(body, ("Description", "Published"), ("Description", "Published"))
    check_texts(body, ("Description",))
    if not isinstance(body["Published"], bool):
        raise Refused(400, "PLACEHOLDER_400", "Published must be true or false.")
    versions = call.state.shelf("survey version").under(survey.id)
    latest = versions[-1] if versions else None
    if (
        latest is None
        or not body["Published"]
        or _content(latest["definition"]) != _content(survey.definition)
    ):
        latest = _new_version(call, survey, len(versions) + 1)
        versions.append(latest)
    latest["metadata"]["description"] = body["Description"]
    if body["Published"]:
        for version in versions:
            version["metadata"]["published"] = version is latest
        event = {"date": iso(call.state.now()), "userID": call.state.user_id}
        latest["metadata"]["wasPublished"] = True
        latest["metadata"]["publishEvents"].append(event)
    return result({"metadata": latest["metadata"]})


@routes("GET", f"{_DEFINITION}/versions/{{versionId}}", "documented")
def get_version(call: Call) -> Body:
    """Documented: the whole definition. That the number of a version is not its id, a client reports."""
    survey = find_survey(call)
    version = call.state.shelf("survey version").find(survey.id, call.ids[1])
    return result(_rendered(call, survey, version["definition"]))


def _new(call: Call, name: str, language: str, category: str) -> tuple[Survey, str]:
    state = call.state
    now, block_id = state.now(), state.new_id("BL_")
    identity = {"id": state.new_id("SV_"), "name": name, "brand": state.brand_id, "owner": state.user_id}
    blocks = (block_id, state.new_id("BL_"))
    made = blank(identity, iso(now), language=language, category=category, blocks=blocks)
    survey = Survey(identity["id"], name, state.user_id, now, now, active=False, definition=made)
    state.surveys[survey.id] = survey
    return survey, block_id


def _from_file(call: Call, body: dict[str, Any]) -> Body:
    """Make a survey from a file: only the name is taken from its entry. Assumed."""
    check_keys(body, _FILE, _FILE)
    entry, elements = nested(body, "SurveyEntry"), body["SurveyElements"]
    check_keys(entry, entry, ("SurveyName",))
    check_texts(entry, ("SurveyName",))
    if not isinstance(elements, list):
        raise Refused(400, "PLACEHOLDER_400", "SurveyElements must be a list.")
    language = entry.get("SurveyLanguage")
    survey, _ = _new(call, entry["SurveyName"], language if isinstance(language, str) else "EN", "CORE")
    read_elements(survey.definition, elements)
    keep_quotas(call, survey.id, elements)
    return result({"SurveyID": survey.id})


def _rendered(call: Call, survey: Survey, definition: dict[str, Any]) -> dict[str, Any]:
    """A definition, or the content of its file; PHP writes no questions as `[]`."""
    if call.query.get("format") != "qsf":
        return definition | {"Questions": definition["Questions"] or []}
    shelves = [call.state.shelf(noun).under(survey.id) for noun in ("quota", "quota group")]
    return {
        "SurveyEntry": _entry(call, survey, definition, mysql),
        "SurveyElements": qsf_elements(definition, *shelves),
    }


def _entry(
    call: Call, survey: Survey, definition: dict[str, Any], date: Callable[[str | None], str | None]
) -> dict[str, Any]:
    """What heads a file, and is the metadata: the keys are observed for the file, documented for both."""
    description = call.state.shelf("survey description").get(survey.id) or {"text": None}
    return {
        "SurveyID": survey.id,
        "SurveyName": definition["SurveyName"],
        "SurveyDescription": description["text"],
        "SurveyOwnerID": survey.owner_id,
        "SurveyBrandID": definition["BrandID"],
        "DivisionID": None,
        "SurveyLanguage": languages_of(survey)[0],
        "SurveyActiveResponseSet": next(iter(definition["ResponseSets"]), None),
        "SurveyStatus": definition["SurveyStatus"],
        "SurveyStartDate": date(survey.expiration["startDate"]),
        "SurveyExpirationDate": date(survey.expiration["endDate"]),
        "SurveyCreationDate": date(iso(survey.created)),
        "CreatorID": definition["CreatorID"],
        "LastModified": date(definition["LastModified"]),
        "LastAccessed": date(definition["LastAccessed"]),
        "LastActivated": date(definition["LastActivated"]),
        "Deleted": None,
    }


def _moment(text: str) -> str | None:
    """An instant of MySQL's in ISO 8601; None for the zero date."""
    if not _DATETIME.fullmatch(text):
        raise Refused(400, "PLACEHOLDER_400", f"Not a date-time: {text}")
    return None if text == ZERO_DATE else f"{text.replace(' ', 'T')}Z"


def _content(definition: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in definition.items() if key not in _NO_CONTENT}


def _new_version(call: Call, survey: Survey, number: int) -> dict[str, Any]:
    made = {
        "metadata": {
            "surveyID": survey.id,
            "versionID": call.state.new_id(""),
            "versionNumber": number,
            "userID": call.state.user_id,
            "creationDate": iso(call.state.now()),
            "published": False,
            "wasPublished": False,
            "publishEvents": [],
        },
        "definition": copied(survey.definition),
    }
    call.state.shelf("survey version").put(survey.id, made["metadata"]["versionID"], record=made)
    return made
