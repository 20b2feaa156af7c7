"""Exports of responses over bare aiohttp, from their start to their file."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exporting import table

from qualtrics_async.sandbox import Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from speaking import Caller

FILE = "GET /surveys/{surveyId}/export-responses/{fileId}/file"
START = "POST /surveys/{surveyId}/export-responses"
EVERY_KIND = (
    Question("single", "How was <b>it</b>?", ("Good", "Bad, really"), other='Other "thing"'),
    Question("multiple", "Which?\nTick all.", ("Red", "Blue", "Käse"), other="Another", tag="which"),
    Question("text", "Why?"),
    Question("number", "How many?"),
    Question("matrix", "Rate", ("Low", "High"), statements=("Price", "Staff")),
    Question("description", "Thank you"),
    Question("single", "Again?", ("Yes", "No"), tag="Q1"),
)
EMBEDDED = {"site": "String", "score": "Number"}


@dataclass
class Fetched:
    """A file with its status and headers."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def members(self) -> dict[str, bytes]:
        """The members of the zip, whose checksums are right."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    @property
    def plain(self) -> bytes:
        """The only member of the zip, or what is none."""
        if self.headers["Content-Type"] != "application/zip":
            return self.content
        (content,) = self.members.values()
        return content


async def ready(call: Caller, survey_id: str, **options: Any) -> str:
    """The address of the file of an export, of csv unless another format is named."""
    path = f"/surveys/{survey_id}/export-responses"
    started = await call.post(path, {"format": "csv"} | options)
    progress = await call.get(f"{path}/{started.result['progressId']}")
    return f"{call.sandbox.base_url}{path}/{progress.result['fileId']}/file"


async def fetch(call: Caller, url: str, **headers: str) -> Fetched:
    """A file, with headers of the request whose names have `_` for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with call.session.get(url, headers=sent) as response:
        return Fetched(response.status, response.headers, await response.read())


async def export(call: Caller, survey_id: str, **options: Any) -> Fetched:
    """The file of an export."""
    return await fetch(call, await ready(call, survey_id, **options))


def ids(content: bytes, form: str = "csv") -> list[str]:
    """The ids of the responses in a file, in order."""
    return [row["responseId"] for row in records(content, form)]


def records(content: bytes, form: str) -> list[dict[str, Any]]:
    """What a file has of each response, by import id in a table."""
    if form == "json":
        found: list[dict[str, Any]] = json.loads(content)["responses"]
        return found
    if form == "ndjson":
        return [json.loads(line) for line in content.decode().split("\n") if line]
    keys, rows = keyed(table(content, "\t" if form == "tsv" else ","))
    return [dict(zip(keys, row, strict=True)) | {"responseId": row[keys.index("_recordId")]} for row in rows]


def keyed(found: Sequence[list[str]]) -> tuple[list[str], Sequence[list[str]]]:
    """The import ids of the columns with their choices, and the rows below the headers."""
    return [_key(json.loads(text)) for text in found[2]], found[3:]


def _key(source: Mapping[str, Any]) -> str:
    choice = f"_{source['choiceId']}" if "choiceId" in source else ""
    return f"{source['ImportId']}{choice}{'_LABEL' if source.get('IsLabelsColumn') else ''}"


def survey_of_every_kind(call: Caller, name: str = "Every kind") -> str:
    """A survey with questions of every kind."""
    return call.sandbox.state.add_survey(name, questions=EVERY_KIND, embedded_data=EMBEDDED)
