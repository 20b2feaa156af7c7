"""Distributions by SMS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._text_messages import create, find_for_survey, of_survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_SMS = "SMS distribution"
_NO_MESSAGE = dict.fromkeys(("libraryId", "messageId", "messageType"))


@routes("GET", "/distributions/sms", "documented", per_minute=1000)
def list_sms_distributions(call: Call) -> Body:
    """Documented."""
    return call.page(of_survey(call, _SMS), _element)


@routes("POST", "/distributions/sms", "documented", per_minute=1000)
def create_sms_distribution(call: Call) -> Body:
    """Documented; reminders and thank-yous name their parent in place of recipients (used by clients)."""
    return result({"id": create(call, _SMS, "SMSD_", follow_ups=True)})


@routes("GET", "/distributions/sms/{smsDistributionId}", "documented", per_minute=1000)
def get_sms_distribution(call: Call) -> Body:
    """Documented; that the text is told here and not in the list is assumed, as of e-mails."""
    made = find_for_survey(call, _SMS)
    return result(_element(made) | {"message": _message(made) | made["message"]})


@routes("DELETE", "/distributions/sms/{smsDistributionId}", "documented", per_minute=1000)
def delete_sms_distribution(call: Call) -> Body:
    """Documented: needs the survey, answers meta only."""
    call.state.shelf(_SMS).remove(find_for_survey(call, _SMS)["id"])
    return {}


def _element(made: dict[str, Any]) -> Body:
    return made | {"message": _message(made)}


def _message(made: dict[str, Any]) -> Body:
    message = made["message"]
    if not message:
        return dict(_NO_MESSAGE)
    kind = "Inline" if "messageText" in message else "Library"
    told = {key: value for key, value in message.items() if key != "messageText"}
    return _NO_MESSAGE | told | {"messageType": kind}
