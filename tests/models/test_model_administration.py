"""What the models around users, erasure and imported data mean, and what they keep to themselves."""

from __future__ import annotations

import json
import pprint
import traceback
from typing import Any

import msgspec
import pytest
from reading import body, read, rows

from qualtrics_async.models.erasure_requests import ErasureRequest
from qualtrics_async.models.imported_data_projects import (
    ImportedDataExportOptions,
    ImportedDataExportProgress,
    ImportedDataFieldInput,
    ImportedDataProject,
    ImportedDataRecordsAdded,
)
from qualtrics_async.models.users import ApiToken, User, UserCreate, UserUpdate

PERSON: dict[str, str] = {
    "username": "mona@example.com",
    "first_name": "Mona",
    "last_name": "Quill",
    "user_type": "UT_1",
    "email": "mona@example.com",
}


def shown(secretive: object) -> str:
    """Return all that a program may print of a struct."""
    trace = "".join(traceback.format_exception(LookupError(secretive)))
    rich = getattr(secretive, "__rich_repr__")()  # noqa: B009  (what rich calls, whatever it prints)
    return f"{secretive} {secretive!r} {pprint.pformat([secretive])} {list(rich)} {trace}"


def test_an_api_token_is_not_shown() -> None:
    """Only the attribute has it, and it can still be stored."""
    token = read(ApiToken, {"apiToken": "hush"})
    assert token.api_token == "hush"
    assert "hush" not in shown(token)
    assert msgspec.json.encode(token) == b'{"apiToken":"hush"}'


def test_the_password_of_a_new_user_is_not_shown() -> None:
    """Neither is the person; the password is only in what is sent."""
    user = UserCreate(**PERSON, password="hush")
    assert json.loads(msgspec.json.encode(user))["password"] == "hush"
    assert "hush" not in shown(user)
    assert "mona" not in shown(user)
    assert "UT_1" in repr(user)


def test_what_is_not_set_of_a_user_stays_away() -> None:
    """And null is sent where it is meant."""
    assert json.loads(msgspec.json.encode(UserUpdate(status="Enabled", division_id=None))) == {
        "status": "Enabled",
        "divisionId": None,
    }


def test_permissions_may_be_an_empty_list() -> None:
    """PHP writes an empty object so."""
    (row,) = rows("user")
    assert read(User, row | {"permissions": []}).permissions == {}


@pytest.mark.parametrize(
    ("status", "finished", "failed"),
    [
        ("completed", True, False),
        ("Completed", True, False),
        ("failed", True, True),
        ("processing", False, False),
        (None, False, False),
    ],
)
def test_erasure_has_an_end(status: str | None, finished: bool, failed: bool) -> None:
    """The word is read without regard to case, and one that is not known is no end."""
    request = ErasureRequest(request_id="OP-1", status=status)
    assert (request.is_finished, request.is_failed) == (finished, failed)


@pytest.mark.parametrize(("word", "meant"), [("true", True), ("false", False), (True, True)])
def test_search_only_is_a_flag_in_text(word: object, meant: bool) -> None:
    """A client's data has it as text."""
    assert read(ErasureRequest, {"requestid": "OP-1", "searchOnly": word}).search_only is meant


def test_columns_have_types() -> None:
    """A project's columns are models of their own, and what makes them leaves out the type."""
    project = read(ImportedDataProject, rows("imported_data_project")[0])
    assert [(column.name, column.type) for column in project.fields or ()] == [
        ("branch", "string"),
        ("opened", "date-time"),
    ]
    assert msgspec.json.encode(ImportedDataFieldInput(name="branch")) == b'{"name":"branch"}'


@pytest.mark.parametrize(
    ("sample", "failed"),
    [("imported_data_records_added", None), ("imported_data_records_failed", [{"branch": "P-8"}])],
)
def test_failed_rows_are_beside_the_meta(sample: str, failed: Any) -> None:
    """There are none where all went well."""
    assert read(ImportedDataRecordsAdded, body(sample)).failed_rows == failed


def test_the_end_of_an_export_has_its_file() -> None:
    """A running one has none."""
    running, finished, failed = (
        read(ImportedDataExportProgress, rows(f"imported_data_export_{word}")[0])
        for word in ("running", "finished", "failed")
    )
    assert (running.is_finished, running.file_id) == (False, None)
    assert (finished.is_finished, finished.is_failed, finished.file_id) == (True, False, "idp-file-0001")
    assert (failed.is_finished, failed.is_failed) == (True, True)


def test_an_export_says_its_format() -> None:
    """The only thing that the service must be told."""
    assert msgspec.json.encode(ImportedDataExportOptions()) == b'{"format":"csv"}'
