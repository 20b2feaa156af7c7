"""The catalogue and the resources name exactly the same operations."""

from __future__ import annotations

import asyncio
import csv
import inspect
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, get_args, get_origin, get_type_hints

import pytest
from cases import ARGUMENTS
from operations import METHODS, OPERATIONS, client_of, groups
from recorder import Recorder

import qualtrics_async
from qualtrics_async import FilePart, UsageError, models
from qualtrics_async._core.credentials import ClientCredentials, TokenGrant
from qualtrics_async._core.paging import Paged
from qualtrics_async._core.request import Request
from qualtrics_async.resources._base import Resource

CATALOGUE = Path(__file__).parents[1] / "catalogue.tsv"
CREDENTIALS = "(credentials)"
"""What the client calls by itself to get a token."""

PLACEHOLDERS: dict[str, Any] = {
    "confirm": True,
    "contacts": [],
    "header": models.HeaderInput(),
    "message": models.MessageInput(message_text="Hello"),
    "send_date": "2026-07-01T12:00:00Z",
}
"""By the name of a parameter, where its name in capitals will not do."""


def rows() -> list[dict[str, str]]:
    """The rows of the catalogue."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


ROWS = {name: row for row in rows() for name in row["name"].split()}


def arguments(name: str) -> dict[str, Any]:
    """Placeholders for what an operation needs: ids by their names in capitals."""
    needed = {
        parameter.name: PLACEHOLDERS.get(parameter.name, parameter.name.upper())
        for parameter in list(inspect.signature(METHODS[name]).parameters.values())[1:]
        if parameter.default is inspect.Parameter.empty
    }
    return needed | ARGUMENTS.get(name, {})


async def begin(made: Any) -> None:
    """Go on until the request is made."""
    if isinstance(made, AbstractAsyncContextManager):
        async with made:
            pass
    await (made.first_page() if isinstance(made, Paged) else made)


def build(name: str, **changed: Any) -> Request[Any]:
    """The request that an operation makes when it is called with placeholders."""
    recorder = Recorder(InterruptedError())
    method = attrgetter(name)(client_of(recorder))
    try:
        asyncio.run(_call(method, arguments(name) | changed))
    except InterruptedError:
        return recorder.request
    raise AssertionError(f"{name} made no request")


async def _call(method: Any, given: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        await begin(method(**given))


def token_request() -> Request[Any]:
    """The request for a token."""
    requests: list[Request[Any]] = []

    async def fetch(request: Request[TokenGrant]) -> TokenGrant:
        requests.append(request)
        return TokenGrant(access_token="token", expires_in=60)

    asyncio.run(ClientCredentials("id", (), fetch).ensure())
    return requests[0]


REQUESTS = {name: build(name) for name in OPERATIONS} | {CREDENTIALS: token_request()}


def test_client_and_catalogue_are_the_same_set() -> None:
    """Nothing is missing and nothing is invented: method, path and name of each operation agree."""
    built = {(request.route.method, request.route.template, name) for name, request in REQUESTS.items()}
    assert built == {(row["method"], row["path"], name) for name, row in ROWS.items()}


def test_the_catalogue_names_each_operation_and_each_route_once() -> None:
    """No name and no route stands twice, and none of the 299 is missing."""
    names = [name for row in rows() for name in row["name"].split()]
    routes = [(row["method"], row["path"]) for row in rows()]
    assert len(names) == len(set(names))
    assert len(routes) == len(set(routes)) == 299


@pytest.mark.parametrize("name", ROWS)
def test_flags_agree(name: str) -> None:
    """Idempotent, whole, upload are as in the catalogue, and the path is a literal beside its verb."""
    row, request = ROWS[name], REQUESTS[name]
    flags = row["flags"].split()
    assert request.idempotent == ("nonidempotent" not in flags)
    assert request.whole == ("whole" in flags)
    if name in METHODS:
        taken = {part for hint in get_type_hints(METHODS[name]).values() for part in parts(hint)}
        assert bool(taken & {BinaryIO, FilePart}) == ("upload" in flags)
    source = inspect.getsource(
        import_module(METHODS[name].__module__)
        if name in METHODS
        else import_module(ClientCredentials.__module__)
    )
    assert re.search(rf'\b{row["method"]}\(\s*"{re.escape(row["path"])}"', source)


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_are_of_the_right_kind(name: str) -> None:
    """The result is what the catalogue says; a listing is made, a file entered, all else awaited."""
    row, method = ROWS[name], METHODS[name]
    flags, result = row["flags"].split(), inspect.signature(method).return_annotation
    assert result == row["result"]
    assert result.startswith("Paged[") == ("paginated" in flags)
    assert (result == "AbstractAsyncContextManager[Download]") == ("file" in flags)
    assert inspect.iscoroutinefunction(method) == (not {"paginated", "file"} & {*flags})


@pytest.mark.parametrize("name", METHODS)
def test_what_operations_take_and_answer_can_be_imported(name: str) -> None:
    """Every model in a signature is a public name, of `models` or at the top."""
    public = {getattr(home, export) for home in (models, qualtrics_async) for export in home.__all__}
    for hint in get_type_hints(METHODS[name]).values():
        ours = {kind for kind in parts(hint) if getattr(kind, "__module__", "").startswith("qualtrics_async")}
        assert ours <= public


def parts(hint: Any) -> Iterator[Any]:
    """A type and those that it is made of."""
    yield get_origin(hint) or hint
    for part in get_args(hint):
        yield from parts(part)


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_deprecated_names_its_replacement(name: str) -> None:
    """Retired operations warn at the line of their caller and name what exists; no other one warns."""
    method = attrgetter(name)(client_of(Recorder(InterruptedError())))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InterruptedError):
            asyncio.run(begin(method(**arguments(name))))
    assert [warning.category for warning in caught] == [DeprecationWarning] * (
        "deprecated" in ROWS[name]["flags"].split()
    )
    for warning in caught:
        said = re.fullmatch(r"(\S+) is deprecated, use (\S+)", str(warning.message))
        assert said is not None
        assert said[1] == name
        assert said[2] in METHODS
        assert warning.filename == __file__


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if "confirm" in row["flags"].split()])
def test_what_cannot_be_undone_is_confirmed(name: str) -> None:
    """Without `confirm=True` nothing is sent, and a doubtful one is never sent again."""
    assert not REQUESTS[name].idempotent
    for confirm in (False, None, 1, "yes"):
        with pytest.raises(UsageError, match="confirm=True"):
            build(name, confirm=confirm)
    with pytest.raises(TypeError, match="confirm"):
        attrgetter(name)(client_of(Recorder()))(
            **{key: value for key, value in arguments(name).items() if key != "confirm"}
        )


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_id_may_be_blank(name: str) -> None:
    """An empty or blank id is refused before anything is sent, in a path as in a body."""
    ids = [key for key in arguments(name) if key.endswith(("_id", "_key"))]
    for key in ids:
        for blank in ("", " "):
            with pytest.raises(UsageError):
                build(name, **{key: blank})


def test_methods_stand_in_one_order() -> None:
    """Whoever opens a file finds the same methods in the same places."""
    for name, kind in groups():
        for order in (
            ("list", "create", "get", "update", "delete"),
            ("start", "progress", "result", "file", "run"),
        ):
            assert [method for method in vars(kind) if method in order] == [
                method for method in order if method in vars(kind)
            ], name


def test_each_method_has_a_docstring() -> None:
    """Each public method says what it does."""
    assert [name for name, method in METHODS.items() if len(inspect.getdoc(method) or "") < 10] == []


def test_ids_come_first_and_by_position_and_all_else_by_keyword() -> None:
    """Only ids, and the one thing that is written to them, are positional."""
    for name, method in METHODS.items():
        parameters = list(inspect.signature(method).parameters.values())[1:]
        positional = [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        written = [
            other for other in positional if not other.endswith(("_id", "_key", "_code", "_field", "_type"))
        ]
        assert written == positional[len(positional) - len(written) :], name
        assert len(written) <= 1, name
        assert ("file" in positional) == ("file" in [p.name for p in parameters]), name


def test_each_job_has_the_same_methods() -> None:
    """What is started has a progress, and a `run` that does the whole."""
    started = {name.rpartition(".")[0] for name in METHODS if name.endswith(".start")} - {"sessions"}
    assert {name.rpartition(".")[0] for name in METHODS if name.endswith(".run")} == started
    assert {name.rpartition(".")[0] for name in METHODS if name.endswith(".progress")} == started


def test_groups_are_resources_without_attributes_of_their_own() -> None:
    """The file names its class in `__all__`; an instance is nothing but its executor."""
    for _, kind in groups():
        assert kind.__name__ in import_module(kind.__module__).__all__
        assert issubclass(kind, Resource)
        assert not hasattr(kind(Recorder()), "__dict__")
