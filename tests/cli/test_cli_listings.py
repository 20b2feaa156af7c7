"""`whoami`, `surveys`, `lists`: the formats, and where the settings come from."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async.cli import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox


def as_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def as_ndjson(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_whoami_in_each_format(call: Callable[..., Any], sandbox: Sandbox) -> None:
    """The account is one record in every format, as JSON an object."""
    as_json = json.loads(call("whoami", "--format", "json").out)
    assert as_json["user_id"] == sandbox.state.user_id
    assert as_ndjson(call("whoami", "--format", "ndjson").out) == [as_json]
    (row,) = as_csv(call("whoami", "--format", "csv").out)
    assert row == {key: "" if value is None else value for key, value in as_json.items()}
    table = call("whoami", "--format", "table").out
    assert "user_id" in table
    assert sandbox.state.user_id in table


def test_surveys_are_listed(call: Callable[..., Any], sandbox: Sandbox) -> None:
    """Every survey comes in every format, instants as ISO in UTC, truth as true."""
    names = ["Sandbox survey", 'two "words", a comma', "日本語\nAnketa"]
    for name in names[1:]:
        sandbox.state.add_survey(name, active=False)
    listed = as_ndjson(call("surveys", "list").out)
    assert [survey["name"] for survey in listed] == names
    assert [survey["is_active"] for survey in listed] == [True, False, False]
    assert listed[0]["creation_date"].endswith("Z")
    assert json.loads(call("surveys", "list", "--format", "json").out) == listed
    rows = as_csv(call("surveys", "list", "--format", "csv").out)
    assert [(row["name"], row["is_active"]) for row in rows] == list(
        zip(names, ["true", "false", "false"], strict=True)
    )
    table = call("surveys", "list", "--format", "table").out
    assert "日本語 Anketa" in table
    assert all(survey["id"] in table for survey in listed)


def test_an_empty_listing(call: Callable[..., Any]) -> None:
    """Nothing is still a valid document."""
    assert json.loads(call("lists", "list", "--format", "json").out) == []
    assert call("lists", "list", "--format", "ndjson").out == ""
    assert as_csv(call("lists", "list", "--format", "csv").out) == []


def test_lists_of_a_directory(call: Callable[..., Any], sandbox: Sandbox) -> None:
    """Without an option the default directory is listed, with it another."""
    other = sandbox.state.add_directory("Other")
    here = sandbox.state.add_mailing_list("Here")
    there = sandbox.state.add_mailing_list("There", directory_id=other)
    sandbox.state.add_contact(here, email="ann@example.com")
    (listed,) = as_ndjson(call("lists", "list").out)
    assert (listed["id"], listed["name"], listed["contact_count"]) == (here, "Here", 1)
    assert [made["id"] for made in as_ndjson(call("lists", "list", "--directory", other).out)] == [there]


def test_listings_of_many_pages(call: Callable[..., Any], sandbox: Sandbox) -> None:
    """A listing is followed to its end."""
    names = [f"List {number}" for number in range(250)]
    for name in names:
        sandbox.state.add_mailing_list(name)
    assert [made["name"] for made in as_ndjson(call("lists", "list").out)] == names


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is a table for eyes and NDJSON for programs."""
    for is_terminal, expected in ((True, "table"), (False, "ndjson")):
        monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda answer=is_terminal: answer))
        assert output._chosen(None) == expected
    assert output._chosen("csv") == "csv"


def test_a_table_cannot_steer_the_terminal(call: Callable[..., Any], sandbox: Sandbox) -> None:
    """Control characters of the server's do not reach the terminal."""
    sandbox.state.add_survey("\x1b[31mred\x07[bold]x[/bold]")
    table = call("surveys", "list", "--format", "table").out
    assert "\x1b" not in table
    assert "[bold]x[/bold]" in table


def test_oauth_from_the_environment(
    call: Callable[..., Any], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Client credentials serve as well as a token."""
    monkeypatch.delenv("QUALTRICS_API_TOKEN")
    monkeypatch.setenv("QUALTRICS_CLIENT_ID", sandbox.client_id)
    monkeypatch.setenv("QUALTRICS_CLIENT_SECRET", sandbox.client_secret)
    assert call("whoami").code == 0
