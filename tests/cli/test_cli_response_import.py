"""`responses import`: what is imported, what is said, and that the same command imports nothing twice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import ended, started, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from commanding import Clock

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

START = "POST /surveys/{surveyId}/import-responses"
PROGRESS = "GET /surveys/{surveyId}/import-responses/{importProgressId}"
TABLE = "cohort,Q2\nspring,Zoë\nwinter,x\n"
ONCE = "a.csv is imported once, however often: --again imports it again\n"


def saved(name: str = "a.csv", text: str = TABLE) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def cohorts(sandbox: Sandbox) -> list[str | None]:
    """What was imported."""
    return [response.values.get("cohort") for response in sandbox.state.responses.values()]


def test_a_file_is_imported_once(call: Call, sandbox: Sandbox) -> None:
    """The same command again imports nothing; stdout has one record, stderr says how to do it again."""
    argv = ["responses", "import", sandbox.state.survey_id, saved()]
    first, second = call(*argv), call(*argv)
    assert (first.code, first.err) == (0, ONCE)
    assert first.out == second.out
    made = json.loads(first.out)
    assert made.pop("job_id") in sandbox.state.jobs
    assert made.pop("idempotency_key")
    assert made == {"survey_id": sandbox.state.survey_id, "status": "complete", "rows": None, "once": True}
    assert cohorts(sandbox) == ["spring", "winter"]


def test_a_file_is_imported_again_if_that_is_meant(call: Call, sandbox: Sandbox) -> None:
    """With --again under a fresh key each time; a key of one's own is taken as it is."""
    argv = ["responses", "import", sandbox.state.survey_id, saved()]
    keys = [json.loads(call(*argv, *more).out)["idempotency_key"] for more in ((), ["--again"], ["--again"])]
    assert len(set(keys)) == 3
    assert len(cohorts(sandbox)) == 6
    for _ in range(2):
        assert json.loads(call(*argv, "--idempotency-key", "mine").out)["idempotency_key"] == "mine"
    assert len(cohorts(sandbox)) == 8


def test_files_in_other_formats(call: Call, sandbox: Sandbox) -> None:
    """Tabs by the suffix or the option, another encoding, and records as an export has them."""
    tabs = TABLE.replace(",", "\t")
    Path("b.csv").write_bytes(TABLE.encode("utf-16"))
    record = {"responseId": "R_1", "values": {"cohort": "autumn", "QID1": 1}}
    done = [
        call("responses", "import", sandbox.state.survey_id, *more)
        for more in (
            [saved("a.tsv", tabs)],
            [saved("a.dat", tabs.replace("x", "y")), "--format", "tsv"],
            ["b.csv", "--charset", "utf-16"],
            [saved("a.ndjson", json.dumps(record))],
        )
    ]
    assert [one.code for one in done] == [0, 0, 0, 0]
    assert cohorts(sandbox) == ["spring", "winter"] * 3 + ["autumn"]
    assert json.loads(done[-1].out)["rows"] == 1


def test_an_address_is_fetched_by_the_service(call: Call, sandbox: Sandbox) -> None:
    """Each time under a fresh key."""
    argv = ["responses", "import", sandbox.state.survey_id, "--url", "https://files.example.com/a.csv"]
    keys = {json.loads(call(*argv).out)["idempotency_key"] for _ in range(2)}
    assert len(keys) == 2


def test_no_rows(call: Call, sandbox: Sandbox) -> None:
    """A file of no records is no import, nor is a mere header, and that is said."""
    for name, text in (("a.ndjson", ""), ("a.csv", ""), ("a.tsv", "cohort\tQ2\n")):
        done = call("responses", "import", sandbox.state.survey_id, saved(name, text))
        assert (done.code, done.err) == (0, f"{name} has no rows: nothing was imported\n")
        assert json.loads(done.out)["status"] == "no rows"
        assert json.loads(done.out)["rows"] == 0
    assert not cohorts(sandbox)


def test_columns_that_the_survey_does_not_have(call: Call, sandbox: Sandbox) -> None:
    """Beside others they are a warning; where none fits, nothing is imported unless that is meant."""
    survey_id = sandbox.state.survey_id
    done = call("responses", "import", survey_id, saved(text="cohort,segment\nspring,x\n"))
    assert done.code == 0
    warning = "warning: columns that the survey does not have become new embedded data: 'segment'\n"
    assert done.err == warning + ONCE
    argv = ["responses", "import", survey_id, saved(text="cohort;Q2\nsummer;x\n")]
    refused = call(*argv)
    assert (refused.code, refused.out) == (2, "")
    assert "divided by ';'" in refused.err
    assert cohorts(sandbox) == ["spring"]
    assert call(*argv, "--no-check").code == 0
    assert len(cohorts(sandbox)) == 2


def test_a_survey_that_cannot_be_read(call: Call, sandbox: Sandbox) -> None:
    """Who may import may not always read: it is imported, and said."""
    sandbox.faults.add(kind="status", status=403, route="GET /surveys/{surveyId}")
    done = call("responses", "import", sandbox.state.survey_id, saved())
    assert done.code == 0
    assert (
        done.err == f"warning: the survey could not be read, so the columns were not compared with it\n{ONCE}"
    )
    assert cohorts(sandbox) == ["spring", "winter"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "either FILE or --url"),
        (["a.csv", "--url", "https://files.example.com/a.csv"], "either FILE or --url"),
        (["none.csv"], "no such file"),
        (["a.csv", "--again", "--idempotency-key", "k"], "either --again"),
        (["--url", "http://files.example.com/a.csv"], "https://"),
        (["a.csv", "--format", "xlsx"], "format"),
        (["a.xlsx"], "give format"),
    ],
)
def test_wrong_usage(call: Call, sandbox: Sandbox, argv: list[str], words: str) -> None:
    """Code 2, before anything is sent; no advice how to repeat what was not done."""
    saved()
    saved("a.xlsx")
    done = call("responses", "import", sandbox.state.survey_id, *argv)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1
    assert not sandbox.requests


def test_a_failed_import_says_why_and_what_to_do(call: Call, sandbox: Sandbox) -> None:
    """Code 1: the same key may give the same answer again."""
    done = call("responses", "import", sandbox.state.survey_id, saved("a.csv", "\n"), "--no-check")
    assert (done.code, done.out) == (1, "")
    advice, error = done.err.splitlines()
    assert "--again" in advice
    assert "failed: the service said 'The file has no header.'" in error


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ({"kind": "status", "status": 400, "route": START}, None),
        ({"kind": "status", "status": 503, "route": START, "times": None}, "the same command imports"),
        ({"kind": "status", "status": 403, "route": PROGRESS}, "the same command imports"),
    ],
)
def test_what_is_in_doubt_says_how_to_repeat_it(
    call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], advice: str | None
) -> None:
    """Only where something may have been imported."""
    monkeypatch.setattr("qualtrics_async.client.RetryPolicy", _Impatient)
    sandbox.faults.add(**fault)
    done = call("responses", "import", sandbox.state.survey_id, saved())
    assert done.code == 1
    assert ("may go on" in done.err) == (advice is not None)
    assert advice is None or advice in done.err


def test_the_key_of_an_address_is_told(call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With it the same command imports nothing twice."""
    monkeypatch.setattr("qualtrics_async.client.RetryPolicy", _Impatient)
    fault = sandbox.faults.add(kind="status", status=503, route=START, times=None)
    argv = ["responses", "import", sandbox.state.survey_id, "--url", "https://files.example.com/a.csv"]
    done = call(*argv)
    assert done.code == 1
    option, key = done.err.partition("the same command with ")[2].split()[:2]
    sandbox.faults.clear()
    assert fault.used
    assert json.loads(call(*argv, option, key).out)["idempotency_key"] == key


def _Impatient() -> Any:  # noqa: N802  (stands for a class)
    from qualtrics_async import RetryPolicy

    return RetryPolicy(retries=0)


def test_a_terminal_sees_how_far_it_is(call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is on stderr, the record alone on stdout."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = call("responses", "import", sandbox.state.survey_id, saved())
    assert "import a.csv" in done.err
    assert "importing" in done.err
    assert "100%" in done.err
    assert json.loads(done.out)["status"] == "complete"


def test_an_interrupted_import_goes_on_with_the_same_command(slow: tuple[Sandbox, Clock]) -> None:
    """Ctrl-C ends the wait, code 130; the same command finds the import that has gone on meanwhile."""
    sandbox, clock = slow
    argv = ["responses", "import", sandbox.state.survey_id, saved()]
    with started(*argv) as process:
        until(lambda: any(f"{one.method} {one.route}" == PROGRESS for one in list(sandbox.requests)))
        os.kill(process.pid, signal.SIGINT)
        first = ended(process)
    assert first.code == 130
    assert "the same command imports nothing twice" in first.err
    clock.now = 61
    with started(*argv) as process:
        second = ended(process)
    assert second.code == 0
    assert cohorts(sandbox) == ["spring", "winter"]
