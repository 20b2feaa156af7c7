"""How a job goes on: which journal it has, what is said of it, and when it goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async.bulk.outcome import Decision, Failed, InDoubt, Summary
from qualtrics_async.cli.journals import resumable
from qualtrics_async.cli.outcomes import Nouns, Tally, conclude
from qualtrics_async.errors import JournalError, OutcomeUnknown, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

PAGES = "GET /distributions/{distributionId}/links"


@pytest.fixture
def links(sandbox: Sandbox) -> list[str]:
    """The command for the links of a list of three."""
    audience = sandbox.state.add_mailing_list("Audience")
    for number in range(3):
        sandbox.state.add_contact(audience, email=f"p{number}@example.com")
    return ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", audience]


def test_links_on_stdout_go_on(call: Call, sandbox: Sandbox, links: list[str]) -> None:
    """Without an output there is a journal in the folder; the command goes on, and it is gone."""
    sandbox.faults.add(kind="status", route=PAGES, status=403)
    stopped = call(*links)
    assert stopped.code == 1
    (journal,) = Path().glob("links.*.journal")
    assert f"{journal} knows what was done. When it is corrected" in stopped.err
    done = call(*links)
    assert (done.code, len(done.out.splitlines())) == (0, 4)
    assert len(sandbox.state.distributions) == 1
    assert not os.listdir()  # noqa: PTH208


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_named_journal_stays(call: Call, sandbox: Sandbox, links: list[str], status: int) -> None:
    """What the user named is not removed, though nothing was sent."""
    sandbox.faults.add(kind="status", route="POST /distributions", status=status)
    done = call(*links, "--journal", "mine.db")
    assert done.code == 1
    assert "nothing was sent: correct it and start again" in done.err
    assert Path("mine.db").exists()
    assert not sandbox.state.distributions


def test_another_service_has_another_journal(
    call: Call, links: list[str], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the journal depends on the service."""
    from qualtrics_async.cli.journals import usual_journal
    from qualtrics_async.cli.settings import service

    here = usual_journal(Path("links"), service())
    monkeypatch.setenv("QUALTRICS_BASE_URL", "")
    monkeypatch.setenv("QUALTRICS_DATACENTER", "fra1")
    assert usual_journal(Path("links"), service()) != here


def test_an_error_of_the_journal_names_it(call: Call, links: list[str], sandbox: Sandbox) -> None:
    """A journal of another job is named in the message."""
    assert call(*links, "--journal", "mine.db").code == 0
    done = call(*links, "--expires", "2030-01-01T00:00Z", "--journal", "mine.db")
    assert done.code == 1
    assert "error: mine.db: the journal belongs to another job" in done.err
    with pytest.raises(JournalError, match=r"^j\.db is in use$"), resumable(Path("j.db"), usual=True):
        raise JournalError("j.db is in use")


def test_the_end_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """One is singular, lists are lists, the first error stands by its reason, doubts name the journal."""
    summary, tally = Summary(items=3, ok=1, seconds=1), Tally()
    for outcome, whole in (
        (Failed(None, UsageError("the\nfirst"), "refused"), False),
        (InDoubt(None, OutcomeUnknown("lost"), "lost reply"), True),
    ):
        summary.count(outcome)
        tally.add(outcome, whole_list=whole)
    nouns = Nouns("contact", "distribution")
    assert conclude(summary, tally, nouns, failures=Path("f.csv"), journal=Path("j.db")) == 3
    assert capsys.readouterr().err.splitlines() == [
        "2 contacts in 1.0 s: 1 done, 1 failed; 0 requests",
        "1 mailing list as a whole: 0 done, 0 failed, 1 in doubt",
        "  refused: 1 (first: the first)",
        "  lost reply: 1 (first: lost)",
        "those that did not succeed are in f.csv",
        (
            "what is in doubt was sent and may be there: look, before you give it again. j.db is kept, and "
            "while it is there the same command does not send it"
        ),
    ]
    done = Summary(items=1, ok=1, requests=1_200, quota_used=0.25)
    assert conclude(done, Tally(), Nouns("row", "row"), failures=None, journal=Path("j.db")) == 0
    assert capsys.readouterr().err == "1 row in 0.0 s: 1 done, 0 failed; 1,200 requests\n"
    done.seconds = 60
    assert conclude(done, Tally(), Nouns("row", "row"), failures=None, journal=Path("j.db")) == 0
    told = "1 row in 60.0 s: 1 done, 0 failed; 1,200 requests, 25.0% of the quota of that time\n"
    assert capsys.readouterr().err == told


def test_decisions_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    """What was decided alike is one line; of many kinds the most frequent, with how many there were."""
    summary = Summary()
    for _ in range(2):
        summary.decide(Decision("CG_1", 1_000, "sent again", "it is harmless"))
    summary.decide(Decision("CG_1", 1, "accepted", "found\x1b in the list"))
    nouns = Nouns("row", "row")
    conclude(summary, Tally(), nouns, failures=None, journal=Path("j.db"))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "  2,000 rows sent again: it is harmless",
        "  1 row accepted: found in the list",
    ]
    for number in range(150):
        summary.decide(Decision("CG_1", 1, "accepted", f"found {number % 10}"))
    conclude(summary, Tally(), nouns, failures=None, journal=Path("j.db"))
    *told, last = capsys.readouterr().err.splitlines()[1:]
    assert told == [f"  10 rows accepted: found {number}" for number in range(5)]
    assert last == "  153 decisions on what was in doubt; the latest are told"


def test_who_has_no_failures_file_learns_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The option is named when rows failed and nobody wrote them down; with it, what to do with the file."""
    summary, nouns = Summary(items=1, failed=1), Nouns("row", "row")
    conclude(summary, Tally(), nouns, failures=None, journal=Path("j.db"), again=": do it")
    assert "with --failures FILE" in capsys.readouterr().err
    conclude(summary, Tally(), nouns, failures=Path("f.csv"), journal=Path("j.db"), again=": do it")
    assert "those that did not succeed are in f.csv: do it" in capsys.readouterr().err
