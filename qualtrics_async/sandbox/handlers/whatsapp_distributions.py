"""Distributions by WhatsApp: what is sent is assumed to be as for SMS; a client shows what is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.handlers._text_messages import create, find_for_survey, of_survey
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_WHATSAPP = "WhatsApp distribution"
_KEYS = (
    *("id", "name", "surveyId", "ownerId", "organizationId"),
    *("requestStatus", "requestType", "sendDate", "stats"),
)


@routes("GET", "/distributions/whatsapp", "documented", per_minute=1000)
def list_whatsapp_distributions(call: Call) -> Body:
    """Documented."""
    return call.page(of_survey(call, _WHATSAPP), _element)


@routes("POST", "/distributions/whatsapp", "assumed", per_minute=1000)
def create_whatsapp_distribution(call: Call) -> Body:
    """Assumed: as for SMS."""
    return result({"id": create(call, _WHATSAPP, "WAD_", follow_ups=False)})


@routes("GET", "/distributions/whatsapp/{whatsAppDistributionId}", "assumed", per_minute=1000)
def get_whatsapp_distribution(call: Call) -> Body:
    """Assumed: as in the list; needs the survey, as for SMS."""
    return result(_element(find_for_survey(call, _WHATSAPP)))


@routes("DELETE", "/distributions/whatsapp/{whatsAppDistributionId}", "assumed", per_minute=1000)
def delete_whatsapp_distribution(call: Call) -> Body:
    """Assumed: needs the survey, answers meta only."""
    call.state.shelf(_WHATSAPP).remove(find_for_survey(call, _WHATSAPP)["id"])
    return {}


def _element(made: dict[str, Any]) -> Body:
    recipients, message = made["recipients"], made["message"]
    return {key: made[key] for key in _KEYS} | {
        "recipients": {key: recipients[key] for key in ("mailingListId", "contactId")},
        "message": {key: message.get(key) for key in ("libraryId", "messageId")},
    }
