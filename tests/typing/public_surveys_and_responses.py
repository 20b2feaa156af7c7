"""What surveys, sessions and responses are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Download, Paged, Qualtrics
from qualtrics_async.models.response_jobs import ResponseJobProgress, ResponseJobStarted, ResponseUpdate
from qualtrics_async.models.responses import Response, ResponseCreated
from qualtrics_async.models.sessions import SessionQuestion, SurveySession, SurveySessionStarted
from qualtrics_async.models.surveys import SurveyImported, SurveyPermissions, SurveyQuota


async def surveys(client: Qualtrics) -> None:
    """A file becomes a survey, what answers nothing is None, a listing is `Paged`."""
    assert_type(await client.surveys.import_survey(b"", name="Lunch"), SurveyImported)
    assert_type(client.surveys.quotas("SV_1"), Paged[SurveyQuota])
    await client.surveys.share("SV_1", SurveyPermissions.full(), user_id="UR_1")
    await client.surveys.share("SV_1", {"result": {}}, recipient_id="UR_1")


async def sessions(client: Qualtrics) -> None:
    """Each answer is a page."""
    session = await client.sessions.start("SV_1", embedded_data={"shift": "day"})
    assert_type(session, SurveySessionStarted)
    assert_type(session.session_id, str)
    assert_type(session.questions, list[SessionQuestion])
    assert_type(await client.sessions.update("SV_1", "FS_1", {"QID1": "a"}, advance=True), SurveySession)


async def responses(client: Qualtrics) -> None:
    """A response has a model, its schema is plain JSON, a file is entered."""
    assert_type(await client.responses.get("SV_1", "R_1"), Response)
    assert_type(await client.responses.schema("SV_1"), dict[str, Any])
    assert_type(await client.responses.create("SV_1", {"QID1": 2}), ResponseCreated)
    async with client.responses.uploaded_file("SV_1", "R_1", "F_1") as file:
        assert_type(file, Download)


async def jobs(client: Qualtrics) -> None:
    """A start has an id, a run has the last progress."""
    updates = [ResponseUpdate(response_id="R_1", embedded_data={"shift": "day"})]
    assert_type(await client.response_updates.start("SV_1", updates), ResponseJobStarted)
    assert_type(await client.response_updates.run("SV_1", updates), ResponseJobProgress)
    assert_type(await client.response_deletions.run("SV_1", ["R_1"], confirm=True), ResponseJobProgress)
    assert_type(await client.response_edits.get("SV_1", "R_1"), dict[str, Any])
    assert_type(await client.response_edits.run("SV_1", {}), ResponseJobProgress)


def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    client.response_deletions.run("SV_1", ["R_1"])  # type: ignore[call-arg, unused-coroutine]  # must be an error
    client.responses.update("R_1", {})  # type: ignore[call-arg, unused-coroutine]  # must be an error
    client.surveys.import_survey("a.qsf", name="a")  # type: ignore[arg-type, unused-coroutine]  # must be an error
