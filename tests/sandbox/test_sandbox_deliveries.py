"""The sandbox delivers: what, to whom, in which form, how often, and what of it is recorded."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hooking import KEY, Hook, Scene, delivering, receiving, soon
from virtual import virtual

from qualtrics_async.sandbox import Deliveries, Sandbox

COMPLETED = "surveyengine.completedResponse"
STARTED = "surveyengine.startedRecipientSession"
SIGNED = {
    *("Status", "SurveyID", "ResponseID", "CompletedDate", "BrandID"),
    *("RecipientID", "DistributionID", "ResponseEventContext"),
}
"""The keys of the recorded message."""
SECONDS = 20
"""What takes real time may take at most so many, on a machine that is busy with others."""


def now() -> float:
    return asyncio.get_running_loop().time()


def invited(scene: Scene) -> tuple[str, str]:
    """A recipient and its distribution."""
    state = scene.sandbox.state
    list_id = state.add_mailing_list("List")
    state.add_contact(list_id, email="a@example.com")
    made = state.add_distribution(state.survey_id, list_id)
    return made.members[0].lookup_id, made.id


# What is delivered


@virtual
async def test_a_completed_response_arrives_as_it_was_recorded_at_the_service() -> None:
    async with delivering() as scene:
        state = scene.sandbox.state
        values = {"recordedDate": "2026-05-02T08:03:20.999Z"}
        made = state.add_response(
            state.survey_id, values, recipient_id="CGC_000000000000001", distribution_id="EMD_000000000000001"
        )
        await scene.sandbox.delivered()
        (post,) = scene.hook.posts
        assert [name for name, _ in post.form] == ["Topic", "MSG", "HMAC"]
        assert post.topic == f"examplebrand.{COMPLETED}.{state.survey_id}"
        assert post.event.keys() == SIGNED
        text = (
            f'{{"Status": "Complete", "SurveyID": "{state.survey_id}", "ResponseID": "{made.id}", '
            '"CompletedDate": "2026-05-02 08:03:20", "BrandID": "examplebrand", '
            '"RecipientID": "CGC_000000000000001", "DistributionID": "EMD_000000000000001", '
            '"ResponseEventContext": ""}'
        )
        assert post.fields["MSG"] == text
        assert post.is_signed()
        assert len(post.fields["HMAC"]) == 128
        assert post.fields["HMAC"].islower()
        assert post.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert post.path == "/hook?of=tests"
        assert b"+" in post.body
        assert b"%20" not in post.body


@virtual
async def test_dates_are_in_utc_wherever_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        async with delivering() as scene:
            scene.respond(recordedDate="2026-05-02T08:03:20Z")
            await scene.sandbox.delivered()
            assert scene.hook.events("CompletedDate") == ["2026-05-02 08:03:20"]
    time.tzset()


@virtual
async def test_without_a_key_the_fields_are_flat() -> None:
    async with delivering(key=None) as scene:
        response_id = scene.respond(recordedDate="2026-05-02T08:03:20Z")
        scene.sandbox.publish("threesixty.reportReady", {"Count": 3, "Name": "é & 😀", "Done": True})
        await scene.sandbox.delivered()
        state = scene.sandbox.state
        assert scene.hook.posts[0].form == [
            ("Topic", f"examplebrand.{COMPLETED}.{state.survey_id}"),
            ("Status", "Complete"),
            ("SurveyID", state.survey_id),
            ("ResponseID", response_id),
            ("CompletedDate", "2026-05-02 08:03:20"),
            ("BrandID", "examplebrand"),
            ("ResponseEventContext", ""),
        ]
        other = {
            "Topic": "examplebrand.threesixty.reportReady",
            "Count": "3",
            "Name": "é & 😀",
            "Done": "true",
        }
        assert scene.hook.posts[1].fields == other


@virtual
async def test_responses_of_all_ways_are_told_and_unfinished_ones_are_partial() -> None:
    async with delivering() as scene:
        survey_id, call = scene.sandbox.state.survey_id, scene.call
        responses = f"/surveys/{survey_id}/responses"
        done = (await call.post(responses, {"values": {"finished": 1}})).result["responseId"]
        half = (await call.post(responses, {"values": {"finished": 0}})).result["responseId"]
        assert (await call.post(responses, {"values": {"finished": "a"}})).status == 400
        sessions = f"/surveys/{survey_id}/sessions"
        ended = (await call.post(sessions, {})).result["sessionId"]
        for _ in range(2):
            await call.post(f"{sessions}/{ended}", {"advance": True})
        left = (await call.post(sessions, {})).result["sessionId"]
        await call("DELETE", f"{sessions}/{left}")
        await scene.sandbox.delivered()
        told = {post.event["ResponseID"]: (post.topic, post.event["Status"]) for post in scene.hook.posts}
        (third,) = told.keys() - {done, half}
        whole = (f"examplebrand.{COMPLETED}.{survey_id}", "Complete")
        partial = (f"examplebrand.surveyengine.partialResponse.{survey_id}", "Partial")
        assert told == {done: whole, half: partial, third: whole}
        assert all("RecipientID" not in post.event for post in scene.hook.posts)


@virtual
async def test_a_recipient_of_a_distribution_is_told_by_name_from_the_start() -> None:
    async with delivering() as scene:
        recipient, distribution_id = invited(scene)
        survey_id, call = scene.sandbox.state.survey_id, scene.call
        sessions = f"/surveys/{survey_id}/sessions"
        link = {"recipientId": recipient, "distributionId": distribution_id}
        session_id = (await call.post(sessions, link)).result["sessionId"]
        await scene.sandbox.delivered()
        (started,) = scene.hook.posts
        assert started.topic == f"examplebrand.{STARTED}.{survey_id}"
        event = started.event
        assert len(event.pop("StartedDate")) == len("2026-05-02 08:03:20")
        assert event == {
            "Status": "Started",
            "SurveyID": survey_id,
            "RecipientID": recipient,
            "ResponseEventContext": "",
            "DistributionID": distribution_id,
            "BrandID": "examplebrand",
        }
        await call.post(f"{sessions}/{session_id}", {"close": True})
        await scene.sandbox.delivered()
        told = scene.hook.posts[1].event
        assert (told["RecipientID"], told["DistributionID"]) == (recipient, distribution_id)
        # Who is not a recipient is none by saying so.
        for wrong in (
            {"recipientId": "CGC_1", "distributionId": distribution_id},
            {"recipientId": recipient},
        ):
            session_id = (await call.post(sessions, wrong)).result["sessionId"]
            await call.post(f"{sessions}/{session_id}", {"close": True})
        await scene.sandbox.delivered()
        assert [STARTED in post.topic for post in scene.hook.posts] == [True, False, False, False]
        assert all("RecipientID" not in post.event for post in scene.hook.posts[2:])


@virtual
async def test_surveys_are_activated_and_deactivated_once() -> None:
    async with delivering("controlpanel.*") as scene:
        call, survey_id = scene.call, scene.sandbox.state.survey_id
        survey, metadata = f"/surveys/{survey_id}", f"/survey-definitions/{survey_id}/metadata"
        for path, body in [
            (survey, {"isActive": True}),
            (survey, {"isActive": False}),
            (survey, {"isActive": False, "name": "b"}),
            (metadata, {"SurveyStatus": "Inactive"}),
            (metadata, {"SurveyStatus": "Active"}),
            (metadata, {"SurveyName": "c"}),
        ]:
            assert (await call("PUT", path, body)).status == 200
            status = "Active" if scene.sandbox.state.surveys[survey_id].active else "Inactive"
            assert (await call.get(metadata)).result["SurveyStatus"] == status
            await scene.sandbox.delivered()
        ids = {"SurveyID": survey_id, "BrandID": "examplebrand"}
        assert [(post.topic, post.event) for post in scene.hook.posts] == [
            ("examplebrand.controlpanel.deactivateSurvey", {"Status": "Inactive"} | ids),
            ("examplebrand.controlpanel.activateSurvey", {"Status": "Active"} | ids),
        ]


@virtual
async def test_imports_and_batches_publish_nothing() -> None:
    async with delivering() as scene:
        state, call = scene.sandbox.state, scene.call
        state.add_responses(state.survey_id, 10)
        path = f"/surveys/{state.survey_id}/import-responses"
        headers = {"Content-Type": "text/csv; charset=UTF-8"}
        started = await call("POST", path, data=b"QID1\n1\n2\n", headers=headers)
        progress = started.result["progressId"]
        for _ in range(100):
            if (await call.get(f"{path}/{progress}")).result["status"] != "inProgress":
                break
        assert len(state.responses_of(state.survey_id)) == 12
        await scene.sandbox.delivered()
        assert scene.sandbox.deliveries.records == []


# To whom


@virtual
async def test_topics_match_exactly_or_by_a_star_in_place_of_the_rest() -> None:
    async with receiving() as hook, Sandbox() as sandbox:
        survey_id = sandbox.state.survey_id
        topics = {
            *("*", "surveyengine.*", f"{COMPLETED}.*", f"{COMPLETED}.{survey_id}"),
            *(f"{COMPLETED}", f"{COMPLETED}.SV_other", f"*.{survey_id}", f"examplebrand.{COMPLETED}.*"),
            *("controlpanel.*", f"{COMPLETED.lower()}.*", f"{COMPLETED}.{survey_id}x"),
        }
        ids = {sandbox.state.add_subscription(topic, hook.url): topic for topic in topics}
        sandbox.state.add_response(survey_id)
        await sandbox.delivered()
        told = {ids[record.subscription_id] for record in sandbox.deliveries.records}
        assert told == {"*", "surveyengine.*", f"{COMPLETED}.*", f"{COMPLETED}.{survey_id}"}
        assert len(hook.posts) == 4
        assert {record.topic for record in sandbox.deliveries.records} == {f"{COMPLETED}.{survey_id}"}
        assert sorted(record.delivery for record in sandbox.deliveries.records) == [1, 2, 3, 4]


@virtual
async def test_nothing_is_made_for_nobody() -> None:
    async with Sandbox() as sandbox:
        sandbox.deliveries.put = None  # type: ignore[method-assign,assignment]  # would raise
        sandbox.state.add_response(sandbox.state.survey_id)
        sandbox.state.add_subscription("controlpanel.*", "http://127.0.0.1:1/")
        sandbox.state.add_response(sandbox.state.survey_id)
        await sandbox.delivered()


@virtual
async def test_only_this_machine_is_called() -> None:
    elsewhere = ("https://hooks.example.com/", "http://0.0.0.0:1/", "http://[", "nothing", "http://10.0.0.1/")
    async with Sandbox(deliveries=Deliveries(require_get=True)) as sandbox:
        for url in elsewhere:
            sandbox.state.add_subscription("*", url)
        sandbox.state.add_response(sandbox.state.survey_id)
        await sandbox.delivered()
        assert round(now(), 3) == 0
        records = sandbox.deliveries.records
        assert [record.url for record in records] == list(elsewhere)
        assert all((record.error or "").startswith("not sent") and record.body for record in records)


@virtual
async def test_other_machines_are_called_on_request() -> None:
    async with delivering(deliveries=Deliveries(anywhere=True, attempts=1)) as scene:
        state = scene.sandbox.state
        state.add_subscription("*", scene.hook.url.replace("127.0.0.1", "0.0.0.0"))
        state.add_subscription("*", "ftp://127.0.0.1/")
        scene.respond()
        await scene.sandbox.delivered()
        assert [record.status for record in scene.sandbox.deliveries.records] == [200, 200, 0]
        assert "NonHttp" in (scene.sandbox.deliveries.records[2].error or "")


# Forms


@virtual
async def test_the_stray_field_comes_now_and_then() -> None:
    for quirks in (True, False):
        async with delivering(quirks=quirks) as scene:
            scene.respond_often(6)
            await scene.sandbox.delivered()
            stray = [post for post in scene.hook.posts if post.fields.get("undefined") == ""]
            assert len(stray) == 2 * quirks
            assert all(post.is_signed() for post in scene.hook.posts)


@virtual
async def test_what_is_encrypted_is_read_by_the_sandbox_alone() -> None:
    async with receiving() as hook, Sandbox() as sandbox:
        state = sandbox.state
        state.add_subscription("*", hook.url, shared_key=KEY, encrypt=True)
        told = {"Name": "é & 😀" * 30}
        for _ in range(2):
            sandbox.publish("threesixty.created", told)
        await sandbox.delivered()
        first, second = (post.fields["MSG"] for post in hook.posts)
        assert all(post.is_signed() for post in hook.posts)
        assert first != second
        with pytest.raises(ValueError):
            json.loads(first)
        assert json.loads(Sandbox.decrypt(first, KEY)) == json.loads(Sandbox.decrypt(second, KEY)) == told
        flipped = ("A" if first[100] != "A" else "B").join((first[:100], first[101:]))
        for text, key in ((first, "another key"), ("{}", KEY), (flipped, KEY), ("", KEY)):
            with pytest.raises(ValueError):
                Sandbox.decrypt(text, key)


@virtual
async def test_keys_are_in_no_repr() -> None:
    async with delivering(key="hush") as scene:
        scene.respond()
        await scene.sandbox.delivered()
        assert scene.hook.posts[0].is_signed("hush")
        shown = repr((scene.sandbox.state.subscriptions, scene.sandbox.deliveries.records))
        assert "hush" not in shown


# Creation


@virtual
async def test_a_new_subscription_is_asked_by_get_and_kept_whatever_it_answers() -> None:
    async with delivering() as scene:
        scene.hook.get_status = 404
        body = {"topics": "controlpanel.*", "publicationUrl": scene.hook.url}
        made = (await scene.call.post("/eventsubscriptions", body)).result["id"]
        await scene.sandbox.delivered()
        assert scene.hook.gets == 1
        (record,) = scene.sandbox.deliveries.records
        assert (record.method, record.status, record.subscription_id, record.delivery) == (
            "GET",
            404,
            made,
            0,
        )
        assert made in scene.sandbox.state.subscriptions
        assert scene.sandbox.state.subscriptions[made].successful_calls == 0


@virtual
async def test_a_url_that_does_not_answer_may_be_refused() -> None:
    async with delivering(deliveries=Deliveries(require_get=True)) as scene:
        known = list(scene.sandbox.state.subscriptions)
        scene.hook.get_status = 405
        for url in (scene.hook.url, "http://127.0.0.1:1/", "https://hooks.example.com/"):
            body = {"topics": "controlpanel.*", "publicationUrl": url}
            assert (await scene.call.post("/eventsubscriptions", body)).status == 400
        assert list(scene.sandbox.state.subscriptions) == known
        scene.hook.get_status = 204
        body = {"topics": "controlpanel.*", "publicationUrl": scene.hook.url}
        made = (await scene.call.post("/eventsubscriptions", body)).result["id"]
        assert list(scene.sandbox.state.subscriptions) == [*known, made]


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
