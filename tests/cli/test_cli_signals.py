"""Ctrl-C and SIGTERM: jobs stop, what has left is waited for, and the same command goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from commanding import IMPORTS, PROGRESS, Clock, contacts_file, ended, ran, rows_of, started, until

from qualtrics_async.cli import run
from qualtrics_async.cli.signals import Terminated, run_async

if TYPE_CHECKING:
    from qualtrics_async.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals to another process")

LINKS = "GET /distributions/{distributionId}/links"
SIGNALS = [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]


def inside() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


@pytest.mark.parametrize(("number", "code", "word"), SIGNALS)
def test_an_interrupted_import_goes_on(
    slow: tuple[Sandbox, Clock], number: int, code: int, word: str
) -> None:
    """A signal in the middle has an exit code; the same command then completes the job, nothing doubled."""
    sandbox, clock = slow
    customers = sandbox.state.add_mailing_list("Customers")
    contacts_file(200, "bad\n")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--failures", "failed.csv"]
    with started(*argv) as process:
        until(lambda: sandbox.calls[PROGRESS, 200] > 0)
        process.send_signal(number)
        stopped = ended(process)
    assert (stopped.code, stopped.out) == (code, "")
    assert f"  qualtrics-async {' '.join(argv)}\n" in stopped.err
    assert stopped.err.endswith(f"{word}\n")
    assert "Traceback" not in stopped.err
    assert sandbox.token not in stopped.err
    (journal,) = Path().glob("contacts.csv.*.journal")
    assert inside() == ["contacts.csv", journal.name]
    clock.now += 100
    done = ran(*argv)
    assert done.code == 3
    assert "201 rows" in done.err
    assert "200 done, 1 failed" in done.err
    assert [row["_line"] for row in rows_of("failed.csv")] == ["202"]
    assert set(sandbox.state.accepted_rows.values()) == {1}
    assert sandbox.state.accepted_rows.total() == 200
    assert sandbox.calls[IMPORTS, 200] == 1
    assert inside() == ["contacts.csv", "failed.csv"]


def test_what_has_left_is_waited_for(slow: tuple[Sandbox, Clock]) -> None:
    """An import whose reply comes after SIGTERM is known to the journal: nothing is in doubt afterwards."""
    sandbox, clock = slow
    customers = sandbox.state.add_mailing_list("Customers")
    contacts_file(20)
    held = sandbox.faults.add(kind="delay", route=IMPORTS, when="after")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers]
    with started(*argv) as process:
        until(lambda: held.used > 0)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.readline() == (
            "stopping: what has left is waited for; once more ends it at once\n"
        )
        assert process.poll() is None
        held.release()
        assert ended(process).code == 143
    clock.now += 100
    done = ran(*argv)
    assert done.code == 0
    assert "sent again" not in done.err
    assert sandbox.calls[IMPORTS, 200] == 1
    assert len(sandbox.state.list_contacts(customers)) == 20


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("second", "code", "word"), SIGNALS)
def test_the_second_signal_waits_no_longer(
    slow: tuple[Sandbox, Clock], first: int, second: int, code: int, word: str
) -> None:
    """It ends the command though a reply is due, without a traceback; the next run sees to what was sent."""
    sandbox, clock = slow
    customers = sandbox.state.add_mailing_list("Customers")
    contacts_file(20)
    held = sandbox.faults.add(kind="delay", route=IMPORTS, when="after")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers]
    with started(*argv) as process:
        until(lambda: held.used > 0)
        process.send_signal(first)
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(second)
        stopped = ended(process)
    assert held.used == 1
    assert stopped.code == code
    assert "To go on, run the same command again" in stopped.err
    assert stopped.err.endswith(f"{word}\n")
    assert "Traceback" not in stopped.err
    held.release()
    clock.now += 100
    with started(*argv) as process:
        until(lambda: sandbox.calls[PROGRESS, 200] > 0)
        clock.now += 100
        done = ended(process)
    assert done.code == 0, done.err
    assert "  20 rows sent again: " in done.err
    assert len(sandbox.state.list_contacts(customers)) == 20
    assert inside() == ["contacts.csv"]


@pytest.mark.parametrize(("number", "code", "word"), SIGNALS)
def test_interrupted_links_go_on(slow: tuple[Sandbox, Clock], number: int, code: int, word: str) -> None:
    """A signal between two pages loses no link: the same command writes all of them, of one distribution."""
    sandbox, clock = slow
    audience = sandbox.state.add_mailing_list("Audience")
    for one in range(250):
        sandbox.state.add_contact(audience, email=f"p{one}@example.com")
    held = sandbox.faults.add(kind="delay", route=LINKS, path="skipToken")
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", audience]
    argv += ["--output", "links.csv"]
    with started(*argv) as process:
        until(lambda: bool(sandbox.state.distributions))
        clock.now += 100
        until(lambda: held.used > 0)
        process.send_signal(number)
        stopped = ended(process)
    assert stopped.code == code
    assert stopped.err.endswith(f"{word}\n")
    assert ".journal knows what was done" in stopped.err
    assert len(inside()) == 1
    held.release()
    first_page = sandbox.calls[LINKS, 200]
    done = ran(*argv)
    assert done.code == 0, done.err
    links = rows_of("links.csv")
    assert sorted(row["email"] for row in links) == sorted(f"p{one}@example.com" for one in range(250))
    assert len(sandbox.state.distributions) == 1
    assert sandbox.calls[LINKS, 200] - first_page <= 3
    assert inside() == ["links.csv"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_command_serves_until_it_is_stopped(number: int) -> None:
    """What it prints leads to a working service, and a signal is its ordinary end."""
    with started("sandbox", "--seed", "7") as process:
        assert process.stdout is not None
        exports = [process.stdout.readline().split() for _ in range(2)]
        assert [words[0] for words in exports] == ["export", "export"]
        settings = dict(words[1].split("=", 1) for words in exports)
        assert settings.keys() == {"QUALTRICS_BASE_URL", "QUALTRICS_API_TOKEN"}
        listing = subprocess.run(
            [sys.executable, "-m", "qualtrics_async", "lists", "list", "--format", "csv"],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        process.send_signal(number)
        done = ended(process)
    assert listing.returncode == 0
    assert [row.split(",")[1] for row in listing.stdout.splitlines()] == ["name", "Customers", "Employees"]
    assert done.code == 0
    assert "survey SV_" in done.err
    assert "Traceback" not in done.err


def test_the_second_signal_reaches_what_is_shielded(capsys: pytest.CaptureFixture[str]) -> None:
    """What outlives the first one, as a write that has left does, is cancelled by the second."""
    came: list[str] = []

    async def child() -> None:
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            came.append("first")
            signal.raise_signal(signal.SIGTERM)
            try:
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(10)
            except asyncio.CancelledError:
                came.append("second")
            raise

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)
            await anyio.lowlevel.checkpoint()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Terminated):
        run_async(work())
    assert came == ["first", "second"]
    assert capsys.readouterr().err.startswith("stopping: ")


def test_an_ignored_interrupt_stays_ignored(slow: tuple[Sandbox, Clock]) -> None:
    """What a shell started in the background does not see Ctrl-C, and SIGTERM ends it all the same."""
    sandbox, _ = slow
    customers = sandbox.state.add_mailing_list("Customers")
    contacts_file(5)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with started("contacts", "import", "contacts.csv", "--mailing-list", customers) as process:
            until(lambda: sandbox.calls[PROGRESS, 200] > 0)
            process.send_signal(signal.SIGINT)
            seen = sandbox.calls[PROGRESS, 200]
            until(lambda: sandbox.calls[PROGRESS, 200] > seen)
            process.send_signal(signal.SIGTERM)
            assert ended(process).code == 143
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_command_runs_in_any_thread(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no signal can be handled, a command does its work all the same."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run(["whoami"])))
    thread.start()
    thread.join()
    assert codes == [0]
    assert "UR_" in capsys.readouterr().out
    assert sandbox.calls.total() == 1


def test_handlers_are_as_before(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that runs a command has its own handlers again afterwards."""
    del sandbox
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run(["whoami"]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    capsys.readouterr()
