"""Parquet and spreadsheets on the command line: what is asked for is what is written."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qualtrics_async.cli.linkfile import LINK_COLUMNS, RECIPIENT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

FORMULA = '=HYPERLINK("https://example.com")'


@pytest.fixture
def generate(sandbox: Sandbox) -> list[str]:
    """Links for a list of two, of whom one opted out."""
    customers = sandbox.state.add_mailing_list("Customers")
    sandbox.state.add_contact(customers, email="a@example.com", first_name=FORMULA, last_name="-5")
    sandbox.state.add_contact(customers, email="b@example.com", list_unsubscribed=True)
    return ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]


@pytest.mark.parametrize("options", [["--output", "links.parquet"], ["--output", "x", "--format", "parquet"]])
def test_links_as_parquet(call: Call, generate: list[str], options: list[str]) -> None:
    """By the suffix or the option links are Parquet, and so are those who got none."""
    assert call(*generate, *options, "--failures", "none.parquet").code == 3
    table = pq.read_table(options[1])
    assert table.column_names == list(LINK_COLUMNS)
    (row,) = table.to_pylist()
    assert (row["email"], row["first_name"], row["external_data_reference"]) == (
        "a@example.com",
        FORMULA,
        None,
    )
    assert row["link"].startswith("http")
    failures = pq.read_table("none.parquet")
    assert failures.column_names == ["outcome", "reason", "error", *RECIPIENT_COLUMNS]
    assert failures.column("email").to_pylist() == ["b@example.com"]


@pytest.mark.parametrize("option", ["--output", "--failures"])
def test_without_pyarrow_nothing_is_sent(
    call: Call, sandbox: Sandbox, generate: list[str], option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named before anything is sent or written."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = call(*generate, option, "links.parquet")
    assert done.code == 2
    assert "qualtrics-async[arrow]" in done.err
    assert not sandbox.requests
    assert not os.listdir()  # noqa: PTH208


@pytest.mark.parametrize("safe", [True, False])
def test_links_for_a_spreadsheet(call: Call, generate: list[str], *, safe: bool) -> None:
    """On request no cell of a CSV is a formula."""
    assert call(*generate, "--output", "links.csv", *(["--spreadsheet-safe"] if safe else [])).code == 3
    with Path("links.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    mark = "'" if safe else ""
    assert (row["first_name"], row["last_name"]) == (f"{mark}{FORMULA}", f"{mark}-5")
    assert row["email"] == "a@example.com"
    assert row["link"].startswith("http")


def test_only_a_csv_is_for_a_spreadsheet(call: Call, sandbox: Sandbox, generate: list[str]) -> None:
    """The option is refused where it would change nothing."""
    done = call(*generate, "--output", "links.ndjson", "--spreadsheet-safe")
    assert (done.code, done.err) == (2, "error: --spreadsheet-safe is for CSV, and the output is ndjson\n")
    assert not sandbox.requests


def test_parquet_is_not_for_a_terminal(
    call: Call, sandbox: Sandbox, generate: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are not thrown at whoever looks."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    done = call(*generate, "--format", "parquet")
    assert done.code == 2
    assert "--output" in done.err
    assert not sandbox.requests


def test_parquet_is_imported_and_so_are_its_failures(call: Call, sandbox: Sandbox) -> None:
    """A Parquet file goes into a list, and what fails comes out with the types of its columns."""
    customers = sandbox.state.add_mailing_list("Customers")
    rows = [{"email": "a@example.com", "size": 41}, {"email": "no", "size": 42}]
    pq.write_table(pa.Table.from_pylist(rows), "a.parquet")
    argv = ["--mailing-list", customers, "--failures", "failed.parquet"]
    assert call("contacts", "import", "a.parquet", *argv).code == 3
    (row,) = pq.read_table("failed.parquet").to_pylist()
    assert (row["email"], row["size"], row["_reason"]) == ("no", 42, "invalid e-mail")
    (contact,) = sandbox.state.list_contacts(customers)
    assert contact.embedded_data == {"size": "41"}
