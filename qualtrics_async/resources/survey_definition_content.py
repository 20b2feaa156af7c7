"""What a survey is made of: blocks, questions, the flow, quotas.

Every update replaces what was there: get it, change its `.raw`, and send that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from qualtrics_async._core.paging import NEXT_PAGE, Page, Paged, Scheme
from qualtrics_async._core.request import DELETE, GET, POST, PUT
from qualtrics_async.models._base import JsonObject, read_list
from qualtrics_async.models.survey_definitions import Block, FlowElement, Question
from qualtrics_async.models.survey_parts import BlockCreated, BlockInput, QuestionCreated, QuestionInput
from qualtrics_async.models.survey_quotas import (
    QuotaCreated,
    QuotaDefinition,
    QuotaGroup,
    QuotaGroupCreated,
    QuotaGroupInput,
    QuotaInput,
)
from qualtrics_async.resources._base import Resource, filled, named, optional

__all__ = [
    "QUESTIONS",
    "DefinitionBlocks",
    "DefinitionFlow",
    "DefinitionQuestions",
    "DefinitionQuotaGroups",
    "DefinitionQuotas",
]


def _questions(result: dict[str, Any]) -> Page[Question]:
    return Page([Question.convert(item) for item in read_list(result.get("elements", result))])


QUESTIONS: Final = Scheme(unpack=_questions, follow=NEXT_PAGE.follow)
"""All questions at once: `elements` (documented), or a mapping by question id (used by a client)."""


class DefinitionBlocks(Resource):
    """Blocks of questions; a survey's definition lists them, nothing else does."""

    __slots__ = ()

    async def create(self, survey_id: str, block: BlockInput | Mapping[str, Any]) -> BlockCreated:
        """Create a block; the flow shows it last."""
        return await self._send(
            POST("/survey-definitions/{surveyId}/blocks", survey_id), BlockCreated, body=block
        )

    async def get(self, survey_id: str, block_id: str) -> Block:
        """One block with the ids of its questions."""
        route = GET("/survey-definitions/{surveyId}/blocks/{blockId}", survey_id, block_id)
        return await self._send(route, Block)

    async def update(self, survey_id: str, block_id: str, block: BlockInput | Mapping[str, Any]) -> None:
        """Replace a block: its name, its options, the order of its questions."""
        route = PUT("/survey-definitions/{surveyId}/blocks/{blockId}", survey_id, block_id)
        return await self._send(route, None, body=block)

    async def delete(self, survey_id: str, block_id: str) -> None:
        """Delete a block; what becomes of its questions is documented nowhere."""
        route = DELETE("/survey-definitions/{surveyId}/blocks/{blockId}", survey_id, block_id)
        return await self._send(route, None)


class DefinitionQuestions(Resource):
    """Questions; ids are `QID` and a number."""

    __slots__ = ()

    def list(self, survey_id: str) -> Paged[Question]:
        """Every question of a survey, in one page (documented)."""
        route = GET("/survey-definitions/{surveyId}/questions", survey_id)
        return self._paged(route, Question, scheme=QUESTIONS, page=JsonObject)

    async def create(
        self, survey_id: str, question: QuestionInput | Mapping[str, Any], *, block_id: str | None = None
    ) -> QuestionCreated:
        """Create a question at the end of a block, by default of the survey's default block (documented)."""
        route = POST("/survey-definitions/{surveyId}/questions", survey_id)
        query = {"blockId": optional(named, block_id, "block_id")}
        return await self._send(route, QuestionCreated, query=query, body=question)

    async def get(self, survey_id: str, question_id: str) -> Question:
        """One question with its choices."""
        route = GET("/survey-definitions/{surveyId}/questions/{questionId}", survey_id, question_id)
        return await self._send(route, Question)

    async def update(
        self, survey_id: str, question_id: str, question: QuestionInput | Mapping[str, Any]
    ) -> None:
        """Replace a question."""
        route = PUT("/survey-definitions/{surveyId}/questions/{questionId}", survey_id, question_id)
        return await self._send(route, None, body=question)

    async def delete(self, survey_id: str, question_id: str) -> None:
        """Delete a question; that it goes to the trash first is assumed, from what the editor does."""
        route = DELETE("/survey-definitions/{surveyId}/questions/{questionId}", survey_id, question_id)
        return await self._send(route, None)


class DefinitionFlow(Resource):
    """The flow: a tree of elements that show blocks, set data, branch and end the survey."""

    __slots__ = ()

    async def get(self, survey_id: str) -> FlowElement:
        """The root of the flow, with all of it below."""
        return await self._send(GET("/survey-definitions/{surveyId}/flow", survey_id), FlowElement)

    async def update(self, survey_id: str, flow: Mapping[str, Any]) -> None:
        """Replace the whole flow; `FlowID`, `Type`, `Flow` and `Properties` are required (documented).

        What it leaves out is gone: start from `.raw` of `get()`.

        Raises:
            UsageError: for an empty flow.
        """
        route = PUT("/survey-definitions/{surveyId}/flow", survey_id)
        return await self._send(route, None, body=filled(flow, "flow"))

    async def update_element(
        self, survey_id: str, flow_id: str, element: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> None:
        """Replace one element of the flow: sent as one object by clients, documented as a list of them.

        Raises:
            UsageError: for an empty element.
        """
        route = PUT("/survey-definitions/{surveyId}/flow/{flowId}", survey_id, flow_id)
        return await self._send(route, None, body=filled(element, "element"))


class DefinitionQuotas(Resource):
    """Quotas with their logic; `surveys.quotas` has their counts in short."""

    __slots__ = ()

    def list(self, survey_id: str, *, page_size: int | None = None) -> Paged[QuotaDefinition]:
        """Every quota of a survey."""
        route = GET("/survey-definitions/{surveyId}/quotas", survey_id)
        return self._paged(route, QuotaDefinition, query={"pageSize": page_size})

    async def create(
        self, survey_id: str, quota: QuotaInput | Mapping[str, Any], *, quota_group_id: str | None = None
    ) -> QuotaCreated:
        """Create a quota in a group; which group it is by default is documented nowhere."""
        route = POST("/survey-definitions/{surveyId}/quotas", survey_id)
        query = {"quotaGroupId": optional(named, quota_group_id, "quota_group_id")}
        return await self._send(route, QuotaCreated, query=query, body=quota)

    async def get(self, survey_id: str, quota_id: str) -> QuotaDefinition:
        """One quota."""
        route = GET("/survey-definitions/{surveyId}/quotas/{quotaId}", survey_id, quota_id)
        return await self._send(route, QuotaDefinition)

    async def update(self, survey_id: str, quota_id: str, quota: QuotaInput | Mapping[str, Any]) -> None:
        """Replace a quota; leave out its `Count` or send the present one."""
        route = PUT("/survey-definitions/{surveyId}/quotas/{quotaId}", survey_id, quota_id)
        return await self._send(route, None, body=quota)

    async def delete(self, survey_id: str, quota_id: str) -> None:
        """Delete a quota."""
        route = DELETE("/survey-definitions/{surveyId}/quotas/{quotaId}", survey_id, quota_id)
        return await self._send(route, None)


class DefinitionQuotaGroups(Resource):
    """Groups of quotas, which say what happens to a response that several of them take."""

    __slots__ = ()

    def list(self, survey_id: str, *, page_size: int | None = None) -> Paged[QuotaGroup]:
        """Every quota group of a survey."""
        route = GET("/survey-definitions/{surveyId}/quotagroups", survey_id)
        return self._paged(route, QuotaGroup, query={"pageSize": page_size})

    async def create(self, survey_id: str, group: QuotaGroupInput | Mapping[str, Any]) -> QuotaGroupCreated:
        """Create a quota group."""
        route = POST("/survey-definitions/{surveyId}/quotagroups", survey_id)
        return await self._send(route, QuotaGroupCreated, body=group)

    async def get(self, survey_id: str, quota_group_id: str) -> QuotaGroup:
        """One quota group with the ids of its quotas."""
        route = GET("/survey-definitions/{surveyId}/quotagroups/{quotaGroupId}", survey_id, quota_group_id)
        return await self._send(route, QuotaGroup)

    async def update(
        self, survey_id: str, quota_group_id: str, group: QuotaGroupInput | Mapping[str, Any]
    ) -> None:
        """Replace a quota group."""
        route = PUT("/survey-definitions/{surveyId}/quotagroups/{quotaGroupId}", survey_id, quota_group_id)
        return await self._send(route, None, body=group)

    async def delete(self, survey_id: str, quota_group_id: str) -> None:
        """Delete a quota group with all its quotas (documented)."""
        route = DELETE("/survey-definitions/{surveyId}/quotagroups/{quotaGroupId}", survey_id, quota_group_id)
        return await self._send(route, None)
