"""`webhooks listen`: each event a line at once, and no subscription is left, whatever ends it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from commanding import SECONDS, ended, free_port, started, until

from qualtrics_async.cli import listening, output
from qualtrics_async.config import ENVIRONMENT
from qualtrics_async.sandbox import Deliveries, Sandbox
from qualtrics_async.webhooks import topics

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Callable, Iterator

    Call = Callable[..., Any]

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals to another process")

TOPIC = "surveyengine.completedResponse.*"
KEY = "the-shared-key-of-a-test"
CREATE = "POST /eventsubscriptions"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
RESPONSE = "GET /surveys/{surveyId}/responses/{responseId}"


def argv_of(*more: str, topic: str = TOPIC) -> list[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks"
    return ["webhooks", "listen", "--topic", topic, "--public-url", url, f"--port={port}", *more]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox that delivers again soon, named by the environment."""
    for name in ENVIRONMENT.values():
        monkeypatch.delenv(name, raising=False)
    with Sandbox.in_thread(deliveries=Deliveries(first=0.05, factor=1.0)) as fake:
        monkeypatch.setenv("QUALTRICS_BASE_URL", fake.base_url)
        monkeypatch.setenv("QUALTRICS_API_TOKEN", fake.token)
        yield fake


@pytest.fixture
def listens(call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command, and do something once it is subscribed; a key is in nothing that is written."""
    monkeypatch.setenv("HOOK_KEY", KEY)

    def listened(*argv: str, then: Callable[[], object] = lambda: None) -> Any:
        def say(message: str) -> None:
            output.say(message)
            if message.startswith("subscribed: "):
                then()

        with monkeypatch.context() as patch:
            patch.setattr("qualtrics_async.cli.commands.webhooks.say", say)
            done = call(*argv)
        assert KEY not in done.out + done.err
        return done

    return listened


def arrive(sandbox: Sandbox, count: int = 1) -> list[str]:
    return [sandbox.state.add_response(sandbox.state.survey_id).id for _ in range(count)]


def lines_of(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def ids_in(out: str) -> list[str]:
    return sorted(line["responseId"] for line in lines_of(out))


def test_each_event_is_a_line(listens: Call, sandbox: Sandbox) -> None:
    """Of every topic that was given, until there are enough; it subscribes with the key of the variable."""
    expected: list[str] = []

    def act() -> None:
        made = list(sandbox.state.subscriptions.values())
        assert [(each.topics, each.shared_key) for each in made] == [
            (TOPIC, KEY),
            ("threesixty.reportReady", KEY),
        ]
        assert made[0].publication_url == f"{argv[5]}/mine"
        expected.extend(arrive(sandbox, 2))
        sandbox.publish("threesixty.reportReady", {"ProjectID": "Ümlaut 🙂"})

    argv = argv_of("--topic", "threesixty.reportReady", "--limit", "3", "--name", "mine")
    done = listens(*argv, "--shared-key-env", "HOOK_KEY", then=act)
    assert done.code == 0, done.err
    lines = {line.pop("responseId", "report"): line for line in lines_of(done.out)}
    assert sorted(lines) == sorted([*expected, "report"])
    assert lines["report"]["fields"]["ProjectID"] == "Ümlaut 🙂"
    assert all(line["signed"] for line in lines.values())
    assert "response" not in lines["report"]
    assert re.fullmatch(
        rf"listening on 127.0.0.1 port \d+ for (?P<url>{re.escape(argv[5])}/mine); "
        r'`curl (?P=url)` must answer "a receiver of events"\n'
        r"subscribed: SUB_\w+, SUB_\w+\n3 events printed\n",
        done.err,
    )
    assert not sandbox.state.subscriptions
    assert not sandbox.state.deleted_all_subscriptions


def test_the_response_comes_along(listens: Call, sandbox: Sandbox) -> None:
    """As the service writes it, or why there is none, which is exit code 3."""
    expected: list[str] = []

    def act() -> None:
        sandbox.publish("controlpanel.activateSurvey", {"Status": "Active", "SurveyID": "SV_1"})
        expected.extend(arrive(sandbox, 2))

    argv = argv_of("--topic", "controlpanel.activateSurvey", "--fetch", "--limit", "3")
    done = listens(*argv, then=act)
    assert (done.code, done.err.splitlines()[-1]) == (0, "3 events printed")
    lines = {line.get("responseId"): line for line in lines_of(done.out)}
    assert (lines[None]["response"], lines[None]["error"]) == (None, None)
    for each in expected:
        assert lines[each]["response"]["responseId"] == each
        assert lines[each]["response"]["values"]["finished"] == 1
        assert lines[each]["error"] is None

    expected.clear()
    sandbox.faults.add(kind="status", status=403, route=RESPONSE)
    done = listens(*argv, then=act)
    assert (done.code, done.err.splitlines()[-1]) == (3, "3 events printed; 1 without its response")
    (failed,) = [line for line in lines_of(done.out) if line["error"]]
    assert failed["responseId"] in expected
    assert failed["response"] is None
    assert "403" in failed["error"]


def test_it_ends_when_the_time_has_come(listens: Call, sandbox: Sandbox) -> None:
    """With nothing printed, and all well."""
    done = listens(*argv_of("--timeout", "0.05"))
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("\n0 events printed\n")
    assert sandbox.calls[DELETE, 200] == 1
    assert not sandbox.state.subscriptions


def test_it_is_told_what_was_not_printed(listens: Call, sandbox: Sandbox) -> None:
    """Repeats, and what was not signed with the key."""
    expected: list[str] = []

    def act() -> None:
        sandbox.deliveries.add(kind="repeat")
        expected.extend(arrive(sandbox))
        sandbox.wait_delivered()
        sandbox.deliveries.add(kind="wrong_signature")
        expected.extend(arrive(sandbox))

    actor = threading.Thread(target=act)
    done = listens(*argv_of("--limit", "2"), then=actor.start)
    actor.join()
    assert (done.code, ids_in(done.out)) == (0, sorted(expected))
    assert "\n2 events printed; 1 delivered again and not printed again; 1 refused\n" in done.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--limit", "0"], "--limit"),
        (["--timeout", "0"], "--timeout"),
        (["--timeout", "nan"], "--timeout"),
        (["--timeout", "inf"], "--timeout"),
        (["--port", "65536"], "--port"),
        (["--topic", "", "--timeout", "1"], "topic"),
        (["--name", "a/b", "--timeout", "1"], "name"),
        (["--max-age", "-1", "--timeout", "1"], "max_age"),
        (["--public-url", "hooks.example.com"], "public_url"),
        (["--shared-key-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE is not set, or empty"),
        (["--shared-key", KEY], "--shared-key-env"),
        (["--shared-key-env", KEY], "--shared-key-env"),
    ],
)
def test_wrong_usage(listens: Call, sandbox: Sandbox, argv: list[str], words: str) -> None:
    """What cannot be meant is refused before anything is subscribed to."""
    given = argv_of(*argv)
    if argv[0] in ("--port", "--public-url"):
        place = next(number for number, each in enumerate(given) if each.startswith(argv[0]))
        del given[place : place + (1 if "=" in given[place] else 2)]
    done = listens(*given)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert not sandbox.requests


def test_the_help_shows_what_there_is(call: Call) -> None:
    """Examples of topics, the form of a line, and how to try it."""
    helped = call("webhooks", "listen", "--help")
    assert helped.code == 0
    told = " ".join(re.sub(r"[│╭╮╰╯─]", " ", helped.out).split())
    for words in (
        "Usage: qualtrics-async webhooks listen",
        topics.completed_response(),
        topics.completed_response("SV_1")[:-1],
        topics.partial_response("SV_1")[:-1],
        topics.SURVEY_ACTIVATED,
        topics.SURVEY_DEACTIVATED,
        topics.THREE_SIXTY_REPORT_READY,
        topics.ALL_THREE_SIXTY,
        "brandId",
        "qualtrics-async sandbox --arrivals 2",
    ):
        assert words in told
    helped = call("--help")
    assert "webhooks" in helped.out
    assert "subscriptions" in helped.out


def test_without_a_topic(call: Call, sandbox: Sandbox) -> None:
    """Nothing does not mean everything."""
    done = call("webhooks", "listen", "--public-url", "https://hooks.example.com")
    assert done.code == 2
    assert "--topic" in done.err
    assert not sandbox.requests


def test_an_address_that_is_taken(call: Call, sandbox: Sandbox) -> None:
    """An error that names it; nothing is subscribed to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        url = "https://hooks.example.com"
        done = call("webhooks", "listen", "--topic", TOPIC, "--public-url", url, "--port", str(port))
    assert done.code == 1
    assert f"port {port}" in done.err
    assert not sandbox.calls[CREATE, 200]


def test_what_the_service_refuses(listens: Call, sandbox: Sandbox) -> None:
    """Also when it says the key, nobody reads it here."""
    sandbox.faults.add(kind="status", status=403, route=CREATE)
    done = listens(*argv_of("--shared-key-env", "HOOK_KEY"))
    assert (done.code, done.out) == (1, "")
    hint, error = done.err.splitlines()
    assert hint == "note: subscribing takes a brand administrator (documented)"
    assert error.startswith("error: ")
    assert "403" in error
    assert not sandbox.state.subscriptions


@pytest.mark.parametrize("ends_well", [True, False])
def test_what_is_left_is_said_once(
    listens: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, ends_well: bool
) -> None:
    """With the ids, whether or not something else went wrong before; and without any key."""
    sandbox.faults.add(kind="status", status=403, route=DELETE, message=f"no {KEY}", times=None)
    left: list[str] = []
    argv = argv_of("--shared-key-env", "HOOK_KEY", "--timeout", "0.05" if ends_well else "20")
    if not ends_well:
        sandbox.faults.add(kind="status", status=403, route=CREATE, skip=1)
        argv += ["--topic", "controlpanel.*"]
    done = listens(*argv, then=lambda: left.extend(sandbox.state.subscriptions))
    (left_id,) = sandbox.state.subscriptions
    assert left in ([left_id], [])
    assert (done.code, done.out) == (1, "")
    lines = done.err.splitlines()
    assert sum(left_id in line for line in lines if not line.startswith("subscribed: ")) == 1
    assert sum("DELETE" in line for line in lines) == 1
    assert sum("POST" in line for line in lines) == (0 if ends_well else 1)
    assert lines[-1].startswith("error: ")


def test_a_topic_that_is_not_known(listens: Call, sandbox: Sandbox) -> None:
    """A warning that names what may be meant; it is subscribed to."""
    done = listens(*argv_of("--timeout", "0.05", topic="controlpanel.activatesurvey"))
    assert done.code == 0
    assert done.err.startswith(
        "warning: the topic controlpanel.activatesurvey is not known; "
        "perhaps controlpanel.activateSurvey is meant\nlistening on "
    )
    assert sandbox.calls[CREATE, 200] == 1


def test_a_listener_that_is_deaf_ends(
    listens: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a warning when it is noticed, and an error once what was accepted has been printed."""

    async def gone(_: object) -> str:
        return "somebody has deleted all of it"

    monkeypatch.setattr("qualtrics_async.webhooks.subscribing.Subscriptions.loss", gone)
    monkeypatch.setattr("qualtrics_async.webhooks.blocks.CHECK_EVERY", 0.05)
    done = listens(*argv_of("--timeout", "20"))
    assert (done.code, done.out) == (1, "")
    warning, printed, error = done.err.splitlines()[2:]
    assert warning == "warning: somebody has deleted all of it"
    assert printed == "0 events printed"
    assert error == "error: somebody has deleted all of it"


class _Broken(io.StringIO):
    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_what_was_not_printed_is_printed_the_next_time(
    listens: Call, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an inbox an event is handled when its line was written, and not printed again then."""
    expected: list[str] = []
    argv = argv_of("--inbox", "events.db", "--shared-key-env", "HOOK_KEY", "--timeout", "20")
    with monkeypatch.context() as patch:
        patch.setattr(listening, "standard_output", _Broken)
        done = listens(*argv, then=lambda: expected.extend(arrive(sandbox)))
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith("\n0 events printed\n")
    assert not sandbox.state.subscriptions
    done = listens(*argv, "--limit", "2", then=lambda: expected.extend(arrive(sandbox)))
    assert (done.code, ids_in(done.out)) == (0, sorted(expected))
    done = listens(*argv[:-1], "0.05")
    assert (done.code, done.out) == (0, "")


SIGNALS = [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)]


@posix
@pytest.mark.parametrize(("name", "code"), SIGNALS)
def test_a_signal_unsubscribes(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """A line is there the moment its event comes; then Ctrl-C, SIGTERM or a closed terminal ends it."""
    monkeypatch.setenv("HOOK_KEY", KEY)
    with started(*argv_of("--shared-key-env", "HOOK_KEY")) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        heard = [process.stderr.readline() for _ in range(2)]
        (expected,) = arrive(sandbox)
        assert json.loads(process.stdout.readline())["responseId"] == expected
        process.send_signal(getattr(signal, name))
        done = ended(process)
    assert (done.code, done.out) == (code, "")
    assert "\n1 event printed\n" in done.err
    assert "Traceback" not in done.err
    assert not sandbox.state.subscriptions
    assert not sandbox.state.deleted_all_subscriptions
    assert KEY not in "".join(heard) + done.err


@posix
def test_a_reader_that_leaves_ends_it_at_once(sandbox: Sandbox) -> None:
    """As of `... | head -1`, though no further event comes."""
    with started(*argv_of()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(2):
            process.stderr.readline()
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(30) == 1
    assert err == "0 events printed\n"
    assert not sandbox.state.subscriptions


@posix
def test_a_reader_that_waits_does_not_keep_it(sandbox: Sandbox) -> None:
    """A full pipe takes no line; the subscription is deleted all the same."""
    with started(*argv_of(topic="threesixty.*")) as process:
        assert process.stderr is not None
        for _ in range(2):
            process.stderr.readline()
        for number in range(4):
            sandbox.publish("threesixty.reportReady", {"ProjectID": number, "Text": "x" * 50_000})
        sandbox.wait_delivered()
        until(lambda: waiting_in(process.stdout) > 55_000)  # the second line, for which there is no room
        process.send_signal(signal.SIGTERM)
        said = []
        with in_time(process):
            while (line := process.stderr.readline()) not in ("terminated\n", ""):
                said.append(line)
        assert not sandbox.state.subscriptions
        assert process.poll() is None
        done = ended(process)
    assert done.code == 143
    assert any(line.startswith("1 event printed") for line in said)
    assert "Traceback" not in done.err
    assert len(done.out) > 50_000


def waiting_in(pipe: Any) -> int:
    """How many bytes were written into a pipe and not read."""
    import fcntl
    import termios

    number = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, number)
    return int.from_bytes(number, sys.byteorder)


@contextmanager
def in_time(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kill a process that takes too long, so that whoever reads from it does not wait for ever."""
    timer = threading.Timer(SECONDS, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def test_a_line_that_cannot_be_written_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled command waits for it a moment; it does not count as printed."""
    monkeypatch.setattr(listening, "_GRACE", 0.05)
    begun, may_end = threading.Event(), threading.Event()

    class Stuck:
        def flush(self) -> None:
            begun.set()
            may_end.wait()

    async def main() -> None:
        printed = listening.Printed()
        out: Any = Stuck()
        task = asyncio.ensure_future(listening._flush(out, printed))
        await anyio.to_thread.run_sync(begun.wait)
        task.cancel()
        try:
            ended, _ = await asyncio.wait({task}, timeout=SECONDS)
        finally:
            may_end.set()
        assert ended
        assert task.cancelled()
        assert printed.events == 0

    asyncio.run(main())


@posix
def test_a_reader_that_leaves_while_a_line_is_handled() -> None:
    """Nothing is waited for then."""
    reading, writing = os.pipe()

    async def main() -> None:
        async def events() -> AsyncIterator[object]:
            asked.append(True)
            await asyncio.Event().wait()
            yield None

        with listening._Reader(stream).watched() as reader:
            os.close(reading)
            while not reader._is_gone:  # noqa: ASYNC110  (there is nothing else to wait for)
                await asyncio.sleep(0)
            with pytest.raises(BrokenPipeError):
                await asyncio.wait_for(reader.next_of(events(), None), 1)

    asked: list[bool] = []
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        asyncio.run(main())
    assert not asked


@posix
def test_a_terminal_that_is_closed_under_nohup() -> None:
    """Where SIGHUP is ignored it stays so, and afterwards its handler is the one before."""
    before = signal.getsignal(signal.SIGHUP)
    try:
        for handler in (signal.SIG_IGN, signal.SIG_DFL):
            signal.signal(signal.SIGHUP, handler)
            with listening.hangup_terminates():
                assert (signal.getsignal(signal.SIGHUP) is handler) is (handler is signal.SIG_IGN)
            assert signal.getsignal(signal.SIGHUP) is handler
    finally:
        signal.signal(signal.SIGHUP, before)
