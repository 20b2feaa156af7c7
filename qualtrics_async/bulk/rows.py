"""One row of input: as it was read, as it is sent, and what is wrong with it before anything is sent."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec

from qualtrics_async._core.request import fill
from qualtrics_async.errors import UsageError
from qualtrics_async.models.contacts import ContactFields

__all__ = [
    "IN_DOUBT",
    "NOTES",
    "NO_LINK",
    "UNREADABLE",
    "BrokenRow",
    "ImportRow",
    "Imported",
    "Prepared",
    "Reader",
    "RowProblem",
    "SourceRow",
    "check_values",
    "is_id",
    "mark",
    "plain_name",
    "prepare",
    "prepare_with",
    "read_cell",
    "read_cells",
    "read_truth",
    "wire_name",
]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of a file: its cells by column name, and the number of the line that it begins on, from 1."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A line of a file that is no row: what it says, and what is wrong with it."""

    line: int
    text: str
    problem: str


class ImportRow(msgspec.Struct, frozen=True):
    """The item of an outcome: which row it is, and the contact as it is sent.

    `index` counts the rows of the input from 0, `line` those of a file from 1. `contact` has the wire's
    names (`firstName`, `extRef`, `embeddedData`); of a row that was refused before anything was sent it has
    the cells as they were given, and it is empty where a journal has erased the row already.
    """

    index: int
    line: int | None
    mailing_list_id: str | None
    contact: dict[str, Any] = msgspec.field(default_factory=dict)


class Imported(msgspec.Struct, frozen=True):
    """The value of an outcome: the contact's id in the directory and in the list.

    Both are None where the service accepted the row but gives no report on single rows.
    """

    contact_id: str | None
    contact_lookup_id: str | None


class RowProblem(ValueError):
    """Why a row cannot be sent; `reason` is a few words to count by."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Prepared(msgspec.Struct, frozen=True):
    """A row that is ready: its place, its list, its bytes, and the names of its transaction data.

    `reference` and `address` are the marks of its external reference and e-mail address.
    """

    index: int
    line: int | None
    mailing_list_id: str | None
    payload: bytes
    transaction_fields: tuple[str, ...] = ()
    problem: RowProblem | None = None
    reference: int = 0
    address: int = 0


NOTES: Final = ("_outcome", "_reason", "_error", "_line", "_mailing_list_id")
"""Columns of a failures file that say what went wrong; they are not sent when it is imported again."""

IN_DOUBT: Final = "in doubt"
"""The outcome of a row in a failures file that may have been imported: it is not sent as it stands."""

NO_LINK: Final = "no link"
"""The outcome of a row in a failures file that was imported and has no link: it is not sent as it stands."""

_NOT_AS_IT_STANDS: Final = {
    IN_DOUBT: "an earlier import left the row in doubt: look whether it is in the list, and empty _outcome "
    "if it is to be imported",
    NO_LINK: "an earlier run imported the row, and it has no link: use `contacts update` to change it and "
    "`links generate` for links of its list, or empty _outcome if it is to be imported again",
}

UNREADABLE: Final = "_text"
"""What a line says that is no row, or a row that cannot be written down."""

_NOT_SENT: Final = frozenset({*NOTES, UNREADABLE})

_EMBEDDED: Final = "embeddedData"
_PRIVATE: Final = "privateEmbeddedData"
_TRANSACTION: Final = "transactionData"
_UNSUBSCRIBED: Final = "unsubscribed"
_OBJECTS: Final = frozenset({_EMBEDDED, _PRIVATE, _TRANSACTION})
_WHO: Final = ("firstName", "lastName", "email", "phone", "extRef")
_SPELLINGS: Final = {
    "firstname": "firstName",
    "recipientfirstname": "firstName",
    "lastname": "lastName",
    "recipientlastname": "lastName",
    "email": "email",
    "emailaddress": "email",
    "primaryemail": "email",
    "recipientemail": "email",
    "phone": "phone",
    "phonenumber": "phone",
    "primaryphone": "phone",
    "extref": "extRef",
    "externaldatareference": "extRef",
    "externaldataref": "extRef",
    "externalreference": "extRef",
    "language": "language",
    "unsubscribed": _UNSUBSCRIBED,
    "embeddeddata": _EMBEDDED,
    "privateembeddeddata": _PRIVATE,
    "transactiondata": _TRANSACTION,
}
_SEPARATORS = re.compile(r"[\s_-]+")
_POSSIBLE_EMAIL = re.compile(r"[^\s@,;]+@[^\s@.,;]+(?:\.[^\s@.,;]+)+")
_LONGEST_EMAIL: Final = 254
_EXACT: Final = 10**15
"""Whole numbers up to here are written without a point, as a spreadsheet means them."""

_TRUE = frozenset({"true", "yes", "1", "y", "t"})
_FALSE = frozenset({"false", "no", "0", "n", "f"})
_encode = msgspec.json.Encoder().encode


def _name_of(value: object) -> str:
    return f"<{type(value).__name__}>"


_encode_any = msgspec.json.Encoder(enc_hook=_name_of).encode


@lru_cache(maxsize=4096)
def wire_name(column: str) -> str | None:
    """Find the contact field that a column means, whatever its case and separators; None: embedded data."""
    return _SPELLINGS.get(plain_name(column))


def plain_name(column: str) -> str:
    """Write the name of a column without what does not count: case and separators."""
    return _SEPARATORS.sub("", column.strip().lower())


Reader: TypeAlias = Callable[[object], dict[str, Any]]
"""Makes of a row what is sent, under the wire's names; raises `RowProblem`."""


def prepare(
    index: int,
    row: object,
    mailing_list: str | Callable[[Any], str | None],
    *,
    clear_empty: bool = False,
    allowed: frozenset[str] = _OBJECTS,
) -> Prepared:
    """Turn a row of any supported kind into what is sent, or say what is wrong with it.

    `allowed` names the objects (and `id`) that the operation takes. Whatever a `mailing_list` function
    raises is a bug of the caller's and propagates as itself.
    """

    def read(source: object) -> dict[str, Any]:
        before = source.get(NOTES[0]) if isinstance(source, Mapping) else None
        if isinstance(before, str) and before in _NOT_AS_IT_STANDS:
            raise RowProblem(before, _NOT_AS_IT_STANDS[before])
        contact = read_cells(source, clear_empty=clear_empty)
        if not any(contact.get(name) for name in _WHO):
            message = "the row has no name, e-mail, phone or external reference"
            if isinstance(source, Mapping) and source.get(UNREADABLE):
                message += "; the cells of a broken line go into their columns, _text is not read"
            raise RowProblem("no contact field", message)
        check_values(contact, allowed)
        return contact

    return prepare_with(read, index, row, mailing_list)


def prepare_with(
    read: Reader, index: int, row: object, mailing_list: str | Callable[[Any], str | None]
) -> Prepared:
    """Prepare a row with a reader of its cells."""
    line, source = None, row
    if isinstance(row, BrokenRow):
        text = _encode({UNREADABLE: row.text.encode("utf-8", "replace").decode()})
        return Prepared(index, row.line, None, text, problem=RowProblem("broken line", row.problem))
    if isinstance(row, SourceRow):
        line, source = row.line, row.cells
    named = mailing_list if isinstance(mailing_list, str) else mailing_list(source)
    target = named if isinstance(named, str) and is_id(named) else None
    try:
        if target is None:
            raise _no_list(named)
        contact = read(source)
        payload = _encode(contact)
    except RowProblem as problem:
        return Prepared(index, line, target, _original(source), problem=problem)
    except UnicodeEncodeError:
        wrong = RowProblem("bad text", "the row holds text that is not valid Unicode")
        return Prepared(index, line, target, _original(source), problem=wrong)
    return Prepared(
        index,
        line,
        target,
        payload,
        tuple(contact.get(_TRANSACTION) or ()),
        reference=mark(contact.get("extRef")),
        address=mark(contact.get("email")),
    )


def mark(key: str | None) -> int:
    """Make a number of a key, by which rows are compared that are not there any more; 0 stands for none.

    Case and spaces around it do not count: the service's search ignores them (documented).
    """
    return zlib.crc32(key.strip().casefold().encode()) or 1 if key else 0


@lru_cache(maxsize=4096)
def is_id(text: str) -> bool:
    """Whether a path takes this as an id: not blank, and nothing in it that would lead elsewhere."""
    try:
        fill("/{mailingListId}", (text,))
    except UsageError:
        return False
    return True


def _no_list(named: object) -> RowProblem:
    if isinstance(named, str) and named.strip():
        return RowProblem("no mailing list", "what the row names as its mailing list is no id")
    return RowProblem("no mailing list", "the row names no mailing list")


def _original(source: object) -> bytes:
    """Write a row that is not sent as it was given, so that it can be corrected and given again."""
    if isinstance(source, ContactFields):
        source = msgspec.to_builtins(source, enc_hook=_name_of)
    cells = {str(column): value for column, value in source.items()} if isinstance(source, Mapping) else {}
    try:
        return _encode_any(cells)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _encode({UNREADABLE: ascii(cells)})


def _without_notes(source: Mapping[Any, Any]) -> Mapping[Any, Any]:
    if _NOT_SENT.isdisjoint(source):
        return source
    return {column: value for column, value in source.items() if column not in _NOT_SENT}


def read_cells(source: object, *, clear_empty: bool) -> dict[str, Any]:
    """Read the cells of a mapping, or what a contact has set, under the wire's names.

    Raises:
        RowProblem: for what is no row, and for cells that cannot be sent.
    """
    contact: dict[str, Any] = {}
    if isinstance(source, ContactFields):
        source = _given(source, contact)
    elif not isinstance(source, Mapping):
        raise RowProblem("bad row", f"a row is a mapping or a contact, got {type(source).__name__}")
    embedded: dict[str, str] = {}
    for column, value in _without_notes(source).items():
        if not isinstance(column, str):
            raise RowProblem("bad row", f"a column is named by text, got {type(column).__name__}")
        name = wire_name(column)
        if name in _OBJECTS:
            cells = _cells(value, name, clear_empty=clear_empty)
            if name == _EMBEDDED:
                embedded.update(cells)
            elif cells:
                contact[name] = cells
            continue
        text = read_cell(value, column, clear_empty=clear_empty)
        if text is None or (name == _UNSUBSCRIBED and not text.strip()):
            continue
        if name in contact:
            raise RowProblem("bad row", f"two columns mean {name}, one of them is {column!r:.60}")
        if name is None:
            embedded[column] = text
        else:
            contact[name] = read_truth(text, name) if name == _UNSUBSCRIBED else text
    if embedded:
        contact[_EMBEDDED] = embedded
    return contact


def _given(source: ContactFields, contact: dict[str, Any]) -> dict[str, Any]:
    """Name what a contact has set; its id goes where no column leads."""
    known = {name: getattr(source, name) for name in source.__struct_fields__}
    contact_id = known.pop("id", None)
    if isinstance(contact_id, str):
        contact["id"] = contact_id
    return {name: value for name, value in known.items() if value is not msgspec.UNSET}


def _cells(value: object, name: str, *, clear_empty: bool) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RowProblem("bad value", f"{name} takes a mapping, got {type(value).__name__}")
    cells: dict[str, str] = {}
    for key, item in value.items():
        text = read_cell(item, key, clear_empty=clear_empty)
        if text is not None:
            cells[str(key)] = text
    return cells


def read_cell(value: object, column: object, *, clear_empty: bool) -> str | None:
    """Write a cell as text: None and NaN are absent, and so is empty text unless it is to clear."""
    if isinstance(value, str):
        return str.__str__(value) if value or clear_empty else None
    if value is None or _is_missing(value):
        return None
    match value:
        case bool():
            text = "true" if value else "false"
        case Integral():
            text = str(int(value))
        case Real() | Decimal() if _is_finite(value):
            text = _number(value)
        case datetime() | date() | time():
            text = value.isoformat()
        case UUID():
            text = str(value)
        case _ if _is_flag(value):
            text = "true" if value else "false"
        case _:
            raise RowProblem("bad value", f"{column!r:.60} holds a {type(value).__name__}")
    return text


def _is_finite(value: Any) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else bool(value - value == 0)


def _number(value: Any) -> str:
    whole = -_EXACT < value < _EXACT and value == math.trunc(value)
    return str(math.trunc(value)) if whole else str(value)


def _is_flag(value: object) -> bool:
    """Whether it is a boolean of an array library's."""
    return getattr(getattr(value, "dtype", None), "kind", None) == "b" and not hasattr(value, "__len__")


def _is_missing(value: object) -> bool:
    """Whether a cell is NaN, NaT or NA: what is not equal to itself, or will not say."""
    try:
        return bool(value != value)  # noqa: PLR0124  (that is the test)
    except (TypeError, ArithmeticError):
        return True
    except ValueError:  # an array says it of each of its elements
        return False


def read_truth(text: str, column: str) -> bool:
    """Read a word that says yes or no."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise RowProblem("bad value", f"{column} is neither true nor false")


def check_values(contact: dict[str, Any], allowed: frozenset[str]) -> None:
    """Refuse an impossible e-mail address, and objects (or an `id`) that the operation does not take."""
    email = contact.get("email")
    if email:
        email = contact["email"] = email.strip()
        if len(email) > _LONGEST_EMAIL or not _POSSIBLE_EMAIL.fullmatch(email):
            raise RowProblem("invalid e-mail", "the e-mail address is impossible")
    for name in (*_OBJECTS, "id"):
        if name in contact and name not in allowed:
            raise RowProblem("bad value", f"{name} cannot be sent by this operation")
