"""The options that all bulk commands share: each arrives, and does what it says."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
from commanding import IMPORTS, contacts_file, rows_of

from qualtrics_async import UsageError, bulk
from qualtrics_async.bulk.contact_keys import IdentifyBy
from qualtrics_async.bulk.job import OnDoubt
from qualtrics_async.cli.commands import contacts
from qualtrics_async.cli.options import BulkOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

CREATES = "POST /directories/{directoryId}/mailinglists/{mailingListId}/contacts"
ROW_COMMANDS = {
    "import_contacts": ["contacts", "import", "contacts.csv"],
    "update_contacts": ["contacts", "update", "contacts.csv"],
    "unsubscribe_contacts": ["contacts", "unsubscribe", "contacts.csv"],
    "remove_contacts": ["contacts", "remove", "contacts.csv", "--yes"],
}
COMMANDS = ROW_COMMANDS | {
    "create_contacts": ["contacts", "import", "contacts.csv", "--one-by-one"],
    "generate_links": ["links", "generate", "--survey", "SV_1"],
    "contacts_to_links": ["links", "from-contacts", "contacts.csv", "--survey", "SV_1"],
}


@pytest.fixture
def customers(sandbox: Sandbox) -> str:
    """An empty mailing list."""
    return sandbox.state.add_mailing_list("Customers")


@pytest.mark.parametrize("job", COMMANDS)
def test_common_options_arrive(call: Call, customers: str, monkeypatch: pytest.MonkeyPatch, job: str) -> None:
    """Every bulk command hands its options to the job of the library."""
    given: dict[str, Any] = {}

    def refuse(*_: object, **options: Any) -> None:
        given.update(options)
        raise UsageError("seen")

    monkeypatch.setattr(bulk, job, refuse, raising=False)
    contacts_file(1)
    done = call(
        *COMMANDS[job],
        *("--mailing-list", customers, "--journal", "mine.db", "--keep-rows", "--on-doubt", "resend"),
        *("--reconcile-timeout", "7", "--limit-rows-per-minute", "90", "--max-failures", "5"),
    )
    assert (done.code, done.err) == (2, "error: seen\n")
    wanted = {
        "journal": Path("mine.db"),
        "replay": True,
        "keep_rows": True,
        "on_doubt": "resend",
        "reconcile_timeout": 7.0,
        "limit_rows_per_minute": 90.0,
        "max_failures": 5,
        "on_progress": None,
    }
    assert {name: given.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("option", "value"),
    [("--reconcile-timeout", "-1"), ("--limit-rows-per-minute", "0"), ("--max-failures", "-1")],
)
def test_numbers_that_cannot_be_meant(call: Call, customers: str, option: str, value: str) -> None:
    """They are a wrong usage, and leave nothing behind."""
    contacts_file(1)
    done = call("contacts", "import", "contacts.csv", "--mailing-list", customers, f"{option}={value}")
    assert done.code == 2
    assert [path.name for path in Path().iterdir()] == ["contacts.csv"]


def test_words_are_those_of_the_library() -> None:
    """What can be chosen on the command line is what the jobs take."""
    assert get_args(contacts.IdentifyBy) == get_args(IdentifyBy)
    assert get_type_hints(BulkOptions)["on_doubt"] == OnDoubt


def in_doubt(sandbox: Sandbox) -> list[str]:
    """Make an import whose first POST is lost, in a directory that does not deduplicate."""
    plain = sandbox.state.add_directory("Plain")
    there = sandbox.state.add_mailing_list("There", directory_id=plain)
    contacts_file(5)
    sandbox.faults.add(kind="cut", route=IMPORTS)
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", there, "--directory", plain]
    return [*argv, "--reconcile-timeout", "0"]


def test_doubt_is_reported(call: Call, sandbox: Sandbox) -> None:
    """Rows in doubt are exit code 3 and in the failures; the journal stays, and sends nothing again."""
    argv = [*in_doubt(sandbox), "--failures", "failed.csv"]
    done = call(*argv)
    assert done.code == 3
    assert "0 done, 0 failed, 5 in doubt" in done.err
    assert "  5 rows in doubt: " in done.err
    (journal,) = Path().glob("*.journal")
    assert f"{journal} is kept, and while it is there the same command does not send it" in done.err
    assert {row["_outcome"] for row in rows_of("failed.csv")} == {"in doubt"}
    sent = sandbox.calls.total()
    assert call(*argv).code == 3
    assert not [key for key in sandbox.calls if key[0] == IMPORTS and key[1] == 200]
    assert sandbox.calls.total() - sent <= 2


def test_doubt_is_sent_again(call: Call, sandbox: Sandbox) -> None:
    """With --on-doubt resend it is, and the decision is told."""
    done = call(*in_doubt(sandbox), "--on-doubt", "resend")
    assert done.code == 0, done.err
    assert "  5 rows sent again: " in done.err
    assert not list(Path().glob("*.journal"))
    assert sandbox.calls[IMPORTS, 200] == 1


def test_rows_are_kept_on_request(call: Call, customers: str) -> None:
    """With --keep-rows the usual journal stays when all is done, and has the rows."""
    contacts_file(5)
    assert call("contacts", "import", "contacts.csv", "--mailing-list", customers, "--keep-rows").code == 0
    (journal,) = Path().glob("contacts.csv.*.journal")
    with sqlite3.connect(journal) as db:
        assert db.execute("SELECT count(*) FROM bodies").fetchone()[0]
    db.close()


@pytest.mark.parametrize(("most", "code"), [(2, 1), (3, 3)])
def test_a_job_that_is_clearly_wrong_is_stopped(
    call: Call, sandbox: Sandbox, customers: str, most: int, code: int
) -> None:
    """More failures than --max-failures are exit code 1; the failures file is there all the same."""
    contacts_file(2, "bad\n", "bad\n", "bad\n")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--failures", "failed.csv"]
    done = call(*argv, "--max-failures", str(most))
    assert done.code == code, done.err
    assert ("3 items failed" in done.err) == (code == 1)
    assert [row["_line"] for row in rows_of("failed.csv")] == ["4", "5", "6"]


def test_a_job_that_was_stopped_goes_on_with_a_higher_limit(
    call: Call, sandbox: Sandbox, customers: str
) -> None:
    """What is advised works; the command as it was cannot, for the same rows fail again."""
    contacts_file(5)
    sandbox.faults.add(kind="status", route=IMPORTS, status=400)
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--failures", "failed.csv"]
    for _ in range(2):
        stopped = call(*argv, "--max-failures", "1")
        assert stopped.code == 1
        (journal,) = Path().glob("*.journal")
        assert f"{journal} knows what was done. What has failed fails again" in stopped.err
        assert "with a higher --max-failures" in stopped.err
        assert f"correct contacts.csv and run the command without {journal}" in stopped.err
        assert "When it is corrected" not in stopped.err
    assert call(*argv, "--max-failures", "5").code == 3
    assert (sandbox.calls[IMPORTS, 400], sandbox.calls[IMPORTS, 200]) == (1, 0)
    assert not list(Path().glob("*.journal"))


def test_links_that_were_stopped_are_not_written(call: Call, sandbox: Sandbox, customers: str) -> None:
    """An output that is not complete does not take its name, and the failures do."""
    for number in range(3):
        sandbox.state.add_contact(customers, email=f"p{number}@example.com")
    gone = sandbox.state.add_mailing_list("Gone")
    sandbox.state.add_contact(gone, email="g@example.com")
    sandbox.faults.add(kind="status", route="POST /distributions", status=400, times=None)
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]
    argv += ["--mailing-list", gone, "--output", "links.csv", "--failures", "none.csv"]
    done = call(*argv, "--max-failures", "0")
    assert done.code == 1
    assert "max_failures" in done.err
    assert not Path("links.csv").exists()
    assert rows_of("none.csv")


def test_contacts_are_created_one_by_one(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Without import jobs, each row has a request of its own."""
    contacts_file(4)
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--one-by-one"]
    assert call(*argv).code == 0
    assert len(sandbox.state.list_contacts(customers)) == 4
    assert (sandbox.calls[CREATES, 200], sandbox.calls[IMPORTS, 200]) == (4, 0)


@pytest.mark.parametrize("clear", [True, False])
def test_empty_cells_clear_on_request(call: Call, sandbox: Sandbox, customers: str, clear: bool) -> None:
    """With --clear-empty an import empties the field of a contact that is there."""
    sandbox.state.add_contact(customers, email="a@example.com", first_name="Ann")
    Path("a.csv").write_text("Email,First Name\na@example.com,\n")
    argv = ["contacts", "import", "a.csv", "--mailing-list", customers]
    assert call(*argv, *(["--clear-empty"] if clear else [])).code == 0
    (contact,) = sandbox.state.list_contacts(customers)
    assert (contact.first_name or "") == ("" if clear else "Ann")


def test_a_dry_run_touches_nothing(call: Call, sandbox: Sandbox, customers: str) -> None:
    """It counts rows, refusals by reason, lists, requests and minutes; only the failures are written."""
    contacts_file(5, "bad\n", ",nobody at,X,1\n")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--dry-run"]
    done = call(*argv, "--failures", "failed.csv")
    assert done.code == 3
    told = dict(line.rsplit(None, 1) for line in done.out.splitlines())
    assert {name.strip(): value for name, value in told.items() if name != "minutes"} == {
        "rows": "7",
        "valid": "5",
        "refused": "2",
        "broken line": "1",
        "invalid e-mail": "1",
        "mailing lists": "1",
        customers: "5",
        "imports": "1",
        "requests": "5",
    }
    assert float(told["minutes"]) >= 0
    assert "line 7: broken line" in done.err
    assert [row["_line"] for row in rows_of("failed.csv")] == ["7", "8"]
    assert sorted(path.name for path in Path().iterdir()) == ["contacts.csv", "failed.csv"]
    assert {route.split()[0] for route, _ in sandbox.calls} == {"GET"}
    assert not sandbox.state.contacts


def test_a_dry_run_of_good_rows(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Nothing to complain of is exit code 0; how rows are sent counts, and so does the limit of rows."""
    contacts_file(30)
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--dry-run"]
    assert ["imports", "1"] in [line.split() for line in call(*argv).out.splitlines()]
    done = call(*argv, "--one-by-one", "--limit-rows-per-minute", "10")
    assert done.code == 0
    assert ["creates", "30"] in [line.split() for line in done.out.splitlines()]
    assert "3.0" in done.out.splitlines()[-1]
    assert int(done.out.splitlines()[-2].split()[-1]) >= 30
    assert not sandbox.state.contacts


def test_a_dry_run_of_many_lists_is_short(call: Call, sandbox: Sandbox) -> None:
    """The largest twenty lists are shown, and how many others there are."""
    lines = [f"p{number}@example.com,CG_{number % 25}\n" for number in range(30)]
    Path("a.csv").write_text("".join(["Email,Where\n", *lines]))
    done = call("contacts", "import", "a.csv", "--list-column", "Where", "--dry-run")
    assert done.code == 0
    assert sum(line.startswith("  CG_") for line in done.out.splitlines()) == 20
    assert any(line.split() == ["others", "5", "lists"] for line in done.out.splitlines())
    assert not sandbox.state.contacts


def test_a_dry_run_of_links(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Contacts are counted, and no distribution is created."""
    for number in range(3):
        sandbox.state.add_contact(customers, email=f"p{number}@example.com")
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]
    done = call(*argv, "--output", "links.csv", "--dry-run")
    assert done.code == 0
    assert done.out.splitlines()[0].split() == ["contacts", "3"]
    assert not sandbox.state.distributions
    assert not list(Path().iterdir())
    refused = call("links", "generate", "--survey", "SV_1", "--transaction-batch", "BT_1", "--dry-run")
    assert refused.code == 2


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_help_names_the_options(call: Call, command: list[str]) -> None:
    """The common options and those of the command are described."""
    wanted = {
        "import": ["--clear-empty", "--one-by-one", "--dry-run", "--list-column", "--delimiter"],
        "update": ["--identify-by", "--clear-empty", "--list-column"],
        "unsubscribe": ["--identify-by", "--from-directory", "--list-column"],
        "remove": ["--identify-by", "--yes", "--list-column"],
        "generate": ["--transaction-batch", "--link-type", "--description", "--deadline", "--dry-run"],
        "from-contacts": ["--survey", "--list", "--link-type", "--output", "--encoding"],
    }[command[1]]
    common = ["--journal", "--keep-rows", "--on-doubt", "--reconcile-timeout", "--limit-rows-per-minute"]
    shown = call(*command[:2], "--help").out
    for option in [*wanted, *common, "--max-failures", "--failures", "--mailing-list", "--directory"]:
        assert f"{option} " in shown, option


def test_help_fills_the_lines(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a line of the source ends does not show."""
    monkeypatch.setenv("COLUMNS", "300")
    shown = call("contacts", "import", "--help").out
    assert "language, unsubscribed, ...), all others become embedded data. Rows that fail do not" in shown
    assert "directories without the licence for import jobs. [default: False]" in shown
