"""`webhooks`."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import App, Parameter

from qualtrics_async.bulk.writers import record_writer
from qualtrics_async.cli.eventlines import event_line
from qualtrics_async.cli.files import existing
from qualtrics_async.cli.listening import Printed, hangup_terminates, log_said, print_events
from qualtrics_async.cli.options import Flag
from qualtrics_async.cli.outcomes import SOME_FAILED
from qualtrics_async.cli.output import say, standard_output
from qualtrics_async.cli.secrecy import shared_key
from qualtrics_async.cli.settings import connect
from qualtrics_async.cli.signals import run_async
from qualtrics_async.errors import DeliveryTooLarge, QualtricsError, UsageError

if TYPE_CHECKING:
    from qualtrics_async.webhooks.hearing import Events

__all__ = ["app"]

LAST_PORT: Final = 65_535
ERROR: Final = 1

_STDIN: Final = Path("-")
_LINE_END: Final = 2

app = App(name="webhooks", help="Events of the service as they happen.")


@app.command
def listen(
    *,
    topic: Annotated[list[str], Parameter(negative="")],
    public_url: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    name: str = "qualtrics-async",
    shared_key_env: str | None = None,
    inbox: Path | None = None,
    fetch: Flag = False,
    max_age: float | None = None,
    limit: int | None = None,
    timeout: float | None = None,
) -> int:
    """Subscribe to events and print each as a JSON line the moment it comes, until Ctrl-C.

    However it ends, the subscriptions are deleted; only after a kill they stay, and the next command of the
    same --public-url and --name deletes them. Brand administrators can subscribe.

    Topics: `surveyengine.completedResponse.SV_...` (of all surveys: `surveyengine.completedResponse.*`),
    `surveyengine.partialResponse.SV_...`, `controlpanel.activateSurvey`, `controlpanel.deactivateSurvey`,
    `threesixty.reportReady`, `threesixty.*`, or `*` for everything; quoted, because of the shell. What is
    like none of them is subscribed too, with a warning.

    To see that the service gets through: `curl PUBLIC_URL/NAME` must answer "a receiver of events". What
    happens while the command does not run is not delivered later. When its subscriptions are deleted or
    replaced, it ends within some minutes, with exit code 1.

    A line has `type`, `topic`, `brandId`, `occurred`, `signed`, the ids of its type (`surveyId`,
    `responseId`, `recipientId`, `distributionId`), and in `fields` all that came, by the service's names.

    To try it: `qualtrics-async sandbox --arrivals 2` in another terminal, its settings in this one, and
    `--public-url http://127.0.0.1:8080`.

    Args:
        topic: what is subscribed to; may be given several times. One that another one covers is left out:
            its events would come twice.
        public_url: where the service reaches this command (https://...), by a proxy or a tunnel to --host and
            --port. The name is added to its path.
        host: where it listens.
        port: where it listens.
        name: tells commands at one address apart: each deletes its own subscriptions only.
        shared_key_env: the environment variable that has the key that deliveries are signed with. Without it
            the command makes a key of its own, and refuses what was signed for the one before. What is not
            signed is refused either way.
        inbox: a file that keeps what was accepted until its line was printed: the same command then loses
            nothing, after a crash either, and may print a line twice. Without it what waits is lost.
        fetch: print the response too, as `response`; where it cannot be read, `error` says why, and the exit
            code is 3.
        max_age: seconds; refuses events that are older. Genuine redeliveries are old, too.
        limit: end after so many events, with exit code 0.
        timeout: end after so many seconds, with exit code 0.
    """
    if not 0 <= port <= LAST_PORT:
        raise UsageError(f"--port is a number from 0 to {LAST_PORT}, got {port}")
    if limit is not None and limit < 1:
        raise UsageError("--limit is at least 1")
    if timeout is not None and not 0 < timeout < math.inf:
        raise UsageError("--timeout is a number of seconds above 0")
    how: dict[str, Any] = {
        "public_url": public_url,
        "host": host,
        "port": port,
        "name": name,
        "shared_key": None if shared_key_env is None else shared_key(shared_key_env),
        "inbox": inbox,
        "fetch": fetch,
        "max_age": max_age,
    }
    with log_said() as log:
        try:
            printed = run_async(_listen(topic, how, limit, timeout))
        except QualtricsError as error:
            for note in getattr(error, "__notes__", ()):
                log.say_once(note)
            if log.has_said(str(error)):
                return ERROR
            raise
    return SOME_FAILED if printed.without_response else 0


async def _listen(topics: list[str], how: dict[str, Any], most: int | None, seconds: float | None) -> Printed:
    from qualtrics_async.webhooks.listening import listen as listening

    def told(events: Events[Any]) -> None:
        say(
            f"listening on {how['host']} port {events.port} for {events.url}; "
            f'`curl {events.url}` must answer "a receiver of events"'
        )
        say(f"subscribed: {', '.join(events.subscription_ids)}")

    with hangup_terminates():
        async with connect() as client:
            events = listening(client, topics, **how)
            return await print_events(events, most=most, seconds=seconds, told=told)


@app.command
def verify(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    shared_key_env: str,
    content_type: str = "application/x-www-form-urlencoded",
    max_age: float | None = None,
) -> None:
    """Check the signature of a captured delivery, and print its event as a JSON line, as `listen` does.

    The file has the body of the request as it was posted, byte by byte, without the headers; a line end at
    its end, which editors and `echo` add, is left out. What is not signed with the key is an error, and so is
    what is not signed at all: nothing is printed then.

    Args:
        file: the captured body; `-` reads it from stdin.
        shared_key_env: the environment variable that has the shared key of the subscription.
        content_type: the content type that it was posted with.
        max_age: seconds; refuses events that are older.
    """
    from qualtrics_async import webhooks

    if str(file).startswith("-") and file != _STDIN:
        raise UsageError(f"there is no option {file}")
    key = shared_key(shared_key_env)
    out = record_writer("ndjson", standard_output(), ())
    event = webhooks.parse(_captured(file), content_type, key, max_age=max_age)
    out.write(event_line(event))
    out.end()


def _captured(path: Path) -> bytes:
    from qualtrics_async.webhooks.parsing import MAX_SIZE

    most = MAX_SIZE + _LINE_END
    if path != _STDIN:
        with existing(path).open("rb") as file:
            body = file.read(most + 1)
    elif sys.stdin is None:
        raise UsageError("stdin is closed: there is nothing to read from")
    else:
        body = sys.stdin.buffer.read(most + 1)
    whole = body.removesuffix(b"\n").removesuffix(b"\r")
    if len(whole) > MAX_SIZE:
        raise DeliveryTooLarge(f"{path}: a delivery of more than {MAX_SIZE:,} bytes")
    if len(whole) < len(body):
        say("the line end at the end was left out")
    return whole
