"""The settings of the command line: environment variables, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from qualtrics_async.config import ENVIRONMENT, api_root
from qualtrics_async.errors import ConfigError

if TYPE_CHECKING:
    from qualtrics_async import Qualtrics

__all__ = ["connect", "service"]


def connect() -> Qualtrics:
    """Make the client that the environment describes.

    Raises:
        ConfigError: when something is missing, contradicts itself or cannot be meant.
    """
    from qualtrics_async import Qualtrics

    _check()
    return Qualtrics.from_env()


def service() -> str:
    """Name the service that the environment leads to.

    Raises:
        ConfigError: when it names none, or two.
    """
    _check()
    found = [os.environ.get(ENVIRONMENT[name]) or None for name in ("datacenter", "base_url")]
    return api_root(*found)


def _check() -> None:
    given = {name: variable for name, variable in ENVIRONMENT.items() if os.environ.get(variable)}
    for one, others, what in (
        ("datacenter", ("base_url",), "the host"),
        ("token", ("client_id", "client_secret"), "who is calling"),
    ):
        against = [given[name] for name in others if name in given]
        if one in given and against:
            names = " and ".join([given[one], *against])
            raise ConfigError(f"{names} are set, and each says {what}: unset one or the other")
