"""`links generate` of batches and kinds, and `links from-contacts`: the whole way in one command."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import IMPORTS, contacts_file, rows_of

from qualtrics_async.cli import linkjobs
from qualtrics_async.cli.linkfile import LINK_COLUMNS, ROW_COLUMNS, row_link

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

DISTRIBUTE = "POST /distributions"
LINKS = "GET /distributions/{distributionId}/links"


@pytest.fixture
def customers(sandbox: Sandbox) -> str:
    """A list of three."""
    made = sandbox.state.add_mailing_list("Customers")
    for number in range(3):
        sandbox.state.add_contact(made, email=f"c{number}@example.com", ext_ref=f"C{number}")
    return made


def whole_way(sandbox: Sandbox, *options: str) -> list[str]:
    argv = ["links", "from-contacts", "contacts.csv", "--survey", sandbox.state.survey_id]
    return [*argv, "--list", "Spring", "--output", "links.csv", "--failures", "failed.csv", *options]


def test_transactions_have_links(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Each transaction of a batch has one, and two columns say which; lists can be given besides."""
    batches = [sandbox.state.add_transaction_batch() for _ in range(2)]
    contacts = sandbox.state.list_contacts(customers)
    made = [sandbox.state.add_transaction(customers, contacts[n].id, batches[n % 2]) for n in range(3)]
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]
    for batch in batches:
        argv += ["--transaction-batch", batch]
    done = call(*argv, "--output", "links.csv")
    assert done.code == 0, done.err
    links = rows_of("links.csv")
    assert len(links) == 6
    assert list(links[0]) == ["transaction_batch_id", "transaction_id", *LINK_COLUMNS]
    of_batches = [row for row in links if row["transaction_batch_id"]]
    assert sorted(row["transaction_id"] for row in of_batches) == sorted(made)
    assert {row["transaction_batch_id"] for row in of_batches} == set(batches)
    assert all(row["link"] for row in links)
    assert len(sandbox.state.distributions) == 3


def test_links_are_as_they_were_ordered(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Kind and name of the distribution are those that were chosen."""
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]
    assert call(*argv, "--link-type", "Multiple", "--description", "Spring").code == 0
    (made,) = sandbox.state.distributions.values()
    assert (made.link_type, made.description) == ("Multiple", "Spring")
    assert call(*argv, "--link-type", "Anonymous").code == 2
    assert call(*argv, "--deadline", "0").code == 2


def test_links_that_do_not_come_are_given_up(call: Call, sandbox: Sandbox, customers: str) -> None:
    """After --deadline seconds without one, the rest is told as pending."""
    sandbox.faults.add(kind="stuck_job", route=DISTRIBUTE)
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]
    done = call(*argv, "--deadline", "0.01", "--failures", "none.csv")
    assert done.code == 3
    assert {row["reason"] for row in rows_of("none.csv")} == {"pending"}


def test_from_contacts_to_links(call: Call, sandbox: Sandbox) -> None:
    """Each good row stands beside its link, in the order of the file; the bad ones are as in the file."""
    contacts_file(12, "bad\n", "Ann,no address,X99,1\n")
    done = call(*whole_way(sandbox))
    assert done.code == 3, done.err
    assert "12 done, 2 failed" in done.err
    assert "correct them there and run the command on that file" in done.err
    links = rows_of("links.csv")
    assert list(links[0]) == list(ROW_COLUMNS)
    (spring,) = sandbox.state.mailing_lists.values()
    assert spring.name == "Spring"
    lookups = {member.contact.ext_ref: member.lookup_id for member in spring.members}
    for number, row in enumerate(links):
        assert (row["row"], row["line"]) == (str(number + 1), str(number + 2))
        assert row["external_data_reference"] == f"X{number}"
        assert row["first_name"] == f"Zoë {number}"
        assert row["contact_lookup_id"] == lookups[f"X{number}"]
        assert row["link"].endswith(lookups[f"X{number}"])
        assert row["mailing_list_id"] == spring.id
        assert row["distribution_id"] in sandbox.state.distributions
    assert len(links) == 12
    assert [(row["_line"], row["External Data Reference"]) for row in rows_of("failed.csv")] == [
        ("14", ""),
        ("15", "X99"),
    ]
    assert sorted(path.name for path in Path().iterdir()) == ["contacts.csv", "failed.csv", "links.csv"]


def test_the_whole_way_into_a_list_by_its_id(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Who was in the list before has no row, and the format is chosen as for other links."""
    contacts_file(2)
    argv = ["links", "from-contacts", "contacts.csv", "--survey", sandbox.state.survey_id]
    done = call(*argv, "--mailing-list", customers, "--format", "ndjson", "--link-type", "Multiple")
    assert done.code == 0, done.err
    links = [json.loads(line) for line in done.out.splitlines()]
    assert [link["email"] for link in links] == ["p0@example.com", "p1@example.com"]
    (made,) = sandbox.state.distributions.values()
    assert (made.mailing_list_id, made.link_type) == (customers, "Multiple")
    for options in ([], ["--list", "A", "--mailing-list", customers]):
        assert "either --list NAME or --mailing-list ID" in call(*argv, *options).err


def test_the_whole_way_goes_on_from_its_journal(call: Call, sandbox: Sandbox) -> None:
    """After a stop while links are read nothing is imported or distributed again, and the output is whole."""
    contacts_file(8)
    fault = sandbox.faults.add(kind="status", route=LINKS, status=403)
    stopped = call(*whole_way(sandbox))
    assert (stopped.code, fault.used) == (1, 1)
    assert "When it is corrected, run the same command again" in stopped.err
    assert not Path("links.csv").exists()
    done = call(*whole_way(sandbox))
    assert done.code == 0, done.err
    assert [row["external_data_reference"] for row in rows_of("links.csv")] == [f"X{n}" for n in range(8)]
    assert (sandbox.calls[IMPORTS, 200], sandbox.calls[DISTRIBUTE, 200]) == (1, 1)
    assert not list(Path().glob("*.journal"))


def test_an_output_that_is_begun_anew_is_whole(
    call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of the output costs nothing: rows that were written keep their cells."""
    contacts_file(2_300)
    written = 0

    def full(item: Any, value: Any) -> list[object]:
        nonlocal written
        written += 1
        if written == 2_200:
            raise OSError(errno.ENOSPC, "No space left on device")
        return row_link(item, value)

    with monkeypatch.context() as patched:
        patched.setattr(linkjobs, "row_link", full)
        stopped = call(*whole_way(sandbox))
    assert stopped.code == 1
    assert "To go on, run the same command again" in stopped.err
    assert sorted(path.suffix for path in Path().iterdir()) == [".csv", ".journal"]
    done = call(*whole_way(sandbox))
    assert done.code == 0, done.err
    assert [row["email"] for row in rows_of("links.csv")] == [f"p{n}@example.com" for n in range(2_300)]
    assert (sandbox.calls[IMPORTS, 200], sandbox.calls[DISTRIBUTE, 200]) == (1, 1)


@pytest.mark.parametrize("keep", [True, False])
def test_a_named_journal_has_the_rows_only_on_request(call: Call, sandbox: Sandbox, keep: bool) -> None:
    """When the links are written the rows are erased; the same command says that their cells are gone."""
    contacts_file(3)
    argv = whole_way(sandbox, "--journal", "mine.db", *(["--keep-rows"] if keep else []))
    assert call(*argv).code == 0
    first = Path("links.csv").read_text()
    again = call(*argv, "--overwrite")
    assert again.code == 0
    assert (Path("links.csv").read_text() == first) == keep
    assert ("3 rows had been erased from mine.db" in again.err) != keep
    assert [row["line"] for row in rows_of("links.csv")] == ["2", "3", "4"]
    assert (b"p1@example.com" in Path("mine.db").read_bytes()) == keep
    assert len(sandbox.state.distributions) == 1


def test_rows_without_a_link_are_not_imported_again(call: Call, sandbox: Sandbox) -> None:
    """Neither by the same command, which goes on with the links, nor as the failures file has them."""
    contacts_file(3, "Ann,no address,X99,1\n")
    sandbox.faults.add(kind="stuck_job", route=DISTRIBUTE)
    argv = whole_way(sandbox, "--deadline", "0.01")
    stopped = call(*argv)
    assert stopped.code == 3, stopped.err
    (journal,) = Path().glob("*.journal")
    assert f"3 rows of them had been imported, and only the link is missing: {journal} is kept" in stopped.err
    assert "the same command, with --overwrite, imports nothing again" in stopped.err
    failed = rows_of("failed.csv")
    assert [row["_outcome"] for row in failed] == ["no link", "no link", "no link", "failed"]
    again = call(
        "contacts", "import", "failed.csv", "--mailing-list", next(iter(sandbox.state.mailing_lists))
    )
    assert "no link: 3 (first: an earlier run imported the row" in again.err
    (made,) = sandbox.state.distributions.values()
    made.progress.stuck = False
    done = call(*argv, "--overwrite")
    assert done.code == 3
    assert "only the link is missing" not in done.err
    assert [row["external_data_reference"] for row in rows_of("links.csv")] == ["X0", "X1", "X2"]
    assert all(row["email"] for row in rows_of("links.csv"))
    assert (sandbox.calls[IMPORTS, 200], sandbox.calls[DISTRIBUTE, 200]) == (1, 1)
    assert not list(Path().glob("*.journal"))


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_distribution_that_was_refused_is_made_by_the_same_command(
    call: Call, sandbox: Sandbox, overwrite: bool
) -> None:
    """A journal of one's own has the rows until their links are written."""
    contacts_file(3)
    sandbox.faults.add(kind="status", status=400, route=DISTRIBUTE)
    argv = whole_way(sandbox, "--journal", "mine.db", *(["--overwrite"] if overwrite else []))
    stopped = call(*argv)
    assert stopped.code == 3
    assert ("the same command, with --overwrite, imports" in stopped.err) is not overwrite
    assert "correct them there" not in stopped.err
    assert call(*argv).code == (0 if overwrite else 2)
    if not overwrite:
        assert call(*argv, "--overwrite").code == 0
    assert [row["first_name"] for row in rows_of("links.csv")] == ["Zoë 0", "Zoë 1", "Zoë 2"]
    assert sandbox.calls[IMPORTS, 200] == 1
    assert b"p1@example.com" not in Path("mine.db").read_bytes()


def test_the_failures_file_has_an_output_of_its_own(call: Call, sandbox: Sandbox) -> None:
    """The advice on it can be followed: the links that are written stay."""
    contacts_file(2, "Ann,no address,X99,1\n")
    done = call(*whole_way(sandbox))
    assert "run the command on that file, with another --output" in done.err
    assert "a further distribution" in done.err
    failed = Path("failed.csv").read_text(encoding="utf-8").replace("no address", "ann@example.com")
    Path("corrected.csv").write_text(failed, encoding="utf-8")
    argv = [
        "links",
        "from-contacts",
        "corrected.csv",
        "--survey",
        sandbox.state.survey_id,
        "--list",
        "Spring",
    ]
    assert call(*argv, "--output", "links.csv").code == 2
    assert call(*argv, "--output", "more.csv").code == 0
    assert [row["external_data_reference"] for row in rows_of("more.csv")] == ["X99"]
    to_stdout = call("links", "from-contacts", "contacts.csv", *argv[3:], "--failures", "f.csv")
    assert "another --output" not in to_stdout.err
    assert "a further distribution" in to_stdout.err


def test_no_file_is_two_things(call: Call, sandbox: Sandbox) -> None:
    """Input, output, failures and journal are four files."""
    contacts_file(1)
    before = Path("contacts.csv").read_text()
    for option in ("--output", "--failures", "--journal"):
        argv = ["links", "from-contacts", "contacts.csv", "--survey", "SV_1", "--list", "A"]
        assert "at once" in call(*argv, option, "contacts.csv").err
    assert Path("contacts.csv").read_text() == before
    assert not sandbox.calls
