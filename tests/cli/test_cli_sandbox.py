"""The command that runs a sandbox, with responses for exports to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from commanding import Done, ended, started

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
