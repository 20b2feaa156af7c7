"""The failures file: corrected, it is imported again and each contact is as it was meant."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async.bulk.failures import row_record
from qualtrics_async.bulk.outcome import Failed
from qualtrics_async.bulk.rows import NOTES, ImportRow
from qualtrics_async.cli.failures import Failures
from qualtrics_async.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

BAD, GOOD = "ann at example.com", "ann@example.com"


def check(sandbox: Sandbox, customers: str, embedded: dict[str, str]) -> None:
    (contact,) = sandbox.state.list_contacts(customers)
    assert (contact.first_name, contact.email, contact.language) == ("Ann", GOOD, "PL")
    assert (contact.last_name, contact.phone, contact.ext_ref) == (None, None, None)
    assert contact.embedded_data == embedded
    (member,) = sandbox.state.mailing_lists[customers].members
    assert not member.reachable


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
@pytest.mark.parametrize("source", ["csv", "ndjson"])
def test_a_corrected_file_is_imported_again(call: Call, sandbox: Sandbox, source: str, suffix: str) -> None:
    """A row that was refused arrives with all of its fields, and nothing but these, after its correction."""
    customers = sandbox.state.add_mailing_list("Customers")
    cells: dict[str, Any] = {"First Name": "Ann", "Email": BAD, "Unsubscribed": "yes", "language": "PL"}
    if source == "csv":
        cells |= {"Shoe size": "41", "Note": 'a "b", c'}
        with Path("a.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([cells.keys(), cells.values(), ["broken"]])
    else:
        cells |= {"Unsubscribed": True, "embeddedData": {"Shoe size": "41", "Note": 'a "b", c'}}
        Path("a.ndjson").write_text(json.dumps(cells) + "\nbroken\n", encoding="utf-8")
    argv = ["--mailing-list", customers, "--failures", f"failed.{suffix}"]
    assert call("contacts", "import", f"a.{source}", *argv).code == 3
    assert not sandbox.state.list_contacts(customers)
    written = Path(f"failed.{suffix}").read_text(encoding="utf-8")
    lines = written.replace(BAD, GOOD).splitlines(keepends=True)
    kept = [line for line in lines if "broken line" not in line]
    assert len(kept) == len(lines) - 1
    Path(f"again.{suffix}").write_text("".join(kept), encoding="utf-8")
    done = call("contacts", "import", f"again.{suffix}", "--mailing-list", customers)
    assert done.code == 0, done.err
    check(sandbox, customers, {"Shoe size": "41", "Note": 'a "b", c'})


def test_notes_stand_at_the_end(call: Call, sandbox: Sandbox) -> None:
    """A CSV has the columns of all rows, then the notes; a broken line stands under `text`."""
    customers = sandbox.state.add_mailing_list("Customers")
    Path("a.ndjson").write_text('{"email": "x", "a": true}\n{"email": "y", "b": 1}\nbroken\n')
    call("contacts", "import", "a.ndjson", "--mailing-list", customers, "--failures", "failed.csv")
    with Path("failed.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["email", "a", "b", "_text", *NOTES]
    assert [(row["email"], row["a"], row["b"], row["_text"]) for row in rows] == [
        ("x", "true", "", ""),
        ("y", "", "1", ""),
        ("", "", "", "broken"),
    ]


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_objects_survive(call: Call, sandbox: Sandbox, suffix: str) -> None:
    """Transaction data is an object again, and embedded data named like a field is not taken for it."""
    customers = sandbox.state.add_mailing_list("Customers")
    contact = {
        "email": BAD,
        "embeddedData": {"Email": "other", "x": "1"},
        "transactionData": {"amount": "3"},
    }
    Path("a.ndjson").write_text(json.dumps(contact) + '\n{"email": "no"}\n', encoding="utf-8")
    name = f"failed.{suffix}"
    call("contacts", "import", "a.ndjson", "--mailing-list", customers, "--failures", name)
    Path(name).write_text(Path(name).read_text().replace(BAD, GOOD).replace("no,", "no@example.com,"))
    call("contacts", "import", name, "--mailing-list", customers)
    found = sandbox.state.list_contacts(customers)
    (ann,) = (one for one in found if one.email == GOOD)
    assert ann.embedded_data == {"Email": "other", "x": "1"}
    assert len(found) == (2 if suffix == "csv" else 1)


def test_a_contact_that_was_sent_is_flat() -> None:
    """Embedded data becomes columns, but for keys that would mean something else."""
    embedded = {"Shoe size": "41", "E-Mail": "x", "_line": "y", " z": "w", "": "v"}
    row = ImportRow(0, 2, "CG_1", {"email": GOOD, "unsubscribed": True, "embeddedData": embedded})
    record = row_record(Failed(row, UsageError("no"), "refused"))
    assert record == {
        "email": GOOD,
        "unsubscribed": True,
        "Shoe size": "41",
        "embeddedData": {"E-Mail": "x", "_line": "y", " z": "w", "": "v"},
        **dict(zip(NOTES, ("failed", "refused", "no", 2, "CG_1"), strict=True)),
    }


def test_without_a_file_nothing_is_kept() -> None:
    """Records that nobody asked for are dropped."""
    asyncio.run(Failures().add({"a": 1}))


def test_failures_stand_as_in_the_input(call: Call, sandbox: Sandbox) -> None:
    """The same columns, delimiter and encoding, so that what opened the one opens the other."""
    customers = sandbox.state.add_mailing_list("Customers")
    text = "E-Mail;Größe\nann@example.com;41\nnö;42\nbroken\n"
    Path("a.csv").write_bytes(text.encode("cp1252"))
    argv = ["--mailing-list", customers, "--failures", "failed.csv", "--encoding", "cp1252"]
    assert call("contacts", "import", "a.csv", *argv).code == 3
    lines = Path("failed.csv").read_bytes().decode("cp1252").splitlines()
    assert lines[0] == ";".join(["E-Mail", "Größe", "_text", *NOTES])
    assert [line.split(";failed;")[0] for line in lines[1:]] == ["nö;42;", ";;broken"]


def test_failures_that_are_none_are_no_rows(call: Call, sandbox: Sandbox) -> None:
    """An older file is not taken for what failed now."""
    customers = sandbox.state.add_mailing_list("Customers")
    Path("a.csv").write_text("email\nann@example.com\n")
    Path("failed.csv").write_text("old\n")
    assert (
        call("contacts", "import", "a.csv", "--mailing-list", customers, "--failures", "failed.csv").code == 0
    )
    assert Path("failed.csv").read_text() == ",".join(["email", *NOTES]) + "\n"
