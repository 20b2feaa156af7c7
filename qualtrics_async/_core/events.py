"""What the engine tells about its work: frozen records, the hook protocol, the logging adapter."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

__all__ = ["AttemptEnded", "BackingOff", "Call", "Event", "Hook", "Noticed", "Paused", "emit", "scrub"]

logger: Final = logging.getLogger("qualtrics_async")

_MASKED_SECRET = "<secret>"  # noqa: S105  (what stands in a secret's place)
_AT = r"(?:@|\\u0040|%40)"
_BEGIN = r"(?<![^\s@<>\"'(),;:])"  # so that a long word is tried once, not from each of its letters
_EMAIL = re.compile(rf"{_BEGIN}(?:(?!{_AT})[^\s<>\"'(),;:])++{_AT}[^\s@<>\"'(),;:]+", re.IGNORECASE)
_LINK = re.compile(r"https?:(?:\\?/){2}(?:\\/|[^\s\"'<>\\])+", re.IGNORECASE)  # PHP writes `\/` in JSON


class AttemptEnded(Struct, frozen=True):
    """One attempt of one request is over.

    `attempt` starts at 1; `status` is None when no answer came; `seconds` counts from the moment the
    request was let through (waiting for quota is not in it); `error` names the class of what went wrong.
    """

    method: str
    template: str
    attempt: int
    status: int | None
    seconds: float
    request_id: str | None
    error: str | None


class BackingOff(Struct, frozen=True):
    """The engine will repeat a request in `seconds`, because of `error`."""

    method: str
    template: str
    attempt: int
    seconds: float
    error: str


class Paused(Struct, frozen=True):
    """The service refused for its rate limit; nothing leaves for `seconds` on this route, or in the brand."""

    scope: Literal["route", "brand"]
    method: str
    template: str
    seconds: float


class Noticed(Struct, frozen=True):
    """The service added a notice to its answer: the wrong data centre, named with the right host."""

    method: str
    template: str
    notice: str


Event: TypeAlias = AttemptEnded | BackingOff | Paused | Noticed

Hook: TypeAlias = Callable[[Event], None]
"""Called with each event, on the event loop, once per attempt inside of the retry loop; it must not block.

What it raises is logged and goes no further.
"""


class Call(Struct, frozen=True):
    """What came back besides the result of one call: the records of `client.trace()`.

    `status`, `request_id`, `headers` and `notice` are those of the last answer, `attempts` counts all of
    them, `seconds` is the time of the whole call, waiting included; `error` is the exception it ended with.
    """

    method: str
    template: str
    status: int | None
    request_id: str | None
    headers: Mapping[str, str]
    attempts: int
    seconds: float
    notice: str | None
    error: BaseException | None


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Mask secrets, links and e-mail addresses in a text that goes into a message or a log."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, _MASKED_SECRET)
    return _EMAIL.sub("<e-mail>", _LINK.sub("<link>", text))


def emit(hooks: Iterable[Hook], event: Event) -> None:
    """Hand an event to the log and to every hook."""
    _log(event)
    for hook in hooks:
        try:
            hook(event)
        except Exception:
            logger.exception("a hook failed on %s", type(event).__name__)


def _log(event: Event) -> None:
    match event:
        case AttemptEnded() if event.error is None:
            logger.debug(
                "%s %s: %s in %.3f s (attempt %d, request id %s)",
                event.method,
                event.template,
                event.status,
                event.seconds,
                event.attempt,
                event.request_id,
            )
        case AttemptEnded():
            logger.info(
                "%s %s: %s, status %s, in %.3f s (attempt %d, request id %s)",
                event.method,
                event.template,
                event.error,
                event.status,
                event.seconds,
                event.attempt,
                event.request_id,
            )
        case BackingOff():
            logger.info(
                "%s %s: again in %.2f s after %s", event.method, event.template, event.seconds, event.error
            )
        case Paused():
            logger.warning(
                "%s %s: rate limit reached, %s paused for %.2f s",
                event.method,
                event.template,
                event.scope,
                event.seconds,
            )
        case Noticed():
            logger.warning("%s %s: %s", event.method, event.template, event.notice)
