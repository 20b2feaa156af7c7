"""Rows before anything is sent: what they say, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async.bulk.rows import BrokenRow, Prepared, SourceRow, prepare
from qualtrics_async.models import ContactCreate, ContactImportRow

ID = "11111111-2222-3333-4444-555555555555"


def sent(row: object, **options: Any) -> dict[str, Any]:
    """Prepare a row that must be fine, and read what is sent."""
    prepared = prepare(0, row, "CG_1", **options)
    assert prepared.problem is None, prepared.problem
    contact: dict[str, Any] = json.loads(prepared.payload)
    return contact


def refused(row: object, **options: Any) -> Prepared:
    """Prepare a row that must be refused."""
    prepared = prepare(0, row, options.pop("mailing_list", "CG_1"), **options)
    assert prepared.problem is not None
    json.loads(prepared.payload)
    return prepared


def reason(row: object, **options: Any) -> str:
    """Prepare a row that must be refused, for the short reason."""
    problem = refused(row, **options).problem
    assert problem is not None
    return problem.reason


SPELLINGS = {
    "firstName": ["firstName", "First Name", "FIRST_NAME", "first-name", " firstname ", "RecipientFirstName"],
    "lastName": ["lastName", "Last Name", "last_name", "Recipient Last Name"],
    "email": ["email", "E-Mail", "EMAIL", "Email Address", "Primary Email", "RecipientEmail", "primaryemail"],
    "phone": ["phone", "Phone Number", "PRIMARY_PHONE"],
    "extRef": ["extRef", "ExternalDataReference", "External Data Reference", "external reference", "ext_ref"],
    "language": ["language", "Language", "LANGUAGE"],
}


@pytest.mark.parametrize(("name", "column"), [(n, c) for n, cs in SPELLINGS.items() for c in cs])
def test_every_spelling_of_a_column_finds_its_field(name: str, column: str) -> None:
    """Case, blanks, dashes and underscores do not matter, nor the vendor's own other names."""
    value = "a@example.com" if name == "email" else "text"
    row = {column: value} | ({"phone": "1"} if name == "language" else {})
    assert sent(row)[name] == value


class _Odd:
    """A value that will not say whether it is itself, like pandas' NA."""

    def __ne__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]  # as frames' cells have it

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


class _NaT(datetime):
    """A date that is not equal to itself, like pandas' NaT."""

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # as frames' cells have it


MISSING = [None, float("nan"), Decimal("NaN"), Decimal("sNaN"), _Odd(), _NaT(1970, 1, 1)]


@pytest.mark.parametrize("value", MISSING)
def test_missing_cells_are_absent(value: object) -> None:
    """None, NaN, NaT and NA are not sent, whatever the column, with or without `clear_empty`."""
    row = {"email": "a@example.com", "phone": value, "Color": value, "embeddedData": {"x": value}}
    assert sent(row) == sent(row, clear_empty=True) == {"email": "a@example.com"}


def test_empty_text_is_sent_only_to_clear() -> None:
    """An empty cell leaves the field alone unless `clear_empty` is asked for; a flag cannot be cleared."""
    row = {"email": "a@example.com", "phone": "", "Color": "", "unsubscribed": ""}
    assert sent(row) == {"email": "a@example.com"}
    cleared = {"email": "a@example.com", "phone": "", "embeddedData": {"Color": ""}}
    assert sent(row, clear_empty=True) == cleared


class _Color(StrEnum):
    RED = "red"


class _Scalar:
    """A boolean of an array library's."""

    class dtype:  # noqa: N801  (the library's name)
        """Its type."""

        kind = "b"

    def __init__(self, *, value: bool) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return self._value


WRITTEN = [
    (7, "7"),
    (0, "0"),
    (7.0, "7"),
    (7.5, "7.5"),
    (-0.0, "0"),
    (1e300, "1e+300"),
    (Decimal("1.10"), "1.10"),
    (Decimal(100), "100"),
    (Decimal("1E+1000000"), "1E+1000000"),
    (Fraction(1, 2), "1/2"),
    (Fraction(10**400, 3), f"{10**400}/3"),
    (True, "true"),
    (False, "false"),
    (_Scalar(value=True), "true"),
    (date(2026, 1, 2), "2026-01-02"),
    (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
    (time(3, 4), "03:04:00"),
    (UUID(ID), ID),
    (_Color.RED, "red"),
    ("ünïcode 東京", "ünïcode 東京"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_values_are_written_as_text(value: object, text: str) -> None:
    """Numbers, booleans and dates become the text that a person would write."""
    contact = sent({"extRef": value, "Column": value, "embeddedData": {"Inner": value}})
    assert contact == {"extRef": text, "embeddedData": {"Column": text, "Inner": text}}


class _Array:
    def __ne__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]  # as frames' cells have it

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")


BAD = [float("inf"), Decimal("-Infinity"), b"bytes", ["list"], {"a": 1}, object(), _Array(), 1j]


@pytest.mark.parametrize("value", BAD)
def test_values_that_no_cell_has_fail_their_row(value: object) -> None:
    """What cannot be written as text is refused by name of its column and type, never by its content."""
    problem = refused({"email": "a@example.com", "Column": value}).problem
    assert problem is not None
    assert problem.reason == "bad value"
    assert "Column" in str(problem)
    assert "bytes'" not in str(problem)
    assert reason({"email": "a@example.com", "embeddedData": {"x": value}}) == "bad value"


def test_embedded_data_comes_from_a_mapping_and_from_columns() -> None:
    """Columns that mean no field join what `embeddedData` holds."""
    row = {"email": "a@example.com", "embeddedData": {"A": 1}, "B": "2", "embedded_data ": {"C": None}}
    assert sent(row)["embeddedData"] == {"A": "1", "B": "2"}


def test_transaction_data_and_private_data_keep_to_themselves() -> None:
    """Transaction data names its fields; what an operation does not take fails the row."""
    prepared = prepare(0, {"email": "a@example.com", "transactionData": {"b": 1, "a": 2}}, "CG_1")
    assert prepared.transaction_fields == ("b", "a")
    row = {"email": "a@example.com", "Private Embedded Data": {"x": 1}}
    assert sent(row)["privateEmbeddedData"] == {"x": "1"}
    assert reason(row, allowed=frozenset({"embeddedData"})) == "bad value"
    assert reason({"email": "a@example.com", "transactionData": "x"}) == "bad value"


@pytest.mark.parametrize(
    ("word", "flag"), [(True, True), ("No", False), ("1", True), (0, False), (" y ", True)]
)
def test_unsubscribed_is_a_flag_in_any_spelling(word: object, flag: bool) -> None:
    """It is sent as a JSON boolean."""
    assert sent({"email": "a@example.com", "Unsubscribed": word})["unsubscribed"] is flag


def test_a_strange_flag_fails_without_showing_itself() -> None:
    """A shifted column must not put an address into a message."""
    problem = refused({"email": "a@example.com", "unsubscribed": "b@example.com"}).problem
    assert problem is not None
    assert problem.reason == "bad value"
    assert "@" not in str(problem)


@pytest.mark.parametrize(
    "email",
    [
        "no-at",
        "a@b",
        "a@@b.com",
        "a b@example.com",
        "@example.com",
        "a@.com",
        "a@b..com",
        "a,b@example.com",
        "x" * 250 + "@example.com",
        "a@example.com;b@example.com",
        "   ",
        "a@example.",
    ],
)
def test_impossible_addresses_fail_before_anything_is_sent(email: str) -> None:
    """An address that cannot be one is refused, and its text is in no message."""
    problem = refused({"email": email, "extRef": "r"}).problem
    assert problem is not None
    assert problem.reason == "invalid e-mail"
    assert email.strip() == "" or email not in str(problem)


@pytest.mark.parametrize(
    "email", ["a@example.com", " a@example.com ", "a+b@sub.example.co", "ö@bücher.example"]
)
def test_possible_addresses_pass_without_blanks_around(email: str) -> None:
    """Blanks around an address are taken off."""
    assert sent({"email": email})["email"] == email.strip()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"Color": "red", "language": "EN"}, "no contact field"),
        ({}, "no contact field"),
        (None, "bad row"),
        ("a@example.com", "bad row"),
        ([("email", "a@example.com")], "bad row"),
        ({1: "x", "email": "a@example.com"}, "bad row"),
        ({"email": "a@example.com", "E-Mail": "b@example.com"}, "bad row"),
        ({"firstName": "\ud800"}, "bad text"),
        ({"phone": "1", "\udfff": "x"}, "bad text"),
        (BrokenRow(7, "a\ud800,b", "a quote is never closed"), "broken line"),
    ],
)
def test_rows_that_are_none_fail(row: object, expected: str) -> None:
    """Each kind of hopeless row has its reason, and what could be read of it stays readable."""
    assert reason(row) == expected


def test_lines_of_a_file_are_kept() -> None:
    """A row of a file carries its line number, also when it is broken."""
    assert prepare(0, SourceRow(12, {"phone": "1"}), "CG_1").line == 12
    assert refused(BrokenRow(13, "x", "y")).line == 13


def test_a_function_finds_the_list_from_the_row_as_given() -> None:
    """For a row of a file it sees the cells, for anything else the row itself."""
    seen = []

    def choose(row: Any) -> str:
        seen.append(row)
        return "CG_9"

    cells = {"phone": "1"}
    assert prepare(0, SourceRow(1, cells), choose).mailing_list_id == "CG_9"
    contact = ContactCreate(phone="1")
    assert prepare(0, contact, choose).mailing_list_id == "CG_9"
    assert seen == [cells, contact]


@pytest.mark.parametrize("answer", [None, "", "  ", 7, "a/b", "..", "\ud800", "x\n"])
def test_a_function_without_an_answer_fails_the_row(answer: Any) -> None:
    """No list, or one that is no id, is the row's failure and not the job's."""
    prepared = refused({"phone": "1"}, mailing_list=lambda _: answer)
    assert prepared.problem is not None
    assert prepared.problem.reason == "no mailing list"
    assert prepared.mailing_list_id is None


def test_what_a_function_raises_leaves_as_itself() -> None:
    """A bug of the caller's is not a failure of the row."""

    def broken(row: Any) -> str:
        return str(row["nothing"])

    with pytest.raises(KeyError):
        prepare(0, {"phone": "1"}, broken)


def test_contacts_of_the_models_are_rows() -> None:
    """What is set is sent, None and unset are absent, the id of an existing contact keeps its name."""
    contact = ContactCreate(first_name="A", ext_ref="r", embedded_data={"x": 1, "y": None}, unsubscribed=True)
    expected = {"firstName": "A", "extRef": "r", "embeddedData": {"x": "1"}, "unsubscribed": True}
    assert sent(contact) == expected
    known = ContactImportRow(id="CID_1", email="a@example.com", transaction_data={"t": 1})
    assert sent(known, allowed=frozenset({"id", "transactionData"})) == {
        "id": "CID_1",
        "email": "a@example.com",
        "transactionData": {"t": "1"},
    }
    assert reason(ContactCreate(email="a@example.com", embedded_data={"x": object()})) == "bad value"


@dataclass
class _Anything:
    """Objects are values too."""


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.dates(),
    st.binary(max_size=4),
    st.text(max_size=8),
    st.text(alphabet=st.characters(categories=["Cs"]), max_size=2),
    st.builds(_Anything),
)
COLUMNS = st.one_of(st.sampled_from([c for cs in SPELLINGS.values() for c in cs]), st.text(max_size=6))
ROWS: st.SearchStrategy[Any] = st.one_of(
    st.dictionaries(COLUMNS, VALUES, max_size=6),
    st.dictionaries(COLUMNS, st.dictionaries(COLUMNS, VALUES)),
    VALUES,
)


@given(ROWS, st.booleans())
def test_any_row_is_sent_or_refused_and_never_raises(row: Any, clear: bool) -> None:
    """Whatever a row holds, it ends as bytes of JSON without null, or as a refusal that can be written."""
    prepared = prepare(3, row, "CG_1", clear_empty=clear)
    contact = json.loads(prepared.payload)
    assert prepared.index == 3
    if prepared.problem is None:
        assert b"null" not in prepared.payload or "null" in repr(row)
        assert any(contact.get(name) for name in ("firstName", "lastName", "email", "phone", "extRef"))
    else:
        str(prepared.problem).encode()


@pytest.mark.parametrize("convert", [dict, lambda row: SourceRow(1, row)])
def test_mappings_of_any_kind_are_rows(convert: Callable[[Any], Any]) -> None:
    """A dict and a row of a file say the same."""
    assert sent(convert({"Phone": "1", "x": "y"})) == {"phone": "1", "embeddedData": {"x": "y"}}
