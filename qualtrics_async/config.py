"""Frozen settings: data centre, credentials, limits, retries, time limits; from arguments or environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from qualtrics_async._core.events import Hook
from qualtrics_async._core.limits import Limits
from qualtrics_async._core.retry import RetryPolicy
from qualtrics_async.errors import ConfigError

__all__ = ["ENVIRONMENT", "Settings", "Timeouts", "api_root", "check_scopes", "check_secret"]

ENVIRONMENT: Final = {
    "token": "QUALTRICS_API_TOKEN",
    "datacenter": "QUALTRICS_DATACENTER",
    "base_url": "QUALTRICS_BASE_URL",
    "client_id": "QUALTRICS_CLIENT_ID",
    "client_secret": "QUALTRICS_CLIENT_SECRET",
}
"""The environment variables that `Qualtrics.from_env()` and the command line read."""

_DOMAIN: Final = "qualtrics.com"
_API: Final = "/API/v3"
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_WHERE: Final = (
    "Qualtrics shows yours under Account Settings, Qualtrics IDs: the first part of the address, as in fra1"
)


class Timeouts(Struct, frozen=True):
    """Time limits in seconds.

    `attempt` bounds one attempt from the moment it may leave (waiting for quota is not in it), `grace` how
    long a write that has left may still be confirmed when its task is cancelled.
    """

    attempt: float = 30.0
    grace: float = 5.0

    def __post_init__(self) -> None:
        if not self.attempt > 0 or not self.grace >= 0:
            raise ConfigError(f"time limits are positive numbers of seconds: {self}")


class Settings(Struct, frozen=True):
    """All that a client needs to know besides who is calling; `max_body` bounds a decoded answer in bytes."""

    root: str
    brand: str | None = None
    limits: Limits = field(default_factory=Limits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    hooks: tuple[Hook, ...] = ()
    max_body: int = 64 * 1024 * 1024

    def unlimited(self, brand: str | None = None) -> Settings:
        """Derive the settings of calls that count for no limit of the brand's."""
        return replace(self, brand=brand, limits=Limits.unlimited())


def api_root(datacenter: str | None, base_url: str | None) -> str:
    """Find the API root, `https://fra1.qualtrics.com/API/v3`, in whatever was given.

    A data centre may be its id or any host or URL under qualtrics.com that a user pastes. A `base_url`
    outside of qualtrics.com (a sandbox, a gateway) is used verbatim, nothing appended.

    Raises:
        ConfigError: when neither or both are given, or when it cannot be meant.
    """
    if datacenter is not None and base_url is not None:
        raise ConfigError("give either datacenter or base_url: each names the host")
    if base_url is not None:
        return _from_url(_text(base_url, "base_url"), "base_url")
    if datacenter is None:
        raise ConfigError(f"no data centre. {_WHERE}; or set {ENVIRONMENT['datacenter']}")
    name = _text(datacenter, "datacenter")
    if "." in name or "/" in name:
        return _from_url(name if "://" in name else f"https://{name}", "datacenter")
    if not _LABEL.fullmatch(name):
        raise ConfigError(f"{name!r:.80} is no data centre. {_WHERE}")
    return f"https://{name.lower()}.{_DOMAIN}{_API}"


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} is empty. {_WHERE}")
    return value.strip()


def _from_url(url: str, name: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise ConfigError(f"{name} is no URL: {url!r:.80}") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{name} must be the URL of an API root over http or https, got {url!r:.80}")
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"{name} must not hold a user or password")
    if host == _DOMAIN or host.endswith(f".{_DOMAIN}"):
        labels = host.removesuffix(_DOMAIN).removesuffix(".").split(".")
        if not all(map(_LABEL.fullmatch, labels)) or labels[-1] in {"www", "api", "support", "login"}:
            raise ConfigError(f"{host!r:.80} is no data centre's host. {_WHERE}")
        if port not in {None, 443}:
            raise ConfigError(f"{name}: qualtrics.com answers on port 443, got {port}")
        return f"https://{host}{_API}"
    if name == "datacenter":
        raise ConfigError(f"{host!r:.80} is not under {_DOMAIN}; give another API root as base_url")
    if parts.query or parts.fragment:
        raise ConfigError(f"base_url must not have a query or fragment: {url!r:.80}")
    if "://" not in url:
        raise ConfigError(f"base_url outside of {_DOMAIN} must be a whole URL, got {url!r:.80}")
    if not _VISIBLE.fullmatch(url):
        raise ConfigError(f"base_url holds blanks or characters that no URL has: {url!r:.80}")
    return url.rstrip("/")


def check_secret(value: object, name: str) -> str:
    """Return a token or secret as it is, or say what is wrong with it without showing it.

    Raises:
        ConfigError: when it is empty, holds white space or anything but visible ASCII.
    """
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} is empty; set {ENVIRONMENT.get(name, name)} or pass {name}=")
    if any(character.isspace() for character in value):
        raise ConfigError(f"{name} holds white space: it was probably copied with a line end or a blank")
    if not value.isascii() or not value.isprintable():
        raise ConfigError(f"{name} holds characters that no {name.replace('_', ' ')} has")
    return value


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return OAuth scopes as a tuple (`"read:surveys"`, ...).

    Raises:
        ConfigError: for a scope with white space, and for one text in place of several.
    """
    if isinstance(scopes, str):
        raise ConfigError('scopes takes several texts: ["read:surveys", "write:distributions"]')
    chosen = tuple(scopes)
    for scope in chosen:
        if not _SCOPE.fullmatch(str(scope)):
            raise ConfigError(f"{scope!r:.80} is no OAuth scope")
    return chosen
