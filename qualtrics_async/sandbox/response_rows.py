"""The rows of an export: headers, and the lines of kept and of seeded responses, in tables and in JSON."""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from qualtrics_async.sandbox.response_columns import cell
from qualtrics_async.sandbox.seeded import OWN, SeededResponses, iso_text
from qualtrics_async.sandbox.selection import Run
from qualtrics_async.sandbox.zones import DEFAULT, local, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from qualtrics_async.sandbox.records import Response
    from qualtrics_async.sandbox.response_columns import Column
    from qualtrics_async.sandbox.seeded import Pool

__all__ = ["Objects", "Table", "Xml", "dump"]


_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Turn(NamedTuple):
    """The texts that stand in one place, response after response."""

    texts: list[str]
    step: int
    shift: int
    size: int


class Table:
    """Lines of a table, quoted where they must be."""

    def __init__(self, found: Sequence[Column], options: Mapping[str, Any], delimiter: str) -> None:
        self._columns = found
        self._options = options
        self._delimiter = delimiter
        self._zone = zone_of(options.get("timeZone", DEFAULT))

    def head(self) -> str:
        """The three header rows."""
        newline = self._options.get("newlineReplacement")
        rows = zip(*(column.header for column in self._columns), strict=True)
        texts = ((text if newline is None else text.replace("\n", newline) for text in row) for row in rows)
        return "".join(self._line([self._quote(text) for text in row]) for row in texts)

    def lines(self, part: list[Response] | Run) -> Iterator[str]:
        """A line for each response."""
        if isinstance(part, Run) and isinstance(part.made, SeededResponses):
            return self._of_seeded(part.made, part)
        return map(self._of_one, part)

    def _of_one(self, response: Response) -> str:
        # Whoever serves may change them meanwhile.
        values, labels = dict(response.values), dict(response.labels)
        found = (
            cell(column, values.get(column.source), labels.get(column.source), self._options)
            for column in self._columns
        )
        return self._line([self._quote(text) for text in found])

    def _of_seeded(self, made: SeededResponses, run: Run) -> Iterator[str]:
        turns = [self._turn(column, made.pools) for column in self._columns]
        own = [(place, column.source) for place, column in enumerate(self._columns) if column.source in OWN]
        for index in range(run.start, run.stop):
            cells = [texts[(index * step + shift) % size] for texts, step, shift, size in turns]
            if own:
                texts = _own_texts(made, index, self._zone)
                for place, key in own:
                    cells[place] = texts[key]
            yield self._line(cells)

    def _turn(self, column: Column, pools: Mapping[str, Pool]) -> _Turn:
        pool = pools.get(column.source)
        if pool is None:
            return _Turn([self._quote(cell(column, None, None, self._options))], 0, 0, 1)
        pairs = zip(pool.values, pool.labels, strict=True)
        texts = [self._quote(cell(column, value, label, self._options)) for value, label in pairs]
        return _Turn(texts, pool.step, pool.shift, len(texts))

    def _quote(self, text: str) -> str:
        if self._delimiter in text or '"' in text or "\n" in text or "\r" in text:
            return '"' + text.replace('"', '""') + '"'
        return text

    def _line(self, cells: Sequence[str]) -> str:
        # An empty line would be no row.
        return self._delimiter.join(cells) + "\n" if len(cells) > 1 or any(cells) else '""\n'


class Objects:
    """Responses as JSON, one a line where a line is wanted.

    `displayedFields` has every field that is exported, `displayedValues` all choices (assumed).
    """

    def __init__(self, found: Sequence[Column]) -> None:
        sources = dict.fromkeys(column.source for column in found)
        asked = {column.source: column for column in found if column.question_id}
        shown = {
            key: [int(code) if code.isdecimal() else code for code in column.labels]
            for key, column in asked.items()
            if column.labels
        }
        self._sources = sources
        self._end = f',"displayedFields":{dump(list(asked))},"displayedValues":{dump(shown)}}}'

    def lines(self, part: list[Response] | Run) -> Iterator[str]:
        """An object for each response, without the line's end."""
        if isinstance(part, Run) and isinstance(part.made, SeededResponses):
            return self._of_seeded(part.made, part)
        return map(self._of_one, part)

    def _of_one(self, response: Response) -> str:
        values = {key: value for key, value in dict(response.values).items() if key in self._sources}
        labels = {key: label for key, label in dict(response.labels).items() if key in self._sources}
        return (
            f'{{"responseId":{dump(response.id)},"values":{dump(values)},"labels":{dump(labels)}{self._end}'
        )

    def _of_seeded(self, made: SeededResponses, run: Run) -> Iterator[str]:
        pools = [(key, made.pools[key]) for key in self._sources if key in made.pools]
        values = [_fragments(key, pool.values, pool) for key, pool in pools]
        labels = [_fragments(key, pool.labels, pool) for key, pool in pools]
        labels = [turn for turn in labels if any(turn.texts)]
        own = [key for key in self._sources if key in OWN]
        for index in range(run.start, run.stop):
            found = [texts[(index * step + shift) % size] for texts, step, shift, size in values]
            named = [texts[(index * step + shift) % size] for texts, step, shift, size in labels]
            texts = _own_texts(made, index)
            found += [f'"{key}":"{_in_json(key, texts[key], made, index)}",' for key in own]
            yield (
                f'{{"responseId":"{texts["_recordId"]}","values":{{{"".join(found)[:-1]}}},'
                f'"labels":{{{"".join(named)[:-1]}}}{self._end}'
            )


class Xml:
    """Responses as XML: an element for each, its values by key. Assumed altogether."""

    head = '<?xml version="1.0" encoding="UTF-8"?>\n<Responses>\n'
    end = "</Responses>\n"

    def __init__(self, found: Sequence[Column], options: Mapping[str, Any]) -> None:
        self._columns = found
        self._options = options

    def lines(self, part: list[Response] | Run) -> Iterator[str]:
        """An element for each response."""
        return map(self._element, part)

    def _element(self, response: Response) -> str:
        return f"<Response>{''.join(self._values(response))}</Response>\n"

    def _values(self, response: Response) -> Iterator[str]:
        values, labels = dict(response.values), dict(response.labels)
        for column in self._columns:
            source = column.source
            text = cell(column, values.get(source), labels.get(source), self._options)
            if text:
                names = f"id={quoteattr(_legal(column.name))} tag={quoteattr(_legal(column.tag))}"
                yield f"<Value {names}>{escape(_legal(text))}</Value>"


def dump(value: Any) -> str:
    """JSON as an export has it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _legal(text: str) -> str:
    """Text without what XML cannot have."""
    return _ILLEGAL.sub("", text)


def _own_texts(made: SeededResponses, index: int, zone: tzinfo = UTC) -> dict[str, str]:
    """What a seeded response has for itself, as tables have it."""
    started, recorded = made.own(index)
    if zone is not UTC:
        started, recorded = local(started, zone), local(recorded, zone)
    end = iso_text(recorded, " ")
    return {
        "_recordId": made.id_of(index),
        "startDate": iso_text(started, " "),
        "endDate": end,
        "recordedDate": end,
    }


def _in_json(key: str, text: str, made: SeededResponses, index: int) -> str:
    if key == "_recordId":
        return text
    fraction = f".{made.recorded(index) % 1000:03}" if key == "recordedDate" else ""
    return f"{text.replace(' ', 'T')}{fraction}Z"


def _fragments(key: str, found: list[Any], pool: Pool) -> _Turn:
    name = dump(key)
    texts = ["" if value is None else f"{name}:{dump(value)}," for value in found]
    return _Turn(texts, pool.step, pool.shift, len(texts))
