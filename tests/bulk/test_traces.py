"""Which rows may be sent twice, which can tell that they arrived, and what a look for them says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from working import DIRECTORIES, SEARCH, asynchronous, client_of, scene

from qualtrics_async import ConnectFailed, Unauthorized
from qualtrics_async.bulk.finding import Key
from qualtrics_async.bulk.rows import mark
from qualtrics_async.bulk.traces import Criteria, NoAnswer, Trace, Traces, Who, is_harmless, read_rows, spread

FIELDS = {
    "email": "email",
    "firstName": "first_name",
    "lastName": "last_name",
    "externalDataReference": "ext_ref",
    "phone": "phone",
}
WIRE = {"email": "email", "first_name": "firstName", "last_name": "lastName", "ext_ref": "extRef"}


class Counts:
    """A journal that knows how often keys are in a job."""

    def __init__(self, **more: int) -> None:
        self._more = more

    async def counts(self, mailing_list_id: str, marks: set[Any]) -> Mapping[Any, int]:
        """Every key once, and those of the twins as often as was said."""
        twins = {("extRef", mark(name)): count for name, count in self._more.items()}
        return Counter({known: twins.get(known, 1) for known in marks})


def traces_of(scene: Any, **more: int) -> Traces:
    """Make traces of a job whose journal is not one."""
    journal: Any = Counts(**more)
    return Traces(scene.client, journal, scene.directory)


@pytest.mark.parametrize("field", FIELDS.values())
@pytest.mark.parametrize("value", [None, "", "  "])
def test_every_criterion_has_to_be_there_in_every_row(field: str, value: str | None) -> None:
    """One row of many without it is enough to make a repetition harmful; another field does not matter."""
    whole = dict.fromkeys(FIELDS.values(), "x")
    rows = [Who(**whole), Who(**(whole | {field: value})), Who(**whole)]
    assert is_harmless([rows[0], rows[2]], frozenset({field}))
    assert not is_harmless(rows, frozenset({field}))
    assert not is_harmless(rows, frozenset(FIELDS.values()))
    assert is_harmless(rows, frozenset(FIELDS.values()) - {field})


def test_without_a_criterion_nothing_is_harmless() -> None:
    """Where the directory makes duplicates, and where nobody knows."""
    assert not is_harmless([Who(email="a@example.com")], frozenset())
    assert not is_harmless([Who(email="a@example.com")], None)


def test_rows_are_read_as_they_are_sent() -> None:
    """By the wire's names; what cannot identify anybody is left out."""
    body = msgspec.json.encode([{name: name for name in WIRE.values()} | {"embeddedData": {"a": "b"}}])
    assert read_rows(body) == [Who(**WIRE)]


@pytest.mark.parametrize("active", [(), ("email",), ("phone", "lastName"), tuple(FIELDS)])
@asynchronous
async def test_the_criteria_of_the_directory_are_asked_for_once(active: tuple[str, ...]) -> None:
    """Every one of them has its field."""
    async with scene(deduplicate=active) as s:
        criteria = Criteria(s.client, s.directory)
        for _ in range(2):
            assert await criteria.active() == frozenset(FIELDS[name] for name in active)
        assert s.count(DIRECTORIES) == 1


@asynchronous
async def test_criteria_that_cannot_be_read_are_not_known() -> None:
    """Refused, broken, another directory; it is asked again later. Without access or network the job ends."""
    async with scene() as s:
        assert await Criteria(s.client, "POOL_other").active() is None
        s.sandbox.faults.add(kind="status", status=403, route=DIRECTORIES)
        s.sandbox.faults.add(kind="status", status=500, route=DIRECTORIES, times=5)
        criteria = Criteria(s.client, s.directory)
        assert [await criteria.active() for _ in range(3)] == [None, None, frozenset({"email"})]
        async with client_of(s.sandbox, token="wrong") as stranger:
            with pytest.raises(Unauthorized):
                await Criteria(stranger, s.directory).active()
        await s.sandbox.close()
        with pytest.raises(ConnectFailed):
            await Criteria(s.client, s.directory).active()


@pytest.mark.parametrize("count", [0, 1, 3, 12, 13, 10_000])
def test_candidates_are_spread_over_the_chunk(count: int) -> None:
    """At most twelve rows that have a key; the first three lie far from each other."""
    rows = [Who(phone="1"), *[Who(ext_ref=" " if n % 5 == 4 else f"r{n}") for n in range(count)]]
    chosen = spread(rows)
    assert len(chosen) <= 12
    assert all(rows[position].keys[0] == key for position, key in chosen.items())
    assert bool(chosen) is (count > 0)
    if count == 10_000:
        near = sorted(list(chosen)[:3])
        assert min(second - first for first, second in pairwise(near)) > 2_000


@asynchronous
async def test_samples_are_rows_that_no_other_has_and_that_are_not_there_yet() -> None:
    """Twins in the job and contacts of the list are passed over, six searches at most."""
    async with scene(deduplicate=()) as s:
        rows = [Who(ext_ref=f"r{n}") for n in range(6)]
        assert await traces_of(s).choose(s.lists[0], rows) == [0, 1, 4]
        assert await traces_of(s, r0=2, r4=3).choose(s.lists[0], rows) == [1, 2, 5]
        for n in (0, 4, 1):
            s.sandbox.state.add_contact(s.lists[0], ext_ref=f"r{n}")
        assert await traces_of(s).choose(s.lists[0], rows) == [2, 3, 5]
        before = s.count(SEARCH)
        for n in range(20):
            s.sandbox.state.add_contact(s.lists[0], ext_ref=f"known{n}")
        assert await traces_of(s).choose(s.lists[0], [Who(ext_ref=f"known{n}") for n in range(20)]) == []
        assert s.count(SEARCH) - before == 6


@asynchronous
async def test_what_a_look_says() -> None:
    """Found, absent, no answer now, no answer ever: they are told apart."""
    async with scene(deduplicate=()) as s:
        [name], traces = s.lists, traces_of(s)
        s.sandbox.state.add_contact(name, ext_ref="here")
        here, gone = Key("extRef", "HERE "), Key("extRef", "gone")
        assert await traces.of(name, []) is Trace.NONE
        assert await traces.of(name, [gone]) is Trace.ABSENT
        assert await traces.of(name, [gone, here]) is Trace.FOUND
        fault = s.sandbox.faults.add(kind="status", status=503, route=SEARCH, times=5)
        assert await traces.of(name, [gone, here]) is Trace.FOUND
        fault.used = 0
        assert await traces.of(name, [gone, gone]) is Trace.UNKNOWN
        for status in (400, 403, 404):
            s.sandbox.faults.add(kind="status", status=status, route=SEARCH)
            assert await traces.look(name, here) is NoAnswer.EVER
            s.sandbox.faults.add(kind="status", status=status, route=SEARCH)
            before = s.count(SEARCH)
            assert await traces.of(name, [gone, here]) is Trace.NONE, (
                "what is refused once is not asked again"
            )
            assert s.count(SEARCH) - before == 1
