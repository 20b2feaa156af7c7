"""Event subscriptions, with the call that deletes all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qualtrics_async.sandbox.records import Subscription
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from qualtrics_async.sandbox.publishing import Asked
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()


@routes("POST", "/eventsubscriptions", "observed", per_minute=120)
def create_subscription(call: Call) -> Body | Awaitable[Body]:
    """Observed: `result.id`. Duplicates are allowed. The URL is asked by GET, see `Deliveries`: assumed."""
    body = call.json()
    check_keys(body, ("topics", "publicationUrl", "encrypt", "sharedKey"), ("topics", "publicationUrl"))
    check_texts(body, ("topics", "publicationUrl", "sharedKey"))
    state = call.state
    made = Subscription(
        state.new_id("SUB_"),
        body["topics"],
        body["publicationUrl"],
        encrypted=bool(body.get("encrypt", False)),
        shared_key=body.get("sharedKey"),
    )
    asked = None if state.publisher is None else state.publisher.ask(made)
    if asked is not None and call.settings.deliveries.require_get:
        return _keep_if_answered(call, made, asked)
    return _keep(call, made)


@routes("GET", "/eventsubscriptions", "observed", per_minute=120)
def list_subscriptions(call: Call) -> Body:
    """Observed; pages by offset are documented."""
    render = lambda made: _element(made, call.state.brand_id)  # noqa: E731
    return call.page(list(call.state.subscriptions.values()), render, cursor="offset")


@routes("GET", "/eventsubscriptions/{subscriptionId}", "observed", per_minute=120)
def get_subscription(call: Call) -> Body:
    """Observed."""
    return result(_element(_find(call), call.state.brand_id))


@routes("DELETE", "/eventsubscriptions/{subscriptionId}", "observed", per_minute=120)
def delete_subscription(call: Call) -> Body:
    """Observed: answers meta only."""
    call.state.unsubscribe([_find(call).id])
    return {}


@routes("DELETE", "/eventsubscriptions", "observed")
def delete_all_subscriptions(call: Call) -> Body:
    """Observed: deletes every subscription of the brand. Logged in `state.deleted_all_subscriptions`."""
    call.state.deleted_all_subscriptions.append(tuple(call.state.subscriptions))
    call.state.unsubscribe(tuple(call.state.subscriptions))
    return {}


def _keep(call: Call, made: Subscription) -> Body:
    call.state.subscriptions[made.id] = made
    return result({"id": made.id})


async def _keep_if_answered(call: Call, made: Subscription, asked: Asked) -> Body:
    if asked.under_way is not None:
        await asyncio.wait([asked.under_way])
    if not asked.record.is_taken:
        raise Refused(400, "PLACEHOLDER_400", "The publicationUrl does not answer a GET.")
    with call.state.serving():
        return _keep(call, made)


def _find(call: Call) -> Subscription:
    made = call.state.subscriptions.get(call.ids[0])
    if made is None:
        raise Refused(404, "ESSG_2", "No such subscription.", request_id=None)
    return made


def _element(made: Subscription, scope: str) -> Body:
    return {
        "id": made.id,
        "scope": scope,
        "topics": made.topics,
        "publicationUrl": made.publication_url,
        "encrypted": made.encrypted,
        "successfulCalls": made.successful_calls,
    }
