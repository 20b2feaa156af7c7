"""`contacts import` and `links generate`: what arrives, what is told about the rest, how they go on."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import PROGRESS, contacts_file, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]


@pytest.fixture
def customers(sandbox: Sandbox) -> str:
    """An empty mailing list."""
    return sandbox.state.add_mailing_list("Customers")


def test_every_row_arrives(call: Call, sandbox: Sandbox, customers: str) -> None:
    """All rows of a good file become contacts, other columns embedded data, and no journal stays."""
    contacts_file(30)
    done = call("contacts", "import", "contacts.csv", "--mailing-list", customers, "--failures", "failed.csv")
    assert (done.code, done.out) == (0, "")
    assert "30 rows" in done.err
    assert "30 done, 0 failed" in done.err
    arrived = sandbox.state.list_contacts(customers)
    assert [contact.ext_ref for contact in arrived] == [f"X{number}" for number in range(30)]
    assert arrived[7].first_name == "Zoë 7"
    assert arrived[7].embedded_data == {"Shoe size": "7"}
    assert rows_of("failed.csv") == []
    assert sorted(os.listdir()) == ["contacts.csv", "failed.csv"]  # noqa: PTH208


def test_rows_that_fail_are_named(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Bad rows end with exit code 3, each in the failures file with its line and reason."""
    contacts_file(
        5, "Ann,no address,X98,1\n", ",,,40\n", "too,few\n", 'open,"quote\n', "Bob,b@example.com,X99,2\n"
    )
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--failures"]
    done = call(*argv, "failed.csv")
    assert done.code == 3
    assert "6 done, 4 failed" in done.err
    assert "those that did not succeed are in failed.csv" in done.err
    failed = sorted(rows_of("failed.csv"), key=lambda row: int(row["_line"]))
    assert [(row["_line"], row["_outcome"], row["_reason"]) for row in failed] == [
        ("7", "failed", "invalid e-mail"),
        ("8", "failed", "no contact field"),
        ("9", "failed", "broken line"),
        ("10", "failed", "broken line"),
    ]
    assert (failed[0]["External Data Reference"], failed[0]["_mailing_list_id"]) == ("X98", customers)
    assert sandbox.state.accepted_rows.total() == 6
    call(*argv, "failed.ndjson")
    lines = [json.loads(line) for line in Path("failed.ndjson").read_text("utf-8").splitlines()]
    assert sorted(line["_line"] for line in lines) == [7, 8, 9, 10]


def test_other_files(call: Call, sandbox: Sandbox, customers: str) -> None:
    """NDJSON, tabs by name and other encodings are read."""
    Path("a.ndjson").write_text('{"firstName": "Ann", "email": "ann@example.com"}\n{"no\n', encoding="utf-8")
    Path("b.txt").write_bytes("email\tfirstName\nbob@example.com\tBjörn\n".encode("cp1252"))
    assert call("contacts", "import", "a.ndjson", "--mailing-list", customers).code == 3
    argv = ["contacts", "import", "b.txt", "--mailing-list", customers]
    assert call(*argv, "--delimiter", "tab", "--encoding", "cp1252").code == 0
    assert [contact.first_name for contact in sandbox.state.list_contacts(customers)] == ["Ann", "Björn"]
    assert call(*argv, "--delimiter", "tabs").code == 2
    assert call(*argv, "--encoding", "utf-99").code == 2
    Path("c.xlsx").touch()
    assert call("contacts", "import", "c.xlsx", "--mailing-list", customers).code == 2


def test_a_bad_header_is_a_usage_error(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Two columns of one name are refused and nothing is sent."""
    Path("a.csv").write_text("email,email\na@example.com,b@example.com\n", encoding="utf-8")
    done = call("contacts", "import", "a.csv", "--mailing-list", customers)
    assert done.code == 2
    assert "several columns called email" in done.err
    assert not sandbox.state.imports


def test_another_directory(call: Call, sandbox: Sandbox) -> None:
    """The directory can be named."""
    other = sandbox.state.add_directory("Other")
    there = sandbox.state.add_mailing_list("There", directory_id=other)
    contacts_file(3)
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", there, "--directory", other]
    assert call(*argv).code == 0
    assert len(sandbox.state.list_contacts(there)) == 3


def test_a_named_journal_stays_and_repeats_nothing(call: Call, sandbox: Sandbox, customers: str) -> None:
    """The same command on a finished journal sends nothing, tells the same, and fits no other job."""
    contacts_file(4, "bad\n")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--journal", "import.db"]
    first = call(*argv)
    again = call(*argv, "--failures", "failed.csv")
    assert (first.code, again.code) == (3, 3)
    assert "4 done, 1 failed" in again.err
    assert [row["_line"] for row in rows_of("failed.csv")] == ["6"]
    assert set(sandbox.state.accepted_rows.values()) == {1}
    other = sandbox.state.add_mailing_list("Other")
    refused = call(*["contacts", "import", "contacts.csv", "--mailing-list", other, "--journal", "import.db"])
    assert refused.code == 1
    assert not sandbox.state.list_contacts(other)


def test_a_job_that_stops_says_how_to_go_on(call: Call, sandbox: Sandbox, customers: str) -> None:
    """After a refusal in the middle the journal stays, and the command that is told completes the job."""
    contacts_file(10)
    sandbox.faults.add(kind="status", route=PROGRESS, status=403)
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers]
    stopped = call(*argv)
    assert stopped.code == 1
    (journal,) = Path().glob("contacts.csv.*.journal")
    assert f"{journal} knows what was done" in stopped.err
    assert f"qualtrics-async {' '.join(argv)}" in stopped.err
    assert call(*argv).code == 0
    assert set(sandbox.state.accepted_rows.values()) == {1}
    assert os.listdir() == ["contacts.csv"]  # noqa: PTH208


def test_a_slip_in_the_id_blocks_nothing(call: Call, sandbox: Sandbox, customers: str) -> None:
    """The journal of a job that could not begin is not in the way of the right one."""
    contacts_file(2)
    assert call("contacts", "import", "contacts.csv", "--mailing-list", "CG_noSuchList0000").code == 1
    assert call("contacts", "import", "contacts.csv", "--mailing-list", customers).code == 0
    assert len(sandbox.state.list_contacts(customers)) == 2


@pytest.fixture
def audience(sandbox: Sandbox) -> tuple[str, str]:
    """Two mailing lists; of the seven contacts one opted out."""
    lists = sandbox.state.add_mailing_list("One"), sandbox.state.add_mailing_list("Two")
    for number in range(6):
        sandbox.state.add_contact(lists[number % 2], email=f"p{number}@example.com", first_name="Łucja")
    sandbox.state.add_contact(lists[0], email="out@example.com", list_unsubscribed=True)
    return lists


def test_links_of_many_lists(call: Call, sandbox: Sandbox, audience: tuple[str, str]) -> None:
    """Each contact's link is written with list, distribution and contact; who has none is told why."""
    argv = ["links", "generate", "--survey", sandbox.state.survey_id]
    argv += ["--mailing-list", audience[0], "--mailing-list", audience[1], "--expires", "2030-01-31T12:00Z"]
    done = call(*argv, "--output", "links.csv", "--failures", "none.csv")
    assert (done.code, done.out) == (3, "")
    assert "opted out: 1" in done.err
    links = rows_of("links.csv")
    assert sorted(row["email"] for row in links) == [f"p{number}@example.com" for number in range(6)]
    assert len({row["link"] for row in links}) == 6
    for row in links:
        assert row["mailing_list_id"] == audience[int(row["email"][1]) % 2]
        assert sandbox.state.distributions[row["distribution_id"]].mailing_list_id == row["mailing_list_id"]
        assert row["contact_id"] in sandbox.state.contacts
        assert row["contact_lookup_id"].startswith("CGC_")
        assert row["first_name"] == "Łucja"
        assert row["link_expiration"] == "2030-01-31T12:00:00Z"
    assert [(row["reason"], row["email"]) for row in rows_of("none.csv")] == [
        ("opted out", "out@example.com")
    ]


@pytest.mark.parametrize("chosen", ["", "csv", "ndjson", "json"])
def test_links_on_stdout(call: Call, sandbox: Sandbox, audience: tuple[str, str], chosen: str) -> None:
    """Without an output file the links are the only thing on stdout, as CSV unless told otherwise."""
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", audience[1]]
    done = call(*argv, *(["--format", chosen] if chosen else []))
    assert done.code == 0
    if chosen == "json":
        rows = json.loads(done.out)
    elif chosen == "ndjson":
        rows = [json.loads(line) for line in done.out.splitlines()]
    else:
        rows = list(csv.DictReader(done.out.splitlines()))
    assert sorted(row["email"] for row in rows) == ["p1@example.com", "p3@example.com", "p5@example.com"]


def test_the_suffix_chooses_the_format(call: Call, sandbox: Sandbox, audience: tuple[str, str]) -> None:
    """An output called .jsonl holds JSON lines."""
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", audience[1]]
    assert call(*argv, "--output", "links.jsonl").code == 0
    assert len([json.loads(line) for line in Path("links.jsonl").read_text().splitlines()]) == 3


def test_links_that_fail_leave_the_old_file(call: Call, sandbox: Sandbox, audience: tuple[str, str]) -> None:
    """An error is exit code 1, and what was in the output file stays."""
    Path("links.csv").write_text("old")
    sandbox.faults.add(kind="status", route="POST /distributions", status=403)
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", audience[1]]
    stopped = call(*argv, "--output", "links.csv", "--overwrite")
    assert stopped.code == 1
    assert "nothing was sent: correct it" in stopped.err
    assert os.listdir() == ["links.csv"]  # noqa: PTH208
    assert Path("links.csv").read_text() == "old"
    assert call(*argv, "--output", "links.csv", "--overwrite").code == 0
    assert len(rows_of("links.csv")) == 3
    assert os.listdir() == ["links.csv"]  # noqa: PTH208
    assert len(sandbox.state.distributions) == 1


def test_an_output_that_is_there_is_left_alone(
    call: Call, sandbox: Sandbox, audience: tuple[str, str]
) -> None:
    """The same command after its end makes no second links over the first ones."""
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", audience[1]]
    assert call(*argv, "--output", "links.csv").code == 0
    before = Path("links.csv").read_text()
    again = call(*argv, "--output", "links.csv")
    assert again.code == 2
    assert "links.csv is there already" in again.err
    assert "--overwrite" in again.err
    assert Path("links.csv").read_text() == before
    assert len(sandbox.state.distributions) == 1
