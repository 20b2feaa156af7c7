"""What the operations around participants are to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from typing import Any, assert_type

from qualtrics_async import Download, Paged, Qualtrics
from qualtrics_async.models.participants import (
    Participant,
    ParticipantFilter,
    ParticipantImportRow,
    ParticipantJobProgress,
    ParticipantJobResult,
    ParticipantJobStarted,
)


async def directories(client: Qualtrics, row: ParticipantImportRow, condition: ParticipantFilter) -> None:
    """Jobs end in a result or in a file that is entered."""
    people = client.directory_participants
    assert_type(people.list("ex"), Paged[Participant])
    assert_type(people.list_by_get("ex"), Paged[Participant])
    assert_type(await people.get("ex", "PRT_1"), Participant)
    assert_type(await people.imports.start("ex", [row]), ParticipantJobStarted)
    assert_type(await people.imports.start("ex", b"Unique Identifier"), ParticipantJobStarted)
    assert_type(await people.imports.progress("ex", "JOB_1"), ParticipantJobProgress)
    assert_type(await people.imports.result("ex", "RES_1"), ParticipantJobResult)
    assert_type(await people.imports.run("ex", [row]), ParticipantJobResult)
    assert_type(await people.deletions.run("ex", ["E-1"], confirm=True), ParticipantJobResult)
    async with people.exports.run("ex", filters=[condition]) as file:
        assert_type(file, Download)
    async with people.exports.file("ex", "RES_1") as file:
        assert_type(file, Download)


async def projects(client: Qualtrics, row: ParticipantImportRow) -> None:
    """As for directories, with copies and evaluators."""
    people = client.project_participants
    assert_type(people.list("EX_1", include_participant_data=True), Paged[Participant])
    assert_type(await people.get("EX_1", "PRT_1"), Participant)
    assert_type(await people.import_evaluators("EX_1", {}), dict[str, Any])
    assert_type(await people.imports.run("EX_1", [row]), ParticipantJobResult)
    assert_type(await people.copies.start("EX_1", ["E-1"]), ParticipantJobStarted)
    assert_type(await people.copies.run("EX_1", ["E-1"]), ParticipantJobResult)
    assert_type(await people.deletions.start("EX_1", ["E-1"], confirm=True), ParticipantJobStarted)
    async with people.exports.run("EX_1") as file:
        assert_type(file, Download)


def refused(client: Qualtrics) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    client.directory_participants.deletions.start("ex", ["E-1"])  # type: ignore[call-arg, unused-coroutine]  # must be an error
    client.directory_participants.deletions.start("ex", None, confirm=True)  # type: ignore[arg-type, unused-coroutine]  # must be an error
    client.directory_participants.copies  # type: ignore[attr-defined]  # noqa: B018  (only projects have them)
