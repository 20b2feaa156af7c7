"""What following a survey is to a type checker. Never run: mypy reads it."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from qualtrics_async import Qualtrics, exports
from qualtrics_async.exports import ExportInfo, Followed, FollowFile, FollowOptions, FollowState
from qualtrics_async.models.responses import Response


async def follow(client: Qualtrics, state: FollowState | None, common: FollowOptions) -> FollowState | None:
    """Responses come typed, and the state goes from one call to the next."""
    async with exports.follow(client, "SV_1", state=state, question_ids=["QID1"]) as responses:
        assert_type(responses, Followed)
        async for response in responses:
            assert_type(response, Response)
        assert_type(responses.info, ExportInfo | None)
        state = responses.state
    async with exports.follow(client, "SV_1", state=FollowFile("a.json"), every=60, **common):
        pass
    exports.follow(client, "SV_1", filter_id="f")  # type: ignore[call-arg]  # the service refuses it
    exports.follow(client, "SV_1", limit=3)  # type: ignore[call-arg]  # it would leave something out
    exports.follow(client, "SV_1", state="a.json")
    exports.follow(client, "SV_1", state=Path("a.json"))
    exports.follow(client, "SV_1", state=b"{}")  # type: ignore[arg-type]  # FollowState.from_json() reads it
    return state and FollowState.from_json(assert_type(state.to_json(), bytes))
