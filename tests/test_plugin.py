"""The fixtures that users' tests get."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async import Qualtrics, bulk

if TYPE_CHECKING:
    from qualtrics_async.sandbox import Sandbox

pytest_plugins = ["pytester"]


def test_the_client_speaks_to_the_sandbox(qualtrics: Qualtrics, qualtrics_sandbox: Sandbox) -> None:
    """The client is made for the sandbox and enters in whatever loop the test has."""

    async def use() -> str | None:
        async with qualtrics as client:
            return (await client.users.whoami()).user_id

    assert asyncio.run(use()) == qualtrics_sandbox.state.user_id
    assert [record.route for record in qualtrics_sandbox.requests] == ["/whoami"]


def test_faults_cost_no_time(qualtrics: Qualtrics, qualtrics_sandbox: Sandbox) -> None:
    """Repeats and polls are quick enough for a test-suite, and happen nevertheless."""
    qualtrics_sandbox.faults.add(kind="status", route="/whoami", status=503, times=2)
    qualtrics_sandbox.faults.add(kind="status", route="/whoami", status=429, times=2)
    list_id = qualtrics_sandbox.state.add_mailing_list("List")
    directory_id = qualtrics_sandbox.state.default_directory_id

    async def use() -> bulk.Summary:
        async with asyncio.timeout(5), qualtrics as client:
            await client.users.whoami()
            rows = [{"email": "ann@example.com"}]
            async with bulk.import_contacts(client, directory_id, rows, mailing_list=list_id) as outcomes:
                async for _ in outcomes:
                    pass
            return outcomes.summary

    assert asyncio.run(use()).ok == 1
    assert qualtrics_sandbox.calls["GET /whoami", 200] == 1


USERS_TEST = """
import pytest

NAMES = []

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_one(qualtrics, qualtrics_sandbox, anyio_backend):
    async with qualtrics as client:
        await client.surveys.list().collect()
    assert len(qualtrics_sandbox.requests) == 1

def test_each_test_has_its_own(qualtrics_sandbox):
    assert not qualtrics_sandbox.requests
"""


def test_a_users_test_suite(pytester: pytest.Pytester) -> None:
    """The fixtures are there without configuration, under anyio's plugin too, new for every test."""
    pytester.makepyfile(USERS_TEST)
    result: Any = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=2)


def test_loading_the_plugin_is_cheap() -> None:
    """Every pytest run of the environment loads the plugin; the sandbox comes only when it is used."""
    program = (
        "import sys, qualtrics_async.pytest_plugin; "
        "print([name for name in sys.modules if name.startswith(('aiohttp.web', 'qualtrics_async.sandbox'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.strip() == "[]"
