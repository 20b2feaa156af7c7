"""Which responses an export has, in which order, and the token that the next one goes on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qualtrics_async.sandbox.handlers._dates import read_instant
from qualtrics_async.sandbox.selection import Selection, by_arrival, by_change, by_modification
from qualtrics_async.sandbox.wire import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qualtrics_async.sandbox.records import Response
    from qualtrics_async.sandbox.selection import Run
    from qualtrics_async.sandbox.wire import Call

__all__ = ["Chosen", "choose", "new_token"]

_LIFETIME = 7 * 24 * 3600 * 1000
"""Milliseconds that a token lives (documented)."""
_NEVER = 1 << 62


class Chosen(NamedTuple):
    """The responses of an export, and the number of the last change that it has seen."""

    found: Selection
    seen: int


def choose(call: Call, survey_id: str, options: Mapping[str, Any]) -> Chosen:
    """What an export finds: `startDate` is inclusive, `endDate` exclusive (documented).

    Assumed: they are about the date of modification with `sortByLastModifiedDate`; a continuation has what
    arrived or was modified after the export that the token is from, in that order, so that a `limit` loses
    nothing; what is new, or modified in the case of a continuation, is seen after a lag.
    """
    if options.get("exportResponsesInProgress"):
        return Chosen(Selection(()), 0)
    modified = bool(options.get("sortByLastModifiedDate"))
    goes_on = "continuationToken" in options or bool(options.get("allowContinuation"))
    order = by_change if goes_on else by_modification if modified else by_arrival
    visible = _visible(call, call.state.selection(survey_id, order), goes_on=goes_on)
    after = _after(call, survey_id, options)
    found = _within(_later(visible, after), options, modified=modified)
    if last := options.get("lastResponseId"):
        response = call.state.find_response(last, survey_id)
        found = found if response is None else _later(found, response.change)
    if "filterId" in options:
        condition = call.state.shelf("response filter's condition").get(options["filterId"])
        found = found.only(condition["keep"]) if condition and condition["keep"] else found
    cut = found.first(options.get("limit"))
    if len(cut) < len(found):
        return Chosen(cut, cut[-1].change)
    return Chosen(cut, visible[-1].change if len(visible) else after)


def new_token(call: Call, survey_id: str, seen: int) -> str:
    """A token for what comes after the change with this number."""
    token = call.state.new_request_id()
    record = {"survey": survey_id, "seen": seen, "made": call.state.now()}
    call.state.shelf("continuation token").put(token, record=record)
    return token


def _after(call: Call, survey_id: str, options: Mapping[str, Any]) -> int:
    """The number of the change after which an export begins. That a bad token answers 400 is assumed."""
    token = options.get("continuationToken")
    if token is None:
        return 0
    record = call.state.shelf("continuation token").get(token)
    if record is None or record["survey"] != survey_id:
        raise Refused(400, "PLACEHOLDER_400", "The continuationToken is not one of this survey.")
    if call.state.now() - record["made"] > _LIFETIME:
        raise Refused(400, "PLACEHOLDER_400", "The continuationToken has expired.")
    seen: int = record["seen"]
    return seen


def _visible(call: Call, found: Selection, *, goes_on: bool) -> Selection:
    lag = int(call.settings.exports.lag * 1000)
    if not lag:
        return found
    latest = call.state.now() - lag

    def shows(response: Response) -> bool:
        return (response.modified if goes_on else response.arrived) <= latest

    return found.where(shows, lambda run: run if run.made.arrived <= latest else run.cut(0, 0))


def _later(found: Selection, after: int) -> Selection:
    if not after:
        return found
    return found.where(
        lambda response: response.change > after,
        lambda run: run.cut(after - run.made.first + 1, run.stop),
    )


def _within(found: Selection, options: Mapping[str, Any], *, modified: bool) -> Selection:
    start = read_instant(options["startDate"], "startDate") if "startDate" in options else -_NEVER
    end = read_instant(options["endDate"], "endDate") if "endDate" in options else _NEVER
    if start == -_NEVER and end == _NEVER:
        return found

    def cut(run: Run) -> Run:
        if modified:
            return run if start <= run.made.arrived < end else run.cut(0, 0)
        return run.cut(run.made.recorded_before(start), run.made.recorded_before(end))

    def keep(response: Response) -> bool:
        return start <= (response.modified if modified else response.recorded) < end

    return found.where(keep, cut)
