"""How a job goes on: which journal it has, what is said of it, and when it goes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async.bulk.outcome import Failed, InDoubt, Summary
from qualtrics_async.cli.journals import resumable
from qualtrics_async.cli.outcomes import Tally, conclude
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
    assert conclude(summary, tally, "contact", Path("f.csv"), Path("j.db")) == 3
    assert capsys.readouterr().err.splitlines() == [
        "2 contacts in 1.0 s: 1 done, 1 failed",
        "1 mailing list as a whole: 0 done, 0 failed, 1 in doubt",
        "  refused: 1 (first: the first)",
        "  lost reply: 1 (first: lost)",
        "those that did not succeed are in f.csv",
        "what is in doubt was sent and is not sent again while j.db is there, which is kept",
    ]
    assert conclude(Summary(items=1, ok=1), Tally(), "row", None, Path("j.db")) == 0
    assert capsys.readouterr().err.startswith("1 row in ")
