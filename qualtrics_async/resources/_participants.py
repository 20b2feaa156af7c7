"""What the participants of directories and of projects have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from qualtrics_async._core.paging import SKIP_TOKEN, SKIP_TOKEN_IN_BODY, Page, Paged, Scheme
from qualtrics_async._core.request import Route
from qualtrics_async._core.uploads import FilePart, Source, Upload
from qualtrics_async.errors import JobFailed
from qualtrics_async.models.participants import (
    Participant,
    ParticipantImportRow,
    ParticipantJobProgress,
    ParticipantJobStarted,
    ParticipantPage,
)
from qualtrics_async.resources._base import Resource, given, named, optional

__all__ = ["ParticipantJobs", "ParticipantListing", "import_body"]


def _elements(page: ParticipantPage) -> Page[Participant]:
    return Page(page.participants, page.skip_token or None)


_IN_BODY: Final = Scheme(unpack=_elements, follow=SKIP_TOKEN_IN_BODY.follow)
_IN_QUERY: Final = Scheme(unpack=_elements, follow=SKIP_TOKEN.follow)


def import_body(participants: Sequence[ParticipantImportRow] | Source) -> object:
    """Rows go as JSON, a CSV file goes as a form."""
    if isinstance(participants, Sequence) and not isinstance(participants, str | bytes):
        return {"participants": participants}
    return Upload.form({"file": FilePart(participants, "participants.csv", "text/csv")})


class ParticipantListing(Resource):
    """A group that lists participants."""

    __slots__ = ()

    def _listed(
        self, route: Route, unique_identifier: str | None, query: Mapping[str, bool | int | None]
    ) -> Paged[Participant]:
        """List by either verb: with POST, who is looked for and the token are in the body."""
        identifier = optional(named, unique_identifier, "unique_identifier")
        if route.method == "GET":
            return self._paged(
                route,
                Participant,
                query={**query, "uniqueIdentifier": identifier},
                scheme=_IN_QUERY,
                page=ParticipantPage,
                whole=True,
            )
        return self._paged(
            route,
            Participant,
            query=query,
            body=given({"uniqueIdentifier": identifier}),
            scheme=_IN_BODY,
            page=ParticipantPage,
            whole=True,
        )


class ParticipantJobs(Resource):
    """Jobs of one kind. At most ten run at a time for a directory or project: more are 409 (documented)."""

    __slots__ = ()

    async def _result_id(
        self, job: ParticipantJobStarted, progress: Callable[[], Awaitable[ParticipantJobProgress]]
    ) -> str:
        """Wait for the end of a job, and tell what it left."""
        done = await self._wait(job.job_id, progress)
        if done.result_id is None:
            raise JobFailed(
                f"job {job.job_id} ended without a result",
                job_id=job.job_id,
                status=done.status or "",
                detail=done,
            )
        return done.result_id
