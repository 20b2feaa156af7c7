"""A survey with responses in a sandbox, jobs over them, and the account that each has to settle."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from working import Scene, scene

from qualtrics_async import Qualtrics, bulk
from qualtrics_async.bulk import Failed, InDoubt, Ok, Outcomes, ResponseChanged, ResponseRow

UPDATE = "POST /surveys/{surveyId}/update-responses"
UPDATING = "GET /surveys/{surveyId}/update-responses/{progressId}"
DELETE = "POST /surveys/{surveyId}/delete-responses"
DELETING = "GET /surveys/{surveyId}/delete-responses/{progressId}"
GET_RESPONSE = "GET /surveys/{surveyId}/responses/{responseId}"

Job = AbstractAsyncContextManager[Outcomes[ResponseRow, ResponseChanged]]


@dataclass
class Survey:
    """A survey, and the ids of the responses that it had at the beginning."""

    scene: Scene
    id: str
    responses: list[str]

    def rows(self, count: int | None = None) -> list[dict[str, Any]]:
        """Make an update of each response, told apart by its value."""
        return [{"responseId": name, "Segment": f"s{n}"} for n, name in enumerate(self.responses[:count])]

    def job(self, kind: str, rows: Any, *, client: Qualtrics | None = None, **options: Any) -> Job:
        """Update or delete, ten responses a job."""
        client = client or self.scene.client
        given = {"chunk_rows": 10, **options}
        if kind == "update":
            return bulk.update_responses(client, self.id, rows, **given)
        return bulk.delete_responses(client, self.id, rows, confirm=True, **given)

    def values(self, response_id: str) -> dict[str, Any] | None:
        """What a response has; None if it is gone."""
        found = self.scene.sandbox.state.responses.get(response_id)
        return None if found is None else found.values

    def once(self) -> Counter[str]:
        """How often what must be done once was done to each response."""
        done: Counter[str] = Counter()
        for record in self.scene.sandbox.requests:
            if record.method != "POST" or not record.processed or record.status == 400:
                continue
            if record.fault == "failed_job":
                continue
            items = json.loads(record.body or b"{}")
            for item in (*items.get("updates", ()), *items.get("deletes", ())):
                done[item["responseId"]] += bool(
                    item.get("resetRecordedDate", "deletes" not in items) if "updates" in items else False
                ) or bool(item.get("decrementQuotas"))
        return +done

    def settle(self, kind: str, rows: list[Any], outcomes: Iterable[Any], *, ignored: bool = False) -> Any:
        """Check that each row has exactly one outcome, that it is true, and that nothing was done twice."""
        by_index: dict[int, Any] = {}
        for outcome in outcomes:
            assert outcome.item.index not in by_index, f"row {outcome.item.index} has two outcomes"
            by_index[outcome.item.index] = outcome
        assert sorted(by_index) == list(range(len(rows)))
        for index, outcome in by_index.items():
            self._compare(kind, rows[index], outcome, ignored=ignored)
        assert not {name: count for name, count in self.once().items() if count > 1}
        return by_index

    def _compare(self, kind: str, row: Any, outcome: Any, *, ignored: bool) -> None:
        name = row if isinstance(row, str) else row["responseId"]
        found = self.values(name)
        match outcome:
            case Ok(value=value):
                assert value.response_id == outcome.item.response_id == name
                if kind == "delete":
                    assert found is None
                else:
                    assert (ignored and found is None) or (found or {})["Segment"] == row["Segment"]
            case Failed() if outcome.reason != "twice in the input":
                if kind == "delete":
                    assert (found is None) == (name not in self.responses)
                else:
                    assert found is None or found.get("Segment") != row["Segment"]
            case Failed() | InDoubt():
                assert outcome.item.response_id == name
            case _:
                raise AssertionError(outcome)


@asynccontextmanager
async def survey(responses: int = 0, **options: Any) -> AsyncGenerator[Survey]:
    """Open a sandbox with a survey that has so many responses."""
    async with scene(record_bodies=True, **options) as s:
        made = s.sandbox.state.add_survey("Customers")
        ids = [s.sandbox.state.add_response(made).id for _ in range(responses)]
        yield Survey(s, made, ids)
