"""Contacts of a list are found by their key, and by nothing that only looks like it."""

from __future__ import annotations

from typing import Any

import pytest
from working import asynchronous, scene

from qualtrics_async import Forbidden
from qualtrics_async.bulk.finding import Finder, Found, Key, key_of


@pytest.mark.parametrize(
    ("contact", "key"),
    [
        ({"extRef": " r1 ", "email": "a@example.com"}, Key("extRef", "r1")),
        ({"extRef": " ", "email": "a@example.com"}, Key("email", "a@example.com")),
        ({"phone": "1", "firstName": "A"}, None),
    ],
)
def test_a_contact_is_known_by_its_reference_or_its_address(contact: Any, key: Key | None) -> None:
    """A blank one is none."""
    assert key_of(contact) == key


@asynchronous
async def test_contacts_of_the_list_are_found_with_their_ids() -> None:
    """Those of other lists are not, and case does not matter."""
    async with scene(lists=2, deduplicate=()) as s:
        state, (first, second) = s.sandbox.state, s.lists
        one = state.add_contact(first, email="A@example.com", ext_ref="r1").id
        for _ in range(5):
            state.add_contact(second, email="a@example.com", ext_ref="r2")
        finder = Finder(s.client, s.directory)
        lookup = state.mailing_lists[first].by_contact[one].lookup_id
        assert await finder.find(first, Key("email", "a@EXAMPLE.com"), lookup=True) == [Found(one, lookup)]
        assert await finder.find(first, Key("extRef", "r1")) == [Found(one)]
        assert await finder.find(first, Key("extRef", "r2")) == []
        assert len(await finder.find(second, Key("extRef", "r2"))) == 3


@asynchronous
async def test_a_page_that_comes_twice_is_one_contact() -> None:
    """Nobody is taken for several because a page was repeated."""
    async with scene() as s:
        one = s.sandbox.state.add_contact(s.lists[0], ext_ref="r1").id
        s.sandbox.faults.add(kind="repeat_page", route="POST *")
        assert await Finder(s.client, s.directory).find(s.lists[0], Key("extRef", "r1")) == [Found(one)]


@asynchronous
async def test_a_search_that_is_refused_is_an_error() -> None:
    """Nothing is concluded from an answer that was not given."""
    async with scene() as s:
        s.sandbox.faults.add(kind="status", status=403, route="POST *", times=None)
        with pytest.raises(Forbidden):
            await Finder(s.client, s.directory).find(s.lists[0], Key("extRef", "r1"))
