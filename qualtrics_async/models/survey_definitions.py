"""Survey definitions: typed views of the vendor's JSON, which stays untouched beneath them.

The backend writes numbers and booleans as text in several vocabularies, `[]` for an empty object, and
objects with numbered keys for arrays (observed). A view reads what is certain, coerces it, and never fails
on the rest: an attribute is `None` where the key is missing, null, or not understood, and `raw` has it all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qualtrics_async.models._view import View, views

__all__ = [
    "Block",
    "Choice",
    "FlowElement",
    "QsfElement",
    "Question",
    "SurveyDefinition",
    "SurveyOptions",
    "SurveyQsf",
]


class Choice(View):
    """One choice or answer of a question."""

    __slots__ = ()
    _title = "Display"

    @property
    def display(self) -> str | None:
        """What respondents see; HTML."""
        return self._text("Display")

    @property
    def text_entry(self) -> bool:
        """Whether it has a text field of its own."""
        return self._flag("TextEntry") or False


class Question(View):
    """A question."""

    __slots__ = ()
    _title = "QuestionID"

    @property
    def question_id(self) -> str | None:
        """The id, `QID` and a number."""
        return self._text("QuestionID")

    @property
    def question_text(self) -> str | None:
        """What respondents read; HTML with entities."""
        return self._text("QuestionText")

    @property
    def question_description(self) -> str | None:
        """A short text for reports."""
        return self._text("QuestionDescription")

    @property
    def data_export_tag(self) -> str | None:
        """The name of its columns in exports."""
        return self._text("DataExportTag")

    @property
    def question_type(self) -> str | None:
        """The kind, an open vocabulary: `MC`, `TE`, `Matrix`, ..."""
        return self._text("QuestionType")

    @property
    def selector(self) -> str | None:
        """The variant of the kind."""
        return self._text("Selector")

    @property
    def sub_selector(self) -> str | None:
        """The variant of the variant."""
        return self._text("SubSelector")

    @property
    def choices(self) -> dict[str, Choice]:
        """The choices by id, in the order of display; those that `ChoiceOrder` omits come last."""
        return _ordered(self._mapping("Choices"), self.choice_order)

    @property
    def answers(self) -> dict[str, Choice]:
        """The answers of a matrix by id, in the order of display."""
        return _ordered(self._mapping("Answers"), self.answer_order)

    @property
    def choice_order(self) -> list[str]:
        """The ids of the choices as displayed; the wire mixes numbers and text."""
        return [str(item) for item in self._mapping("ChoiceOrder").values()]

    @property
    def answer_order(self) -> list[str]:
        """The ids of the answers as displayed."""
        return [str(item) for item in self._mapping("AnswerOrder").values()]

    @property
    def recode_values(self) -> dict[str, str]:
        """The value that exports have for each choice, by id."""
        return {key: str(value) for key, value in self._mapping("RecodeValues").items()}

    @property
    def validation(self) -> dict[str, Any]:
        """The rules for answers, as they are."""
        return self._mapping("Validation")

    @property
    def force_response(self) -> bool | None:
        """Whether an answer is required."""
        return View(View(self.validation)._mapping("Settings"))._flag("ForceResponse")  # noqa: SLF001  (ours)

    @property
    def display_logic(self) -> dict[str, Any]:
        """When it is shown, as it is: numbered and named keys mixed; empty where it always is."""
        return self._mapping("DisplayLogic")

    @property
    def configuration(self) -> dict[str, Any]:
        """How it is laid out, as it is."""
        return self._mapping("Configuration")

    @property
    def language(self) -> dict[str, Any]:
        """The translations by language code."""
        return self._mapping("Language")

    @property
    def data_visibility(self) -> dict[str, Any]:
        """The flags `Private` and `Hidden`."""
        return self._mapping("DataVisibility")


class Block(View):
    """A block of questions."""

    __slots__ = ()
    _title = "ID"

    @property
    def id(self) -> str | None:
        """The id, `BL_...`."""
        return self._text("ID")

    @property
    def type(self) -> str | None:
        """`Default`, `Standard`, `Trash`, ..."""
        return self._text("Type")

    @property
    def sub_type(self) -> str | None:
        """A finer kind; missing on some blocks."""
        return self._text("SubType")

    @property
    def description(self) -> str | None:
        """The name that editors see."""
        return self._text("Description")

    @property
    def block_elements(self) -> list[dict[str, Any]]:
        """Questions and page breaks in order, as they are."""
        return list(self._objects("BlockElements"))

    @property
    def question_ids(self) -> list[str]:
        """The ids of its questions in order."""
        return [item["QuestionID"] for item in self._objects("BlockElements") if "QuestionID" in item]

    @property
    def options(self) -> dict[str, Any]:
        """Its options, as they are."""
        return self._mapping("Options")


class FlowElement(View):
    """A node of the flow; the root is one too."""

    __slots__ = ()
    _title = "FlowID"

    @property
    def flow_id(self) -> str | None:
        """The id of the node, `FL_...`."""
        return self._text("FlowID")

    @property
    def type(self) -> str | None:
        """`Root`, `Block`, `Standard`, `Group`, `EmbeddedData`, `BlockRandomizer`, ..."""
        return self._text("Type")

    @property
    def id(self) -> str | None:
        """The id of the block that the node shows."""
        return self._text("ID")

    @property
    def description(self) -> str | None:
        """The name that editors see."""
        return self._text("Description")

    @property
    def flow(self) -> list[FlowElement]:
        """The nodes below it, in order."""
        return [FlowElement(item) for item in self._objects("Flow")]

    @property
    def embedded_data(self) -> list[dict[str, Any]]:
        """The fields that the node sets, as they are."""
        return list(self._objects("EmbeddedData"))

    @property
    def properties(self) -> dict[str, Any]:
        """Its properties, as they are."""
        return self._mapping("Properties")


class SurveyOptions(View):
    """The options of a survey that are certain; all of them are in `raw`."""

    __slots__ = ()
    _title = "SurveyTitle"

    @property
    def survey_title(self) -> str | None:
        """What browsers show."""
        return self._text("SurveyTitle")

    @property
    def survey_language(self) -> str | None:
        """The base language."""
        return self._text("SurveyLanguage")

    @property
    def available_languages(self) -> list[str]:
        """The codes of all languages."""
        return list(self._mapping("AvailableLanguages"))

    @property
    def survey_protection(self) -> str | None:
        """Who may answer: `PublicSurvey`, `ByInvitation`, ..."""
        return self._text("SurveyProtection")

    @property
    def partial_data(self) -> str | None:
        """When unfinished responses are recorded, relative: `+1 week`."""
        return self._text("PartialData")

    @property
    def progress_bar_display(self) -> str | None:
        """How progress is shown."""
        return self._text("ProgressBarDisplay")

    @property
    def back_button(self) -> bool | None:
        """Whether respondents can go back."""
        return self._flag("BackButton")

    @property
    def save_and_continue(self) -> bool | None:
        """Whether respondents can go on later."""
        return self._flag("SaveAndContinue")

    @property
    def ballot_box_stuffing_prevention(self) -> bool | None:
        """Whether one browser can answer only once."""
        return self._flag("BallotBoxStuffingPrevention")

    @property
    def no_index(self) -> bool | None:
        """Whether search engines are kept out."""
        return self._flag("NoIndex")

    @property
    def secure_response_files(self) -> bool | None:
        """Whether uploaded files need a login."""
        return self._flag("SecureResponseFiles")

    @property
    def anonymize_response(self) -> bool | None:
        """Whether personal data is left out of responses."""
        return self._flag("AnonymizeResponse")

    @property
    def password_protection(self) -> bool | None:
        """Whether a password is asked for."""
        return self._flag("PasswordProtection")

    @property
    def collect_geo_location(self) -> bool | None:
        """Whether respondents are located."""
        return self._flag("CollectGeoLocation")

    @property
    def show_export_tags(self) -> bool | None:
        """Whether export tags are shown to respondents."""
        return self._flag("ShowExportTags")


class SurveyDefinition(View):
    """A survey as editors know it: questions, blocks, flow, options (observed).

    `raw` is the untouched JSON of the result.
    """

    __slots__ = ()
    _title = "SurveyID"

    @property
    def survey_id(self) -> str | None:
        """The id, `SV_...`."""
        return self._text("SurveyID")

    @property
    def survey_name(self) -> str | None:
        """The name."""
        return self._text("SurveyName")

    @property
    def survey_status(self) -> str | None:
        """`Active`, `Inactive`, ..."""
        return self._text("SurveyStatus")

    @property
    def owner_id(self) -> str | None:
        """Who owns it."""
        return self._text("OwnerID")

    @property
    def creator_id(self) -> str | None:
        """Who made it."""
        return self._text("CreatorID")

    @property
    def brand_id(self) -> str | None:
        """The brand it belongs to."""
        return self._text("BrandID")

    @property
    def brand_base_url(self) -> str | None:
        """The address of the brand."""
        return self._text("BrandBaseURL")

    @property
    def question_count(self) -> int | None:
        """What the vendor calls a count; it may be the next id instead (observed)."""
        return self._integer("QuestionCount")

    @property
    def last_modified(self) -> datetime | None:
        """When it was last changed."""
        return self._instant("LastModified")

    @property
    def last_accessed(self) -> datetime | None:
        """When it was last opened."""
        return self._instant("LastAccessed")

    @property
    def last_activated(self) -> datetime | None:
        """When it was last published."""
        return self._instant("LastActivated")

    @property
    def questions(self) -> dict[str, Question]:
        """All questions by id, those in the trash too; made anew at each access."""
        return views(Question, self._mapping("Questions"))

    @property
    def blocks(self) -> dict[str, Block]:
        """All blocks by id, the trash too; made anew at each access."""
        return views(Block, self._mapping("Blocks"))

    @property
    def survey_flow(self) -> FlowElement:
        """The root of the flow."""
        return FlowElement(self._mapping("SurveyFlow"))

    @property
    def survey_options(self) -> SurveyOptions:
        """The options."""
        return SurveyOptions(self._mapping("SurveyOptions"))

    @property
    def response_sets(self) -> dict[str, Any]:
        """The response sets by id: names, or objects."""
        return self._mapping("ResponseSets")

    @property
    def scoring(self) -> dict[str, Any]:
        """The scoring, as it is."""
        return self._mapping("Scoring")

    @property
    def project_info(self) -> dict[str, Any]:
        """What project the survey is part of, as it is."""
        return self._mapping("ProjectInfo")


class QsfElement(View):
    """One element of a survey file; what its `payload` is depends on `element`."""

    __slots__ = ()
    _title = "PrimaryAttribute"

    @property
    def survey_id(self) -> str | None:
        """The survey it belongs to."""
        return self._text("SurveyID")

    @property
    def element(self) -> str | None:
        """Its kind: `SQ` is a question, `BL` the blocks, `FL` the flow, `SO` the options, ..."""
        return self._text("Element")

    @property
    def primary_attribute(self) -> str | None:
        """Its name within its kind."""
        return self._text("PrimaryAttribute")

    @property
    def secondary_attribute(self) -> str | None:
        """A second name or text."""
        return self._text("SecondaryAttribute")

    @property
    def tertiary_attribute(self) -> str | None:
        """A third one."""
        return self._text("TertiaryAttribute")

    @property
    def payload(self) -> Any:
        """What it describes."""
        return self.raw.get("Payload")


class SurveyQsf(View):
    """A survey in the format of the files that the service exports and imports (observed).

    `raw` is the whole file's content; dates in it are UTC without a zone, or `0000-00-00 00:00:00`.
    """

    __slots__ = ()

    @property
    def survey_entry(self) -> dict[str, Any]:
        """The survey's own fields, as they are."""
        return self._mapping("SurveyEntry")

    @property
    def survey_elements(self) -> list[QsfElement]:
        """What the survey is made of, in order."""
        return [QsfElement(item) for item in self._objects("SurveyElements")]


def _ordered(items: dict[str, Any], order: list[str]) -> dict[str, Choice]:
    choices = views(Choice, items)
    return {key: choices[key] for key in dict.fromkeys((*order, *choices)) if key in choices}
