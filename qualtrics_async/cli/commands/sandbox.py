"""`sandbox`."""

from __future__ import annotations

import asyncio
import math

from qualtrics_async.cli.output import counted, say, standard_output
from qualtrics_async.config import ENVIRONMENT
from qualtrics_async.errors import UsageError

__all__ = ["sandbox"]

LAST_PORT = 65_535
MOST_RESPONSES = 100_000_000
SHORTEST_PAUSE = 0.001
OTHERS = ("datacenter", "client_id", "client_secret")
LISTS = ("Customers", "Employees")


async def sandbox(
    *,
    port: int = 0,
    seed: int = 0,
    responses: int = 0,
    arrivals: float | None = None,
    limits: bool = False,
) -> None:
    """Run a fake of the service on this machine until Ctrl-C, and print the settings that lead to it.

    It starts with one directory, one active survey and two empty mailing lists. It delivers events to those
    who have subscribed, on this machine: `webhooks listen` in another terminal shows them.

    Args:
        port: where it listens; 0 takes a free port.
        seed: the same seed gives the same ids, token and answers.
        responses: how many the survey has, for exports to read; millions take no more memory than a few.
        arrivals: every so many seconds a response arrives, for `webhooks listen` and `responses follow`.
        limits: enforce a real brand's rate limits.
    """
    if not 0 <= port <= LAST_PORT:
        raise UsageError(f"--port is a number from 0 to {LAST_PORT}, got {port}")
    if not 0 <= responses <= MOST_RESPONSES:
        raise UsageError(f"--responses is a number from 0 to {MOST_RESPONSES:,}, got {responses:,}")
    if arrivals is not None and not SHORTEST_PAUSE <= arrivals < math.inf:
        raise UsageError(f"--arrivals is a number of seconds, at least {SHORTEST_PAUSE}, got {arrivals}")
    from qualtrics_async.sandbox import Quotas, Sandbox

    stdout = standard_output()
    fake = Sandbox(seed=seed, port=port, quotas=Quotas.real() if limits else None, record_requests=False)
    async with fake:
        found = {list_id: made.name for list_id, made in fake.state.mailing_lists.items()}
        found |= {fake.state.add_mailing_list(name): name for name in LISTS}
        if responses:
            fake.state.add_responses(fake.state.survey_id, responses, seed=seed)
        stdout.write(
            f"export QUALTRICS_BASE_URL={fake.base_url}\nexport QUALTRICS_API_TOKEN={fake.token}\n"
            f"unset {' '.join(ENVIRONMENT[name] for name in OTHERS)}\n"
        )
        stdout.flush()
        say(f"directory {fake.state.default_directory_id}")
        say(f"survey {fake.state.survey_id} ({counted(responses, 'response')})")
        for list_id, name in found.items():
            say(f"mailing list {list_id} ({name})")
        if arrivals is not None:
            say(f"a response arrives every {arrivals:g} s")
        say("the sandbox runs until Ctrl-C")
        try:
            while arrivals is not None:
                await asyncio.sleep(arrivals)
                fake.state.add_response(fake.state.survey_id)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # Ctrl-C is how it ends, not how it fails.
            return
