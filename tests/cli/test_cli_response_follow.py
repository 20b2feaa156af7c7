"""`responses follow`: each line once, whatever ends the command, because the file moves after the lines."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import ended, started, until

from qualtrics_async.exports import FollowState

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals to another process")

START = "POST /surveys/{surveyId}/export-responses"
FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"


def arrive(sandbox: Sandbox, *answers: str) -> list[str]:
    return [sandbox.state.add_response(sandbox.state.survey_id, {"QID1_TEXT": text}).id for text in answers]


def ids_in(out: str) -> list[str]:
    return [json.loads(line)["responseId"] for line in out.splitlines()]


def argv_of(sandbox: Sandbox, *more: str) -> list[str]:
    return ["responses", "follow", sandbox.state.survey_id, "--state", "follow.json", *more]


def state() -> FollowState:
    return FollowState.from_json(Path("follow.json").read_bytes())


def inside() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_each_call_prints_what_is_new(call: Call, sandbox: Sandbox) -> None:
    """One line a response, as the service writes it, and a file of the state for its owner alone."""
    (first,) = arrive(sandbox, "Ümlaut\n=1+1")
    done = call(*argv_of(sandbox, "--format", "ndjson"))
    assert done.code == 0, done.err
    (line,) = done.out.splitlines()
    record = json.loads(line)
    assert record["responseId"] == first
    assert record["values"]["QID1_TEXT"] == "Ümlaut\n=1+1"
    assert None not in record.values()
    assert done.err == "1 response; the next command goes on from follow.json\n"
    assert inside() == ["follow.json"]
    assert stat.S_IMODE(Path("follow.json").stat().st_mode) == 0o600 or os.name != "posix"
    second, third = arrive(sandbox, "b", "c")
    done = call(*argv_of(sandbox))
    assert (done.code, ids_in(done.out)) == (0, [second, third])


def test_nothing_is_said_of_nothing(call: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cron runs writes no line when nothing has arrived, or it would send a mail; a terminal is told."""
    done = call(*argv_of(sandbox))
    assert (done.code, done.out, done.err) == (0, "", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    done = call(*argv_of(sandbox))
    assert (done.code, done.out) == (0, "")
    assert done.err == "0 responses; the next command goes on from follow.json\n"


def test_a_token_that_is_refused_is_told(call: Call, sandbox: Sandbox) -> None:
    """The round by date prints what is new, and says why it is one."""
    arrive(sandbox, "a")
    call(*argv_of(sandbox))
    (second,) = arrive(sandbox, "b")
    sandbox.faults.add(kind="status", status=400, route=START)
    done = call(*argv_of(sandbox))
    assert (done.code, ids_in(done.out)) == (0, [second])
    assert "by modification date" in done.err


def test_the_first_round_may_begin_at_a_date(call: Call, sandbox: Sandbox) -> None:
    """Only what was recorded from then on is printed."""
    arrive(sandbox, "a")
    assert call(*argv_of(sandbox, "--since", "2100-01-01T00:00:00Z")).out == ""


@pytest.mark.parametrize(
    ("content", "more", "expected"),
    [
        ("precious", [], (1, "follow.json: this is not the state")),
        (
            '{"survey_id":"SV_1","since":"2026-01-01T00:00:00Z","version":1}',
            [],
            (2, "follow.json: .* of SV_1"),
        ),
        ('{"version":9}', [], (1, "format 9")),
        (None, ["--every", "0"], (2, "every")),
        (None, ["--format", "csv"], (2, "ndjson")),
        (None, ["--since", "2026-01-01T00:00"], (2, "--since")),
    ],
)
def test_what_cannot_be_meant_is_an_error(
    call: Call, sandbox: Sandbox, content: str | None, more: list[str], expected: tuple[int, str]
) -> None:
    """Before any request, and a file that is no state of the survey stays as it is."""
    if content is not None:
        Path("follow.json").write_text(content, encoding="utf-8")
    done = call(*argv_of(sandbox, *more))
    code, what = expected
    assert (done.code, done.out) == (code, "")
    assert re.search(what, done.err), done.err
    assert sandbox.calls.total() == 0
    assert inside() == ([] if content is None else ["follow.json"])


def test_a_failed_round_says_how_to_go_on(call: Call, sandbox: Sandbox) -> None:
    """The state is where it was, and the same command prints what is missing."""
    (first,) = arrive(sandbox, "a")
    sandbox.faults.add(kind="failed_job", route=START)
    argv = argv_of(sandbox)
    done = call(*argv)
    assert (done.code, done.out) == (1, "")
    assert f"  qualtrics-async {' '.join(argv)}\n" in done.err
    assert inside() == []
    assert ids_in(call(*argv).out) == [first]


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_what_goes_on_for_ever(call: Call, sandbox: Sandbox, number: int, code: int) -> None:
    """Rounds come one after the other, a fault is told, a signal ends it, and the next command goes on."""
    expected = arrive(sandbox, "a", "b")
    with started(*argv_of(sandbox, "--every", "0.1")) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        printed = [process.stdout.readline() for _ in range(2)]
        expected += arrive(sandbox, "c")
        printed += [process.stdout.readline()]
        sandbox.faults.add(kind="failed_job", route=START)
        told = process.stderr.readline()
        assert told.startswith("a round failed and will be repeated: the export ")
        before = sandbox.calls[FILE, 200]
        until(lambda: sandbox.calls[FILE, 200] > before)
        process.send_signal(number)
        done = ended(process)
    assert ids_in("".join(printed) + done.out) == expected
    assert done.code == code
    assert "To go on, run the same command again" in done.err
    assert "Traceback" not in done.err
    assert inside() == ["follow.json"]
    expected = arrive(sandbox, "d")
    again = call(*argv_of(sandbox))
    assert (again.code, ids_in(again.out)) == (0, expected)


@posix
def test_a_killed_round_is_printed_again(call: Call, sandbox: Sandbox) -> None:
    """SIGKILL in the middle of a round leaves the state of the last whole one, and nobody's lock."""
    arrive(sandbox, "a")
    assert call(*argv_of(sandbox)).code == 0
    before = state()
    expected = arrive(sandbox, "b")
    held = sandbox.faults.add(kind="delay", route=FILE)
    with started(*argv_of(sandbox)) as process:
        until(lambda: held.used > 0)
        process.kill()
        assert ended(process).code == -9
    held.release()
    assert state() == before
    again = call(*argv_of(sandbox))
    assert (again.code, ids_in(again.out)) == (0, expected)
    assert inside() == ["follow.json"]


@posix
def test_lines_that_nobody_reads_are_printed_again(call: Call, sandbox: Sandbox) -> None:
    """As of `... | head -1`: no traceback, and the state does not move."""
    expected = arrive(sandbox, *(f"{number} {'x' * 3000}" for number in range(200)))
    with started(*argv_of(sandbox)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(30) == 1
    assert "Traceback" not in err
    assert inside() == []
    again = call(*argv_of(sandbox))
    assert (again.code, ids_in(again.out)) == (0, expected)


@posix
def test_a_state_has_one_command(call: Call, sandbox: Sandbox) -> None:
    """A second one is refused while the first one follows."""
    arrive(sandbox, "a")
    with started(*argv_of(sandbox, "--every", "60")) as process:
        assert process.stdout is not None
        process.stdout.readline()
        second = call(*argv_of(sandbox))
        assert second.code == 1
        assert "in use by another process" in second.err
        process.kill()
