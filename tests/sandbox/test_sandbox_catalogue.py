"""The sandbox and the catalogue name exactly the same operations, and each handler says how sure it is."""

from __future__ import annotations

import csv
import inspect
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from qualtrics_async._core.published_limits import PUBLISHED
from qualtrics_async.sandbox import Quotas, routes
from qualtrics_async.sandbox.handlers import OPERATIONS
from qualtrics_async.sandbox.routing import Confidence, Operation

CATALOGUE = Path(__file__).parents[1] / "catalogue.tsv"
FILES = {("GET", "/contact-export-files/{fileId}")}
"""Where a file is that an operation names: an address elsewhere, no operation."""


def catalogued() -> list[tuple[str, str]]:
    """Method and path template of each row."""
    with CATALOGUE.open(encoding="utf-8", newline="") as file:
        return [(row["method"], row["path"]) for row in csv.DictReader(file, delimiter="\t")]


def test_sandbox_and_catalogue_are_the_same_set() -> None:
    """Nothing is missing and nothing is invented, but for where files are."""
    made = {(method, template) for method, template, _ in routes()} - FILES
    assert {"missing": set(catalogued()) - made, "invented": made - set(catalogued())} == {
        "missing": set(),
        "invented": set(),
    }


def test_no_route_has_two_handlers() -> None:
    """A second handler would never be called."""
    counted = Counter((method, template) for method, template, _ in routes())
    assert [route for route, times in counted.items() if times > 1] == []


def test_the_limits_are_those_that_the_client_holds_to() -> None:
    """Two statements of the published limits, made apart from each other, are the same."""
    assert Quotas.real().routes == PUBLISHED


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.route)
def test_each_handler_says_how_sure_it_is(operation: Operation) -> None:
    """Its docstring begins with the word that it is registered with, `assumed` above all."""
    assert operation.confidence in get_args(Confidence)
    said = inspect.getdoc(operation.handler) or ""
    assert said.lower().startswith(operation.confidence)
