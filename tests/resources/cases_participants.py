"""Calls around the participants of directories and projects: two families, one after the other."""

from __future__ import annotations

from typing import Any

from calling import Case

from qualtrics_async.models.participants import ParticipantFilter, ParticipantImportRow

ROWS = [
    ParticipantImportRow(
        unique_identifier="E-1001",
        first_name="Noor",
        last_name="Haddad",
        email="noor@example.com",
        username="noor@example.com#example",
        metadata={"Site": "North"},
    ),
    ParticipantImportRow(unique_identifier="E-1002", first_name="Ines", last_name="Okafor", email=None),
]
PEOPLE = {
    "participants": [
        {
            "uniqueIdentifier": "E-1001",
            "firstName": "Noor",
            "lastName": "Haddad",
            "email": "noor@example.com",
            "username": "noor@example.com#example",
            "metadata": {"Site": "North"},
        },
        {"uniqueIdentifier": "E-1002", "firstName": "Ines", "lastName": "Okafor", "email": None},
    ]
}
NORTH = ParticipantFilter(type="text", metadata_field="Site", value="North", operator="EQUAL_TO")
NORTH_WIRE = {"type": "text", "metadataField": "Site", "value": "North", "operator": "EQUAL_TO"}
FOUND = {"unique_identifier": "E-1001", "include_metadata": True, "page_size": 50}
FOUND_WIRE = {"includeMetadata": "true", "pageSize": "50"}
EVALUATORS = {"evaluators": [{"evaluatorUniqueIdentifier": "E-1001"}]}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "directory_participants.imports.start": {"participants": ROWS},
    "directory_participants.deletions.start": {"unique_identifiers": ["E-1001"]},
    "project_participants.imports.start": {"participants": ROWS},
    "project_participants.copies.start": {"unique_identifiers": ["E-1001"]},
    "project_participants.deletions.start": {"unique_identifiers": ["E-1001"]},
    "project_participants.import_evaluators": {"evaluators": EVALUATORS},
}


def _jobs(group: str, owner_id: str, root: str) -> list[Case]:
    """What both families have: imports, deletions, exports, and the participants themselves."""
    return [
        Case(
            f"{group}.list",
            lambda r: r.list(owner_id),
            "POST",
            f"{root}/participants",
            "participants_page1",
            body={},
        ),
        Case(
            f"{group}.list_by_get",
            lambda r: r.list_by_get(owner_id),
            "GET",
            f"{root}/participants",
            "participants_page1",
        ),
        Case(
            f"{group}.get",
            lambda r: r.get(owner_id, "PRT_1"),
            "GET",
            f"{root}/participants/PRT_1",
            "participant",
        ),
        Case(
            f"{group}.imports.start",
            lambda r: r.start(owner_id, ROWS),
            "POST",
            f"{root}/import-participants",
            "participant_job_started",
            body=PEOPLE,
        ),
        Case(
            f"{group}.imports.progress",
            lambda r: r.progress(owner_id, "JOB_1"),
            "GET",
            f"{root}/import-participants/JOB_1",
            "participant_job_running",
        ),
        Case(
            f"{group}.imports.result",
            lambda r: r.result(owner_id, "RES_1"),
            "GET",
            f"{root}/import-participants/results/RES_1",
            "participant_job_result",
        ),
        Case(
            f"{group}.deletions.start",
            lambda r: r.start(owner_id, ["E-1001", "E-1002"], confirm=True),
            "POST",
            f"{root}/delete-participants",
            "participant_job_started",
            body=["E-1001", "E-1002"],
        ),
        Case(
            f"{group}.deletions.progress",
            lambda r: r.progress(owner_id, "JOB_1"),
            "GET",
            f"{root}/delete-participants/JOB_1",
            "participant_job_running",
        ),
        Case(
            f"{group}.deletions.result",
            lambda r: r.result(owner_id, "RES_1"),
            "GET",
            f"{root}/delete-participants/results/RES_1",
            "participant_job_result",
        ),
        Case(
            f"{group}.exports.start",
            lambda r: r.start(owner_id),
            "POST",
            f"{root}/export-participants",
            "participant_job_started",
            body=[],
        ),
        Case(
            f"{group}.exports.start filtered",
            lambda r: r.start(owner_id, filters=[NORTH]),
            "POST",
            f"{root}/export-participants",
            "participant_job_started",
            body=[NORTH_WIRE],
        ),
        Case(
            f"{group}.exports.progress",
            lambda r: r.progress(owner_id, "JOB_1"),
            "GET",
            f"{root}/export-participants/JOB_1",
            "participant_job_finished",
        ),
        Case(
            f"{group}.exports.file",
            lambda r: r.file(owner_id, "RES_1"),
            "GET",
            f"{root}/export-participants/results/RES_1/file",
            b"Unique Identifier,FirstName\r\n",
        ),
    ]


CASES = [
    *_jobs("directory_participants", "ex", "/employee-directories/ex"),
    Case(
        "directory_participants.list one",
        lambda r: r.list("ex", **FOUND),
        "POST",
        "/employee-directories/ex/participants",
        "participants_page2",
        FOUND_WIRE,
        {"uniqueIdentifier": "E-1001"},
    ),
    Case(
        "directory_participants.list_by_get one",
        lambda r: r.list_by_get("ex", **FOUND),
        "GET",
        "/employee-directories/ex/participants",
        "participants_page2",
        FOUND_WIRE | {"uniqueIdentifier": "E-1001"},
    ),
    Case(
        "directory_participants.exports.start_by_get",
        lambda r: r.start_by_get("ex"),
        "GET",
        "/employee-directories/ex/export-participants",
        "participant_job_started",
    ),
    *_jobs("project_participants", "EX_1", "/ex-projects/EX_1"),
    Case(
        "project_participants.list one",
        lambda r: r.list("EX_1", include_participant_data=True, **FOUND),
        "POST",
        "/ex-projects/EX_1/participants",
        "participants_page2",
        FOUND_WIRE | {"includeParticipantData": "true"},
        {"uniqueIdentifier": "E-1001"},
    ),
    Case(
        "project_participants.list_by_get one",
        lambda r: r.list_by_get("EX_1", include_participant_data=True, **FOUND),
        "GET",
        "/ex-projects/EX_1/participants",
        "participants_page2",
        FOUND_WIRE | {"includeParticipantData": "true", "uniqueIdentifier": "E-1001"},
    ),
    Case(
        "project_participants.copies.start",
        lambda r: r.start("EX_1", ["E-1001"]),
        "POST",
        "/ex-projects/EX_1/copy-participants",
        "participant_job_started",
        body=["E-1001"],
    ),
    Case(
        "project_participants.copies.progress",
        lambda r: r.progress("EX_1", "JOB_1"),
        "GET",
        "/ex-projects/EX_1/copy-participants/JOB_1",
        "participant_job_running",
    ),
    Case(
        "project_participants.copies.result",
        lambda r: r.result("EX_1", "RES_1"),
        "GET",
        "/ex-projects/EX_1/copy-participants/results/RES_1",
        "participant_job_result",
    ),
    Case(
        "project_participants.import_evaluators",
        lambda r: r.import_evaluators("EX_1", EVALUATORS),
        "POST",
        "/successfactors/projects/EX_1/evaluators",
        "participant_job_started",
        body=EVALUATORS,
    ),
]
