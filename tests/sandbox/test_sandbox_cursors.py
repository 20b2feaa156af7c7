"""Cursors of a long listing: in another session, days later, and where they do not belong."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaking import Caller, Clock, asynchronous, speaking, speaking_to

from qualtrics_async.sandbox import ByPolls, FaultKind
from qualtrics_async.sandbox.cursors import Cursor

DAY = 86_400


def arrange(call: Caller, count: int) -> tuple[str, str]:
    """A distribution with so many links: its id and the path of its links."""
    state = call.sandbox.state
    list_id = state.add_mailing_list("List")
    for n in range(count):
        state.add_contact(list_id, ext_ref=str(n))
    made = state.add_distribution(state.survey_id, list_id).id
    return made, f"/distributions/{made}/links?surveyId={state.survey_id}"


def cursor(next_page: str) -> str:
    return parse_qs(urlsplit(next_page).query)["skipToken"][0]


@asynchronous
async def test_a_listing_goes_on_at_page_400_in_another_session() -> None:
    async with speaking(jobs=ByPolls(0), page_size=2) as call:
        made, path = arrange(call, 1001)
        following = path
        for _ in range(400):
            following = (await call.get(following)).result["nextPage"]
        async with speaking_to(call.sandbox) as another:
            rest = await another.walk(following)
        assert [len(page) for page in rest] == [2] * 100 + [1]
        members = call.sandbox.state.distributions[made].members
        left = [member.contact.id for member in members[800:]]
        assert [link["contactId"] for page in rest for link in page] == left
        assert (await call.get(following)).result["elements"] == rest[0]


@asynchronous
async def test_a_cursor_lives_for_seven_days() -> None:
    clock = Clock()
    async with speaking(jobs=ByPolls(0), page_size=1, clock=clock) as call:
        _, path = arrange(call, 4)
        second = (await call.get(path)).result["nextPage"]
        clock.now += 6 * DAY
        third = (await call.get(second)).result["nextPage"]
        clock.now += 1 * DAY
        assert (await call.get(second)).status == 200
        clock.now += 1
        assert [(await call.get(page)).status for page in (second, third)] == [400, 400]
        assert [len(page) for page in await call.walk(path)] == [1] * 4


@asynchronous
async def test_a_cursor_is_refused_where_it_does_not_belong() -> None:
    async with speaking(jobs=ByPolls(0), page_size=1) as call:
        _, path = arrange(call, 3)
        _, other = arrange(call, 3)
        bound = cursor((await call.get(path)).result["nextPage"])
        lists = cursor((await call.get(call.lists)).result["nextPage"])
        assert (await call.get(f"{path}&skipToken={bound}")).status == 200
        assert (await call.get(f"{other}&skipToken={bound}")).status == 400
        assert (await call.get(f"{path}&skipToken={lists}")).status == 400
        assert (await call.get(call.lists, skipToken=bound)).status == 400


@pytest.mark.parametrize(("kind", "sizes"), [("short_page", [2, 4, 3]), ("empty_page", [0, 4, 4, 1])])
@asynchronous
async def test_odd_pages_of_links_are_complete(kind: FaultKind, sizes: list[int]) -> None:
    async with speaking(jobs=ByPolls(0), page_size=4) as call:
        _, path = arrange(call, 9)
        call.sandbox.faults.add(kind=kind)
        assert [len(page) for page in await call.walk(path)] == sizes


@asynchronous
async def test_a_page_that_repeats_has_the_same_cursor() -> None:
    clock = Clock()
    async with speaking(jobs=ByPolls(0), page_size=1, clock=clock) as call:
        _, path = arrange(call, 3)
        call.sandbox.faults.add(kind="repeat_page", times=None, skip=1)
        first = (await call.get(path)).result["nextPage"]
        clock.now += 5
        assert (await call.get(first)).result["nextPage"] == first


def test_a_plain_cursor_is_the_count_in_base64() -> None:
    """As observed."""
    assert [Cursor(count).text(opaque=True) for count in (5, 10)] == ["NQ==", "MTA="]
    assert Cursor(5).text(opaque=False) == "5"


@given(st.integers(0), st.integers(0), st.sampled_from(["", "EMD_1"]), st.integers(0))
def test_a_cursor_is_read_as_it_was_written(start: int, turn: int, listing: str, began: int) -> None:
    made = Cursor(start, turn, listing, began if listing else 0)
    assert Cursor.read(made.text(opaque=True), opaque=True) == made


@pytest.mark.parametrize("plain", ["", "x", "-1", "1.x", "1@EMD_1@x"])
def test_what_is_no_cursor_is_refused(plain: str) -> None:
    with pytest.raises(ValueError):
        Cursor.read(base64.urlsafe_b64encode(plain.encode()).decode(), opaque=True)
