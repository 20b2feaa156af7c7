"""Every class of the error tree is raised by a fault, survives the way between processes and reads well."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from talking import client_of, subscribe, talking
from virtual import virtual

from qualtrics_async import Limits, Polling, Qualtrics, QualtricsError, errors, webhooks
from qualtrics_async.models import ContactImportRow
from qualtrics_async.sandbox import Sandbox

Scenario = Callable[[Sandbox, Qualtrics], Awaitable[Any]]
FORM = "application/x-www-form-urlencoded"


def faulty(route: str = "GET /whoami", **fault: Any) -> Scenario:
    async def scenario(sandbox: Sandbox, client: Qualtrics) -> Any:
        sandbox.faults.add(route=route, times=None, **fault)
        return await client.with_options(retries=1).users.whoami()

    return scenario


async def no_token(sandbox: Sandbox, client: Qualtrics) -> None:
    Qualtrics(base_url=sandbox.base_url)


async def no_id(sandbox: Sandbox, client: Qualtrics) -> None:
    await client.event_subscriptions.delete("")


async def no_server(sandbox: Sandbox, client: Qualtrics) -> None:
    await sandbox.close()
    await client.users.whoami()


async def silent(sandbox: Sandbox, client: Qualtrics) -> None:
    fault = sandbox.faults.add(kind="delay", route="GET /whoami")
    try:
        await client.with_options(deadline=1).users.whoami()
    finally:
        fault.release()


async def doubt(sandbox: Sandbox, client: Qualtrics) -> None:
    sandbox.faults.add(kind="cut", when="after", route="POST /eventsubscriptions")
    await subscribe(client)


async def circle(sandbox: Sandbox, client: Qualtrics) -> None:
    sandbox.faults.add(kind="repeat_page", route="GET /surveys", times=None)
    await client.surveys.list().collect()


async def job(sandbox: Sandbox, client: Qualtrics) -> None:
    sandbox.faults.add(kind="failed_job", route="*", times=None)
    client.polling = Polling(first=0.1)
    directory = sandbox.state.default_directory_id
    made = await client.mailing_lists.create(directory, name="list")
    started = await client.contact_imports.start(
        directory, made.id, [ContactImportRow(email="a@example.com")]
    )
    await client.wait(started.id, lambda: client.contact_imports.progress(directory, made.id, started.id))


# An own journal's file that is none: shown here by its class alone, for real in the tests of the journal.
async def journal(sandbox: Sandbox, client: Qualtrics) -> None:
    raise errors.JournalError("journal: not a journal", reason="foreign")


def delivery(
    body: bytes,
    content_type: str = FORM,
    key: str | None = None,
    **options: Any,
) -> Scenario:
    async def scenario(sandbox: Sandbox, client: Qualtrics) -> Any:
        return webhooks.parse(body, content_type, key, **options)

    return scenario


COMPLETED = b"Topic=surveyengine.completedResponse.SV_1&SurveyID=SV_1&ResponseID=R_1"
SCENARIOS: dict[str, Scenario] = {
    "ConfigError": no_token,
    "UsageError": no_id,
    "TransportError": faulty(kind="cut"),
    "ConnectFailed": no_server,
    "TimedOut": silent,
    "OutcomeUnknown": doubt,
    "DecodeError": faulty(kind="malformed"),
    "InvalidRequest": faulty(kind="status", status=400, code="RP_9"),
    "Unauthorized": faulty(kind="status", status=400, code="ATP_2"),
    "Forbidden": faulty(kind="status", status=403, code="AuthZ_2.0"),
    "NotFound": faulty(kind="status", status=404, body="no_request_id"),
    "Conflict": faulty(kind="status", status=409),
    "RateLimited": faulty(kind="status", status=429, retry_after=0),
    "ServerFault": faulty(kind="status", status=502, body="html"),
    "UnexpectedStatus": faulty(kind="error_in_200"),
    "JobFailed": job,
    "CursorRefused": circle,
    "JournalError": journal,
    "DeliveryTooLarge": delivery(COMPLETED, max_size=10),
    "DeliveryTypeRefused": delivery(COMPLETED, "text/plain"),
    "DeliveryMalformed": delivery(b"Topic=surveyengine.completedResponse.SV_1"),
    "DeliveryExpired": delivery(COMPLETED + b"&CompletedDate=2019-06-25+07:58:25", max_age=60),
    "DeliveryEncrypted": delivery(b"Topic=surveyengine.completedResponse.SV_1&MSG=MDEyMzQ1Njc4OWFiY2RlZg=="),
    "SignatureMismatch": delivery(COMPLETED, key="key"),
    "TopicMismatch": delivery(COMPLETED + b"&Status=Partial"),
}
PARENTS = {"QualtricsError", "ApiError", "DeliveryError"}  # nothing is raised as these


def test_every_class_of_the_tree_has_its_fault() -> None:
    """A new class needs a scenario; a scenario without a class is out of date."""
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, QualtricsError)
    }
    assert classes - PARENTS == SCENARIOS.keys()


@pytest.mark.parametrize("name", SCENARIOS)
@virtual
async def test_each_class_is_raised_by_its_fault(name: str) -> None:
    """The sandbox provokes exactly this class; message and attributes are whole and survive pickling."""
    async with talking(limits=Limits()) as (sandbox, client):
        with pytest.raises(QualtricsError) as caught:
            await SCENARIOS[name](sandbox, client)
    error = caught.value
    assert type(error).__name__ == name
    assert str(error)
    assert "\n" not in str(error)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert {**vars(again), "detail": None} == {**vars(error), "detail": None}
    if isinstance(error, errors.ApiError | errors.TransportError | errors.DecodeError):
        assert (error.method, error.template) in {
            ("GET", "/whoami"),
            ("POST", "/eventsubscriptions"),
        }
        assert error.attempts >= 1
        assert f"{error.method} {error.template}" in str(error)
    if name != "NotFound" and isinstance(error, errors.ApiError) and error.message:
        assert error.request_id
        assert error.request_id in str(error)


def test_usage_errors_are_value_errors() -> None:
    """Who catches ValueError catches a bad argument."""
    assert issubclass(errors.UsageError, ValueError)
    assert not issubclass(errors.ConfigError, ValueError)


@virtual
async def test_an_error_holds_no_connection_and_no_loop() -> None:
    """An error may be kept for the end of a job of a million rows: it pickles small."""
    async with Sandbox() as sandbox, client_of(sandbox) as client:
        sandbox.faults.add(kind="status", status=400, route="GET /surveys")
        with pytest.raises(QualtricsError) as caught:
            await client.surveys.list().collect()
        assert len(pickle.dumps(caught.value)) < 2000
