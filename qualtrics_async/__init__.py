"""An asyncio-native client for the Qualtrics v3 REST API with bulk helpers."""

from qualtrics_async._core.downloads import Download
from qualtrics_async._core.events import AttemptEnded, BackingOff, Call, Event, Hook, Noticed, Paused
from qualtrics_async._core.jobs import Polling
from qualtrics_async._core.limits import Limits
from qualtrics_async._core.paging import Page, Paged, concurrent
from qualtrics_async._core.pool import SessionPool
from qualtrics_async._core.retry import RetryPolicy
from qualtrics_async._core.throttle import Quota, RateState
from qualtrics_async._core.uploads import FilePart, Source
from qualtrics_async.bulk.outcome import Failed, InDoubt, Ok, Outcome, Summary
from qualtrics_async.client import Qualtrics
from qualtrics_async.config import Timeouts
from qualtrics_async.errors import (
    ApiError,
    ConfigError,
    Conflict,
    ConnectFailed,
    CursorRefused,
    DecodeError,
    Forbidden,
    InvalidRequest,
    JobFailed,
    JournalError,
    NotFound,
    OutcomeUnknown,
    QualtricsError,
    RateLimited,
    ServerFault,
    TimedOut,
    TransportError,
    Unauthorized,
    UnexpectedStatus,
    UsageError,
)

__all__ = [
    "ApiError",
    "AttemptEnded",
    "BackingOff",
    "Call",
    "ConfigError",
    "Conflict",
    "ConnectFailed",
    "CursorRefused",
    "DecodeError",
    "Download",
    "Event",
    "Failed",
    "FilePart",
    "Forbidden",
    "Hook",
    "InDoubt",
    "InvalidRequest",
    "JobFailed",
    "JournalError",
    "Limits",
    "NotFound",
    "Noticed",
    "Ok",
    "Outcome",
    "OutcomeUnknown",
    "Page",
    "Paged",
    "Paused",
    "Polling",
    "Qualtrics",
    "QualtricsError",
    "Quota",
    "RateLimited",
    "RateState",
    "RetryPolicy",
    "ServerFault",
    "SessionPool",
    "Source",
    "Summary",
    "TimedOut",
    "Timeouts",
    "TransportError",
    "Unauthorized",
    "UnexpectedStatus",
    "UsageError",
    "concurrent",
]
