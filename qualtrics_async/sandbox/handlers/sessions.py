"""Survey sessions: a respondent who goes through a survey page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers.responses import labels_of
from qualtrics_async.sandbox.handlers.surveys import find_survey
from qualtrics_async.sandbox.legacy_survey import pages, questions
from qualtrics_async.sandbox.response_fields import SEVERAL
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.state import iso, iso_fraction
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, nested, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.records import Response, Survey
    from qualtrics_async.sandbox.state import State
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_SESSIONS = "/surveys/{surveyId}/sessions"
_TYPES = {"MC": "mc", "TE": "te"}
"""The kinds of questions that sessions know (documented; NPS is a kind of MC) and their names (assumed)."""


@routes("POST", _SESSIONS, "documented")
def start_session(call: Call) -> Body:
    """Documented: an id, the embedded data and the questions of the first page. The refusals are assumed."""
    survey, body = find_survey(call), call.json()
    check_keys(body, ("language", "embeddedData", "recipientId", "distributionId"))
    check_texts(body, ("language", "recipientId", "distributionId"))
    data = nested(body, "embeddedData")
    if not survey.active:
        raise Refused(400, "PLACEHOLDER_400", "The survey is not active.")
    if any(_kind(question) is None for question in questions(survey.definition).values()):
        raise Refused(400, "PLACEHOLDER_400", "The survey has questions that sessions do not know.")
    session_id = call.state.new_id("FS_")
    session = {
        "sessionId": session_id,
        "language": body.get("language", "EN"),
        "embeddedData": dict(data),
        "recipientId": body.get("recipientId"),
        "distributionId": body.get("distributionId"),
        "answers": {},
        "page": 0,
        "started": call.state.now(),
    }
    call.state.shelf("session").put(survey.id, session_id, record=session)
    if call.state.has_recipient(session["distributionId"], session["recipientId"]):
        ids = session["recipientId"], session["distributionId"]
        call.state.tell_session(survey.id, *ids, session["started"])
    return result(_page(survey, session))


@routes("GET", _SESSIONS + "/{sessionId}", "assumed")
def get_session(call: Call) -> Body:
    """Assumed: as it was started, with the questions of the present page."""
    return result(_page(find_survey(call), _find(call)))


@routes("POST", _SESSIONS + "/{sessionId}", "documented")
def update_session(call: Call) -> Body:
    """Documented, but for what comes back: here the next page, and nothing once the response is recorded.

    That the last page ends the session, and that its end takes it away, is assumed.
    """
    survey, session, body = find_survey(call), _find(call), call.json()
    check_keys(body, ("advance", "embeddedData", "responses", "close"))
    if "advance" in body and "close" in body:
        raise Refused(400, "PLACEHOLDER_400", "advance and close exclude each other.")
    if any(not isinstance(body.get(key, False), bool) for key in ("advance", "close")):
        raise Refused(400, "PLACEHOLDER_400", "advance and close must be booleans.")
    answers: Body = {}
    for qid, answer in nested(body, "responses").items():
        answers |= _answer(survey, qid, answer)
    session["embeddedData"] |= nested(body, "embeddedData")
    session["answers"] |= answers
    session["page"] += bool(body.get("advance"))
    count = len(pages(survey.definition))
    if session["page"] < count and not body.get("close"):
        return result(_page(survey, session))
    _record(call, survey, session, whole=session["page"] >= count - 1)
    return result({})


@routes("DELETE", _SESSIONS + "/{sessionId}", "documented")
def delete_session(call: Call) -> Body:
    """Documented: nothing is recorded. Answers meta only (assumed)."""
    find_survey(call)
    call.state.shelf("session").remove(*call.ids)
    return {}


def _find(call: Call) -> Body:
    return call.state.shelf("session").find(*call.ids)


def _kind(question: Body) -> str | None:
    kind = question.get("QuestionType")
    return _TYPES.get(kind) if isinstance(kind, str) else None


def _page(survey: Survey, session: Body) -> Body:
    known, found = questions(survey.definition), pages(survey.definition)
    present = found[session["page"]] if session["page"] < len(found) else []
    return {
        "sessionId": session["sessionId"],
        "embeddedData": session["embeddedData"],
        "questions": [_question(qid, known[qid]) for qid in present],
    }


def _question(qid: str, question: Body) -> Body:
    choices = question.get("Choices")
    return {
        "questionId": qid,
        "type": _kind(question),
        "display": question.get("QuestionText"),
        "choices": [
            {"choiceId": key, "display": choice.get("Display")}
            for key, choice in (choices if isinstance(choices, dict) else {}).items()
            if isinstance(choice, dict)
        ],
        "options": {"columnLabels": [], "multiSelect": _multiple(question)},
    }


def _multiple(question: Body) -> bool:
    return str(question.get("Selector")).startswith(SEVERAL)


def _answer(survey: Survey, qid: str, answer: Any) -> Body:
    """The values of a response that an answer makes: a text, or choices that are selected."""
    question = questions(survey.definition).get(qid)
    if question is None:
        raise Refused(400, "PLACEHOLDER_400", f"No such question: {qid}")
    if isinstance(answer, str):
        return {f"{qid}_TEXT": answer}
    if not isinstance(answer, dict) or not all(isinstance(choice, dict) for choice in answer.values()):
        raise Refused(400, "PLACEHOLDER_400", "An answer is a text, or an object by choice.")
    known = question.get("Choices")
    for key, choice in answer.items():
        if not isinstance(known, dict) or key not in known:
            raise Refused(400, "PLACEHOLDER_400", f"No such choice of {qid}: {key}")
        check_keys(choice, ("selected", "text"))
        check_texts(choice, ("text",))
    selected = [key for key, choice in answer.items() if choice.get("selected") is True]
    values: Body = {f"{qid}_{key}_TEXT": choice["text"] for key, choice in answer.items() if "text" in choice}
    if _multiple(question):
        values[qid] = selected
    elif len(selected) > 1:
        raise Refused(400, "PLACEHOLDER_400", f"{qid} takes one choice.")
    elif selected:
        key = selected[0]
        values[qid] = int(key) if key.isdecimal() else key
    return values


def _record(call: Call, survey: Survey, session: Body, *, whole: bool) -> None:
    """Turn a session into a response; one that is closed early is not finished (assumed)."""
    state, now = call.state, call.state.now()
    seen, count = session["page"] + 1, len(pages(survey.definition))
    values = session["embeddedData"] | session["answers"]
    values |= {
        "startDate": iso(session["started"]),
        "endDate": iso(now),
        "recordedDate": iso_fraction(now),
        "duration": (now - session["started"]) // 1000,
        "status": 0,
        "finished": int(whole),
        "progress": 100 if whole else seen * 100 // count,
        "userLanguage": session["language"],
    }
    link: Body = {}
    if state.has_recipient(session["distributionId"], session["recipientId"]):
        link = {"recipient_id": session["recipientId"], "distribution_id": session["distributionId"]}
    made = state.add_response(survey.id, values, labels=labels_of(survey, values), **link)
    _tell_distributions(state, session, made)
    state.shelf("session").remove(*call.ids)


def _tell_distributions(state: State, session: Body, response: Response) -> None:
    """Note who answered, in the distribution and in those that it follows up. Assumed."""
    lookup_id, made = session["recipientId"], state.distributions.get(session["distributionId"])
    while made is not None:
        if any(member.lookup_id == lookup_id for member in made.members):
            made.answers[lookup_id] = response
        made = state.distributions.get(made.parent_id or "")
