"""Many surveys into a folder: a file and an outcome for each, within the limits, whatever fails."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from outward import (
    FILE,
    FORMATS,
    ODD_NAMES,
    PROGRESS,
    START,
    Scene,
    asynchronous,
    content,
    defaults,
    inside,
    scene,
    settled,
    write,
)
from virtual import loop, virtual

from qualtrics_async import (
    ConnectFailed,
    DecodeError,
    Forbidden,
    JobFailed,
    Limits,
    NotFound,
    Polling,
    Qualtrics,
    RateLimited,
    RetryPolicy,
    Timeouts,
    Unauthorized,
    UsageError,
    exports,
)
from qualtrics_async.bulk import Failed, Ok
from qualtrics_async.exports import ExportState
from qualtrics_async.exports.tables import to_arrow
from qualtrics_async.sandbox import BySeconds, Quotas


async def taken(s: Scene, ids: Any, folder: Path, **options: Any) -> dict[str, Any]:
    """The outcomes by their survey."""
    found: dict[str, Any] = {}
    async with exports.many(s.client, ids, folder, **options) as outcomes:
        async for outcome in outcomes:
            assert outcome.item not in found
            found[outcome.item] = outcome
    assert outcomes.summary.items == outcomes.summary.outcomes == len(found)
    return found


@pytest.mark.parametrize("form", FORMATS)
@asynchronous
async def test_every_survey_has_its_file(form: Any, tmp_path: Path) -> None:
    """Named by its id, with what `stream()` gives."""
    async with scene() as s:
        ids = [s.survey(number, name=name) for number, name in enumerate(ODD_NAMES)]
        found = await taken(s, ids, tmp_path / "out", format=form, concurrency=3)
        assert found.keys() == set(ids)
        for survey_id, outcome in found.items():
            assert isinstance(outcome, Ok)
            path = tmp_path / "out" / f"{survey_id}.{form}"
            assert (outcome.value.path, outcome.value.survey_id) == (path, survey_id)
            assert await content(path) == await s.streamed(survey_id, form)
    assert await inside(tmp_path) == sorted(["out", *(f"out/{name}.{form}" for name in ids)])


@asynchronous
async def test_archives_are_kept(tmp_path: Path) -> None:
    """As the service made them, whatever is in them; the outcome tells the format."""
    async with scene() as s:
        ids = [s.survey() for _ in range(2)]
        found = await taken(s, ids, tmp_path, format="ndjson", zipped=True)
        for survey_id in ids:
            path = tmp_path / f"{survey_id}.zip"
            assert (found[survey_id].value.path, found[survey_id].value.format) == (path, "ndjson")
            with zipfile.ZipFile(BytesIO(await content(path))) as archive:
                (member,) = archive.namelist()
                assert archive.read(member) == await s.streamed(survey_id, "ndjson")
    assert await inside(tmp_path) == sorted(f"{survey_id}.zip" for survey_id in ids)


@pytest.mark.parametrize("kind", ["list", "generator", "async generator", "one text"])
@asynchronous
async def test_ids_come_from_anywhere(kind: str, tmp_path: Path) -> None:
    """Whatever yields texts; what comes again is left out."""
    async with scene() as s:
        ids = [s.survey() for _ in range(3)]

        async def listed() -> AsyncGenerator[str]:
            async for survey in s.client.surveys.list():
                if survey.id in ids:
                    yield survey.id
                    yield survey.id

        given: Any = {
            "list": ids + ids,
            "generator": (one for one in ids + ids),
            "async generator": listed(),
            "one text": ids[0],
        }[kind]
        found = await taken(s, given, tmp_path)
        assert found.keys() == ({ids[0]} if kind == "one text" else set(ids))
        assert s.count(START) == len(found)


@asynchronous
async def test_what_fails_is_an_outcome(tmp_path: Path) -> None:
    """A failed job, a forbidden survey, one that is not there, a broken file, an id that names no file."""
    async with scene(client={"retry": RetryPolicy(retries=1, base=0)}) as s:
        good, failing, forbidden, broken = (s.survey() for _ in range(4))
        add = s.sandbox.faults.add
        add(route=START, kind="failed_job", path=failing)
        add(route=START, kind="status", status=403, path=forbidden)
        add(route=FILE, kind="corrupt", path=broken, times=None)
        for name in (good, failing, forbidden, broken):
            await write(tmp_path / f"{name}.csv", b"precious")
        ids = [failing, forbidden, broken, "SV_missing", "../evil", "a:b", "", good]
        found = await taken(s, ids, tmp_path, concurrency=2)
    errors = {item: (type(one.error), one.reason) for item, one in found.items() if isinstance(one, Failed)}
    assert errors == {
        failing: (JobFailed, "failed"),
        forbidden: (Forbidden, "forbidden"),
        broken: (DecodeError, "broken file"),
        "SV_missing": (NotFound, "no such survey"),
        "../evil": (UsageError, "refused"),
        "a:b": (UsageError, "refused"),
        "": (UsageError, "refused"),
    }
    assert isinstance(found[good], Ok)
    for name in (failing, forbidden, broken):
        assert await content(tmp_path / f"{name}.csv") == b"precious"
    assert len(await inside(tmp_path)) == 4


@asynchronous
async def test_the_summary_counts(tmp_path: Path) -> None:
    """What was read, what became of it and why, and how many requests it took."""
    async with scene() as s:
        ids = [s.survey() for _ in range(3)]
        s.sandbox.faults.add(route=START, kind="status", status=403, path=ids[1])
        async with exports.many(s.client, ids, tmp_path) as outcomes:
            _ = [outcome async for outcome in outcomes]
        summary = outcomes.summary
        assert (summary.items, summary.ok, summary.failed, summary.in_doubt) == (3, 2, 1, 0)
        assert summary.reasons == {"forbidden": 1}
        assert summary.requests == len(s.sandbox.requests)
        assert summary.seconds > 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"kind": "status", "status": 401}, Unauthorized), ({"kind": "status", "status": 429}, RateLimited)],
)
@asynchronous
async def test_what_would_fail_every_survey_stops_the_job(fault: Any, error: Any, tmp_path: Path) -> None:
    """At once: the others are not even started, and what was delivered before is told."""
    async with scene(client={"retry": RetryPolicy(retries=1, base=0)}) as s:
        ids = [s.survey() for _ in range(30)]
        s.sandbox.faults.add(route=START, skip=3, times=None, **fault)
        async with exports.many(s.client, ids, tmp_path, concurrency=2) as outcomes:
            with pytest.raises(error):
                _ = [outcome async for outcome in outcomes]
        assert 2 <= outcomes.summary.ok <= 3
        assert outcomes.summary.failed == 0
        assert outcomes.summary.items <= 6
    assert outcomes.summary.ok <= len(await inside(tmp_path)) <= 3


@asynchronous
async def test_a_wrong_host_stops_the_job(tmp_path: Path) -> None:
    """It is the same for every survey."""
    async with scene() as s:
        options = {**defaults(s.sandbox), "base_url": "http://127.0.0.1:9/API/v3"}
        async with Qualtrics(**options) as client:
            async with exports.many(client, [f"SV_{n}" for n in range(30)], tmp_path) as outcomes:
                with pytest.raises(ConnectFailed):
                    async for _ in outcomes:
                        pass
            assert outcomes.summary.items <= 8
    assert await inside(tmp_path) == []


@pytest.mark.parametrize(
    ("ids", "folder", "options", "said"),
    [
        (["SV_1"], "file", {}, "it is no folder"),
        (["SV_1"], "no/where", {}, "there is no folder to make it in"),
        (["SV_1"], "out", {"concurrency": 0}, "concurrency"),
        (["SV_1"], "out", {"format": "doc"}, "format is one of"),
        (["SV_1"], "out", {"format": "json", "use_labels": True}, "use_labels"),
        (["SV_1"], "out", {"sorted_by": "name"}, "sorted_by"),
        (["SV_1"], "out", {"names": "tag"}, "Parquet"),
        (["SV_1"], "out", {"names": "number", "format": "parquet"}, "names is one of"),
        (["SV_1"], "out", {"zipped": True, "format": "parquet"}, "no Parquet"),
        (["SV_1"], "out", {"zipped": "yes"}, "zipped is True or False"),
        (7, "out", {}, "survey_ids"),
        ({"SV_1": 1}, "out", {}, "survey_ids"),
    ],
)
@asynchronous
async def test_what_cannot_be_meant_is_refused_first(
    ids: Any, folder: str, options: Any, said: str, tmp_path: Path
) -> None:
    """Before any request."""
    await write(tmp_path / "file", b"")
    async with scene() as s:
        with pytest.raises(UsageError, match=said):
            await taken(s, ids, tmp_path / folder, **options)
        assert s.sandbox.requests == []


@asynchronous
async def test_surveys_are_no_ids(tmp_path: Path) -> None:
    """Who gives the listing itself is told what to give."""
    async with scene() as s:
        with pytest.raises(UsageError, match=r"survey\.id"):
            await taken(s, s.client.surveys.list(), tmp_path)
        assert s.count(START) == 0


class _Broken(Exception):
    pass


@asynchronous
async def test_an_error_of_the_source_leaves_as_itself(tmp_path: Path) -> None:
    """Of a listing that breaks off, and of a program that has a bug; nothing is left running."""

    async def listing(error: Exception) -> AsyncGenerator[str]:
        yield "SV_missing"
        raise error

    async with scene() as s:
        for error in (NotFound("gone", status=404), _Broken()):
            with pytest.raises(type(error)):
                await taken(s, listing(error), tmp_path, concurrency=1)
            await settled()


@asynchronous
async def test_a_source_is_closed(tmp_path: Path) -> None:
    """A generator is not left half read when the consumer goes."""
    closed: list[bool] = []

    async def listing() -> AsyncGenerator[str]:
        try:
            for survey_id in ids:
                yield survey_id
        finally:
            closed.append(True)

    # Without the grace that a write gets which has left: nobody answers it here.
    async with scene(client={"timeouts": Timeouts(grace=0)}) as s:
        ids = [s.survey() for _ in range(3)]
        held = s.sandbox.faults.add(kind="delay", route=START)
        source = listing()
        async with exports.many(s.client, source, tmp_path, concurrency=1):
            await held.arrived()
            assert not closed
        assert closed
        held.release()


@virtual
async def test_only_so_many_at_a_time(tmp_path: Path) -> None:
    """The others are not even read: ids may come from a listing without end."""
    read = 0
    going: set[str] = set()
    most = 0

    def ids() -> Iterable[str]:
        nonlocal read
        for survey_id in wanted:
            read += 1
            yield survey_id

    def watch(state: ExportState) -> None:
        nonlocal most
        going.add(state.survey_id)
        most = max(most, len(going))
        if state.phase == "reading" and state.done == state.total:
            going.discard(state.survey_id)

    async with scene(clock=asyncio.get_running_loop().time) as s:
        wanted = [s.survey() for _ in range(12)]
        async with exports.many(s.client, ids(), tmp_path, concurrency=3, on_progress=watch) as outcomes:
            await anext(aiter(outcomes))
            await asyncio.sleep(1)  # of a clock that moves only when nothing else does: all is at rest
            # One was taken, three wait to be, and each worker holds one that it cannot hand over.
            assert (read, len(going), s.count(START)) == (7, 0, 7)
            rest = [outcome async for outcome in outcomes]
        assert len(rest) == 11
    assert most == 3


@asynchronous
async def test_progress_is_told_by_survey(tmp_path: Path) -> None:
    """Each of them in its phases, to its end."""
    told: dict[str, list[ExportState]] = {}
    async with scene() as s:
        ids = [s.survey() for _ in range(4)]
        done = await taken(
            s, ids, tmp_path, on_progress=lambda state: told.setdefault(state.survey_id, []).append(state)
        )
    assert told.keys() == set(ids)
    for survey_id, states in told.items():
        assert list(dict.fromkeys(state.phase for state in states)) == ["exporting", "downloading", "reading"]
        assert states[-1].done == states[-1].total == done[survey_id].value.size


@pytest.mark.parametrize("turns", range(0, 120, 8))
@asynchronous
async def test_leaving_early_leaves_nothing(turns: int, tmp_path: Path) -> None:
    """Who cancels or breaks off finds whole files and nothing else; the client works on."""
    async with scene() as s:
        ids = [s.survey() for _ in range(6)]
        task = asyncio.create_task(taken(s, ids, tmp_path, concurrency=3))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await settled()
        assert s.client.quota().in_flight == 0
        left = await inside(tmp_path)
        assert set(left) <= {f"{name}.csv" for name in ids}
        for name in left:
            assert await content(tmp_path / name) == await s.streamed(name.removesuffix(".csv"))
        assert len(await taken(s, ids, tmp_path)) == 6


@asynchronous
async def test_a_file_that_cannot_be_written_ends_the_job(tmp_path: Path) -> None:
    """A disk that is full is no fault of one survey: the error names the file."""
    async with scene() as s:
        survey_id = s.survey()
        await anyio.to_thread.run_sync(partial((tmp_path / f"{survey_id}.csv").symlink_to, "/dev/full"))
        with pytest.raises(OSError, match="No space left on device") as raised:
            await taken(s, [survey_id], tmp_path)
    assert Path(raised.value.filename).name == f"{survey_id}.csv"


@virtual
async def test_many_exports_keep_to_the_limits(tmp_path: Path) -> None:
    """All of them wait for the service at once and ask as often as they may: it refuses no request.

    The limits are a twentieth of the published ones, so that the clock has fewer requests to jump between.
    """
    surveys = 7
    clock = asyncio.get_running_loop().time
    limits = {START: 5, PROGRESS: 50, FILE: 5}
    limited = {"limits": Limits(routes=limits), "polling": Polling(first=1, factor=1, longest=1)}
    quotas = Quotas(routes=limits)
    async with scene(jobs=BySeconds(70), quotas=quotas, clock=clock, client=limited) as s:
        ids = [s.survey(1) for _ in range(surveys)]
        began = loop().time()
        found = await taken(s, ids, tmp_path, concurrency=surveys)
        assert {type(outcome) for outcome in found.values()} == {Ok}
        assert {record.status for record in s.sandbox.requests} == {200}
        assert s.count(START) == s.count(FILE) == surveys
        seconds = loop().time() - began
        assert 60 + 70 <= seconds < 240  # what starts after the first five waits for a minute
        assert s.count(PROGRESS) > 60  # the limit was felt


@pytest.mark.parametrize("options", [{}, {"use_labels": True, "names": "import_id"}])
@asynchronous
async def test_parquet_is_written_as_by_to_parquet(options: Any, tmp_path: Path) -> None:
    """Each survey has its table; labels and names of columns are by choice."""
    parquet = pytest.importorskip("pyarrow.parquet")
    async with scene() as s:
        ids = [s.survey(number + 1) for number in range(2)]
        found = await taken(s, ids, tmp_path, format="parquet", **options)
        assert {outcome.value.format for outcome in found.values()} == {"parquet"}
        for number, survey_id in enumerate(ids):
            made = await anyio.to_thread.run_sync(parquet.read_table, tmp_path / f"{survey_id}.parquet")
            wanted = await to_arrow(
                s.client, survey_id, names=options.get("names", "tag"), labels="use_labels" in options
            )
            assert made.num_rows == number + 1
            assert made.equals(wanted)
