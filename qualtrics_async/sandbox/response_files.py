"""The file of an export: a zip with members of so many rows, or the content alone."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from qualtrics_async.sandbox.response_columns import METADATA, columns
from qualtrics_async.sandbox.response_rows import Objects, Table, Xml
from qualtrics_async.sandbox.selection import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qualtrics_async.sandbox.kept_files import Sink
    from qualtrics_async.sandbox.selection import Selection
    from qualtrics_async.sandbox.settings import Exports

__all__ = ["FORMATS", "ResponseFile"]

_UNSAFE = re.compile(r"[^\w .()+-]")
_BATCH = 1 << 16
"""Characters that are encoded and packed at once."""
_FAST = 1
"""How much the packing tries: the time counts here, not the size."""

FORMATS = {
    "csv": "application/csv",
    "tsv": "application/tsv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "xml": "application/xml",
}
"""The formats that the sandbox makes, with their content types (used by a client, the last two assumed)."""


@dataclass(frozen=True, slots=True)
class ResponseFile:
    """What an export holds, and how; it is written when somebody downloads it."""

    survey_name: str
    definition: Mapping[str, Any]
    found: Selection
    options: Mapping[str, Any]
    exports: Exports
    compress: bool

    @property
    def content_type(self) -> str:
        """That of the zip or of its content."""
        return "application/zip" if self.compress else FORMATS[self.options["format"]]

    @property
    def name(self) -> str:
        """The name of the file: that of the survey, odd characters replaced (observed)."""
        return f"{_plain(self.survey_name)}.{'zip' if self.compress else self.options['format']}"

    def write(self, sink: Sink) -> None:
        """Write the file, not in an event loop."""
        pieces = self._pieces()
        if not self.compress:
            for content in pieces(self.found, first=True):
                sink.write(content)
            return
        with zipfile.ZipFile(
            cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST
        ) as archive:
            for number, part in enumerate(self.found.split(self.exports.rows), 1):
                with archive.open(self._member(number), "w", force_zip64=True) as member:
                    for content in pieces(part, first=number == 1):
                        member.write(content)

    def _member(self, number: int) -> str:
        """The name of a member: `<survey>.csv`, then `<survey>_2.csv` and so on (the numbers assumed)."""
        name = self.survey_name if self.exports.raw_names else _plain(self.survey_name)
        whole = f"{name}{'' if number == 1 else f'_{number}'}.{self.options['format']}"
        return whole.encode("utf-8", "replace").decode()

    def _pieces(self) -> Callable[..., Iterator[bytes]]:
        """How a selection becomes the bytes of one member."""
        form, options = self.options["format"], self.options
        found = columns(dict(self.definition), self._keys(), options)
        head, between, end = "", "", ""
        if form in ("csv", "tsv"):
            table = Table(found, options, "," if form == "csv" else "\t")
            lines, head = table.lines, ("\ufeff" if self.exports.bom else "") + table.head()
        elif form == "xml":
            elements = Xml(found, options)
            lines, head, end = elements.lines, elements.head, elements.end
        else:
            lines = Objects(found).lines
            if form == "json":
                head, between, end = '{"responses":[', ",", "]}"
            else:
                between = end = "\n"
        repeated = self.exports.repeat_headers or form in ("json", "xml")

        def pieces(part: Selection, *, first: bool) -> Iterator[bytes]:
            yield _encoded(head if first or repeated else "")
            begun = False
            for several in part.parts:
                for batch in _batches(lines(several)):
                    yield _encoded((between if begun else "") + between.join(batch))
                    begun = True
            yield _encoded(end if begun or form != "ndjson" else "")

        return pieces

    def _keys(self) -> list[str]:
        """The keys that the responses have, in order of appearance."""
        found: dict[str, None] = {}
        for part in self.found.parts:
            if isinstance(part, Run):
                found |= dict.fromkeys(key for key in part.made.keys if key not in METADATA)
            else:
                for response in part:
                    found |= dict.fromkeys(dict(response.values))
        return list(found)


def _plain(name: str) -> str:
    return _UNSAFE.sub("_", name)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _batches(lines: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
