"""Listeners that are killed: what was accepted comes out, and the next one leaves no subscription behind."""

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
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import pytest

from qualtrics_async.sandbox import Deliveries, DeliveryRecord, Sandbox

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="kills with SIGKILL, and keeps a port as Linux does"
)

KEY = "a-shared-key"
SECONDS = 60
"""What a process may take at most, on a machine that is busy with others."""


class Scene:
    """A sandbox on a thread, the file of an inbox, and a port that nobody else takes meanwhile."""

    def __init__(self, sandbox: Sandbox, inbox: Path, port: int) -> None:
        self.sandbox = sandbox
        self.published: set[str] = set()
        self.out: list[list[str]] = []
        self._told = {
            "token": sandbox.token,
            "base_url": sandbox.base_url,
            "inbox": str(inbox),
            "port": port,
            "key": KEY,
        }

    def publish(self, count: int) -> None:
        """Let responses come."""
        for _ in range(count):
            made = self.sandbox.state.add_response(self.sandbox.state.survey_id)
            self.published.add(made.id)

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
                run: list[str] = []
                self.out.append(run)
                yield process
                run += map(json.loads, process.stdout)
            finally:
                watchdog.cancel()
                process.kill()

    def hear(self, process: subprocess.Popen[str]) -> None:
        """Read one event that the process has begun to handle."""
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "it ended before it handled as much"
        self.out[-1].append(json.loads(line))


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


def test_what_was_accepted_comes_out_whenever_the_process_is_killed(scene: Scene) -> None:
    """While it accepts, between accepting and handling, and while it handles."""
    sandbox = scene.sandbox
    foreign = sandbox.state.add_subscription("controlpanel.*", "http://127.0.0.1:9/other")

    for where in ("before", "after"):
        with scene.listener(die=[4, where]) as process:
            scene.publish(9)
        assert process.returncode == -signal.SIGKILL
    assert len(scene.accepted) < 18

    with scene.listener(hold=0) as process:
        scene.publish(9)
        sandbox.wait_delivered(SECONDS)
        process.kill()
    unhandled = scene.accepted - scene.so_far
    assert len(unhandled) >= 9

    with scene.listener(hold=3) as process:
        for _ in range(3):
            scene.hear(process)
        scene.publish(2)  # with these, what is done by now is written
        sandbox.wait_delivered(SECONDS)
        process.kill()
    *handled, in_hand = scene.out[-1]

    with scene.listener() as process:
        scene.publish(9)
        sandbox.wait_delivered(SECONDS)
        while not scene.accepted <= scene.so_far:
            scene.hear(process)
        leave(process)
    assert process.returncode == 0
    assert in_hand in scene.out[-1]
    assert not set(handled) & set(scene.out[-1])
    assert set(sandbox.state.subscriptions) == {foreign}
    assert scene.so_far <= scene.published
    for run in scene.out:
        assert set(Counter(run).values()) <= {1}

    with scene.listener() as process:
        scene.publish(3)
        scene.repeat_all()
        sandbox.wait_delivered(SECONDS)
        for _ in range(3):
            scene.hear(process)
        leave(process)
    assert len(scene.out[-1]) == 3
    assert not set(scene.out[-1]) & {id_ for run in scene.out[:-1] for id_ in run}
    assert scene.accepted <= scene.so_far <= scene.published
    assert set(sandbox.state.subscriptions) == {foreign}
