"""The columns of an export, and what stands in their cells."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qualtrics_async.sandbox.dates import from_iso, iso
from qualtrics_async.sandbox.legacy_survey import embedded_types
from qualtrics_async.sandbox.response_fields import fields
from qualtrics_async.sandbox.zones import DEFAULT, local, zone_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from qualtrics_async.sandbox.response_fields import Field

__all__ = ["DATES", "METADATA", "QUESTION", "Column", "cell", "columns", "export_column_map", "table_moment"]

METADATA = {
    "startDate": ("StartDate", "Start Date"),
    "endDate": ("EndDate", "End Date"),
    "status": ("Status", "Response Type"),
    "ipAddress": ("IPAddress", "IP Address"),
    "progress": ("Progress", "Progress"),
    "duration": ("Duration (in seconds)", "Duration (in seconds)"),
    "finished": ("Finished", "Finished"),
    "recordedDate": ("RecordedDate", "Recorded Date"),
    "_recordId": ("ResponseId", "Response ID"),
    "recipientLastName": ("RecipientLastName", "Recipient Last Name"),
    "recipientFirstName": ("RecipientFirstName", "Recipient First Name"),
    "recipientEmail": ("RecipientEmail", "Recipient Email"),
    "externalDataReference": ("ExternalReference", "External Data Reference"),
    "locationLatitude": ("LocationLatitude", "Location Latitude"),
    "locationLongitude": ("LocationLongitude", "Location Longitude"),
    "distributionChannel": ("DistributionChannel", "Distribution Channel"),
    "userLanguage": ("UserLanguage", "User Language"),
}
DATES = ("startDate", "endDate", "recordedDate")
QUESTION = re.compile(r"QID\d+")
_LABELS = {
    "status": {
        "0": "IP Address",
        "1": "Survey Preview",
        "2": "Survey Test",
        "4": "Imported",
        "8": "Spam",
        "16": "Offline Survey",
        "17": "Offline Survey Preview",
    },
    "finished": {"0": "False", "1": "True"},
}
"""Assumed but for the first and `True`."""
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its `ImportId`, what stands in the first two header rows, and where it is from.

    `source` is the key in `values`; `choice` is the choice that the column is about, of a question that takes
    `several`; `labelled` shows texts in place of codes, and `beside` says that the column before has these.
    `zone` is that of dates, `unanswered` the text for a question that was displayed and has no value.
    """

    key: str
    tag: str
    text: str
    source: str
    choice: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    labelled: bool = False
    numeric: bool = False
    beside: bool = False
    zone: str = DEFAULT
    several: bool = False
    unanswered: str = ""

    @property
    def question_id(self) -> str | None:
        """The question that it belongs to."""
        found = QUESTION.match(self.key)
        return None if found is None else found[0]

    @property
    def name(self) -> str:
        """The `ImportId` with what tells its columns apart: `QID2_1` is about choice 1 of QID2."""
        choice = "" if self.choice is None else f"_{self.choice}"
        return f"{self.key}{choice}{'_LABEL' if self.beside else ''}"

    @property
    def header(self) -> tuple[str, str, str]:
        """The three header rows; the third is JSON (observed).

        That the choices of a question share its `ImportId` and have a `choiceId` each is observed by clients,
        that labels have `IsLabelsColumn` documented; its value and their `ImportId` are assumed.
        """
        source: dict[str, Any] = {"ImportId": self.key}
        if self.key in DATES:
            source["timeZone"] = self.zone
        if self.choice is not None:
            source["choiceId"] = self.choice
        if self.beside:
            source["IsLabelsColumn"] = True
        return self.tag, self.text, json.dumps(source, separators=(",", ":"))


def columns(definition: dict[str, Any], keys: Iterable[str], options: Mapping[str, Any]) -> list[Column]:
    """The columns of an export: metadata, then questions, then embedded data (observed).

    `keys` are those that the responses have; what the survey does not know of them comes last. Several
    choices are broken out unless `breakoutSets` is false (documented). A column with labels after each one
    with codes, where `includeLabelColumns` asks for them, has the tag `Q1_LABEL` (assumed). Every question
    counts as displayed, so whatever lacks a value gets the recode of what was seen and not answered; a choice
    that was not made counts as such (assumed).
    """
    asked = list(fields(definition))
    known = {found.key for found in asked}
    others = [key for key in keys if key not in known and key not in METADATA]
    data = dict.fromkeys([*embedded_types(definition), *(key for key in others if not QUESTION.match(key))])
    broken_out = options.get("breakoutSets", True)
    found = [
        *_chosen(_metadata(), options.get("surveyMetadataIds")),
        *(
            column
            for column in (*_questions(asked, broken_out=broken_out), *_unknown(others))
            if _wanted(column.question_id, options.get("questionIds"))
        ),
        *_chosen(
            (Column(key, key, key, key) for key in data if key not in known), options.get("embeddedDataIds")
        ),
    ]
    found = [_as_asked(column, options) for column in found]
    if options.get("useLabels"):
        return [replace(column, labelled=True) for column in found]
    return list(_with_labels(found)) if options.get("includeLabelColumns") else found


def export_column_map(definition: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What the older form of surveys says of each export tag: the question is observed, its parts assumed."""
    found: dict[str, dict[str, str]] = {}
    for asked in fields(definition):
        question = {"question": asked.question_id}
        if asked.kind == "choices":
            for code in asked.labels:
                found[f"{asked.tag}_{code}"] = question | {"choice": f"{asked.key}.choices.{code}"}
        else:
            found[asked.tag] = question | asked.part
    return found


def cell(column: Column, value: Any, label: Any, options: Mapping[str, Any]) -> str:
    """What stands in a cell for a value and its label, before it is quoted."""
    if column.choice is not None:
        holds = isinstance(value, list) and column.choice in map(str, value)
        ticked = column.labels[column.choice] if column.labelled else "1"
        return ticked if holds else column.unanswered
    if column.labelled:
        value = _label(column, value, label)
    if value is None:
        return column.unanswered
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ",".join(value)
    elif isinstance(value, list | dict | bool):
        text = json.dumps(value)
    else:
        text = table_moment(str(value), column.zone) if column.source in DATES else str(value)
        if options.get("formatDecimalAsComma") and (isinstance(value, float) or column.numeric):
            text = text.replace(".", ",") if _DECIMAL.fullmatch(text) else text
    newline: str | None = options.get("newlineReplacement")
    return text if newline is None else text.replace("\n", newline)


def table_moment(text: str, zone: str = DEFAULT) -> str:
    """`2026-05-02T08:00:00.123Z` as tables have it: `2026-05-02 08:00:00` (observed), in a zone."""
    if zone != DEFAULT:
        try:
            text = iso(local(from_iso(text), zone_of(zone)))
        except (ValueError, OverflowError):
            return text
    return text.partition(".")[0].removesuffix("Z").replace("T", " ")


def _as_asked(column: Column, options: Mapping[str, Any]) -> Column:
    """The column with what the options say of dates and of what was not answered."""
    if column.key in DATES:
        return replace(column, zone=options.get("timeZone", DEFAULT))
    single = options.get("seenUnansweredRecode")
    code = options.get("multiselectSeenUnansweredRecode", single) if column.several else single
    return column if code is None or column.question_id is None else replace(column, unanswered=str(code))


def _label(column: Column, value: Any, label: Any) -> Any:
    if label is None and isinstance(value, list):
        return [column.labels.get(str(code), str(code)) for code in value]
    return column.labels.get(str(value), value) if label is None else label


def _metadata() -> Iterator[Column]:
    for key, (tag, text) in METADATA.items():
        yield Column(key, tag, text, key, labels=_LABELS.get(key, {}))


def _questions(asked: Iterable[Field], *, broken_out: bool) -> Iterator[Column]:
    for found in asked:
        key, tag, text = found.key, found.tag, found.text
        if found.kind == "choices" and broken_out:
            for code, label in found.labels.items():
                names = key, f"{tag}_{code}", f"{text} - {label}"
                yield Column(*names, key, code, found.labels, several=True)
        else:
            several = found.kind == "choices"
            yield Column(key, tag, text, key, labels=found.labels, numeric=found.numeric, several=several)


def _unknown(keys: Iterable[str]) -> Iterator[Column]:
    return (Column(key, key, key, key) for key in keys if QUESTION.match(key))


def _with_labels(found: Iterable[Column]) -> Iterator[Column]:
    for column in found:
        yield column
        if column.labels:
            yield replace(column, tag=f"{column.tag}_LABEL", labelled=True, beside=True)


def _chosen(found: Iterable[Column], ids: Collection[str] | None) -> Iterator[Column]:
    return (column for column in found if _wanted(column.key, ids))


def _wanted(key: str | None, ids: Collection[str] | None) -> bool:
    return ids is None or key in ids
