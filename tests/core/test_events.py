"""Events, hooks and the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from qualtrics_async import AttemptEnded, BackingOff, Event, Noticed, Paused
from qualtrics_async._core.events import emit, scrub

EVENTS: list[tuple[Event, int]] = [
    (AttemptEnded("GET", "/whoami", 1, 200, 0.1, "r1", None), logging.DEBUG),
    (AttemptEnded("GET", "/whoami", 2, 503, 0.1, "r1", "ServerFault"), logging.INFO),
    (AttemptEnded("GET", "/whoami", 2, None, 0.1, None, "TimedOut"), logging.INFO),
    (BackingOff("GET", "/whoami", 1, 0.5, "ServerFault"), logging.INFO),
    (Paused("route", "GET", "/whoami", 2.0), logging.WARNING),
    (Paused("brand", "GET", "/whoami", 2.0), logging.WARNING),
    (Noticed("GET", "/whoami", "use fra1"), logging.WARNING),
]


@pytest.mark.parametrize(("event", "level"), EVENTS, ids=lambda value: type(value).__name__)
def test_each_event_is_one_log_record_and_one_call(
    event: Event, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has a level for each, and every hook gets the record itself."""
    seen: list[Event] = []
    with caplog.at_level(logging.DEBUG, "qualtrics_async"):
        emit([seen.append, seen.append], event)
    assert seen == [event, event]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("qualtrics_async", level)
    assert "/whoami" in record.getMessage()


def test_a_hook_that_raises_is_logged_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    """One bad hook costs neither the request nor the other hooks."""
    seen: list[Event] = []

    def bad(event: Event) -> None:
        raise RuntimeError("in the hook")

    emit([bad, seen.append], EVENTS[0][0])
    assert seen == [EVENTS[0][0]]
    assert "a hook failed on AttemptEnded" in caplog.text


def test_a_hook_may_end_the_program() -> None:
    """What is no `Exception` is not swallowed."""

    def quits(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emit([quits], EVENTS[0][0])


def test_events_are_frozen() -> None:
    """A hook cannot change what the next one sees."""
    with pytest.raises(AttributeError):
        EVENTS[0][0].method = "POST"  # type: ignore[misc]  # frozen: the point


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("plain text, no secrets: 5 @ 3", "plain text, no secrets: 5 @ 3"),
        ("to jane.doe+x@example.co.uk!", "to <e-mail>"),
        ("<jane@example.com>, (joe@example.com)", "<<e-mail>>, (<e-mail>)"),
        ("j\u00fcrgen@m\u00fcller.example", "<e-mail>"),
        ("see https://fra1.qualtrics.com/jfe/form/SV_1?Q_DL=x_y_z now", "see <link> now"),
        ("HTTP://EXAMPLE.COM", "<link>"),
        (r"https:\/\/fra1.qualtrics.com\/jfe\/form", "<link>"),
        (r"jane\u0040example.com", "<e-mail>"),
        ("jane%40example.com", "<e-mail>"),
        ("token s3cr3t and s3cr3t again", "token <secret> and <secret> again"),
    ],
)
def test_private_things_are_masked(text: str, masked: str) -> None:
    """Addresses, links and secrets, in plain text and as JSON and URLs escape them."""
    assert scrub(text, ("s3cr3t", "")) == masked


def test_masking_is_stable() -> None:
    """Masking what is masked changes nothing."""
    text: Any = scrub("jane@example.com https://x.example s3", ("s3",))
    assert scrub(text, ("s3",)) == text
