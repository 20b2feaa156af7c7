"""Quotas and quota groups of survey definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._definitions import changed
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Survey
    from qualtrics_async.sandbox.shelves import Shelf
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_QUOTAS = "/survey-definitions/{surveyId}/quotas"
_GROUPS = "/survey-definitions/{surveyId}/quotagroups"
_QUOTA_REQUIRED = ("Name", "Occurrences", "Logic", "QuotaAction", "QuotaRealm")
_QUOTA_KEYS = (
    *_QUOTA_REQUIRED,
    *("ID", "Count", "CountForUndo", "LogicType", "OverQuotaAction", "QuotaSchedule", "EndSurveyOptions"),
    *("ActionElement", "ActionInfo", "ActionLogic", "WebServiceOptions", "CrossLogicDef"),
    "PerformActionOnUser",
)
_GROUP_KEYS = ("ID", "Id", "MultipleMatch", "Name", "Public", "Quotas", "Selected")


@routes("GET", _QUOTAS, "documented")
def list_quotas(call: Call) -> Body:
    """Documented, its pages too."""
    return call.page(_quotas(call).under(find_survey(call).id), dict)


@routes("POST", _QUOTAS, "documented")
def create_quota(call: Call) -> Body:
    """Documented. That a survey without groups gets one is assumed, from the id that always comes back."""
    survey = find_survey(call)
    body = _quota(call)
    if "quotaGroupId" in call.query:
        group = _groups(call).find(survey.id, call.query["quotaGroupId"])
    else:
        groups = _groups(call).under(survey.id)
        group = groups[0] if groups else _default_group(call, survey)
    made = {"Count": 0} | body | {"ID": call.state.new_id("QO_")}
    _quotas(call).put(survey.id, made["ID"], record=made)
    group["Quotas"].append(made["ID"])
    changed(call, survey)
    return result({"QuotaID": made["ID"], "QuotaGroupID": group["ID"]})


@routes("GET", f"{_QUOTAS}/{{quotaId}}", "documented")
def get_quota(call: Call) -> Body:
    """Documented."""
    return result(_quotas(call).find(find_survey(call).id, call.ids[1]))


@routes("PUT", f"{_QUOTAS}/{{quotaId}}", "documented")
def update_quota(call: Call) -> Body:
    """Documented: answers meta only. That it replaces all but the count is assumed."""
    survey = find_survey(call)
    before = _quotas(call).find(survey.id, call.ids[1])
    body = _quota(call)
    made = {"Count": before["Count"]} | body | {"ID": before["ID"]}
    _quotas(call).put(survey.id, before["ID"], record=made)
    changed(call, survey)
    return {}


@routes("DELETE", f"{_QUOTAS}/{{quotaId}}", "documented")
def delete_quota(call: Call) -> Body:
    """Documented: answers meta only."""
    survey = find_survey(call)
    _quotas(call).remove(survey.id, call.ids[1])
    _leave_groups(call, survey, {call.ids[1]})
    changed(call, survey)
    return {}


@routes("GET", _GROUPS, "documented")
def list_quota_groups(call: Call) -> Body:
    """Documented, its pages too."""
    return call.page(_groups(call).under(find_survey(call).id), dict)


@routes("POST", _GROUPS, "documented")
def create_quota_group(call: Call) -> Body:
    """Documented. That the name is required is assumed, and that a quota is in one group at a time."""
    survey = find_survey(call)
    body = _group(call, survey, ("Name",))
    made: dict[str, Any] = {"MultipleMatch": "PlaceInAll", "Public": False, "Quotas": []} | body
    made["ID"] = call.state.new_id("QG_")
    _leave_groups(call, survey, set(made["Quotas"]))
    _groups(call).put(survey.id, made["ID"], record=made)
    changed(call, survey)
    return result({"QuotaGroupID": made["ID"]})


@routes("GET", f"{_GROUPS}/{{quotaGroupId}}", "documented")
def get_quota_group(call: Call) -> Body:
    """Documented."""
    return result(_groups(call).find(find_survey(call).id, call.ids[1]))


@routes("PUT", f"{_GROUPS}/{{quotaGroupId}}", "documented")
def update_quota_group(call: Call) -> Body:
    """Documented: answers meta only. That keys which are not sent stay is assumed."""
    survey = find_survey(call)
    group = _groups(call).find(survey.id, call.ids[1])
    body = _group(call, survey)
    _leave_groups(call, survey, set(body.get("Quotas", ())))
    group |= body | {"ID": call.ids[1]}
    changed(call, survey)
    return {}


@routes("DELETE", f"{_GROUPS}/{{quotaGroupId}}", "documented")
def delete_quota_group(call: Call) -> Body:
    """Documented: deletes its quotas with it."""
    survey = find_survey(call)
    for quota_id in _groups(call).remove(survey.id, call.ids[1])["Quotas"]:
        _quotas(call).remove(survey.id, quota_id)
    changed(call, survey)
    return {}


def _quotas(call: Call) -> Shelf:
    return call.state.shelf("quota")


def _groups(call: Call) -> Shelf:
    return call.state.shelf("quota group")


def _default_group(call: Call, survey: Survey) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ID": call.state.new_id("QG_"),
        "Name": "Default Quota Group",
        "MultipleMatch": "PlaceInAll",
        "Public": False,
        "Quotas": [],
    }
    _groups(call).put(survey.id, made["ID"], record=made)
    return made


def _leave_groups(call: Call, survey: Survey, quota_ids: set[str]) -> None:
    for group in _groups(call).under(survey.id):
        group["Quotas"] = [quota_id for quota_id in group["Quotas"] if quota_id not in quota_ids]


def _quota(call: Call) -> dict[str, Any]:
    body = call.json()
    check_keys(body, _QUOTA_KEYS, _QUOTA_REQUIRED)
    check_texts(body, ("Name", "QuotaAction", "QuotaRealm", "ID"))
    for key in ("Occurrences", "Count"):
        value = body.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(400, "PLACEHOLDER_400", f"{key} must be a whole number.")
    if not isinstance(body["Logic"], dict | list):
        raise Refused(400, "PLACEHOLDER_400", "Logic must be an object.")
    return body


def _group(call: Call, survey: Survey, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """A group to keep. `Selected` is not kept (documented); that its quotas must exist is assumed."""
    body = call.json()
    check_keys(body, _GROUP_KEYS, required)
    check_texts(body, ("ID", "Id", "Name", "MultipleMatch"))
    quota_ids = body.get("Quotas", [])
    if not isinstance(quota_ids, list) or not all(isinstance(quota_id, str) for quota_id in quota_ids):
        raise Refused(400, "PLACEHOLDER_400", "Quotas must be a list of ids.")
    for quota_id in quota_ids:
        _quotas(call).find(survey.id, quota_id)
    kept = {key: value for key, value in body.items() if key not in ("Id", "Selected")}
    return kept | ({"Quotas": list(dict.fromkeys(quota_ids))} if "Quotas" in body else {})
