"""The sandbox delivers again on failure, and begins and ends with what is under way."""

from __future__ import annotations

import asyncio
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hooking import KEY, Hook, delivering, receiving, soon
from virtual import virtual

from qualtrics_async.sandbox import Deliveries, Sandbox

SECONDS = 20
"""What takes real time may take at most so many, on a machine that is busy with others."""


def now() -> float:
    return asyncio.get_running_loop().time()


# Failures


@virtual
async def test_a_failure_is_delivered_again_and_in_the_end_given_up() -> None:
    async with delivering() as scene:
        scene.hook.statuses = [503, 500, 404, 302, 399, 200]
        response_id = scene.respond()
        await scene.sandbox.delivered()
        assert [round(post.at, 1) for post in scene.hook.posts] == [0, 1, 3, 7, 15]
        assert scene.hook.events("ResponseID") == [response_id] * 5
        assert len({post.body for post in scene.hook.posts}) == 1
        assert scene.attempts == [(1, 1, 503), (1, 2, 500), (1, 3, 404), (1, 4, 302), (1, 5, 399)]
        assert scene.sandbox.state.subscriptions[scene.subscription_id].successful_calls == 0


@virtual
async def test_what_was_answered_is_counted_and_not_delivered_again() -> None:
    async with delivering(deliveries=Deliveries(attempts=3, first=0.5, factor=3)) as scene:
        scene.hook.statuses = [503, 503, 204]
        scene.respond()
        await scene.sandbox.delivered()
        assert [round(post.at, 2) for post in scene.hook.posts] == [0, 0.5, 2]
        scene.respond()
        await scene.sandbox.delivered()
        assert scene.attempts == [(1, 1, 503), (1, 2, 503), (1, 3, 204), (2, 1, 200)]
        element = (await scene.call.get(f"/eventsubscriptions/{scene.subscription_id}")).result
        assert element["successfulCalls"] == 2


@virtual
async def test_no_answer_and_no_receiver_are_failures() -> None:
    async with delivering(deliveries=Deliveries(attempts=2, timeout=4)) as scene:
        scene.hook.gate.clear()
        scene.respond()
        await scene.sandbox.delivered()
        assert round(now()) == 4 + 1 + 4
        hung = scene.sandbox.deliveries.records
        assert {(record.status, record.error) for record in hung} == {(0, "no answer within 4 s")}
        scene.sandbox.state.subscriptions[scene.subscription_id].publication_url = "http://127.0.0.1:1/"
        scene.respond()
        await scene.sandbox.delivered()
        assert [record.status for record in hung[2:]] == [0, 0]
        assert all("ClientConnectorError" in (record.error or "") for record in hung[2:])


@pytest.mark.parametrize("path", ["/eventsubscriptions/{id}", "/eventsubscriptions"])
@virtual
async def test_nothing_more_comes_to_a_subscription_that_is_gone(path: str) -> None:
    async with delivering() as scene:
        sandbox, held = scene.sandbox, scene.sandbox.deliveries.add(kind="delay")
        sandbox.deliveries.add(kind="reorder", seconds=100)
        scene.hook.statuses = [503] * 9
        scene.respond_often(3)
        await soon(lambda: any(record.status for record in sandbox.deliveries.records))
        assert held.used == 1
        await scene.call("DELETE", path.format(id=scene.subscription_id))
        scene.respond()
        await sandbox.delivered()
        assert now() < 1
        assert scene.attempts == [(3, 1, 503)]


@virtual
async def test_a_subscription_that_goes_during_an_attempt_gets_no_other() -> None:
    async with delivering() as scene:
        scene.hook.statuses = [503] * 9
        scene.hook.gate.clear()
        scene.respond()
        await soon(lambda: scene.hook.posts)
        del scene.sandbox.state.subscriptions[scene.subscription_id]
        scene.hook.gate.set()
        await scene.sandbox.delivered()
        assert (len(scene.hook.posts), round(now(), 3)) == (1, 0)


@virtual
async def test_a_subscription_that_goes_as_a_turn_comes_gets_no_attempt() -> None:
    """Whose turn it is in that very moment has not begun yet; another subscription's turn is its own."""
    async with delivering(deliveries=Deliveries(at_once=1)) as scene:
        state = scene.sandbox.state
        other = state.add_subscription("*", scene.hook.url, shared_key=KEY)
        scene.hook.gate.clear()
        scene.respond_often(2)
        await soon(lambda: len(scene.hook.posts) == 2)
        del state.subscriptions[scene.subscription_id]  # and nobody is told to give up
        scene.hook.gate.set()
        await scene.sandbox.delivered()
        told = [record.subscription_id for record in scene.sandbox.deliveries.records]
        assert sorted(told) == sorted([scene.subscription_id, other, other])


@virtual
async def test_what_is_published_for_a_subscription_that_goes_at_once_is_not_even_begun() -> None:
    async with delivering() as scene:
        held = scene.sandbox.deliveries.add(kind="delay")
        scene.respond()
        scene.sandbox.state.unsubscribe([scene.subscription_id])
        await scene.sandbox.delivered()
        assert (held.used, scene.attempts) == (0, [])


@virtual
async def test_only_so_many_come_at_once_to_one_subscription() -> None:
    async with delivering(deliveries=Deliveries(at_once=3), record_requests=4) as scene:
        other = scene.sandbox.state.add_subscription("*", scene.hook.url)
        scene.hook.gate.clear()
        scene.respond_often(8)
        await soon(lambda: scene.hook.under_way == 6)
        for _ in range(50):
            await asyncio.sleep(0)
        assert scene.hook.most == 6
        scene.hook.gate.set()
        await scene.sandbox.delivered()
        assert scene.hook.most == 6
        counts = [made.successful_calls for made in scene.sandbox.state.subscriptions.values()]
        assert (counts, len(scene.sandbox.deliveries.records)) == ([8, 8], 4)
        assert other in scene.sandbox.state.subscriptions


# Beginning and end


@virtual
async def test_what_was_published_before_is_delivered_once_it_runs() -> None:
    async with receiving() as hook:
        sandbox = Sandbox()
        sandbox.state.add_subscription("*", hook.url, shared_key=KEY)
        sandbox.publish("threesixty.created", {"ProjectID": "x"})
        with pytest.raises(RuntimeError):
            await sandbox.delivered()
        with pytest.raises(TimeoutError):
            sandbox.wait_delivered(0)
        async with sandbox:
            await sandbox.delivered()
            assert hook.posts[0].event == {"ProjectID": "x"}
            with pytest.raises(RuntimeError):
                sandbox.wait_delivered(1)


@virtual
async def test_closing_ends_what_is_under_way_and_drops_what_waits() -> None:
    async with receiving() as hook:
        sandbox = Sandbox(deliveries=Deliveries(at_once=1))
        async with sandbox:
            hook.gate.clear()
            sandbox.state.add_subscription("*", hook.url, shared_key=KEY)
            for _ in range(3):
                sandbox.publish("threesixty.created", {})
            await soon(lambda: hook.under_way)
            waiting = asyncio.create_task(sandbox.delivered())
            await asyncio.sleep(0)
            sandbox.publish("threesixty.created", {"too": "late"})
        await waiting
        sandbox.wait_delivered(0)
        (record,) = sandbox.deliveries.records
        assert (record.status, record.error) == (0, "the sandbox was closed")
        hook.gate.set()
        async with sandbox:
            sandbox.publish("threesixty.created", {"again": "yes"})
            await sandbox.delivered()
            assert hook.posts[-1].event == {"again": "yes"}
            assert len(hook.posts) == 2


def test_it_delivers_to_receivers_with_a_certificate() -> None:
    certificates = pytest.importorskip("certificates")

    async def deliver(settings: Deliveries, cut: bool) -> tuple[Hook, list[int]]:
        async with (
            asyncio.timeout(SECONDS),
            receiving(certificates.SERVER) as hook,
            Sandbox(deliveries=settings) as sandbox,
        ):
            sandbox.state.add_subscription("*", hook.url, shared_key=KEY)
            if cut:
                sandbox.deliveries.add(kind="cut")
            sandbox.state.add_response(sandbox.state.survey_id)
            await sandbox.delivered()
            await soon(lambda: len(hook.broken) == cut)
            return hook, [record.status for record in sandbox.deliveries.records]

    trusting = Deliveries(attempts=2, first=0, ssl=certificates.CLIENT)
    hook, statuses = asyncio.run(deliver(trusting, cut=False))
    assert (statuses, hook.posts[0].is_signed()) == ([200], True)
    assert asyncio.run(deliver(trusting, cut=True))[1] == [0, 200]
    assert asyncio.run(deliver(Deliveries(attempts=1), cut=False))[1] == [0]


class Stage(BaseHTTPRequestHandler):
    """A receiver on threads of the standard library."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        """Take a form."""
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class House(ThreadingHTTPServer):
    """The same; the library's backlog of five lets the sixth connection wait a second."""

    request_queue_size = 50


def publish_often(sandbox: Sandbox) -> None:
    for _ in range(5):
        sandbox.publish("threesixty.created", {})


def test_it_delivers_from_its_own_thread_what_others_arrange() -> None:
    Stage.bodies = []
    with House(("127.0.0.1", 0), Stage) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            with Sandbox.in_thread() as sandbox:
                state = sandbox.state
                state.add_subscription("*", f"http://localhost:{server.server_port}/", shared_key=KEY)
                threads = [threading.Thread(target=publish_often, args=(sandbox,)) for _ in range(4)]
                for thread in threads:
                    thread.start()
                state.add_response(state.survey_id)
                for thread in threads:
                    thread.join(SECONDS)
                sandbox.wait_delivered(SECONDS)
                assert len(Stage.bodies) == 21
                assert {record.delivery for record in sandbox.deliveries.records} == set(range(1, 22))
                with pytest.raises(RuntimeError):
                    asyncio.run(sandbox.delivered())
                held = sandbox.deliveries.add(kind="delay")
                state.add_response(state.survey_id)
                with pytest.raises(TimeoutError, match="1 deliver"):
                    sandbox.wait_delivered(0.01)
                waiting = threading.Thread(target=sandbox.wait_delivered, args=(2 * SECONDS,))
                waiting.start()
                until = time.monotonic() + SECONDS
                while not sandbox.deliveries._settled._waiters:  # type: ignore[attr-defined]
                    assert time.monotonic() < until
                held.release()
                waiting.join(SECONDS)
                assert not waiting.is_alive()
                sandbox.deliveries.add(kind="delay")
                state.add_response(state.survey_id)
        finally:
            server.shutdown()
            serving.join(SECONDS)
    assert len(Stage.bodies) == 22


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"at_once": 0}, {"timeout": 0}, {"first": -1}, {"factor": -1}]
)
def test_settings_that_would_deliver_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Deliveries(**wrong)
