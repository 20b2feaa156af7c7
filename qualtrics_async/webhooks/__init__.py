"""Events of the service as they happen: deliveries parsed and verified, receivers, subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async._lazy import lazy
from qualtrics_async.webhooks import topics as topics

if TYPE_CHECKING:
    from qualtrics_async.webhooks.aiohttp_server import aiohttp_handler
    from qualtrics_async.webhooks.asgi import asgi_app
    from qualtrics_async.webhooks.events import (
        CompletedResponse,
        Event,
        PartialResponse,
        ResponseEvent,
        StartedRecipientSession,
        SurveyActivated,
        SurveyDeactivated,
        SurveyEvent,
        ThreeSixtyEvent,
    )
    from qualtrics_async.webhooks.fetching import EventWithResponse, with_responses
    from qualtrics_async.webhooks.hearing import Events
    from qualtrics_async.webhooks.inbox import Taken
    from qualtrics_async.webhooks.listening import ListenOptions, listen
    from qualtrics_async.webhooks.parsing import parse
    from qualtrics_async.webhooks.receiver import Answer, Counts, Receiver

__all__ = [
    "Answer",
    "CompletedResponse",
    "Counts",
    "Event",
    "EventWithResponse",
    "Events",
    "ListenOptions",
    "PartialResponse",
    "Receiver",
    "ResponseEvent",
    "StartedRecipientSession",
    "SurveyActivated",
    "SurveyDeactivated",
    "SurveyEvent",
    "Taken",
    "ThreeSixtyEvent",
    "aiohttp_handler",
    "asgi_app",
    "listen",
    "parse",
    "with_responses",
]

_FILES = (
    "events",
    "parsing",
    "inbox",
    "receiver",
    "aiohttp_server",
    "asgi",
    "fetching",
    "hearing",
    "listening",
)

if not TYPE_CHECKING:  # a checker that saw it would take any misspelt name for a helper
    __getattr__ = lazy(__name__, __all__, _FILES)


def __dir__() -> list[str]:
    """What is public, the module `topics` as well."""
    return sorted([*__all__, "topics"])
