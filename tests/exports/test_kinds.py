"""The type of each column, and cells read by it without loss."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qualtrics_async.exports.columns import METADATA, ColumnMap, column_of
from qualtrics_async.exports.kinds import Kind, cell_reader, fits, kind_of, kinds_of, read_cell, widen
from qualtrics_async.exports.questions import RULES
from qualtrics_async.models.surveys import Survey

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPES = Path(__file__).parent / "shapes"
KINDS: tuple[Kind, ...] = get_args(Kind)
TWO = {"1": {"recode": "1", "choiceText": "Low"}, "2": {"recode": "2", "choiceText": "High"}}
NUMERIC = {"doesForceResponse": False, "settings": {"contentType": "ValidNumber"}}


def question(kind: str, selector: str = "", sub_selector: str | None = None, **more: Any) -> dict[str, Any]:
    asked = {"type": kind, "selector": selector, "subSelector": sub_selector}
    return {"questionType": asked, "questionText": "?", "questionName": "Q1", **more}


def recoded(*recodes: object) -> dict[str, Any]:
    return {str(number): {"recode": recode, "choiceText": "x"} for number, recode in enumerate(recodes, 1)}


def survey_of(asked: Mapping[str, Any] | None = None, **more: Any) -> Survey:
    return Survey(id="SV_1", name="A survey", questions={"QID1": asked} if asked else None, **more)


def kind_in(survey: Survey | None, source: dict[str, Any] | str, *, labels: bool = False) -> Kind:
    column = column_of("Q1", "?", source if isinstance(source, dict) else {"ImportId": source})
    (found,) = kinds_of(ColumnMap([column]), survey, labels=labels).values()
    return found


# Question, the import id of one of its columns, its kind, its kind in an export of labels.
ASKED: list[tuple[dict[str, Any], dict[str, Any] | str, Kind, Kind]] = [
    (question("MC", "SAVR", choices=TWO), "QID1", "integer", "text"),
    (question("MC", "SAHR", choices=recoded(1, -99)), "QID1", "integer", "text"),
    (question("MC", "SACOL", choices=recoded("1", "133.1")), "QID1", "number", "text"),
    (question("MC", "DL", choices=recoded("1", "yes")), "QID1", "text", "text"),
    (question("MC", "SB", choices=recoded("01", "2")), "QID1", "text", "text"),
    (question("MC", "SAVR", choices={"3": {"choiceText": "no recode"}}), "QID1", "integer", "text"),
    (question("MC", "SAVR", choices=[{"choiceText": "php"}]), "1_QID1", "integer", "text"),
    (question("MC", "SAVR", choices=TWO), "QID1_2_TEXT", "text", "text"),
    (question("MC", "MAVR", choices=TWO), "QID1", "choices", "text"),
    (question("MC", "MAVR", choices=recoded("1", "2.5")), "QID1", "text", "text"),
    (question("MC", "MAHR", choices=TWO), {"ImportId": "QID1", "choiceId": "2"}, "flag", "text"),
    (question("MC", "MACOL", choices=TWO), "QID1_2", "flag", "text"),
    (question("MC", "MSB", choices=TWO), "2_QID1_2", "flag", "text"),
    (question("MC", "MAVR", choices=TWO), {"ImportId": "QID1", "IsLabelsColumn": True}, "text", "text"),
    (question("MC", "NPS"), "QID1", "integer", "integer"),
    (question("MC", "NPS"), "QID1_NPS_GROUP", "integer", "text"),
    (question("MC", "Future", choices=TWO), "QID1", "integer", "text"),
    (question("TE", "SL"), "QID1_TEXT", "text", "text"),
    (question("TE", "ESTB", validation=NUMERIC), "QID1_TEXT", "number", "number"),
    (question("TE", "FORM"), "QID1_4", "text", "text"),
    (question("TE", "FORM", validation=NUMERIC), "QID1_4", "number", "number"),
    (
        question("Matrix", "Likert", "SingleAnswer", choices=TWO, subQuestions=TWO),
        "QID1_1",
        "integer",
        "text",
    ),
    (
        question("Matrix", "Likert", "MultipleAnswer", choices=TWO, subQuestions=TWO),
        "QID1_1",
        "choices",
        "text",
    ),
    (
        question("Matrix", "Likert", "MultipleAnswer", choices=TWO, subQuestions=TWO),
        {"ImportId": "QID1_1", "choiceId": "2"},
        "flag",
        "text",
    ),
    (question("Matrix", "Bipolar", choices=recoded("-1", "0.5")), "QID1_1", "number", "text"),
    (question("Matrix", "MaxDiff", choices=TWO), "QID1_1", "integer", "text"),
    (question("Matrix", "TE", "Short"), "QID1_1_2", "text", "text"),
    (question("Matrix", "RO"), "QID1_1_2", "integer", "integer"),
    (question("Matrix", "CS"), "QID1_1_2", "number", "number"),
    (question("Matrix", "Future", choices=TWO), "QID1_1", "integer", "text"),
    (
        question("SBS", columns={"1": {"choices": TWO}, "2": question("Matrix", "TE")}),
        "QID1#1_1",
        "integer",
        "text",
    ),
    (
        question("SBS", columns={"1": {"choices": TWO}, "2": question("Matrix", "TE")}),
        "QID1#2_1_1",
        "text",
        "text",
    ),
    (question("SBS", columns=[]), "QID1#1_1", "integer", "text"),
    (question("Slider", "HSLIDER"), "QID1_1", "number", "number"),
    (question("RO", "DND"), "QID1_1", "integer", "integer"),
    (question("CS", "HR"), "QID1_1", "number", "number"),
    (question("PGR", "DragAndDrop"), {"ImportId": "QID1_0_GROUP", "choiceId": "1"}, "flag", "text"),
    (question("PGR", "DragAndDrop"), "QID1_0_GROUP", "choices", "text"),
    (question("PGR", "DragAndDrop"), "QID1_G0_1_RANK", "integer", "integer"),
    (question("HotSpot", "OnOff"), "QID1_4", "integer", "text"),
    (question("HeatMap", "Image"), {"ImportId": "QID1", "point": 1, "coord": "x"}, "number", "number"),
    (question("HeatMap", "Image"), "QID1_REGIONS", "text", "text"),
    (question("HL", "Text"), {"ImportId": "QID1_1", "choiceId": "64"}, "flag", "text"),
    (question("HL", "Text"), "QID1_1", "choices", "text"),
    (question("DD", "DL", choices=TWO), "QID1_1", "integer", "text"),
    (question("SS", "TA", choices=TWO), "QID1", "integer", "text"),
    (question("GAP", "DL"), "QID1", "text", "text"),
    (question("Timing", "PageTimer"), "QID1_PAGE_SUBMIT", "number", "number"),
    (question("Timing", "PageTimer"), "QID1_FIRST_CLICK", "number", "number"),
    (question("Timing", "PageTimer"), "QID1_LAST_CLICK", "number", "number"),
    (question("Timing", "PageTimer"), "QID1_CLICK_COUNT", "integer", "integer"),
    (question("Meta", "Browser"), "QID1_VERSION", "text", "text"),
    (question("FileUpload", "FileUpload"), "QID1_FILE_SIZE", "integer", "integer"),
    (question("FileUpload", "FileUpload"), "QID1_FILE_ID", "text", "text"),
    (question("Draw", "Signature"), "QID1_FILE_TYPE", "text", "text"),
    (question("Captcha", "V2"), "QID1", "text", "text"),
    (question("DB", "TB"), "QID1", "text", "text"),
    (question("Unheard", "Of"), "QID1", "text", "text"),
    ({}, "QID1", "text", "text"),
]


@pytest.mark.parametrize(("asked", "source", "kind", "labelled"), ASKED)
def test_kinds_of_answers(asked: dict[str, Any], source: Any, kind: Kind, labelled: Kind) -> None:
    """Each type of question has the kind that its cells have, with codes and with labels."""
    survey = Survey(id="SV_1", name="A survey", questions={"QID1": asked})
    assert kind_in(survey, source) == kind
    assert kind_in(survey, source, labels=True) == labelled


def test_every_type_of_question_was_asked() -> None:
    """No rule is without a case, and each says how sure it is."""
    asked = [each[0].get("questionType", {}) for each in ASKED]
    for rule in RULES:
        assert any(
            each.get("type") == rule.type and (each["selector"] in rule.selectors or not rule.selectors)
            for each in asked
        ), rule
        assert rule.source in ("documented", "observed", "clients", "assumed")


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("startDate", "datetime"),
        ("endDate", "datetime"),
        ("recordedDate", "datetime"),
        ("status", "integer"),
        ("progress", "integer"),
        ("duration", "integer"),
        ("finished", "flag"),
        ("locationLatitude", "number"),
        ("locationLongitude", "number"),
        ("ipAddress", "text"),
        ("_recordId", "text"),
        ("externalDataReference", "text"),
        ("userLanguage", "text"),
        ("site", "text"),
        ("SC_4rT6yU8iO0pA1sD", "number"),
        ("QID1_DO", "text"),
        ({"ImportId": "QID1_DO", "choiceId": "2"}, "integer"),
        ({"ImportId": "BL_4yZ5aB6cD7eF8gH_DO", "choiceId": "Q8"}, "integer"),
        ("FL_15_DO", "text"),
        ("QID1", "integer"),
        ("QID1_TEXT", "text"),
        ({"ImportId": "QID1", "choiceId": "2"}, "flag"),
    ],
)
def test_kinds_without_a_survey(source: Any, kind: Kind) -> None:
    """Metadata, scores and orders are known by their import ids; answers count as coded."""
    assert kind_in(None, source) == kind
    assert kind_in(survey_of(), source) == kind


def test_all_metadata_have_a_kind() -> None:
    """Of labels only the status is one; finished is `True` or `False` then."""
    for import_id in METADATA:
        plain, labelled = kind_in(None, import_id), kind_in(None, import_id, labels=True)
        assert plain in KINDS
        assert (labelled == plain) == (import_id != "status")


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"name": "age", "defaultValue": "2"}, "text"),
        ({"name": "age", "type": "number"}, "number"),
        ({"name": "age", "variableType": "Number"}, "number"),
        ({"name": "age", "type": "NUMERIC"}, "number"),
        ({"name": "age", "variableType": "Scale"}, "number"),
        ({"name": "age", "type": "text"}, "text"),
        ({"name": "years", "type": "number"}, "text"),
        ("age", "text"),
    ],
)
def test_embedded_data_is_text_unless_its_type_says_number(field: Any, kind: Kind) -> None:
    """`0017` in a field without a type is no 17."""
    assert kind_in(survey_of(embedded_data=[field]), "age") == kind


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("datetime", "2026-05-02 08:00:00", datetime(2026, 5, 2, 8, tzinfo=UTC)),
        ("datetime", "2026-05-02T08:00:00.5Z", datetime(2026, 5, 2, 8, 0, 0, 500_000, tzinfo=UTC)),
        ("datetime", "2026-05-02 08:00", datetime(2026, 5, 2, 8, tzinfo=UTC)),
        ("datetime", "2026-05-02T10:00:00+02:00", datetime(2026, 5, 2, 8, tzinfo=UTC)),
        ("integer", "-99", -99),
        ("integer", "0", 0),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("number", "40.43060302734375", 40.43060302734375),
        ("number", "-0.1", -0.1),
        ("number", ".5", 0.5),
        ("number", "1e3", 1000.0),
        ("number", "1.50", 1.5),
        ("number", "4", 4.0),
        ("flag", "1", True),
        ("flag", "0", False),
        ("flag", "True", True),
        ("flag", "false", False),
        ("choices", "1,3", [1, 3]),
        ("choices", "-99", [-99]),
        ("text", "007", "007"),
        ("text", " ", " "),
    ],
)
def test_cells_are_read(kind: Kind, text: str, value: object) -> None:
    """Each kind from its spelling in a file."""
    found = read_cell(kind, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("datetime", "02/05/2026 08:00"),
        ("datetime", "2026-05-02"),
        ("datetime", "2026-02-30 08:00:00"),
        ("datetime", "0000-00-00 00:00:00"),
        ("datetime", "20260502 080000"),
        ("integer", "007"),
        ("integer", "-0"),
        ("integer", "1.0"),
        ("integer", "+1"),
        ("integer", " 1"),
        ("integer", "1_000"),
        ("integer", "٣"),
        ("integer", "9223372036854775808"),
        ("number", "007.5"),
        ("number", "1,5"),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e999"),
        ("number", "12345678901234567890.5"),
        ("number", "9007199254740993"),
        ("number", "1."),
        ("number", "."),
        ("flag", "2"),
        ("flag", "yes"),
        ("choices", "1, 3"),
        ("choices", "1,"),
        ("choices", "Red,Blue"),
        ("choices", "01,2"),
    ],
)
def test_cells_that_do_not_fit(kind: Kind, text: str) -> None:
    """What would lose a digit, a zero or a meaning is refused, and text takes it."""
    with pytest.raises(ValueError, match=r"^expected [^']*$"):
        read_cell(kind, text)
    assert not fits(kind, text)
    assert fits("text", text)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_cell_is_nothing(kind: Kind) -> None:
    """Files do not tell an empty answer from none."""
    assert read_cell(kind, "") is None
    assert read_cell(kind, "", decimal_comma=True, time_zone="Europe/Berlin") is None


@pytest.mark.parametrize(("text", "value"), [("1,5", 1.5), ("-0,25", -0.25), ("3", 3.0)])
def test_decimals_with_a_comma(text: str, value: float) -> None:
    """Only where the export asked for them; a point that the service left is one too, two marks are none."""
    assert read_cell("number", text, decimal_comma=True) == value
    assert read_cell("number", text.replace(",", "."), decimal_comma=True) == value
    assert not fits("number", "1.500,25", decimal_comma=True)
    assert cell_reader("number", decimal_comma=True)(text) == value
    with pytest.raises(ValueError, match="expected a number"):
        cell_reader("number")("1,5")
    assert fits("number", text) == ("," not in text)
    assert read_cell("integer", "3", decimal_comma=True) == 3


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        (None, 0),
        ("", 0),
        ("Z", 0),
        ("UTC", 0),
        ("GMT", 0),
        ("Europe/Berlin", 2),
        ("America/Denver", -6),
        ("+05:30", 5.5),
        ("-0300", -3),
    ],
)
def test_dates_are_in_the_columns_time_zone(zone: str | None, hours: float) -> None:
    """They become aware; a column without a zone is in UTC."""
    found = read_cell("datetime", "2026-05-02 08:00:00", time_zone=zone)
    assert isinstance(found, datetime)
    assert found.utcoffset() == timedelta(hours=hours)
    assert found.replace(tzinfo=None) == datetime(2026, 5, 2, 8)  # noqa: DTZ001  (as the file has it)


@pytest.mark.parametrize("zone", ["Nowhere/Land", "../secret", "+99:00", "\ud800", "Europe\x00", "a" * 300])
def test_a_time_zone_that_is_not_known_makes_no_date(zone: str) -> None:
    """Its dates stay text rather than be wrong; one with an offset of its own is a date."""
    assert not fits("datetime", "2026-05-02 08:00:00", time_zone=zone)
    assert fits("datetime", "2026-05-02T08:00:00Z", time_zone=zone)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "text"])
def test_an_error_does_not_repeat_the_cell(kind: Kind) -> None:
    """What respondents wrote is not for logs."""
    with pytest.raises(ValueError, match="expected") as told:
        read_cell(kind, "jane.doe@example.com")
    assert "jane" not in repr(told.value)
    assert told.value.__suppress_context__ or told.value.__context__ is None


def test_hours_when_clocks_change() -> None:
    """A time that clocks leave out in spring is no date; of two that they show in autumn it is the first."""
    berlin = "Europe/Berlin"
    assert not fits("datetime", "2026-03-29 02:30:00", time_zone=berlin)
    assert fits("datetime", "2026-03-29 02:30:00", time_zone="+01:00")
    assert fits("datetime", "2026-03-29 02:30:00+01:00", time_zone=berlin)
    found = read_cell("datetime", "2026-10-25 02:30:00", time_zone=berlin)
    assert isinstance(found, datetime)
    assert found.utcoffset() == timedelta(hours=2)
    assert not fits("datetime", "0001-01-01 00:00:00", time_zone=berlin)
    assert not fits("datetime", "2026-05-01 24:00:00")


def test_kinds_widen_to_text() -> None:
    """Every kind gets to text, by way of what may hold it."""
    steps: dict[Kind, list[Kind]] = {
        "flag": ["integer", "number", "text"],
        "datetime": ["text"],
        "choices": ["text"],
        "text": ["text"],
    }
    for kind, expected in steps.items():
        found = [widen(kind)]
        while found[-1] != "text":
            found.append(widen(found[-1]))
        assert found == expected


@given(st.sampled_from(KINDS), st.lists(st.text(max_size=8) | st.from_regex(r"-?[0-9,.]{0,20}"), max_size=5))
def test_no_cell_is_an_error_and_none_loses_data(kind: Kind, cells: list[str]) -> None:
    """Widened until all of it fits, a column holds every cell as it was."""
    while not all(fits(kind, cell) for cell in cells):
        assert kind != "text"
        kind = widen(kind)
    read = cell_reader(kind)
    for cell in filter(None, cells):
        found = read(cell)
        if isinstance(found, bool):
            assert found == (cell.lower() in ("1", "true"))
        elif isinstance(found, int | float):
            assert Decimal(repr(found)) == Decimal(cell)
        elif isinstance(found, list):
            assert ",".join(map(str, found)) == cell
        else:
            assert isinstance(found, datetime) or found == cell


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back(number: float) -> None:
    """What Python writes is read again, unless it needs more than 64 bits."""
    if isinstance(number, int):
        assert fits("integer", str(number)) == (abs(number) < 2**63)
    else:
        assert read_cell("number", repr(number)) == number
        assert read_cell("number", repr(number).replace(".", ","), decimal_comma=True) == number


def cells_of(name: str, *, comma: bool = False) -> tuple[dict[str, Kind], list[dict[str, Any]]]:
    """The kinds of a shape's columns, known without a survey and widened by its cells, and its rows."""
    with (SHAPES / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t" if name.endswith("tsv") else ","))
    columns = ColumnMap.from_header(rows[:3])
    kinds, cells = kinds_of(columns), rows[columns.header_rows :]
    for column in columns:
        while not all(
            fits(kinds[column.name], row[column.index], time_zone=column.time_zone, decimal_comma=comma)
            for row in cells
        ):
            kinds[column.name] = widen(kinds[column.name])
    readers = [
        cell_reader(kinds[column.name], time_zone=column.time_zone, decimal_comma=comma) for column in columns
    ]
    read = [[reader(cell) for reader, cell in zip(readers, row, strict=True)] for row in cells]
    return kinds, [dict(zip(columns.names, row, strict=True)) for row in read]


def test_a_german_file_is_read() -> None:
    """Local times become instants, across the night in which the clocks are put forward."""
    kinds, (first, second) = cells_of("german.csv", comma=True)
    assert kinds["LocationLatitude"] == "number"
    assert first["EndDate"].astimezone(UTC) - first["StartDate"].astimezone(UTC) == timedelta(seconds=305)
    assert (first["Sorten_1"], first["Sorten_2"], first["Größe"], first["Größe_2"]) == (True, None, 3, 1)
    assert first["Preis"] == "12,50"
    assert first["Straße"] == "Mühlgäßchen 7; Hinterhaus"
    assert (second["Finished"], second["LocationLatitude"], second["Zufriedenheit"]) == (False, None, 2)


def test_a_file_with_embedded_data_is_read() -> None:
    """Leading zeros and newlines stay, sizes and scores are numbers."""
    kinds, (first, second) = cells_of("embedded.csv")
    assert (kinds["Q4#2_1_1"], first["Q4#2_1_1"]) == ("text", "lorries, at 5")
    assert (first["ExternalReference"], first["cohort"], first["room, floor"]) == ("0017", "2026", "12, 3")
    assert (first["Q6_Size"], first["SC0"], first["Q7_First Click"]) == (48213, 7.5, 1.27)
    assert first["Q3"] == 'She said "quiet",\nand it was.\n\nThank you, all'
    assert first["Q_Notes"] == "line one\r\nline two"
    assert {name for name, value in second.items() if value is None} >= {"Q1", "Q3", "SC0", "cohort"}


def test_a_file_with_tabs_is_read() -> None:
    """A choice of a matrix is a flag, codes in one cell are text if nothing tells that they are a set."""
    kinds, (first, second) = cells_of("matrix.tsv")
    assert (kinds["Q1_1_1"], kinds["Q2"], kinds["Q2_2"], kinds["Q3_1_x"]) == (
        "flag",
        "text",
        "text",
        "number",
    )
    assert (first["Q2"], first["Q2_2"], first["Q3_1_y"]) == ("1,3", "Red,Blue", 44.0)
    assert second["StartDate"].utcoffset() == timedelta(hours=-7)


def test_thousands_of_columns_take_linear_time() -> None:
    """Eight times as many columns over a large survey take far less than 64 times as long."""

    def seconds(count: int) -> float:
        asked = {f"QID{number}": question("MC", "MAVR", choices=TWO) for number in range(count)}
        survey = Survey(id="SV_1", name="A survey", questions=asked)
        columns = ColumnMap([column_of("Q", "", {"ImportId": f"QID{number}"}) for number in range(count)])
        best = float("inf")
        for _ in range(3):
            before = time.process_time()
            assert set(kinds_of(columns, survey).values()) == {"choices"}
            best = min(best, time.process_time() - before)
        return best

    assert seconds(8_000) < 24 * max(seconds(1_000), 0.001)


def test_one_column_by_itself() -> None:
    """A column has its kind without a map as well."""
    assert kind_of(column_of("Finished", "", {})) == "flag"
    assert kind_of(column_of("Q1", "", {"ImportId": "QID1"})) == "integer"
    assert kind_of(column_of("Q1", "", {"ImportId": "QID1"}), labels=True) == "text"
