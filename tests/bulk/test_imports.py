"""Imports: an outcome for each row that the sandbox's own record confirms, from reports and from counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from between import between
from working import GET_LIST, IMPORT, PROGRESS, REPORT, Scene, asynchronous, scene, settle, take

from qualtrics_async import JobFailed, NotFound, UsageError, bulk
from qualtrics_async.bulk import BrokenRow, Ok
from qualtrics_async.sandbox import ByPolls

BAD_ROWS: list[Any] = [
    {"extRef": "b1", "email": "impossible"},
    {"Color": "red"},
    BrokenRow(7, "a,b,c", "too many cells"),
    None,
    {"extRef": "b2", "firstName": "\ud800"},
    {"extRef": "b3", "phone": "1", "list": None},
]


def running_imports(scene: Scene) -> tuple[int, int]:
    """From the requests in order: the most imports of one list, and of all lists, that ran at once."""
    polls = 2
    left: dict[str, list[int]] = defaultdict(list)
    per_list = in_all = 0
    for record in scene.sandbox.requests:
        route = f"{record.method} {record.route}"
        if route == IMPORT:
            left[record.path.split("/")[-2]].append(polls)
        elif route == PROGRESS:
            queue = left[record.path.split("/")[-3]]
            if queue:
                queue[0] -= 1
                queue[:] = [count for count in queue if count > 0]
        per_list = max([per_list, *map(len, left.values())])
        in_all = max(in_all, sum(map(len, left.values())))
    return per_list, in_all


@asynchronous
async def test_one_list() -> None:
    """Every row is accepted once and carries the ids that the sandbox gave it."""
    async with scene() as s:
        rows = s.rows(25)
        taken = await take(s.imports(rows))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert all(isinstance(outcome, Ok) for outcome in outcomes.values())
        assert s.count(IMPORT) == 3
        assert (taken.summary.items, taken.summary.ok, taken.summary.outcomes) == (25, 25, 25)
        assert taken.summary.seconds > 0
        member = s.sandbox.state.mailing_lists[s.lists[0]].by_contact[outcomes[7].value.contact_id]
        assert member.contact.ext_ref == "r7"
        assert outcomes[7].item.contact == rows[7]


@asynchronous
async def test_many_lists_in_parallel_and_one_import_a_list() -> None:
    """Several lists are imported at the same time, but a list never has two running imports."""
    async with scene(lists=4, jobs=ByPolls(2)) as s:
        rows = s.rows(120)
        taken = await take(s.imports(rows, concurrency=3))
        settle(s.sandbox, rows, taken.outcomes)
        per_list, in_all = running_imports(s)
        assert per_list == 1
        assert 2 <= in_all <= 3
        for name in s.lists:
            references = [contact.ext_ref for contact in s.sandbox.state.list_contacts(name)]
            assert len(references) == 30
        assert s.count(GET_LIST) == 4


@asynchronous
async def test_chunks_keep_both_bounds() -> None:
    """No request has more rows than a chunk may have, nor more bytes than were allowed."""
    async with scene(record_bodies=True) as s:
        rows = s.rows(60, note="x" * 2000)
        taken = await take(s.imports(rows, chunk_rows=50, chunk_bytes=40_000))
        settle(s.sandbox, rows, taken.outcomes)
        sizes = [len(record.body or b"") for record in s.sandbox.requests if record.method == "POST"]
        assert len(sizes) == 6
        assert max(sizes) <= 40_000


@asynchronous
async def test_a_row_too_large_for_a_chunk_of_its_own_fails_alone() -> None:
    """It is refused before anything is sent, and its neighbours are not."""
    async with scene() as s:
        rows = s.rows(3)
        rows[1]["note"] = "x" * 40_000
        taken = await take(s.imports(rows, chunk_bytes=40_000))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.reasons == {"too large": 1}
        assert taken.kinds == {"Ok": 2, "Failed": 1}


@asynchronous
async def test_bad_rows_fail_before_anything_is_sent() -> None:
    """Each is a `Failed` of its own with its line number, among good ones that go through."""
    async with scene() as s:
        rows = [*s.rows(5), *BAD_ROWS]

        def choose(row: Any) -> str | None:
            return None if isinstance(row, dict) and "list" in row else s.lists[0]

        taken = await take(s.imports(rows, mailing_list=choose))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 5, "Failed": 6}
        assert outcomes[7].item.line == 7
        assert all(isinstance(outcomes[n].error, UsageError) for n in range(5, 11))
        assert outcomes[9].item.contact
        assert s.count(IMPORT) == 1


@asynchronous
async def test_nothing_but_bad_rows_sends_nothing() -> None:
    """A job without a sendable row makes no request at all."""
    async with scene() as s:
        taken = await take(s.imports(BAD_ROWS[:5], mailing_list=s.lists[0]))
        settle(s.sandbox, BAD_ROWS[:5], taken.outcomes)
        assert len(s.sandbox.requests) == 0


@pytest.mark.parametrize(
    "source", ["list", "generator", "async generator", "iterator", "empty", "empty async"]
)
@asynchronous
async def test_any_source(source: str) -> None:
    """Iterables and async iterables of any kind, also without a row; generators are closed."""
    async with scene() as s:
        rows = [] if source.startswith("empty") else s.rows(12)
        closed = False

        def generator() -> Iterator[dict[str, Any]]:
            nonlocal closed
            try:
                yield from rows
            finally:
                closed = True

        async def agenerator() -> AsyncIterator[dict[str, Any]]:
            for row in generator():
                yield row

        given: Any = {
            "list": rows,
            "generator": generator(),
            "async generator": agenerator(),
            "iterator": iter(rows),
            "empty": rows,
            "empty async": agenerator(),
        }[source]
        taken = await take(s.imports(given))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.summary.items == len(rows)
        assert closed == ("generator" in source or "async" in source)


@pytest.mark.parametrize("deduplicate", [("email",), ()])
@pytest.mark.parametrize("report", [True, False])
@asynchronous
async def test_duplicates_in_the_input(deduplicate: tuple[str, ...], report: bool) -> None:
    """Each double has an outcome of its own, whether the directory makes one contact of them or two."""
    async with scene(deduplicate=deduplicate, import_report=report) as s:
        rows = s.rows(30)
        for row in rows[20:]:
            row["email"] = "Same@example.com"
        taken = await take(s.imports(rows))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 30}
        assert len(s.sandbox.state.contacts) == (21 if deduplicate else 30)
        ids = {outcomes[n].value.contact_id for n in range(20, 30)}
        assert len(ids) == (10 if report and not deduplicate else 1)
        assert (ids == {None}) is not report


def worsen(body: Any) -> None:
    """Spoil two rows on their way: the address of the fourth, the type of the sixth."""
    for row in body["contacts"]:
        if row["extRef"] == "r4":
            row["email"] = "impossible"
        if row["extRef"] == "r6":
            row["firstName"] = 7


def silence(body: Any) -> None:
    """Take the names of the invalid addresses out of an answer."""
    body["result"].pop("invalidEmails", None)


def as_text(body: Any) -> None:
    """Write the indexes of unprocessed rows as text, as another source has them."""
    body["result"]["contacts"]["unprocessed"] = [str(n) for n in body["result"]["contacts"]["unprocessed"]]


@pytest.mark.parametrize("edit", [None, as_text])
@asynchronous
async def test_rows_that_fail_by_the_report(edit: Any) -> None:
    """`unprocessed` rows fail at once; one that the report gives no contact id fails, whatever its words."""
    async with (
        scene() as s,
        between(s, request={IMPORT: worsen}, answer={IMPORT: edit} if edit else {}) as client,
    ):
        rows = s.rows(20)
        taken = await take(s.imports(rows, client=client))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.reasons == {"refused by the import": 1, "unprocessed": 1}
        assert isinstance(outcomes[4].error, JobFailed)
        assert "PLACEHOLDER" in outcomes[4].error.status
        assert outcomes[6].reason == "unprocessed"


@asynchronous
async def test_rows_that_fail_by_the_counts() -> None:
    """Without a report the addresses that the service names fail, the others are certain by the counts."""
    async with (
        scene(import_report=False) as s,
        between(s, request={IMPORT: worsen_address}, answer={PROGRESS: restore_address}) as client,
    ):
        rows = s.rows(20)
        taken = await take(s.imports(rows, client=client))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 19, "Failed": 1}
        assert taken.reasons == {"invalid e-mail": 1}
        assert s.count(REPORT) == 2


def worsen_address(body: Any) -> None:
    """Spoil one address on its way."""
    for row in body["contacts"]:
        if row["extRef"] == "r4":
            row["email"] = "impossible"


def restore_address(body: Any) -> None:
    """Name the invalid address as our row has it."""
    if "invalidEmails" in body["result"]:
        named = body["result"]["invalidEmails"]
        body["result"]["invalidEmails"] = ["PERSON4@example.com" if n == "impossible" else n for n in named]


@asynchronous
async def test_counts_that_do_not_decide() -> None:
    """One row failed and nobody says which: all of its chunk are in doubt, another chunk is not."""
    async with (
        scene(import_report=False) as s,
        between(s, request={IMPORT: worsen_address}, answer={PROGRESS: silence}) as client,
    ):
        rows = s.rows(20)
        taken = await take(s.imports(rows, client=client))
        outcomes = settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert taken.reasons == {"no report": 10}
        assert isinstance(outcomes[15], Ok)


@pytest.mark.parametrize("report", [True, False])
@asynchronous
async def test_a_failed_job_at_100_percent(report: bool) -> None:
    """No row of it is called accepted; the rows of another list are."""
    async with scene(lists=2, import_report=report) as s:
        s.sandbox.faults.add(kind="failed_job", route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds["Ok"] == 10
        assert taken.reasons == ({"import failed": 10} if report else {"refused by the import": 10})


@asynchronous
async def test_a_job_that_ends_with_nothing_stops_the_whole_job() -> None:
    """100 % with all counts 0 means wrong ids: the error says so instead of failing row by row."""
    async with scene() as s:
        s.sandbox.faults.add(kind="zero_job", route=IMPORT)
        taken = await take(s.imports(s.rows(30)))
        assert isinstance(taken.error, JobFailed)
        assert "does not exist" in str(taken.error)
        assert taken.outcomes == []
        assert s.count(IMPORT) == 1


@asynchronous
async def test_a_stuck_job_ends_at_the_polling_deadline() -> None:
    """Its rows are in doubt and its list goes on, and so do others."""
    polling = bulk_polling(deadline=0.2)
    async with scene(lists=2, client={"polling": polling}) as s:
        s.sandbox.faults.add(kind="stuck_job", route=IMPORT)
        rows = s.rows(20)
        taken = await take(s.imports(rows))
        settle(s.sandbox, rows, taken.outcomes)
        assert taken.kinds == {"Ok": 10, "InDoubt": 10}
        assert taken.reasons == {"no end in sight": 10}


def bulk_polling(deadline: float) -> Any:
    """Poll without a pause until a deadline."""
    from qualtrics_async import Polling

    return Polling(first=0.01, factor=1, longest=0.01, deadline=deadline)


@asynchronous
async def test_an_unknown_list_stops_at_once() -> None:
    """Nothing is sent into a list that does not exist: the start call would have accepted it."""
    async with scene() as s:
        taken = await take(s.imports(s.rows(30), mailing_list="CG_nowhere"))
        assert isinstance(taken.error, NotFound)
        assert taken.outcomes == []
        assert s.count(IMPORT) == 0


ARGUMENTS: list[dict[str, Any]] = [
    {"chunk_rows": 0},
    {"chunk_rows": 10_001},
    {"chunk_bytes": 5_000_001},
    {"chunk_bytes": 100},
    {"concurrency": 0},
    {"mailing_list": ""},
    {"mailing_list": "a/b"},
]


@pytest.mark.parametrize("options", ARGUMENTS)
@asynchronous
async def test_arguments_that_cannot_be_meant(options: dict[str, Any]) -> None:
    """They are refused before the source is read or a request is made."""
    async with scene() as s:
        read: list[Any] = []

        def source() -> Iterator[Any]:
            for row in s.rows(3):
                read.append(row)
                yield row

        taken = await take(s.imports(source(), **options))
        assert isinstance(taken.error, UsageError)
        assert read == []
        with pytest.raises(UsageError):
            async with bulk.import_contacts(s.client, "", [], mailing_list="CG_1"):
                pass
        assert len(s.sandbox.requests) == 0


@asynchronous
async def test_transaction_data_joins_its_batch() -> None:
    """The fields are declared for the chunk, and each row's transaction is recorded once."""
    async with scene() as s:
        batch = s.sandbox.state.add_transaction_batch()
        rows = s.rows(15)
        for row in rows:
            row["transactionData"] = {"amount": int(row["extRef"][1:])}
        taken = await take(s.imports(rows, batch_id=batch))
        settle(s.sandbox, rows, taken.outcomes)
        assert len(s.sandbox.state.transaction_batches[batch]) == 15
        assert {made.data["amount"] for made in s.sandbox.state.transactions.values()} == {
            str(n) for n in range(15)
        }


@asynchronous
async def test_what_the_callers_function_raises_leaves_as_itself() -> None:
    """A bug in `mailing_list` or in the source ends the job with that very exception."""
    async with scene() as s:

        def broken(row: Any) -> str:
            raise LookupError(row)

        with pytest.raises(LookupError):
            await take(s.imports(s.rows(3), mailing_list=broken))

        def failing() -> Iterator[dict[str, Any]]:
            yield from s.rows(3)
            raise LookupError

        with pytest.raises(LookupError):
            await take(s.imports(failing()))


@asynchronous
async def test_small_lists_finish_before_a_large_one() -> None:
    """With one list a hundred times larger, the small ones are done first."""
    async with scene(lists=4) as s:
        rows = s.rows(400)

        def choose(row: Any) -> str:
            number = int(row["extRef"][1:])
            return s.lists[number % 4] if number < 12 else s.lists[0]

        taken = await take(s.imports(rows, mailing_list=choose, concurrency=2))
        settle(s.sandbox, rows, taken.outcomes)
        order = [outcome.item.mailing_list_id for outcome in taken.outcomes]
        last_small = max(n for n, name in enumerate(order) if name != s.lists[0])
        assert last_small < len(order) - 100
