"""The sandbox delivers: what, to whom, in which form, how often, and what of it is recorded."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from hooking import KEY, Scene, delivering, receiving
from virtual import virtual

from qualtrics_async.sandbox import Deliveries, Sandbox

COMPLETED = "surveyengine.completedResponse"
STARTED = "surveyengine.startedRecipientSession"
SIGNED = {
    *("Status", "SurveyID", "ResponseID", "CompletedDate", "BrandID"),
    *("RecipientID", "DistributionID", "ResponseEventContext"),
}
"""The keys of the recorded message."""


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
