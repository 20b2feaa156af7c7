"""Which contact a row names, and what else it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from qualtrics_async.bulk.finding import Key, key_of
from qualtrics_async.bulk.rows import (
    Prepared,
    Reader,
    RowProblem,
    check_values,
    is_id,
    plain_name,
    prepare_with,
    read_cell,
    read_cells,
    wire_name,
)
from qualtrics_async.errors import UsageError

__all__ = ["CONTACT_ID", "IdentifyBy", "Naming"]

IdentifyBy: TypeAlias = Literal["auto", "id", "extRef", "email"]

CONTACT_ID: Final = "contactId"
"""Where an outcome's contact has the id that its row named it by."""

_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "auto": (CONTACT_ID, "extRef", "email"),
    "id": (CONTACT_ID,),
    "extRef": ("extRef",),
    "email": ("email",),
}
_ID_COLUMNS: Final = frozenset({"contactid", "id"})
_PREFIX: Final = "CID_"
_SENT: Final = frozenset({"embeddedData", "privateEmbeddedData"})


class Naming:
    """How rows name contacts: by `identify_by`, or by the first of contact id, external reference, e-mail.

    Raises:
        UsageError: when there is no such way.
    """

    def __init__(self, identify_by: IdentifyBy) -> None:
        if identify_by not in _FIELDS:
            raise UsageError(f"identify_by is one of {', '.join(_FIELDS)}, got {identify_by!r:.40}")
        self._identify_by = identify_by
        self._fields = _FIELDS[identify_by]

    def key(self, contact: Mapping[str, Any]) -> Key:
        """What a contact that was read by `change()` or `name()` is named by."""
        key = key_of(contact, self._fields)
        if key is None:
            raise RowProblem("no identity", f"the row has no {', '.join(self._fields)} that names a contact")
        return key

    def change(self, source: object, *, clear_empty: bool) -> dict[str, Any]:
        """Read what names a contact, and what is to change.

        Raises:
            RowProblem: when one of them is missing, and for what cannot be sent.
        """
        contact = self._read(source, clear_empty=clear_empty)
        key = self._checked(contact)
        if not self.changed(contact, key):
            raise RowProblem("no change", "the row names a contact and nothing that is to change")
        return contact

    def name(self, source: object) -> dict[str, Any]:
        """Read what names a contact, and nothing else."""
        if isinstance(source, Mapping):
            source = {column: value for column, value in source.items() if _is_name(column)}
        contact = self._read(source, clear_empty=False)
        named = {key.field: contact[key.field] for key in [self.key(contact)]}
        self._checked(named)
        return named

    def changed(self, contact: Mapping[str, Any], key: Key) -> dict[str, Any]:
        """What of a contact is to change: not what it is named by."""
        return {name: value for name, value in contact.items() if name != key.field}

    def prepare(
        self, read: Reader, index: int, row: object, mailing_list: str | Callable[[Any], str | None]
    ) -> Prepared:
        """Prepare a row by one of the two readers; plain text is an id, a reference or an address."""
        if not isinstance(row, str):
            return prepare_with(read, index, row, mailing_list)
        target = mailing_list if isinstance(mailing_list, str) else mailing_list(row)
        return prepare_with(read, index, {self._field_of(row): row}, lambda _: target)

    def _field_of(self, text: str) -> str:
        if self._identify_by != "auto":
            return self._fields[0]
        return "email" if "@" in text else CONTACT_ID

    def _read(self, source: object, *, clear_empty: bool) -> dict[str, Any]:
        ids: dict[Any, Any] = {}
        if isinstance(source, Mapping):
            ids = {column: value for column, value in source.items() if _is_id_column(column)}
            if ids:
                source = {column: value for column, value in source.items() if column not in ids}
        contact = read_cells(source, clear_empty=clear_empty)
        given = [read_cell(value, column, clear_empty=False) for column, value in ids.items()]
        named = [text.strip() for text in (*given, contact.pop("id", None)) if text and text.strip()]
        if len(named) > 1:
            raise RowProblem("bad row", f"two columns mean {CONTACT_ID}: {', '.join(map(str, ids))}")
        if named and CONTACT_ID in self._fields:
            contact[CONTACT_ID] = named[0]
        return contact

    def _checked(self, contact: dict[str, Any]) -> Key:
        key = self.key(contact)
        if key.field == CONTACT_ID:
            known = self._identify_by == "id" or key.value.startswith(_PREFIX)
            if not known or not is_id(key.value):
                raise RowProblem(
                    "bad id", 'what names the contact is no contact id (CID_...); see "identify_by"'
                )
        check_values(contact, _SENT)
        return key


def _is_id_column(column: object) -> bool:
    return isinstance(column, str) and plain_name(column) in _ID_COLUMNS


def _is_name(column: object) -> bool:
    return isinstance(column, str) and (
        wire_name(column) in ("extRef", "email") or plain_name(column) in _ID_COLUMNS
    )
