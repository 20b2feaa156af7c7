"""Research Core warns, and its import jobs run."""

from __future__ import annotations

import asyncio
import warnings

import pytest
from recorder import Recorder

from qualtrics_async.errors import JobFailed, UsageError
from qualtrics_async.models.research_core import ResearchCoreContactFields
from qualtrics_async.resources.research_core import ResearchCore

ADA = ResearchCoreContactFields(email="ada@example.com")


def test_an_import_runs_and_warns_once_at_the_callers_line() -> None:
    """The whole job is one retired call: its start and its polls do not warn again."""
    recorder = Recorder(
        "research_core_import_started", "research_core_import_running", "research_core_import_finished"
    )

    async def run() -> float | None:
        return (await ResearchCore(recorder).contact_imports.run("ML_1", [ADA])).percent_complete

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert asyncio.run(run()) == 100.0
    (warning,) = caught
    assert str(warning.message) == "research_core.contact_imports.run is deprecated, use contact_imports.run"
    assert (warning.category, warning.filename) == (DeprecationWarning, __file__)
    path = "/mailinglists/ML_1/contactimports"
    job = f"{path}/PGRS_4oLdJoB00000001"
    assert [request.route.path for request in recorder.requests] == [path, job, job]


def test_an_import_may_fail() -> None:
    """A word for failure ends the wait with an error, whatever the percent."""
    recorder = Recorder("research_core_import_started", "segment_refresh_failed")
    with (
        pytest.warns(DeprecationWarning, match="run"),
        pytest.raises(JobFailed, match="PGRS_4oLdJoB00000001"),
    ):
        asyncio.run(ResearchCore(recorder).contact_imports.run("ML_1", [ADA]))


def test_blank_names_are_refused() -> None:
    """A list needs its library and a name, before anything is sent."""
    recorder = Recorder()
    lists = ResearchCore(recorder).mailing_lists
    for library_id, name in (("", "Guests"), ("UR_1", " ")):
        with pytest.warns(DeprecationWarning, match="create"), pytest.raises(UsageError):
            asyncio.run(lists.create(library_id=library_id, name=name))
    assert recorder.requests == []
