"""`subscriptions`: listed in every format, deleted one by one, and never all of them at once."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

TOPIC = "surveyengine.completedResponse.*"
DELETE = "DELETE /eventsubscriptions/{subscriptionId}"
DELETE_ALL = "DELETE /eventsubscriptions"


def made(sandbox: Sandbox, count: int) -> list[str]:
    return [
        sandbox.state.add_subscription(TOPIC, f"https://hooks.example.com/{n}", shared_key="the-shared-key")
        for n in range(count)
    ]


def test_subscriptions_are_listed(call: Call, sandbox: Sandbox) -> None:
    """Every one of every page in every format, without a key."""
    ids = made(sandbox, 130)
    done = call("subscriptions", "list")
    listed = [json.loads(line) for line in done.out.splitlines()]
    assert [each["id"] for each in listed] == ids
    assert (listed[7]["topics"], listed[7]["publication_url"]) == (TOPIC, "https://hooks.example.com/7")
    assert (listed[7]["encrypted"], listed[7]["successful_calls"]) == (False, 0)
    assert json.loads(call("subscriptions", "list", "--format", "json").out) == listed
    rows = list(csv.DictReader(io.StringIO(call("subscriptions", "list", "--format", "csv").out)))
    assert [(row["id"], row["encrypted"]) for row in rows] == [(each, "false") for each in ids]
    table = call("subscriptions", "list", "--format", "table").out
    assert all(each in table for each in ids)
    assert "the-shared-key" not in done.out + table


def test_the_named_ones_are_deleted_and_no_other(call: Call, sandbox: Sandbox) -> None:
    """Each by a request of its own; an id that is given twice is one."""
    first, second, third = made(sandbox, 3)
    done = call("subscriptions", "delete", first, third, first)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"{first} was deleted\n{third} was deleted\n2 subscriptions: 2 deleted, 0 failed\n"
    assert list(sandbox.state.subscriptions) == [second]
    assert call("subscriptions", "delete", second).err == f"{second} was deleted\n"
    assert not sandbox.state.subscriptions
    assert (sandbox.calls[DELETE, 200], sandbox.calls[DELETE_ALL, 200]) == (3, 0)
    assert not sandbox.state.deleted_all_subscriptions


def test_one_that_fails_does_not_stop_the_others(call: Call, sandbox: Sandbox) -> None:
    """It is told, and the exit code says that some failed."""
    first, second = made(sandbox, 2)
    done = call("subscriptions", "delete", first, "SUB_nobody", second)
    assert done.code == 3
    assert "SUB_nobody was not deleted: " in done.err
    assert "ESSG_2" in done.err
    assert done.err.endswith("3 subscriptions: 2 deleted, 1 failed\n")
    assert not sandbox.state.subscriptions
    assert call("subscriptions", "delete", first).code == 3


def test_what_fails_for_all_is_an_error(call: Call, sandbox: Sandbox) -> None:
    """Who may not delete one may delete none: nothing further is tried."""
    ids = made(sandbox, 3)
    sandbox.faults.add(kind="status", status=403, route=DELETE, times=None)
    done = call("subscriptions", "delete", *ids)
    assert done.code == 1
    assert "403" in done.err
    assert sandbox.calls[DELETE, 403] == 1
    assert list(sandbox.state.subscriptions) == ids


@pytest.mark.parametrize("wrong", ["", " ", ".", "..", "../surveys", "a/b", "x?all=1", "x y"])
def test_what_is_no_id_deletes_nothing(call: Call, sandbox: Sandbox, wrong: str) -> None:
    """It is refused before the first request, with the good ones before it: a blank one would mean all."""
    ids = made(sandbox, 2)
    for argv in ([wrong], [ids[0], wrong], [wrong, ids[0]]):
        done = call("subscriptions", "delete", *argv)
        assert (done.code, done.out) == (2, "")
        assert "subscriptionId" in done.err
    assert list(sandbox.state.subscriptions) == ids
    assert not sandbox.requests


def test_without_an_id_nothing_is_deleted(call: Call, sandbox: Sandbox) -> None:
    """Nothing never means all."""
    ids = made(sandbox, 2)
    done = call("subscriptions", "delete")
    assert done.code == 2
    assert list(sandbox.state.subscriptions) == ids
    assert not sandbox.requests
