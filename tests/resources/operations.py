"""Every operation that the client has, found by walking from its groups."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from recorder import Recorder

from qualtrics_async.resources._base import Resource
from qualtrics_async.resources._groups import ResourceGroups

COMPOSED = {
    "directories.default": "stands on directories.list",
}
"""Methods that are no operations of the vendor's; `run` is the other one, wherever it is."""


def client_of(recorder: Recorder) -> Any:
    """The groups of a client whose requests a recorder takes."""

    class Client(ResourceGroups):
        send = recorder.send
        download = recorder.download
        wait = recorder.wait

    return Client()


def groups() -> Iterator[tuple[str, type[Resource]]]:
    """Every group with its class, and every group in a group."""
    client = client_of(Recorder())
    for name, value in vars(ResourceGroups).items():
        if isinstance(value, cached_property):
            yield from _with_inner(name, getattr(client, name))


def _with_inner(name: str, group: Resource) -> Iterator[tuple[str, type[Resource]]]:
    kind = type(group)
    yield name, kind
    for inner, value in vars(kind).items():
        if isinstance(value, property):
            yield from _with_inner(f"{name}.{inner}", getattr(group, inner))


def methods() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public method of every group, with the name under which a client has it."""
    for group, kind in groups():
        for name in dir(kind):
            method = getattr(kind, name)
            if not name.startswith("_") and inspect.isfunction(method):
                yield f"{group}.{name}", method


METHODS = dict(methods())
OPERATIONS = {
    name: method for name, method in METHODS.items() if name not in COMPOSED and not name.endswith(".run")
}
