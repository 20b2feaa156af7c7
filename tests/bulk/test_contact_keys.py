"""What names a contact in a row, what is to change, and which rows say neither."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async import UsageError
from qualtrics_async.bulk.contact_keys import Naming
from qualtrics_async.bulk.rows import BrokenRow, Prepared, SourceRow
from qualtrics_async.models import ContactImportRow, ContactUpdate

ID = "CID_0123456789abcde"


def prepared(
    row: object, how: Any = "auto", *, only_name: bool = False, clear_empty: bool = False
) -> Prepared:
    """Prepare a row of an update, or of a job that wants to know the contact only."""
    naming = Naming(how)
    read = naming.name if only_name else partial(naming.change, clear_empty=clear_empty)
    return naming.prepare(read, 0, row, "CG_1")


def split(row: object, how: Any = "auto", **options: Any) -> tuple[Any, dict[str, Any]]:
    """Prepare a row that must be fine: what it names its contact by, and what is sent."""
    ready = prepared(row, how, **options)
    assert ready.problem is None, ready.problem
    contact = json.loads(ready.payload)
    key = Naming(how).key(contact)
    return tuple(key), Naming(how).changed(contact, key)


def reason(row: object, how: Any = "auto", **options: Any) -> str:
    """Prepare a row that must be refused, for the short reason."""
    problem = prepared(row, how, **options).problem
    assert problem is not None
    return problem.reason


ALL = {"contactId": ID, "extRef": "r1", "E-Mail": " a@example.com ", "Color": "red"}


@pytest.mark.parametrize(
    ("how", "key", "sent"),
    [
        ("auto", ("contactId", ID), {"extRef": "r1", "email": "a@example.com"}),
        ("id", ("contactId", ID), {"extRef": "r1", "email": "a@example.com"}),
        ("extRef", ("extRef", "r1"), {"email": "a@example.com"}),
        ("email", ("email", "a@example.com"), {"extRef": "r1"}),
    ],
)
def test_a_contact_is_named_by_one_cell_and_changed_by_the_others(
    how: str, key: tuple[str, str], sent: dict[str, Any]
) -> None:
    """What names it is not sent, and an id never is."""
    assert split(ALL, how) == (key, sent | {"embeddedData": {"Color": "red"}})
    assert split(ALL, how, only_name=True) == (key, {})


def test_the_next_way_counts_where_one_is_missing() -> None:
    """Empty and blank cells name nobody."""
    row = ALL | {"contactId": None}
    assert split(row)[0] == ("extRef", "r1")
    assert split(row | {"extRef": " "})[0] == ("email", "a@example.com")
    assert split(row | {"extRef": ""}, clear_empty=True) == (
        ("email", "a@example.com"),
        {"extRef": "", "embeddedData": {"Color": "red"}},
    )


@pytest.mark.parametrize("column", ["contactId", "Contact ID", "contact_id", "id", "ID"])
def test_every_spelling_of_the_id(column: str) -> None:
    """Spaces around it do not matter."""
    assert split({column: f" {ID} ", "language": "FR"}) == (("contactId", ID), {"language": "FR"})


def test_contacts_and_plain_text_as_rows() -> None:
    """A struct names its contact by what it has set; text with an @ is an address."""
    assert split(ContactUpdate(ext_ref="r1", unsubscribed=True)) == (("extRef", "r1"), {"unsubscribed": True})
    assert split(ContactImportRow(id=ID, email="a@example.com"))[0] == ("contactId", ID)
    assert split(ID, only_name=True)[0] == ("contactId", ID)
    assert split("a@example.com", only_name=True)[0] == ("email", "a@example.com")
    assert split("r1", "extRef", only_name=True)[0] == ("extRef", "r1")
    assert split("MLRP_1", "id", only_name=True)[0] == ("contactId", "MLRP_1")


@pytest.mark.parametrize(
    ("row", "how", "expected"),
    [
        ({"firstName": "A"}, "auto", "no identity"),
        ({"extRef": "r1", "firstName": "A"}, "id", "no identity"),
        ({"contactId": ID, "firstName": "A"}, "email", "no identity"),
        ({"contactId": ID}, "auto", "no change"),
        ({"contactId": ID, "extRef": "r1"}, "extRef", "no change"),
        ({"contactId": "17", "firstName": "A"}, "auto", "bad id"),
        ({"id": "CID_1/2", "firstName": "A"}, "id", "bad id"),
        ({"contactId": ID, "id": ID, "firstName": "A"}, "auto", "bad row"),
        ({"email": "nobody", "firstName": "A"}, "auto", "invalid e-mail"),
        ({"contactId": ID, "email": "nobody"}, "auto", "invalid e-mail"),
        ({"extRef": "r1", "transactionData": {"a": 1}}, "auto", "bad value"),
        ({"contactId": [ID], "firstName": "A"}, "auto", "bad value"),
        ("r1", "auto", "bad id"),
        (7, "auto", "bad row"),
        (BrokenRow(3, "{", "no JSON"), "auto", "broken line"),
    ],
)
def test_rows_that_cannot_be_meant_are_refused(row: object, how: str, expected: str) -> None:
    """Nothing is sent for them, and the outcome has what was given."""
    assert reason(row, how) == expected


def test_who_is_to_go_is_all_that_is_read() -> None:
    """Other cells may say what they like; a wrong name is refused, and is in the outcome."""
    assert split({"contactId": ID, "Color": [1], "email": "nobody"}, only_name=True) == (
        ("contactId", ID),
        {},
    )
    for row in ("r1", " ", "nobody@", {"email": "nobody"}, {"Color": "red"}, SourceRow(2, {})):
        assert prepared(row, only_name=True).problem is not None
    assert json.loads(prepared("nobody@", only_name=True).payload) == {"email": "nobody@"}


def test_the_list_is_found_from_the_row_as_it_was_given() -> None:
    """Plain text, too."""
    naming = Naming("auto")
    seen: list[object] = []

    def choose(row: object) -> str | None:
        seen.append(row)
        return "CG_9" if len(seen) == 1 else None

    assert naming.prepare(naming.name, 0, ID, choose).mailing_list_id == "CG_9"
    problem = naming.prepare(naming.name, 0, ID, choose).problem
    assert problem is not None
    assert problem.reason == "no mailing list"
    assert seen == [ID, ID]


def test_there_are_four_ways() -> None:
    """All else is refused at once."""
    with pytest.raises(UsageError, match="identify_by"):
        Naming("phone")  # type: ignore[arg-type]  # as a caller without a checker may


COLUMNS = st.sampled_from(["contactId", "extRef", "email", "firstName", "language", "Color", "unsubscribed"])
CELLS = st.sampled_from(["", " ", ID, "r1", "a@example.com", "nobody", None, "yes", 7])


@given(
    st.dictionaries(COLUMNS, CELLS),
    st.sampled_from(["auto", "id", "extRef", "email"]),
    st.booleans(),
)
def test_what_is_sent_again_is_the_same(row: dict[str, Any], how: str, clear: bool) -> None:
    """The contact of an outcome, imported again, names the same contact and changes the same."""
    first = prepared(row, how, clear_empty=clear)
    if first.problem is not None:
        return
    contact = json.loads(first.payload)
    assert "id" not in contact
    again = prepared(contact, how, clear_empty=clear)
    assert again.problem is None
    assert json.loads(again.payload) == contact
    key, sent = split(row, how, clear_empty=clear)
    assert sent
    assert key[0] not in sent
    assert "contactId" not in sent
