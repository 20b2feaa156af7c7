"""Each operation builds exactly the request that the vendor documents, and decodes its answer."""

from __future__ import annotations

import asyncio
import warnings
from operator import attrgetter

import pytest
from calling import Case, run
from cases import CASES, OWN_TESTS
from operations import OPERATIONS, client_of
from recorder import Recorder


def operation(case: Case) -> str:
    """The operation that a case is about."""
    return case.name.partition(" ")[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_request_is_the_documented_one(case: Case) -> None:
    """Method, path, query, headers and body are exactly these, and the answer decodes to a result."""
    recorder = Recorder(case.answer)
    group = attrgetter(operation(case).rpartition(".")[0])(client_of(recorder))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        result = asyncio.run(run(case.call(group)))
    request = recorder.request
    assert (request.route.method, request.route.path) == (case.method, case.path)
    assert recorder.query == case.query
    assert recorder.sent == case.body
    assert {name: value for name, value in request.headers if name != "Accept"} == case.headers
    assert (result is None) == (case.answer == "nothing")


def test_each_operation_has_a_case() -> None:
    """No operation goes without: what is not in a table stands in a test of its own."""
    assert OPERATIONS.keys() - {operation(case) for case in CASES} == OWN_TESTS


def test_text_in_ids_is_quoted() -> None:
    """An id is one segment of the path, whatever it holds."""
    recorder = Recorder("survey")
    asyncio.run(client_of(recorder).surveys.get("SV_1&x=ü"))
    assert recorder.request.route.path == "/surveys/SV_1%26x%3D%C3%BC"
