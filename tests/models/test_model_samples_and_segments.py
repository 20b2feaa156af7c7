"""What models around samples, segments and Research Core say beyond their fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from reading import body, read, rows

from qualtrics_async.models.common import AnyCreated, Created
from qualtrics_async.models.research_core import ResearchCoreContact
from qualtrics_async.models.sample_definitions import SampleDefinition
from qualtrics_async.models.samples import Sample, SampleCreationProgress, SampleCreationStarted
from qualtrics_async.models.segments import Segment


@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [
        (Sample, "samples", "sampleId"),
        (SampleDefinition, "sample_definitions", "sampleDefinitionId"),
        (Segment, "segments", "segmentId"),
    ],
)
def test_the_id_has_its_short_name_too(kind: type[Any], name: str, key: str) -> None:
    """`id` is what the wire calls by the name of the family."""
    assert [read(kind, row).id for row in rows(name)] == [row[key] for row in rows(name)]


@pytest.mark.parametrize("name", ["segment_created", "sample_definition_created"])
def test_what_was_created_has_one_name(name: str) -> None:
    """Whatever the family calls the id of what it created, it is `id`."""
    (wire,) = body(name)["result"].values()
    assert read(AnyCreated, body(name)["result"]) == Created(id=wire)


@pytest.mark.parametrize("answer", [{}, {"progressId": None}, {"progressId": "", "sampleId": ""}])
def test_a_drawing_without_any_id_is_no_answer(answer: dict[str, Any]) -> None:
    """What names neither the job nor the sample is refused."""
    with pytest.raises(msgspec.ValidationError, match="progressId"):
        read(SampleCreationStarted, answer)


@pytest.mark.parametrize(
    ("name", "finished", "failed"),
    [
        ("sample_creation_running", False, False),
        ("sample_creation_finished", True, False),
        ("sample_creation_failed", True, True),
    ],
)
def test_a_drawing_says_how_it_stands(name: str, finished: bool, failed: bool) -> None:
    """It ends with a word, well or badly."""
    progress = read(SampleCreationProgress, body(name)["result"])
    assert (progress.is_finished, progress.is_failed) == (finished, failed)


def test_the_spellings_of_the_backend_are_read() -> None:
    """Flags as text, an empty object as a list, dates as milliseconds."""
    sample = read(Sample, rows("samples")[1])
    assert (sample.hidden, sample.creation_logic) == (False, {})
    assert read(Segment, rows("segments")[1]).creation_date == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_the_language_null_is_none() -> None:
    """Research Core writes the text `"null"` for no language."""
    known, unknown = (read(ResearchCoreContact, row) for row in rows("research_core_contacts"))
    assert (known.language, unknown.language, unknown.language_raw) == ("EN", None, "null")
