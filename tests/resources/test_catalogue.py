"""The catalogue and the resources name exactly the same operations."""

from __future__ import annotations

import asyncio
import csv
import inspect
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from recorder import Recorder

from qualtrics_async import Qualtrics, resources
from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import Request
from qualtrics_async.models import ContactCreate, ContactUpdate, HeaderInput, MessageInput
from qualtrics_async.resources._base import Resource

CATALOGUE = Path(__file__).parents[1] / "catalogue.tsv"
PLACEHOLDERS: dict[str, Any] = {
    "contact": ContactCreate(),
    "contacts": [],
    "confirm": True,
    "header": HeaderInput(),
    "message": MessageInput(message_text="Hello"),
    "send_date": "2026-07-01T12:00:00Z",
}
OVERRIDES: dict[str, dict[str, Any]] = {
    "contacts.update": {"contact": ContactUpdate()},
    "distributions.create_links": {"mailing_list_id": "MAILING_LIST"},
    "distributions.create_email": {"mailing_list_id": "MAILING_LIST"},
}
COMPOSED = {"directories.default": "stands on directories.list"}


def rows() -> list[dict[str, str]]:
    """The rows of the catalogue."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def groups() -> Iterator[tuple[str, type[Resource]]]:
    """Every group with its class; `mailing_lists` is the file of `MailingLists`."""
    for module in iter_modules(resources.__path__):
        if not module.name.startswith("_"):
            file = import_module(f"{resources.__name__}.{module.name}")
            yield module.name, getattr(file, module.name.title().replace("_", ""))


def operations() -> Iterator[tuple[str, type[Resource], Callable[..., Any]]]:
    """Every public method of every resource, with the name under which a client has it."""
    for group, kind in groups():
        for name, method in vars(kind).items():
            if not name.startswith("_") and inspect.isfunction(method):
                yield f"{group}.{name}", kind, method


def build(name: str, kind: type[Resource], method: Callable[..., Any]) -> Request[Any]:
    """The request that an operation makes when it is called with placeholders."""
    arguments: dict[str, Any] = {}
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.default is inspect.Parameter.empty:
            arguments[parameter.name] = PLACEHOLDERS.get(parameter.name, parameter.name.upper())
    arguments |= OVERRIDES.get(name, {})
    recorder = Recorder(InterruptedError())

    async def call() -> None:
        made = method(kind(recorder), **arguments)
        await (made.first_page() if isinstance(made, Paged) else made)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            asyncio.run(call())
        except InterruptedError:
            return recorder.request
    raise AssertionError(f"{name} made no request")


def test_resources_and_catalogue_are_the_same_set() -> None:
    """Nothing is missing and nothing is invented: method, path and name of each operation agree."""
    built = {
        (request.route.method, request.route.template, name)
        for name, kind, method in operations()
        if name not in COMPOSED
        for request in [build(name, kind, method)]
    }
    assert built == {(row["method"], row["path"], row["name"]) for row in rows()}


def test_the_catalogue_names_each_operation_once() -> None:
    """No name stands twice."""
    names = [row["name"] for row in rows()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["name"])
def test_flags_agree(row: dict[str, str]) -> None:
    """Idempotent, paginated, whole and deprecated are what the catalogue says."""
    (found,) = [(kind, method) for name, kind, method in operations() if name == row["name"]]
    request = build(row["name"], *found)
    source = inspect.getsource(found[1])
    flags = row["flags"].split()
    assert request.idempotent == ("nonidempotent" not in flags)
    assert request.whole == ("whole" in flags)
    assert inspect.iscoroutinefunction(found[1]) == ("paginated" not in flags)
    assert ("DeprecationWarning" in source) == ("deprecated" in flags)
    assert f"{row['method']}(" in source
    assert f'"{row["path"]}"' in source


@pytest.mark.parametrize("name", [name for name, _, _ in operations()])
def test_each_operation_has_a_docstring(name: str) -> None:
    """Each public method says what it does."""
    (method,) = [method for other, _, method in operations() if other == name]
    assert len(inspect.getdoc(method) or "") > len("Does it.")


def test_ids_come_first_and_by_position_and_all_else_by_keyword() -> None:
    """Only ids, and what is written to them, are positional."""
    positional = {
        parameter.name
        for _, _, method in operations()
        for parameter in list(inspect.signature(method).parameters.values())[1:]
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    assert {name for name in positional if not name.endswith("_id")} == {"contact", "contacts"}


def test_each_group_is_one_class_in_one_file() -> None:
    """The file names its class in `__all__`, and the class is a resource without attributes of its own."""
    for _, kind in groups():
        assert kind.__name__ in import_module(kind.__module__).__all__
        assert issubclass(kind, Resource)
        assert not hasattr(kind(Recorder()), "__dict__")


def test_the_client_has_each_group() -> None:
    """Each group is an attribute of the client under its name."""
    assert {name for name, _ in groups()} <= set(dir(Qualtrics))
