"""Listeners that are killed while all goes wrong: nothing accepted is lost, nothing comes twice in a run."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import pytest

from qualtrics_async.sandbox import Deliveries, DeliveryFaultKind, DeliveryRecord, Sandbox

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="kills with SIGKILL, and keeps a port as Linux does"
)

KEY = "a-shared-key"
READ = "GET /surveys/{surveyId}/responses/{responseId}"
FAULTS: list[Any] = [
    {"kind": "repeat", "copies": 2, "seconds": 0.05},
    "wrong_signature",
    {"kind": "delay", "seconds": 0.1},
    {"kind": "reorder", "by": 3, "seconds": 0.3},
    "cut",
    {"kind": "cut", "when": "after"},
]
SECONDS = 60
"""What a process may take at most, on a machine that is busy with others."""


class Scene:
    """A sandbox on a thread, the file of an inbox, and a port that nobody else takes meanwhile."""

    def __init__(self, sandbox: Sandbox, inbox: Path, port: int) -> None:
        self.sandbox = sandbox
        self.published: dict[str, str] = {}
        self.out: list[list[str]] = []
        self.accepted_at_last: int | None = None
        self._told = {
            "token": sandbox.token,
            "base_url": sandbox.base_url,
            "inbox": str(inbox),
            "port": port,
            "key": KEY,
        }

    def publish(self, count: int) -> None:
        """Let responses come, each with an answer of its own."""
        for _ in range(count):
            answer = f"answer {len(self.published)}"
            made = self.sandbox.state.add_response(self.sandbox.state.survey_id, {"QID1_TEXT": answer})
            self.published[made.id] = answer

    @property
    def _taken(self) -> list[DeliveryRecord]:
        """The deliveries that were answered 200."""
        return [
            record
            for record in self.sandbox.deliveries.records
            if (record.method, record.status) == ("POST", 200)
        ]

    @property
    def accepted(self) -> set[str]:
        """The responses that they tell of."""
        forms = [parse_qs((record.body or b"").decode()) for record in self._taken]
        return {json.loads(form["MSG"][0])["ResponseID"] for form in forms}

    def repeat_all(self) -> None:
        """Deliver once more what was accepted in earlier runs, as a service may that has lost the answers."""
        for url, body in {(record.url, record.body) for record in self._taken}:
            with urlopen(Request(url, body)) as answer:
                assert answer.status == 200

    def _note(self, line: str) -> None:
        """An event came out: with its own response."""
        id_, *read = json.loads(line)
        assert read == [id_, self.published[id_]]
        self.out[-1].append(id_)

    @property
    def so_far(self) -> set[str]:
        """What came out in all runs together."""
        return {id_ for run in self.out for id_ in run}

    @contextmanager
    def listener(self, **more: Any) -> Generator[subprocess.Popen[str]]:
        """A process that listens; whatever it does, it is gone afterwards, and its lines are read."""
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("receiving.py")), json.dumps(self._told | more)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        with process:
            try:
                # One that is to die may do so before: what was not delivered yet comes as soon as it can.
                said = process.stdout.readline()
                assert said == '"listening"\n' or (not said and "die" in more)
                self.out.append([])
                yield process
                lines = list(process.stdout)
                if process.wait() == 0:
                    self.accepted_at_last = json.loads(lines.pop())
                for line in lines:
                    self._note(line)
            finally:
                watchdog.cancel()
                process.kill()

    def hear(self, process: subprocess.Popen[str]) -> None:
        """Read one event that the process has begun to handle."""
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "it ended before it handled as much"
        self._note(line)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A scene, with somebody else's subscription."""
    # One that is bound and does not listen keeps the port from all but those who ask for exactly this one.
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    deliveries = Deliveries(attempts=10_000, first=0.1, factor=1, at_once=2)
    with keeper, Sandbox.in_thread(deliveries=deliveries) as sandbox:
        yield Scene(sandbox, tmp_path / "events.db", keeper.getsockname()[1])


def leave(process: subprocess.Popen[str]) -> None:
    """Let the process leave, and wait for that."""
    assert process.stdin is not None
    process.stdin.close()


def test_a_hundred_responses_come_out_whenever_the_process_is_killed(scene: Scene) -> None:
    """While it accepts, while it reads and hands out, and while it handles, with faults and repeats."""
    sandbox = scene.sandbox
    foreign = sandbox.state.add_subscription("controlpanel.*", "http://127.0.0.1:9/other")
    sandbox.deliveries.random(rate=0.5, kinds=FAULTS, seed=6)
    sandbox.faults.random(rate=0.3, kinds=[{"kind": "status", "status": 404}], seed=6, route=READ)

    for where in ("before", "after"):
        with scene.listener(die=[4, where]) as process:
            scene.publish(15)
        assert process.returncode == -signal.SIGKILL
    assert len(scene.accepted) < 30

    with scene.listener(queue_size=10) as process:
        scene.publish(30)
        for _ in range(9):
            scene.hear(process)
        process.kill()

    read_late = sandbox.faults.add(kind="delay", route=READ)
    with scene.listener(hold=3) as process:
        scene.publish(20)
        for _ in range(3):
            scene.hear(process)
        sandbox.wait_delivered(SECONDS)
        scene.publish(2)  # with these, what is done by now is written
        sandbox.wait_delivered(SECONDS)
        process.kill()
    read_late.release()
    assert len(scene.out[-1]) == 3
    *handled, in_hand = scene.out[-1]
    assert len(scene.accepted - scene.so_far) >= 19

    with scene.listener(queue_size=10) as process:
        scene.publish(15)
        sandbox.wait_delivered(SECONDS)
        while not scene.accepted <= scene.so_far or in_hand not in scene.out[-1]:
            scene.hear(process)
        leave(process)
    assert process.returncode == 0
    assert not set(handled) & set(scene.out[-1])
    assert set(sandbox.state.subscriptions) == {foreign}

    with scene.listener() as process:
        scene.publish(3)
        scene.repeat_all()
        sandbox.wait_delivered(SECONDS)
        while not scene.accepted <= scene.so_far:
            scene.hear(process)
        leave(process)
    assert scene.accepted_at_last == 3
    assert not set(scene.out[-1]) & set(scene.out[-2])

    assert len(scene.published) == 100
    assert scene.accepted <= scene.so_far <= scene.published.keys()
    for run in scene.out:
        assert set(Counter(run).values()) <= {1}
    assert set(sandbox.state.subscriptions) == {foreign}
    assert sandbox.calls[READ, 404] > 0
    assert {fault.kind for fault in sandbox.deliveries.log} == set(get_args(DeliveryFaultKind))
