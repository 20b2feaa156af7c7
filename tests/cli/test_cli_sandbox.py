"""The command that runs a sandbox, with responses for exports to read and for listeners to hear of."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest
from commanding import Done, ended, free_port, ran, started

from qualtrics_async.cli import run
from qualtrics_async.sandbox import Sandbox

Call = Callable[..., Done]


def test_it_has_responses_for_exports_to_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of the seed, in the survey that it names; another command exports them."""
    with started("sandbox", "--seed", "7", "--responses", "1200") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(2):
            monkeypatch.setenv(*process.stdout.readline().split()[1].split("=", 1))
        survey = [process.stderr.readline() for _ in range(2)][1]
        survey_id = survey.split()[1]
        code = run(["responses", "export", survey_id, "--format", "csv"])
        process.terminate()
        done = ended(process)
    assert survey == f"survey {survey_id} (1,200 responses)\n"
    assert (code, done.code) == (0, 0)
    tags, _, _, *rows = csv.reader(io.StringIO(capsys.readouterr().out, newline=""))
    state = Sandbox(seed=7).state
    made = state.add_responses(state.survey_id, 1200, seed=7)
    place, asked = tags.index("ResponseId"), tags.index("Q1")
    assert len({row[place] for row in rows}) == len(rows) == 1200
    assert [row[asked] for row in rows] == [str(made.at(n).values.get("QID1", "")) for n in range(1200)]


@pytest.mark.parametrize("number", ["-1", "100000001"])
def test_a_number_of_responses_that_is_none(call: Call, number: str) -> None:
    """A number out of range is a wrong usage."""
    done = call("sandbox", f"--responses={number}")
    assert done.code == 2
    assert "--responses is a number from 0 to 100,000,000" in done.err


def test_responses_arrive_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One every so many seconds, delivered to who has subscribed, so that another command shows them."""
    with started("sandbox", "--arrivals", "0.05") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(2):
            monkeypatch.setenv(*process.stdout.readline().split()[1].split("=", 1))
        said = [process.stderr.readline() for _ in range(6)]
        port = free_port()
        argv = ["--topic", "surveyengine.completedResponse.*", "--limit", "2", f"--port={port}"]
        heard = ran("webhooks", "listen", *argv, "--public-url", f"http://127.0.0.1:{port}")
        process.terminate()
        done = ended(process)
    assert said[-2] == "a response arrives every 0.05 s\n"
    assert heard.code == 0, heard.err
    first, second = (json.loads(line) for line in heard.out.splitlines())
    assert first["surveyId"] == second["surveyId"] == said[1].split()[1]
    assert first["responseId"] != second["responseId"]
    assert (done.code, done.err) == (0, "stopping: what has left is waited for; once more ends it at once\n")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_arrivals_that_are_none(call: Call, seconds: str) -> None:
    """A pause that is none is a wrong usage."""
    done = call("sandbox", f"--arrivals={seconds}")
    assert done.code == 2
    assert "--arrivals is a number of seconds" in done.err
