"""`responses export`: a file or nothing, stdout when all is there, a folder with an outcome for each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import ended, rows_of, started, until
from rich.progress import TimeRemainingColumn

from qualtrics_async import exports
from qualtrics_async.cli import exportjobs
from qualtrics_async.cli.exportbars import ExportBars, export_bars
from qualtrics_async.exports import ExportState
from qualtrics_async.sandbox import Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from commanding import Clock

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

START = "POST /surveys/{surveyId}/export-responses"
PROGRESS = "GET /surveys/{surveyId}/export-responses/{exportProgressId}"
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals to another process")
SIGNALS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


def answered(sandbox: Sandbox, count: int = 3, name: str = "../../evil: a/b") -> str:
    """Make a survey with so many responses."""
    survey_id = sandbox.state.add_survey(name)
    for number in range(count):
        sandbox.state.add_response(survey_id, {"QID2_TEXT": f"Zoë {number}", "cohort": "a,\nb"})
    return survey_id


def inside(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.mark.parametrize("form", ["csv", "tsv", "ndjson", "json"])
def test_one_survey_goes_to_stdout(call: Call, sandbox: Sandbox, form: str) -> None:
    """Its bytes and nothing else; the same ones as in a file, whose suffix says the format."""
    survey_id = answered(sandbox)
    done = call("responses", "export", survey_id, "--format", form)
    assert (done.code, done.err) == (0, "")
    assert "Zoë 2" in done.out
    filed = call("responses", "export", survey_id, "--output", f"a.{form}")
    assert (filed.code, filed.out) == (0, "")
    written = Path(f"a.{form}").read_bytes()
    assert filed.err == f"a.{form}: {len(written):,} bytes of {form}\n"
    assert written.decode() == done.out
    assert inside() == [f"a.{form}"]


def test_a_dash_is_stdout(call: Call, sandbox: Sandbox) -> None:
    """As with other tools, also where the value stands apart; the format is given beside it."""
    survey_id = answered(sandbox)
    plain = call("responses", "export", survey_id, "--format", "tsv")
    for argv in (["--output", "-", "--format", "tsv"], ["--format", "tsv", "--output=-"]):
        done = call("responses", "export", survey_id, *argv)
        assert (done.code, done.out, done.err) == (0, plain.out, "")
    assert inside() == []


def test_a_slash_makes_a_folder(call: Call, sandbox: Sandbox) -> None:
    """Of one survey and of several, whatever it is called; a folder that is there needs none."""
    one, two = answered(sandbox), answered(sandbox)
    done = call("responses", "export", one, "--output", "new/")
    assert (done.code, done.err.splitlines()[0]) == (0, "1 file in new")
    assert call("responses", "export", one, two, "--output", "some.csv/", "--format", "tsv").code == 0
    assert call("responses", "export", two, "--output", "some.csv", "--format", "tsv").code == 0
    assert inside() == ["new", "some.csv"]
    assert inside("new") == [f"{one}.csv"]
    assert inside("some.csv") == sorted([f"{one}.tsv", f"{two}.tsv"])


def test_csv_is_the_default(call: Call, sandbox: Sandbox) -> None:
    """On stdout, and in a folder."""
    survey_id = answered(sandbox)
    assert call("responses", "export", survey_id).out.startswith("StartDate,")
    assert call("responses", "export", survey_id, survey_id, "--output", "out").code == 0
    assert inside("out") == [f"{survey_id}.csv"]


def test_a_zip_and_a_parquet_file(call: Call, sandbox: Sandbox) -> None:
    """The archive as it came, and a table whose columns are called as was asked."""
    parquet = pytest.importorskip("pyarrow.parquet")
    survey_id = answered(sandbox)
    assert call("responses", "export", survey_id, "--output", "a.zip", "--format", "ndjson").code == 0
    with zipfile.ZipFile("a.zip") as archive:
        (name,) = archive.namelist()
        assert json.loads(archive.read(name).splitlines()[0])["values"]["QID2_TEXT"] == "Zoë 0"
    argv = ["responses", "export", survey_id, "--output", "a.parquet"]
    assert call(*argv).code == 0
    assert parquet.read_table("a.parquet").num_rows == 3
    assert "RecordedDate" in parquet.read_table("a.parquet").column_names
    assert call(*argv, "--names", "import_id").code == 0
    assert "recordedDate" in parquet.read_table("a.parquet").column_names
    assert inside() == ["a.parquet", "a.zip"]


def test_a_file_that_is_there_is_replaced(call: Call, sandbox: Sandbox) -> None:
    """The same command again brings what was added; when it fails, the file is what it was."""
    survey_id = answered(sandbox, 1)
    argv = ["responses", "export", survey_id, "--output", "a.csv"]
    assert call(*argv).code == 0
    before = len(rows_of("a.csv"))
    sandbox.state.add_response(survey_id, {"QID2_TEXT": "one more"})
    assert call(*argv).code == 0
    assert len(rows_of("a.csv")) == before + 1
    sandbox.faults.add(kind="failed_job", route=START)
    failed = call(*argv)
    assert failed.code == 1
    assert failed.err.startswith("error: the export ES_")
    assert len(rows_of("a.csv")) == before + 1
    assert inside() == ["a.csv"]


def test_what_is_chosen_is_asked_for(call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option is one of the library's, under its name there."""
    asked: list[dict[str, Any]] = []
    named = exportjobs.Selection.options

    def watched(chosen: exportjobs.Selection) -> dict[str, Any]:
        asked.append(named(chosen))
        return asked[-1]

    monkeypatch.setattr(exportjobs.Selection, "options", watched)
    survey_id = answered(sandbox)
    filter_id = sandbox.state.add_response_filter(survey_id, "mine")
    argv = ["--since", "2020-01-31T12:00Z", "--until", "2099-01-31T12:00+01:00", "--limit", "2", "--labels"]
    argv += ["--question", "QID1", "--question", "QID2", "--filter", filter_id, "--time-zone", "Europe/Paris"]
    argv += ["--metadata", "recordedDate", "--metadata", "_recordId", "--embedded-data", "cohort"]
    argv += ["--no-breakout-sets", "--seen-unanswered-recode", "-99"]
    done = call("responses", "export", survey_id, *argv)
    assert done.code == 0, done.err
    (options,) = asked
    assert options["start_date"].isoformat() == "2020-01-31T12:00:00+00:00"
    assert options["end_date"].isoformat() == "2099-01-31T12:00:00+01:00"
    assert (options["limit"], options["use_labels"], options["filter_id"]) == (2, True, filter_id)
    assert (options["question_ids"], options["time_zone"]) == (["QID1", "QID2"], "Europe/Paris")
    assert options["survey_metadata_ids"] == ["recordedDate", "_recordId"]
    assert options["embedded_data_ids"] == ["cohort"]
    assert (options["breakout_sets"], options["seen_unanswered_recode"]) == (False, -99)
    assert done.out.startswith("RecordedDate,ResponseId,")
    assert done.out.count("Zoë") == 2
    assert call("responses", "export", survey_id, "--label-columns", "--in-progress").code == 0
    assert asked[-1] == {"include_label_columns": True, "export_responses_in_progress": True}
    assert call("responses", "export", survey_id, "--format", "ndjson", "--breakout-sets").code == 0
    assert asked[-1] == {}


def test_a_parquet_file_has_labels_if_asked_to(call: Call, sandbox: Sandbox) -> None:
    """In place of codes, or beside them."""
    parquet = pytest.importorskip("pyarrow.parquet")
    survey_id = sandbox.state.add_survey("M", questions=(Question("single", "How good?", ("Bad", "Good")),))
    sandbox.state.add_response(survey_id, {"QID1": 2})
    argv = ["responses", "export", survey_id, "--question", "QID1", "--output", "a.parquet"]
    for option, wanted in ((None, [2]), ("--labels", ["Good"]), ("--label-columns", [2, "Good"])):
        assert call(*argv, *filter(None, [option])).code == 0
        (row,) = parquet.read_table("a.parquet").to_pylist()
        assert [value for name, value in row.items() if name.startswith("Q1")] == wanted


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "SURVEYS"),
        (["SV_1", "SV_2"], "give a folder with --output"),
        (["SV_1", "--since", "2020-01-31"], "--since takes an instant with an offset"),
        (["SV_1", "--until", "tomorrow"], "--until takes an instant with an offset"),
        (["SV_1", "--limit", "0"], "--limit is a number"),
        (["SV_1", "--format", "json", "--labels"], "format='json' and --labels exclude one another"),
        (["SV_1", "--format", "parquet"], "give a file with --output"),
        (["SV_1", "--names", "text"], "--names is for Parquet"),
        (["SV_1", "--names", "text", "--output", "a.csv"], "--names is for Parquet"),
        (["SV_1", "SV_2", "--names", "text", "--output", "out"], "--names is for Parquet"),
        (["SV_1", "--output", "responses"], "give one with --format, or responses/ for a folder"),
        (["SV_1", "SV_2", "--output", "some.csv"], "give a folder, as some/"),
        (["SV_1", "SV_2", "--output", "some.parquet"], "give a folder, as some/"),
        (["SV_1", "SV_2", "--output", "-"], "give a folder with --output"),
        (["SV_1", "--output", ""], "--output is empty"),
        (["SV_1", "--output", "--labels"], "got '--labels'"),
        (["SV_1", "--output", "no/where/"], "there is no folder to make it in"),
        (["SV_1", "--label-columns", "--labels"], "--labels and --label-columns exclude one another"),
        (["SV_1", "--format", "ndjson", "--no-breakout-sets"], "and --no-breakout-sets exclude"),
        (["SV_1", "SV_2", "--output", "out/", "--question", " "], "--question is a list"),
        (["SV_1", "--output", "no/where.csv"], "there is no such folder"),
        (["SV_1", "SV_2", "--output", "no/where"], "there is no folder to make it in"),
        (["SV/1"], "SV/1"),
    ],
)
def test_what_cannot_be_meant(call: Call, sandbox: Sandbox, argv: list[str], said: str) -> None:
    """Is a wrong usage, in one line, before any request; nothing is written."""
    done = call("responses", "export", *argv)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert sandbox.requests == []
    assert inside() == []


def test_some_surveys_fail(call: Call, sandbox: Sandbox) -> None:
    """The others are there; each that failed is named with its reason, and the exit code says it."""
    good, forbidden, failing = (answered(sandbox) for _ in range(3))
    sandbox.faults.add(kind="status", status=403, route=START, path=forbidden)
    sandbox.faults.add(kind="failed_job", route=START, path=failing)
    argv = ["responses", "export", good, forbidden, failing, "../evil", good, "--output", "out"]
    done = call(*argv, "--format", "ndjson")
    assert (done.code, done.out) == (3, "")
    lines = done.err.splitlines()
    for survey_id in (forbidden, failing, "../evil"):
        assert sum(line.startswith(f"{survey_id}: ") for line in lines) == 1
    assert "1 file in out" in lines
    assert any(line.startswith("4 surveys in ") and "1 done, 3 failed" in line for line in lines)
    assert {"  forbidden: 1", "  failed: 1", "  refused: 1"} <= set(lines)
    assert inside("out") == [f"{good}.ndjson"]
    assert inside() == ["out"]


def test_all_surveys_are_there(call: Call, sandbox: Sandbox) -> None:
    """Exit code 0; one survey goes into a folder that is there, too."""
    ids = [answered(sandbox, count) for count in range(3)]
    done = call("responses", "export", *ids, "--output", "out")
    assert done.code == 0, done.err
    assert inside("out") == sorted(f"{survey_id}.csv" for survey_id in ids)
    assert len(rows_of(f"out/{ids[2]}.csv")) == 2 + 2
    other = answered(sandbox)
    assert call("responses", "export", other, "--output", "out").code == 0
    assert f"{other}.csv" in inside("out")


def test_what_stops_all_says_how_far_it_came(
    call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is not lost in the error: those files are there."""
    monkeypatch.setattr(exports, "many", partial(exports.many, concurrency=1))
    ids = [answered(sandbox) for _ in range(4)]
    sandbox.faults.add(kind="status", status=401, route=START, path=ids[2], times=None)
    done = call("responses", "export", *ids, "--output", "out")
    assert done.code == 1
    said, error = done.err.splitlines()
    assert said == "stopped after 2 of 4 surveys, 2 files in out"
    assert error.startswith("error: ")
    assert inside("out") == sorted(f"{survey_id}.csv" for survey_id in ids[:2])


def test_a_wrong_token_stops_all(call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of the command, not of a survey."""
    monkeypatch.setenv("QUALTRICS_API_TOKEN", "wrong")
    done = call("responses", "export", "SV_1", "SV_2", "--output", "out")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert inside("out") == []


def test_a_broken_download_writes_nothing(call: Call, sandbox: Sandbox) -> None:
    """What stays corrupt is an error, and no byte of it is on stdout."""
    sandbox.faults.add(kind="archive", damage="checksum", route=FILE, times=None)
    done = call("responses", "export", answered(sandbox))
    assert (done.code, done.out) == (1, "")
    assert "the file of the export is broken" in done.err
    assert inside() == []


@pytest.mark.skipif(sys.platform != "linux", reason="there is a device that is always full")
def test_a_full_disk_is_named(call: Call, sandbox: Sandbox) -> None:
    """In one line, without a traceback."""
    done = call("responses", "export", answered(sandbox), "--format", "csv", "--output", "/dev/full")
    assert (done.code, done.err) == (1, "error: [Errno 28] No space left on device: '/dev/full'\n")


@posix
@pytest.mark.usefixtures("call")
@pytest.mark.parametrize(("number", "code", "word", "surveys"), [(*SIGNALS[0], 1), (*SIGNALS[1], 2)])
def test_an_interrupted_export_leaves_no_half_file(
    sandbox: Sandbox, number: int, code: int, word: str, surveys: int
) -> None:
    """In the middle of the download: an exit code, what was there is still there, and nothing beside it."""
    ids = [answered(sandbox) for _ in range(surveys)]
    held = sandbox.faults.add(kind="stalled", at=50, route=FILE, times=None)
    Path("out").mkdir()
    old = [Path("out") / f"{survey_id}.csv" for survey_id in ids]
    for path in old:
        path.write_text("precious")
    output = "out" if surveys > 1 else str(old[0])
    with started("responses", "export", *ids, "--output", output) as process:
        until(lambda: held.used == len(ids))
        assert len(list(Path("out").glob(".*.partial"))) == len(ids)
        process.send_signal(number)
        stopped = ended(process)
    held.release()
    assert (stopped.code, stopped.out) == (code, "")
    assert stopped.err.endswith(f"{word}\n")
    assert "Traceback" not in stopped.err
    assert sorted(Path("out").iterdir()) == sorted(old)
    assert {path.read_text() for path in old} == {"precious"}


@posix
def test_a_killed_export_leaves_no_half_file(call: Call, sandbox: Sandbox) -> None:
    """Of SIGKILL, too: what it left beside the name is written over by the next run."""
    survey_id = answered(sandbox)
    held = sandbox.faults.add(kind="stalled", at=50, route=FILE)
    with started("responses", "export", survey_id, "--output", "a.csv") as process:
        until(lambda: held.used > 0)
        process.kill()
        process.wait()
    held.release()
    assert inside() == [".a.csv.partial"]
    assert call("responses", "export", survey_id, "--output", "a.csv").code == 0
    assert inside() == ["a.csv"]


@posix
def test_an_export_that_waits_for_its_job_is_interrupted(slow: tuple[Sandbox, Clock]) -> None:
    """While the service works, which can take long, and with nothing on stdout."""
    sandbox, _ = slow
    survey_id = answered(sandbox)
    with started("responses", "export", survey_id) as process:
        until(lambda: sandbox.calls[PROGRESS, 200] > 0)
        process.send_signal(signal.SIGTERM)
        stopped = ended(process)
    assert (stopped.code, stopped.out) == (143, "")
    assert stopped.err.endswith("terminated\n")
    assert "Traceback" not in stopped.err


@posix
@pytest.mark.usefixtures("call")
def test_a_reader_that_goes_ends_it(sandbox: Sandbox) -> None:
    """As of `... | head`: no traceback."""
    survey_id = answered(sandbox)
    sandbox.state.add_responses(survey_id, 3000)
    command = [sys.executable, "-m", "qualtrics_async", "responses", "export", survey_id]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(9) == b"StartDate"
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(20) == 1
    assert said == b""


def test_a_terminal_sees_phase_rate_and_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job in percent, without a rate; downloads and files in bytes a second, with the time left."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    now = 0.0
    with export_bars() as shown:
        assert shown is not None
        shown.get_time = lambda: now
        bars = ExportBars(shown)
        assert bars.on_progress is not None
        (task,) = _told(bars, shown, ExportState(survey_id="SV_1", phase="exporting", percent=40.0))
        assert (task.percentage, task.fields["phase"], task.fields["rate"]) == (40, "exporting", False)
        state = ExportState(survey_id="SV_1", phase="downloading", done=0, total=None)
        (task,) = _told(bars, shown, state)
        assert (task.total, task.completed) == (None, 0)
        for step in range(1, 5):
            now += 1
            state = ExportState(
                survey_id="SV_1", phase="downloading", done=step * 1_000_000, total=10_000_000
            )
            (task,) = _told(bars, shown, state)
        assert task.speed == pytest.approx(1_000_000, rel=0.4)
        assert task.time_remaining == pytest.approx(6, abs=3)
        assert any(isinstance(column, TimeRemainingColumn) for column in shown.columns)
        shown.refresh()
        (task,) = _told(bars, shown, ExportState(survey_id="SV_1", phase="reading", done=1, total=4))
        assert (task.percentage, task.fields["phase"]) == (25, "writing")
        bars.end("SV_1")
        assert shown.tasks == []
    wrote = capsys.readouterr()
    assert wrote.out == ""
    assert "downloading" in wrote.err
    assert "MB/s" in wrote.err


def _told(bars: ExportBars, shown: Any, state: ExportState) -> list[Any]:
    bars.show(state)
    found: list[Any] = shown.tasks
    return found


def test_many_surveys_have_a_bar_of_their_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each while it is under way, and one for all of them; none of what is no bytes has a rate."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with export_bars() as shown:
        assert shown is not None
        bars = ExportBars(shown, 3)
        for name in ("SV_1", "SV_2"):
            bars.show(ExportState(survey_id=name, phase="exporting", percent=1.0))
        assert [task.description for task in shown.tasks] == ["surveys", "SV_1", "SV_2"]
        for name in ("SV_1", "SV_3"):
            bars.end(name)
        assert [task.description for task in shown.tasks] == ["surveys", "SV_2"]
        assert (shown.tasks[0].completed, shown.tasks[0].total) == (2, 3)
        shown.refresh()
    wrote = capsys.readouterr().err
    assert "SV_2" in wrote
    assert "bytes/s" not in wrote
    assert "?" not in wrote.replace("\x1b[?", "")


def test_nobody_else_sees_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is no terminal nothing is written."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with export_bars() as shown:
        assert shown is None
        bars = ExportBars(shown, 2)
        assert bars.on_progress is None
        bars.show(ExportState(survey_id="SV_1", phase="exporting"))
        bars.end("SV_1")
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_the_whole_export(
    call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bars of a real run: every phase is told, and the file is what it is without them."""
    survey_id = answered(sandbox)
    assert call("responses", "export", survey_id, "--output", "plain.csv").code == 0
    monkeypatch.setenv("FORCE_COLOR", "1")
    seen: list[str] = []
    show = ExportBars.show

    def watched(bars: ExportBars, state: ExportState) -> None:
        seen.append(state.phase)
        show(bars, state)

    monkeypatch.setattr(ExportBars, "show", watched)
    done = call("responses", "export", survey_id, "--output", "a.csv")
    assert done.code == 0
    assert list(dict.fromkeys(seen)) == ["exporting", "downloading", "reading"]
    assert survey_id in done.err
    assert Path("a.csv").read_bytes() == Path("plain.csv").read_bytes()
    assert call("responses", "export", survey_id, answered(sandbox), "--output", "out").code == 0
