"""What models of libraries, tickets and automations mean beyond their fields."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from reading import body, read

from qualtrics_async.errors import UsageError
from qualtrics_async.models.automations import (
    AnyAutomationFileCreated,
    AutomationFileCreated,
    AutomationFileWarning,
)
from qualtrics_async.models.libraries import Library, LibraryMessageCreate, LibraryMessageUpdate
from qualtrics_async.models.tickets import TicketEvent, TicketUpdate


def test_a_library_has_its_id_under_two_names() -> None:
    """`library_id` as on the wire, `id` as everywhere else."""
    library = Library(library_id="GR_1")
    assert library.id == library.library_id == "GR_1"


def test_an_upload_without_a_warning_has_none() -> None:
    """The usual answer says nothing beside the id."""
    created = read(AnyAutomationFileCreated, body("automation_file_created"))
    assert created == AutomationFileCreated(id="AFL_5cOnTaCtS00001")
    assert created.warning is None


def test_a_warning_is_found_beside_the_result() -> None:
    """What `meta` warns of comes with the id, code and message under their wire names."""
    sample = body("automation_file_overwritten")
    created = read(AnyAutomationFileCreated, sample)
    assert created.id == sample["result"]["id"]
    assert created.warning == AutomationFileWarning(
        warning_code="PLACEHOLDER_OVERWRITTEN",
        warning_message="A file of this name was there and has been overwritten.",
    )


@pytest.mark.parametrize(
    "odd",
    [
        {},
        [],
        None,
        {"result": None},
        {"result": {}},
        {"result": {"id": 5}},
        {"result": {"id": None}},
        {"result": {"id": "AFL_1"}, "meta": {"warning": "overwritten"}},
    ],
)
def test_a_body_without_the_id_is_not_read(odd: Any) -> None:
    """Neither an id nor a warning is made up."""
    with pytest.raises(msgspec.ValidationError):
        read(AnyAutomationFileCreated, odd)


@pytest.mark.parametrize("meta", [None, [], {}, {"warning": None}])
def test_an_odd_meta_is_no_warning(meta: Any) -> None:
    """What is beside the result never costs the id."""
    assert read(AnyAutomationFileCreated, {"result": {"id": "AFL_1"}, "meta": meta}).warning is None


def test_details_of_an_event_may_be_an_empty_list() -> None:
    """The backend writes an empty object as a list."""
    assert read(TicketEvent, {"eventDetails": []}).event_details == {}


@pytest.mark.parametrize(
    "change",
    [
        TicketUpdate,
        LibraryMessageUpdate,
        lambda: LibraryMessageUpdate(messages={}),
        lambda: LibraryMessageUpdate(description="Lunch", messages={}),
        lambda: LibraryMessageCreate(description="Lunch", category="invite", messages={}),
    ],
)
def test_a_change_of_nothing_is_refused(change: Any) -> None:
    """A ticket or a message that would not change, and a message that says nothing."""
    with pytest.raises(UsageError):
        change()


@pytest.mark.parametrize(
    ("change", "wire"),
    [
        (TicketUpdate(status=0), {"status": 0}),
        (TicketUpdate(owner_id="UR_1", ticket_team_id="ROL_1"), {"ownerId": "UR_1", "ticketTeamId": "ROL_1"}),
        (TicketUpdate(comment="", ticket_group_id="TGRP_1"), {"comment": "", "ticketGroupId": "TGRP_1"}),
        (LibraryMessageUpdate(description=""), {"description": ""}),
        (LibraryMessageUpdate(category="general"), {"category": "general"}),
    ],
)
def test_what_is_not_set_stays_away(change: Any, wire: dict[str, Any]) -> None:
    """Only the fields that are set are sent, the empty and the zero ones too."""
    assert msgspec.to_builtins(change) == wire
