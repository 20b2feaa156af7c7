"""Whatever is sent, the sandbox answers and never breaks, neither then nor when it is read again.

Bodies are those that the tests of the client send, with anything in place of some of what is in them.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from reaching import functions, values
from speaking import speaking

from qualtrics_async.sandbox import ByPolls
from qualtrics_async.sandbox.handlers import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from speaking import Caller

    from qualtrics_async.sandbox import State
    from qualtrics_async.sandbox.routing import Operation

    Change = tuple[int, Any]
    Sent = tuple[Any, dict[str, str]]

TESTS = Path(__file__).parents[1]
WRITES = [made for made in OPERATIONS if made.method in ("POST", "PUT", "PATCH")]
READS = [made for made in OPERATIONS if made.method == "GET"]
CREATIONS = {made.template: made for made in WRITES if made.method == "POST"}
ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    "",
    " ",
    "a@example.com",
    "2026-07-01T12:00:00Z",
    "\ud800",
    [],
    {},
    [[]],
    [{}],
)

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_WORD = re.compile(r"[A-Za-z][\w-]{1,40}")
_PREFIX = re.compile(r"[A-Z]+_")


def names() -> dict[tuple[str, str], str]:
    """The name on the client of each operation."""
    with (TESTS / "catalogue.tsv").open(encoding="utf-8", newline="") as file:
        return {(row["method"], row["path"]): row["name"] for row in csv.DictReader(file, delimiter="\t")}


NAMES = names()


@cache
def sent(operation: Operation) -> list[Sent]:
    """The bodies and queries that the client's tests send; without any, an empty one."""
    named = NAMES[operation.method, operation.template].split()
    cases = [case for case in CASES if case.name.partition(" ")[0] in named]
    plain = (str, int, float, list, dict, type(None))
    return [(case.body, case.query) for case in cases if isinstance(case.body, plain)] or [({}, {})]


@cache
def changes(operation: Operation) -> st.SearchStrategy[list[Change]]:
    """Where a body is changed, and what is there then: odd values and the handler's own words."""
    found = (text for made in functions(operation.handler) for value in values(made) for text in texts(value))
    own = st.sampled_from(sorted({text for text in found if _WORD.fullmatch(text)}))
    leaves = st.sampled_from(ODD) | own | st.integers(-1, 3)
    anything = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(own, inner, max_size=3),
        max_leaves=5,
    )
    return st.lists(st.tuples(st.integers(0, 30), anything), max_size=3)


def texts(value: object) -> Iterator[str]:
    """All text in a constant."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts((*value, *value.values()))
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from texts(item)


def changed(body: Any, place: int, value: Any) -> Any:
    """A body with another value at the n-th of its places, counted from outside; or the value alone."""
    if place == 0 or not isinstance(body, dict | list) or not body:
        return value
    keys = list(body) if isinstance(body, dict) else range(len(body))
    key = keys[(place - 1) % len(keys)]
    inner = changed(body[key], (place - 1) // len(keys), value)
    if isinstance(body, dict):
        return body | {key: inner}
    return [inner if index == key else item for index, item in enumerate(body)]


class Visitor:
    """Knows the ids of what there is: by the name of a placeholder, or by the path before it."""

    def __init__(self, call: Caller) -> None:
        self.call = call
        self.ids = arrange(call.sandbox.state)

    async def send(self, operation: Operation, body: Any, query: dict[str, str]) -> None:
        """Send one request, and keep the id of what was made; no answer may be the sandbox's own failure."""
        path = await self.path(operation)
        data = None if operation.method == "GET" else json.dumps(self.real(body)).encode()
        async with self.call.session.request(
            operation.method,
            path,
            params=self.real(query),
            data=data,
            headers={"Content-Type": "application/json"},
        ) as response:
            content = await response.read()
        # One refusal is a 500 in the vendor's own form: the links of a distribution that has none.
        assert response.status < 500 or b'"errorCode"' in content, (operation.route, query, body, content)
        if response.status == 200 and response.content_type == "application/json":
            self.learn(operation.template, json.loads(content))

    async def path(self, operation: Operation) -> str:
        """The address of an operation; parents that are not there are made where that is possible."""
        ids = {}
        for found in _PLACEHOLDER.finditer(operation.template):
            parent = operation.template[: found.start() - 1]
            # A list of Research Core's is its own, though its placeholder has the name of another one's.
            if parent not in self.ids and (found[1] not in self.ids or parent.count("/") == 1):
                self.ids[parent] = self.ids.get(found[1], "NONE_1")
                if parent in CREATIONS:
                    await self.send(CREATIONS[parent], *sent(CREATIONS[parent])[0])
            ids[found[1]] = self.ids.get(parent) or self.ids[found[1]]
        root = self.call.sandbox.base_url if operation.base is None else self.call.sandbox.origin
        return root + (operation.base or "") + operation.template.format(**ids)

    def real(self, value: Any) -> Any:
        """A body or a query with the ids of what there is, in place of those with the same prefix."""
        if isinstance(value, dict):
            return {key: self.real(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.real(item) for item in value]
        prefix = _PREFIX.match(value) if isinstance(value, str) else None
        if prefix is None:
            return value
        return next((made for made in self.ids.values() if made.startswith(prefix[0])), value)

    def learn(self, template: str, answer: Any) -> None:
        """Keep the first id of an answer."""
        result = answer.get("result", {key: answer[key] for key in answer if key != "meta"})
        for key, value in result.items() if isinstance(result, dict) else ():
            if key.lower().endswith(("id", "key")) and isinstance(value, str) and value:
                self.ids[template] = value
                return


def arrange(state: State) -> dict[str, str]:
    """What there is at the beginning."""
    list_id = state.add_mailing_list("List")
    contact = state.add_contact(list_id, email="a@example.com")
    project_id = state.add_ex_project()
    return {
        "/employee-directories": "ex",
        "/tickets": state.add_ticket("Cold soup"),
        "directoryId": state.default_directory_id,
        "mailingListId": list_id,
        "contactId": contact.id,
        "surveyId": state.survey_id,
        "distributionId": state.add_distribution(state.survey_id, list_id).id,
        "responseId": state.add_response(state.survey_id).id,
        "userId": state.user_id,
        "libraryId": state.user_id,
        "organizationId": state.brand_id,
        "batchId": state.add_transaction_batch(),
        "transactionId": state.add_transaction(list_id, contact.id),
        "participantId": state.add_participant(project_id, "E-1"),
        "projectId": project_id,
    }


async def visit(operation: Operation, writes: list[tuple[Sent, list[Change]]]) -> None:
    """Write, and then read what may have come of it."""
    async with speaking(jobs=ByPolls(0)) as call:
        visitor = Visitor(call)
        for (body, query), places in writes:
            for place, value in places:
                body = changed(body, place, value)  # noqa: PLW2901  # changed at each place
            await visitor.send(operation, body, query)
        for read in READS:
            if read.template.split("/")[1] == operation.template.split("/")[1]:
                await visitor.send(read, None, sent(read)[-1][1])


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.route)
def test_no_body_breaks_the_sandbox(operation: Operation) -> None:
    write = st.tuples(st.sampled_from(sent(operation)), changes(operation))

    @settings(max_examples=6, deadline=None)
    @given(st.lists(write, min_size=1, max_size=3))
    def attempt(writes: list[tuple[Sent, list[Change]]]) -> None:
        asyncio.run(visit(operation, writes))

    attempt()
