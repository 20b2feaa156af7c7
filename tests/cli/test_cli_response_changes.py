"""`responses update` and `delete`: what becomes of the responses that a file names."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

UPDATE = "POST /surveys/{surveyId}/update-responses"
DELETE = "POST /surveys/{surveyId}/delete-responses"
ROUTES = {"update": UPDATE, "delete": DELETE}


@pytest.fixture
def survey(sandbox: Sandbox) -> str:
    """A survey with three responses."""
    made = sandbox.state.add_survey("Customers")
    for _ in range(3):
        sandbox.state.add_response(made)
    return made


def ids_of(sandbox: Sandbox, survey: str) -> list[str]:
    """The responses of the survey."""
    return [response.id for response in sandbox.state.responses_of(survey)]


def posts(sandbox: Sandbox, route: str) -> int:
    """How many requests of a route arrived."""
    return sum(count for (called, _), count in sandbox.calls.items() if called == route)


def write(*lines: str, name: str = "a.csv") -> None:
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_responses_are_updated(call: Call, sandbox: Sandbox, survey: str) -> None:
    """Cells become embedded data; what fails is in the failures, as in the file, and can be given again."""
    one, two, three = ids_of(sandbox, survey)
    write("ResponseId,Segment,Größe", f"{one},gold,12", "R_none,gold,3", f"{two},,14", f"{three},,")
    done = call("responses", "update", survey, "a.csv", "--failures", "f.csv")
    assert done.code == 3, done.err
    assert "4 rows" in done.err
    assert "2 done, 2 failed" in done.err
    values = [response.values for response in sandbox.state.responses_of(survey)]
    assert [(found.get("Segment"), found.get("Größe")) for found in values] == [
        ("gold", "12"),
        (None, "14"),
        (None, None),
    ]
    failed = [(row["ResponseId"], row["Segment"], row["_reason"], row["_line"]) for row in rows_of("f.csv")]
    assert failed == [("R_none", "gold", "refused by the job", "3"), (three, "", "no embedded data", "5")]
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "f.csv"]
    text = Path("f.csv").read_text(encoding="utf-8").replace("R_none", three)
    write(*text.splitlines()[:2], name="again.csv")
    assert call("responses", "update", survey, "again.csv").code == 0
    assert [key for key in values[2] if key.startswith("_") and key != "_recordId"] == []
    assert values[2]["Segment"] == "gold"


@pytest.mark.parametrize("keep", [True, False])
def test_the_recorded_date(call: Call, sandbox: Sandbox, survey: str, keep: bool) -> None:
    """It becomes that of the update, unless it is to be kept."""
    dates = [response.values["recordedDate"] for response in sandbox.state.responses_of(survey)]
    write("responseId,a", *(f"{name},b" for name in ids_of(sandbox, survey)))
    assert call("responses", "update", survey, "a.csv", *(["--keep-recorded-date"] if keep else [])).code == 0
    after = [response.values["recordedDate"] for response in sandbox.state.responses_of(survey)]
    assert (after == dates) is keep


def test_options_of_an_update(call: Call, sandbox: Sandbox, survey: str) -> None:
    """A column of one's own, empty cells that clear, responses that are not there and do not matter."""
    one, *_ = ids_of(sandbox, survey)
    sandbox.state.responses[one].values["Segment"] = "gold"
    write("Case;Segment", f"{one};", "R_none;x")
    argv = ["responses", "update", survey, "a.csv", "--response-id-column", "Case", "--clear-empty"]
    done = call(*argv, "--ignore-missing", "--delimiter", ";")
    assert done.code == 0, done.err
    assert not sandbox.state.responses[one].values["Segment"]


def test_responses_are_deleted_when_that_is_meant(call: Call, sandbox: Sandbox, survey: str) -> None:
    """Nothing is deleted without --confirm."""
    one, two, three = ids_of(sandbox, survey)
    write("_recordId,Segment", f"{one},gold", f"{three},", "R_none,")
    argv = ["responses", "delete", survey, "a.csv", "--failures", "f.csv"]
    refused = call(*argv)
    assert (refused.code, sandbox.calls.total()) == (2, 0)
    assert "--confirm" in refused.err
    done = call(*argv, "--confirm")
    assert done.code == 3
    assert "2 done, 1 failed" in done.err
    assert ids_of(sandbox, survey) == [two]
    assert [row["_recordId"] for row in rows_of("f.csv")] == ["R_none"]


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_column_that_is_not_there(call: Call, sandbox: Sandbox, survey: str, verb: str) -> None:
    """It is a wrong usage that names the columns, and nothing is sent."""
    write("ResponseId,Segment", f"{ids_of(sandbox, survey)[0]},gold")
    argv = ["responses", verb, survey, "a.csv", *(["--confirm"] if verb == "delete" else [])]
    done = call(*argv, "--response-id-column", "Case")
    assert done.code == 2
    assert "--response-id-column: no column is called 'Case'; there are ResponseId, Segment" in done.err
    assert not posts(sandbox, ROUTES[verb])
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv"]


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_same_command_goes_on(call: Call, sandbox: Sandbox, survey: str, verb: str) -> None:
    """A journal that was named knows what was done: the rest is sent, and nothing twice."""
    names = ids_of(sandbox, survey)
    write("responseId,a", *(f"{name},b" for name in names))
    sandbox.faults.add(kind="status", status=403, route=ROUTES[verb])
    argv = ["responses", verb, survey, "a.csv", "--journal", "j.db"]
    argv += ["--confirm"] if verb == "delete" else []
    stopped = call(*argv)
    assert stopped.code == 1
    assert Path("j.db").exists()
    done = call(*argv)
    assert done.code == 0, done.err
    left = sandbox.state.responses_of(survey)
    assert [response.values.get("a") for response in left] == (["b"] * 3 if verb == "update" else [])
    assert call(*argv).code == 0
    assert posts(sandbox, ROUTES[verb]) == 2


def test_what_is_in_doubt_is_said(call: Call, sandbox: Sandbox, survey: str) -> None:
    """A reply that was lost is looked for; without a trace the rows are in doubt, and the journal stays."""
    names = ids_of(sandbox, survey)
    write("responseId,a", *(f"{name},b" for name in names))
    sandbox.faults.add(kind="cut", route=UPDATE)
    argv = ["responses", "update", survey, "a.csv", "--reconcile-timeout", "0", "--failures", "f.csv"]
    done = call(*argv)
    assert done.code == 3
    assert "3 in doubt" in done.err
    assert [row["_outcome"] for row in rows_of("f.csv")] == ["in doubt"] * 3
    assert call(*argv, "--on-doubt", "resend").code == 3  # decided already
    assert posts(sandbox, UPDATE) == 1


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_wrong_usages(call: Call, sandbox: Sandbox, survey: str, verb: str) -> None:
    """A file that is not there, an id that is none, a deadline that is none: nothing is sent."""
    write("responseId,a", "R_1,b")
    extra = ["--confirm"] if verb == "delete" else []
    assert call("responses", verb, survey, "b.csv", *extra).code == 2
    assert call("responses", verb, "SV/1", "a.csv", *extra).code == 2
    assert call("responses", verb, survey, "a.csv", "--deadline", "0", *extra).code == 2
    assert not posts(sandbox, ROUTES[verb])


def export(call: Call, survey: str) -> list[list[str]]:
    """Export the survey, and return its cells with a column that a user has added."""
    assert call("responses", "export", survey, "--output", "out.csv").code == 0
    with Path("out.csv").open(newline="", encoding="utf-8-sig") as file:
        names, *rows = csv.reader(file)
    return [[*names, "Segment"], *([*row, "" if n < 2 else "gold"] for n, row in enumerate(rows))]


def test_an_exported_table_is_given_again(call: Call, sandbox: Sandbox, survey: str) -> None:
    """Its header rows are no rows, its answers stay what they are, and what was done is said."""
    rows = export(call, survey)
    with Path("a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    before = [set(response.values) for response in sandbox.state.responses_of(survey)]
    done = call("responses", "update", survey, "a.csv")
    assert done.code == 0, done.err
    assert "3 rows" in done.err
    assert "columns left out, because exports have them: StartDate, EndDate" in done.err
    (told,) = [line for line in done.err.splitlines() if line.startswith("columns set: ")]
    assert "Segment" in told
    assert "Q1" not in told
    for response, keys in zip(sandbox.state.responses_of(survey), before, strict=True):
        assert set(response.values) - keys <= {"Segment", "cohort"}
        assert response.values["Segment"] == "gold"
    assert call("responses", "delete", survey, "a.csv", "--confirm").code == 0
    assert ids_of(sandbox, survey) == []


def test_columns_that_are_named(call: Call, sandbox: Sandbox, survey: str) -> None:
    """Only they are sent, one that looks like an export's too; one that is not there is a wrong usage."""
    one, *_ = ids_of(sandbox, survey)
    write("ResponseId,Status,Segment,Region", f"{one},kept,gold,north")
    argv = ["responses", "update", survey, "a.csv"]
    wrong = call(*argv, "--column", "Segment", "--column", "Segmnt")
    assert (wrong.code, posts(sandbox, UPDATE)) == (2, 0)
    assert "no column is called Segmnt; there are ResponseId, Status, Segment, Region" in wrong.err
    done = call(*argv, "--column", "Status", "--column", "Segment")
    assert done.code == 0, done.err
    values = sandbox.state.responses[one].values
    assert (values["Status"], values["Segment"], values.get("Region")) == ("kept", "gold", None)


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_dry_run_sends_nothing(call: Call, sandbox: Sandbox, survey: str, verb: str) -> None:
    """It counts rows, columns and requests, and writes down what would be refused; no --confirm is needed."""
    one, two, _ = ids_of(sandbox, survey)
    write("ResponseId,Status,Segment", f"{one},1,gold", f"{two},1,x", f"{two},1,x")
    done = call("responses", verb, survey, "a.csv", "--dry-run", "--failures", "f.csv")
    assert done.code == 3, done.err
    found = {tuple(line.rsplit(maxsplit=1)) for line in done.out.splitlines()}
    assert {("rows", "3"), ("valid", "2"), ("refused", "1"), ("jobs", "1")} <= found
    wanted = {("  Segment", "set"), ("columns", "1"), ("requests", "5")}
    assert wanted <= found if verb == "update" else ("requests", "2") in found
    assert ("Status" in done.out) == (verb == "update")
    assert "line 4: twice in the input" in done.err
    assert "nothing was sent" in done.err
    assert not posts(sandbox, ROUTES[verb])
    (row,) = rows_of("f.csv")
    assert [*row] == ["ResponseId", "Status", "Segment", "_outcome", "_reason", "_error", "_line"]
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv", "f.csv"]


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_a_file_that_names_no_responses(call: Call, sandbox: Sandbox, survey: str, verb: str) -> None:
    """It is one wrong usage, with the option that helps, and no failures file as large as the input."""
    write("id,Segment", *(f"{name},gold" for name in ids_of(sandbox, survey)))
    argv = ["responses", verb, survey, "a.csv", *(["--confirm"] if verb == "delete" else [])]
    done = call(*argv, "--failures", "f.csv")
    assert (done.code, posts(sandbox, ROUTES[verb])) == (2, 0)
    assert "no column is called 'responseId'; there are id, Segment" in done.err
    assert "--response-id-column" in done.err
    assert not Path("f.csv").exists()
    assert call(*argv, "--response-id-column", "id").code == 0


@pytest.mark.parametrize("lines", [(), ("ResponseId,Segment",)])
def test_a_file_without_rows_says_so(
    call: Call, sandbox: Sandbox, survey: str, lines: tuple[str, ...]
) -> None:
    """Nothing is sent, and that is said."""
    Path("a.csv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    done = call("responses", "update", survey, "a.csv")
    assert done.code == 0
    assert "a.csv has no rows: nothing was sent" in done.err
    assert not posts(sandbox, UPDATE)
