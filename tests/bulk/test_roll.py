"""Which rows of an import without a report are in the list: by their own key, and never by a guess."""

from __future__ import annotations

from typing import Any

import pytest

from qualtrics_async import OutcomeUnknown
from qualtrics_async.bulk.finding import Key
from qualtrics_async.bulk.records import Kind, Result
from qualtrics_async.bulk.roll import Roll, all_keys
from qualtrics_async.bulk.traces import Who
from qualtrics_async.models import ListContact

LOST = OutcomeUnknown("lost")
REFUSED = (Kind.FAILED, "refused by the import")
DOUBT = (Kind.IN_DOUBT, "lost reply")


def contact(number: int, **fields: Any) -> ListContact:
    """Make a contact of the listing."""
    return ListContact(contact_id=f"CID_{number}", contact_lookup_id=f"CGC_{number}", **fields)


def decide(
    rows: list[Who],
    contacts: list[ListContact],
    *,
    over: bool = True,
    criteria: frozenset[str] | None = frozenset(),
    not_own: tuple[tuple[int, str], ...] = (),
) -> list[Result]:
    """Call the roll over two pages."""
    roll = Roll()
    roll.expect(rows)
    roll.add(contacts[:1])
    roll.add(contacts[1:])
    own = {place: key for place, key in all_keys(rows).items() if place not in not_own}
    results = roll.decide(rows, own, LOST, over=over, criteria=criteria)
    assert list(results) == list(range(len(rows)))
    return list(results.values())


def test_who_is_there_is_accepted_with_its_ids() -> None:
    """By reference or address, without regard to case and spaces; several contacts leave the ids open."""
    rows = [Who(ext_ref="r0"), Who(email="A@example.com"), Who(ext_ref="r2", email="c@example.com")]
    listed = [
        contact(1, email="a@EXAMPLE.com "),
        contact(0, ext_ref="R0"),
        contact(2, ext_ref="r2", email="c@example.com"),
        contact(3, ext_ref="stranger"),
    ]
    results = decide(rows, listed)
    assert [result.contact_id for result in results] == ["CID_0", "CID_1", "CID_2"]
    assert [result.contact_lookup_id for result in results] == ["CGC_0", "CGC_1", "CGC_2"]
    [twins] = decide(rows[:1], [contact(0, ext_ref="r0"), contact(5, ext_ref="r0")])
    assert (twins.kind, twins.contact_id) == (Kind.OK, None)


ROW = Who(
    first_name="Ann", last_name=" ", email="a@example.com", phone="+1 555-0", ext_ref="r0", language="EN"
)
SAME: dict[str, Any] = {
    "first_name": " ANN",
    "last_name": "Lee",
    "email": "A@example.com",
    "phone": "(1) 5550",
    "ext_ref": "R0",
    "language": "en",
}


@pytest.mark.parametrize("field", ["first_name", "email", "phone", "ext_ref", "language"])
@pytest.mark.parametrize("other", [None, "12"])
def test_an_older_contact_of_the_key_is_not_the_row(field: str, other: str | None) -> None:
    """Whoever differs in anything that the row says may be from before; a newer one may be there as well."""
    older, newer = contact(0, **(SAME | {field: other})), contact(1, **SAME)
    [alone] = decide([ROW], [older])
    assert (alone.kind, alone.reason, alone.contact_id) == (*DOUBT, None)
    [both] = decide([ROW], [older, newer])
    assert (both.kind, both.contact_id) == (Kind.OK, "CID_1")
    [several] = decide([ROW], [older, contact(2, **(SAME | {field: other}))])
    assert (several.kind, several.reason) == DOUBT


def test_a_key_that_others_have_says_nothing() -> None:
    """The row may be there or not; its other key decides, if it has one of its own."""
    rows = [Who(ext_ref="r0"), Who(ext_ref="r0", email="b@example.com"), Who(phone="1")]
    listed = [contact(0, ext_ref="r0"), contact(1, ext_ref="r0", email="b@example.com")]
    results = decide(rows, listed, not_own=((0, "extRef"), (1, "extRef")))
    assert [(result.kind, result.reason) for result in results] == [
        (Kind.IN_DOUBT, "no key"),
        (Kind.OK, None),
        (Kind.IN_DOUBT, "no key"),
    ]


@pytest.mark.parametrize(
    ("over", "criteria", "expected"),
    [
        (True, frozenset(), REFUSED),
        (True, frozenset({"email"}), REFUSED),
        (True, frozenset({"email", "ext_ref"}), REFUSED),
        (True, frozenset({"email", "phone"}), DOUBT),
        (True, None, DOUBT),
        (False, frozenset(), DOUBT),
    ],
)
def test_who_is_not_there_was_refused_only_if_nothing_else_explains_it(
    over: bool, criteria: frozenset[str] | None, expected: tuple[Kind, str]
) -> None:
    """Not while the import may go on, nor where another row may have become the same contact."""
    [result] = decide([Who(ext_ref="r0", email="a@example.com")], [], over=over, criteria=criteria)
    assert (result.kind, result.reason) == expected


def test_a_row_of_which_something_is_there_was_not_refused_for_certain() -> None:
    """Its address is in the list, if not as its own."""
    rows = [Who(ext_ref="r0", email="a@example.com"), Who(ext_ref="r1", email="a@example.com")]
    listed = [contact(1, ext_ref="r1", email="a@example.com")]
    first, second = decide(rows, listed, not_own=((0, "email"), (1, "email")))
    assert (first.kind, second.kind) == (Kind.IN_DOUBT, Kind.OK)


def test_keys_by_position_and_field() -> None:
    """Blank ones are none."""
    rows = [Who(ext_ref="r0", email=" "), Who(phone="1"), Who(email="a@example.com")]
    assert all_keys(rows) == {
        (0, "extRef"): Key("extRef", "r0"),
        (2, "email"): Key("email", "a@example.com"),
    }
