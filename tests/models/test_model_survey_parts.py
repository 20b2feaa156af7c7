"""Parts of survey definitions: what the two forms of a version are, how inputs look, what quotas say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from reading import body, read, rows
from test_model_survey_definitions import Watched, attributes

from qualtrics_async.models._view import View
from qualtrics_async.models.survey_parts import (
    AnySurveyVersion,
    BlockInput,
    QuestionInput,
    SurveyDefinitionCreate,
    SurveyMetadata,
    SurveyPublishEvent,
    SurveyVersion,
)
from qualtrics_async.models.survey_quotas import QuotaDefinition, QuotaGroup, QuotaGroupInput, QuotaInput

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def sent(value: object) -> Any:
    """What an input looks like on the wire."""
    return json.loads(msgspec.json.encode(value))


def test_versions_are_plain_or_under_metadata() -> None:
    """The listing as documented and as observed is the same versions."""
    documented = [read(AnySurveyVersion, row) for row in rows("survey_versions_documented")]
    observed = [read(AnySurveyVersion, row) for row in rows("survey_versions")]
    assert documented == observed
    assert [type(version) for version in observed] == [SurveyVersion] * 3
    assert [version.version_number for version in observed] == [3, 2, 1]
    assert [(version.published, version.was_published) for version in observed] == [
        (False, False),
        (True, True),
        (False, True),
    ]


def test_versions_know_who_published_them() -> None:
    """A publish event has an aware instant and a user; PHP's empty list is no events."""
    draft, published, _ = (read(AnySurveyVersion, row) for row in rows("survey_versions"))
    assert published.publish_events == [SurveyPublishEvent(date=NOON, user_id="UR_2uSeRoFtEsTs001")]
    assert draft.publish_events == []


@pytest.mark.parametrize("wire", [{}, [], None, {"metadata": None}, {"metadata": {"versionNumber": 1}}])
def test_a_version_without_an_id_is_refused(wire: object) -> None:
    """An answer that names no version is not taken for a success."""
    with pytest.raises(msgspec.ValidationError):
        read(AnySurveyVersion, wire)


def test_metadata_dates_are_aware_in_both_spellings() -> None:
    """MySQL date-times are UTC; the zero date is none."""
    metadata = read(SurveyMetadata, body("survey_metadata")["result"])
    assert metadata.survey_start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert metadata.last_modified == datetime(2026, 3, 2, 11, 22, 33, tzinfo=UTC)
    zero = {"SurveyID": "SV_1", "SurveyStartDate": "0000-00-00 00:00:00"}
    assert read(SurveyMetadata, zero).survey_start_date is None


def test_a_new_survey_on_the_wire() -> None:
    """All three keys go out, because the service wants them all."""
    assert sent(SurveyDefinitionCreate(survey_name="Canteen")) == {
        "SurveyName": "Canteen",
        "Language": "EN",
        "ProjectCategory": "CORE",
    }


def test_inputs_send_only_what_is_set() -> None:
    """What is not set stays away, but for what the service wants and that has a default."""
    assert sent(BlockInput()) == {"Type": "Standard"}
    assert sent(QuotaGroupInput()) == {}
    assert sent(QuestionInput(question_text="Why?", question_type="TE", selector="SL")) == {
        "QuestionText": "Why?",
        "QuestionType": "TE",
        "Selector": "SL",
    }
    assert sent(QuotaInput(name="Few", occurrences=5, logic=[])) == {
        "Name": "Few",
        "Occurrences": 5,
        "Logic": [],
        "QuotaAction": "EndCurrentSurvey",
        "QuotaRealm": "Survey",
    }


@pytest.mark.parametrize(
    ("kind", "sample", "unread"),
    [
        (BlockInput, "survey_block", set()),
        (QuotaInput, "survey_quota", set()),
        (QuotaGroupInput, "survey_quota_group", set()),
        (
            QuestionInput,
            "survey_question",
            {"QuestionID", "QuestionText_Unsafe", "DataVisibility", "GradingData"},
        ),
    ],
)
def test_inputs_name_their_keys_as_the_results_do(kind: type[Any], sample: str, unread: set[str]) -> None:
    """What a `get` shows can be written; of a question not what only the editor writes."""
    wire = body(sample)["result"]
    writable = {key: value for key, value in wire.items() if key not in unread}
    assert unread <= wire.keys()
    typed = {"Occurrences": 200, "PerformActionOnUser": True, "Selected": True}
    writable |= {key: value for key, value in typed.items() if key in writable}
    assert sent(read(kind, writable)) == writable


def test_references_to_library_blocks_on_the_wire() -> None:
    """Ids end in capitals."""
    block = BlockInput(sub_type="Reference", library_id="UR_1", referenced_block_id="LB_1", id="BL_1")
    assert sent(block) == {
        "Type": "Standard",
        "SubType": "Reference",
        "ID": "BL_1",
        "LibraryID": "UR_1",
        "ReferencedBlockID": "LB_1",
    }


@pytest.mark.parametrize(
    ("kind", "sample"), [(QuotaDefinition, "survey_quota"), (QuotaGroup, "survey_quota_group")]
)
def test_quota_views_read_everything_and_change_nothing(kind: type[View], sample: str) -> None:
    """Each key is read by an attribute that has a value, and `raw` is the untouched result."""
    wire = body(sample)["result"]
    view = read(kind, wire)
    watched = Watched(wire)
    assert [name for name, value in attributes(kind(watched)).items() if value in (None, {}, [])] == []
    assert watched.read == wire.keys()
    assert view.raw == wire
    assert repr(view) == f"<{kind.__name__} {wire['ID']}>"


@pytest.mark.parametrize("kind", [QuotaDefinition, QuotaGroup])
@pytest.mark.parametrize("junk", [None, 3, "text", True, [1, None], {"a": [None]}, 1e400])
def test_no_attribute_fails_on_junk(kind: type[View], junk: object) -> None:
    """Whatever a key holds, reading it never raises."""
    keys = Watched({})
    attributes(kind(keys))
    attributes(kind(dict.fromkeys(keys.read, junk)))


def test_quotas_say_how_full_they_are() -> None:
    """Numbers are numbers, also where the wire has text, and None where there are none."""
    full, plain = (read(QuotaDefinition, row) for row in rows("survey_quotas_definition"))
    assert (full.occurrences, full.count, full.perform_action_on_user) == (200, 12, True)
    assert (plain.count, plain.logic, plain.quota_schedule, plain.cross_logic_def) == (None, {}, {}, [])


def test_quota_groups_have_one_id_under_two_names() -> None:
    """The documentation has `ID` and `Id`."""
    full, empty = (read(QuotaGroup, row) for row in rows("survey_quota_groups"))
    assert full.quotas == ["QO_1qUoTaOfTeSt01", "QO_2qUoTaOfTeSt02"]
    assert (full.public, full.selected) == (False, True)
    assert (empty.id, empty.quotas, empty.public) == ("QG_2gRoUpOfTeSt02", [], None)
