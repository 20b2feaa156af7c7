"""What can go wrong, as a tree.

```text
QualtricsError
  ConfigError             before any request: no token, a data centre that cannot be meant
  UsageError              an argument that cannot be meant; also a ValueError
  TransportError          no usable response: .method .template .attempts
    ConnectFailed           nothing was sent: safe to repeat
    TimedOut                a request that is safe to repeat took too long
    OutcomeUnknown          a write whose fate is unknown, whatever the cause: .status .request_id
  DecodeError             a body that is not what the operation promises: .path .excerpt .request_id
  ApiError                .status .error_code .message .request_id .method .template .attempts
    InvalidRequest          400 411 413 414 415 422
    Unauthorized            401, and 400 with the code ATP_2
    Forbidden               403
    NotFound                404
    Conflict                409
    RateLimited             429: .retry_after
    ServerFault             5xx
    UnexpectedStatus        3xx, an error inside a 200, and the rest
  JobFailed               a job of the server's ended badly: .job_id .status .detail
  CursorRefused           a nextPage that leads to a host without trust, or in a circle
  JournalError            a journal that cannot be used: .reason
  DeliveryError           a webhook delivery that is refused: .status, with which a receiver answers it
    DeliveryTooLarge        413
    DeliveryTypeRefused     415: no form, and no list of keys and values
    DeliveryMalformed       400: it cannot be read, or lacks fields
    DeliveryExpired         400: older than `max_age`
    DeliveryEncrypted       400: nothing here can decrypt it
    SignatureMismatch       401: not signed, or not with this key
    TopicMismatch           401: a topic that its message contradicts
```

A class exists only where a caller would act differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ApiError",
    "ConfigError",
    "Conflict",
    "ConnectFailed",
    "CursorRefused",
    "DecodeError",
    "DeliveryEncrypted",
    "DeliveryError",
    "DeliveryExpired",
    "DeliveryMalformed",
    "DeliveryTooLarge",
    "DeliveryTypeRefused",
    "Forbidden",
    "InvalidRequest",
    "JobFailed",
    "JournalError",
    "NotFound",
    "OutcomeUnknown",
    "QualtricsError",
    "RateLimited",
    "ServerFault",
    "SignatureMismatch",
    "TimedOut",
    "TopicMismatch",
    "TransportError",
    "Unauthorized",
    "UnexpectedStatus",
    "UsageError",
    "api_error_class",
]


def _restore(cls: type[QualtricsError], args: tuple[Any, ...], state: dict[str, Any]) -> QualtricsError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class QualtricsError(Exception):
    """The root of everything that this package raises on purpose.

    `cursor` is set when a page of a listing failed: give it to `Paged.resume()` to go on from there.
    """

    cursor: str | None = None

    def __reduce__(self) -> tuple[Callable[..., QualtricsError], tuple[Any, ...]]:
        """Pickle with all attributes, so that an error survives the way between processes."""
        return _restore, (type(self), self.args, self.__dict__.copy())


class ConfigError(QualtricsError):
    """The client cannot be made from these settings; raised before any request."""


class UsageError(QualtricsError, ValueError):
    """An argument that cannot be meant, refused before any I/O."""


class TransportError(QualtricsError):
    """No usable response came back.

    `method` and `template` name the operation, `attempts` counts what was tried.
    """

    def __init__(self, message: str, *, method: str = "", template: str = "", attempts: int = 0) -> None:
        super().__init__(message)
        self.method = method
        self.template = template
        self.attempts = attempts


class ConnectFailed(TransportError):
    """Nothing was sent. `permanent` is true where a repeat cannot help (a certificate, a bad name)."""

    permanent: bool = False


class TimedOut(TransportError):
    """A request that is safe to repeat found no answer in time."""


class OutcomeUnknown(TransportError):
    """A write left and nobody knows whether it was carried out; it is never sent again silently.

    `status` and `request_id` are those of the answer, if one came; `__cause__` is what happened.
    """

    status: int | None = None
    request_id: str | None = None


class DecodeError(QualtricsError):
    """A body that is not what the operation promises.

    `path` is the JSON path of the offending value (`$` the whole body), `excerpt` the beginning of the
    body with e-mail addresses and links masked, `status` the HTTP status it came with. `transient` is true
    for a body that broke on the way (truncated, a page of the edge's), false for one of another shape.
    """

    transient: bool = False

    def __init__(
        self,
        message: str,
        *,
        path: str = "$",
        excerpt: str = "",
        status: int = 0,
        request_id: str | None = None,
        method: str = "",
        template: str = "",
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.excerpt = excerpt
        self.status = status
        self.request_id = request_id
        self.method = method
        self.template = template
        self.attempts = attempts


class ApiError(QualtricsError):
    """The service answered with an error.

    `error_code` is an open set of strings (`"RP_9"`, `"AuthZ_2.0"`) and may be missing; `request_id` is
    what Qualtrics support asks for; `excerpt` is the beginning of a body that was no envelope.
    """

    statuses: ClassVar[tuple[int, ...]] = ()

    def __init__(
        self,
        description: str,
        *,
        status: int,
        error_code: str | None = None,
        message: str = "",
        request_id: str | None = None,
        method: str = "",
        template: str = "",
        attempts: int = 0,
        excerpt: str = "",
    ) -> None:
        super().__init__(description)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.request_id = request_id
        self.method = method
        self.template = template
        self.attempts = attempts
        self.excerpt = excerpt


class InvalidRequest(ApiError):
    """The service refused the request as it stands; repeating it changes nothing."""

    statuses = (400, 411, 413, 414, 415, 422)


class Unauthorized(ApiError):
    """No credential, or one that this data centre does not know."""

    statuses = (401,)


class Forbidden(ApiError):
    """The account may not do this: a permission, an OAuth scope or an API licence is missing."""

    statuses = (403,)


class NotFound(ApiError):
    """No such object, or no such route."""

    statuses = (404,)


class Conflict(ApiError):
    """The request conflicts with the present state."""

    statuses = (409,)


class RateLimited(ApiError):
    """Refused for the rate limit until the budget of repeats was spent; `retry_after` in seconds."""

    statuses = (429,)
    retry_after: float | None = None


class ServerFault(ApiError):
    """The service failed (5xx) on a request that is safe to repeat."""


class UnexpectedStatus(ApiError):
    """A redirect, an error inside a 200, or a status that no source documents."""


_BY_STATUS: dict[int, type[ApiError]] = {
    status: cls
    for cls in (InvalidRequest, Unauthorized, Forbidden, NotFound, Conflict, RateLimited)
    for status in cls.statuses
}
_NO_CREDENTIALS = "ATP_2"
_SERVER_FAULTS = range(500, 600)


def api_error_class(status: int, error_code: str | None) -> type[ApiError]:
    """Find the class for an answer; a 400 with `ATP_2` is a missing credential (observed live)."""
    if error_code == _NO_CREDENTIALS:
        return Unauthorized
    if status in _SERVER_FAULTS:
        return ServerFault
    return _BY_STATUS.get(status, UnexpectedStatus)


class JobFailed(QualtricsError):
    """A job of the server's ended badly, or did not end in time.

    `status` is the server's word for it (`"timed out"` when the deadline passed), `detail` what else it said.
    """

    def __init__(self, message: str, *, job_id: str = "", status: str = "", detail: object = None) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.status = status
        self.detail = detail


class CursorRefused(QualtricsError):
    """A next page that leads to a host without trust, in a circle, or nowhere."""


class JournalError(QualtricsError):
    """A journal that cannot be used; `reason` says why, the message also what to do."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class DeliveryError(QualtricsError):
    """A webhook delivery that is refused; nothing of it is processed.

    `status` is the HTTP status with which a receiver answers it. Messages quote names and ids, no values.
    """

    status: ClassVar[int] = 400


class DeliveryTooLarge(DeliveryError):
    """A delivery of more bytes than are taken."""

    status = 413


class DeliveryTypeRefused(DeliveryError):
    """A delivery of another content type, or compressed."""

    status = 415


class DeliveryMalformed(DeliveryError):
    """A delivery that cannot be read, or lacks fields."""


class DeliveryExpired(DeliveryError):
    """A delivery of an event that is older than was asked for."""


class DeliveryEncrypted(DeliveryError):
    """A delivery that is encrypted; how is not documented, so only the caller can decrypt it."""


class SignatureMismatch(DeliveryError):
    """A delivery that is not signed, or not with this key."""

    status = 401


class TopicMismatch(DeliveryError):
    """A delivery whose topic, which no signature covers, names something else than its message."""

    status = 401
