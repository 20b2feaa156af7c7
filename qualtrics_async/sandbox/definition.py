"""A small survey with the hazards of the vendor's PHP backend in the places where they were recorded."""

from __future__ import annotations

from typing import Any

__all__ = ["definition"]

FIRST_BLOCK = "BL_4yZ5aB6cD7eF8gH"
TRASH_BLOCK = "BL_5zA6bC7dE8fG9hI"


def definition(
    survey_id: str, name: str, brand_id: str, owner_id: str, now: str, *, active: bool
) -> dict[str, Any]:
    """The result of `GET /survey-definitions/{surveyId}`: keys and value types are observed."""
    status = "Active" if active else "Inactive"
    return {
        "QuestionCount": "1000",
        "SurveyOptions": _options(name, brand_id),
        "SurveyID": survey_id,
        "SurveyName": name,
        "SurveyStatus": status,
        "LastModified": now,
        "BrandID": brand_id,
        "OwnerID": owner_id,
        "LastAccessed": None,
        "CreatorID": owner_id,
        "LastActivated": now if active else None,
        "Questions": {"QID1": _choice_question(), "QID2": _text_question(), "QID3": _several_question()},
        "Blocks": _blocks(),
        "ResponseSets": {
            "RS_6aB7cD8eF9gH0iJ": {
                "ResponseSetID": "RS_6aB7cD8eF9gH0iJ",
                "SurveyID": survey_id,
                "RSName": "Default Response Set",
            }
        },
        "SurveyFlow": _flow(),
        "Scoring": {
            "ScoringCategories": [],
            "ScoringCategoryGroups": [],
            "ScoringSummaryCategory": None,
            "ScoringSummaryAfterQuestions": 0,
            "ScoringSummaryAfterSurvey": 0,
            "DefaultScoringCategory": None,
            "AutoScoringCategory": None,
        },
        "ProjectInfo": {"ProjectCategory": "CORE", "ProjectType": "SSD", "Status": status, "SubSet": 0},
        "BrandBaseURL": f"https://{brand_id}.fra1.qualtrics.com",
    }


def _options(name: str, brand_id: str) -> dict[str, Any]:
    return {
        "BackButton": "false",
        "SaveAndContinue": "true",
        "SurveyProtection": "PublicSurvey",
        "BallotBoxStuffingPrevention": "false",
        "NoIndex": "Yes",
        "SecureResponseFiles": "true",
        "SurveyExpiration": None,
        "SurveyTermination": "DefaultMessage",
        "Header": "",
        "Footer": "",
        "ProgressBarDisplay": "None",
        "PartialData": "+1 week",
        "PartialDeletion": None,
        "ValidationMessage": "",
        "PreviousButton": "",
        "NextButton": "",
        "SurveyTitle": name,
        "SkinLibrary": brand_id,
        "SkinType": "MQ",
        "Skin": "base",
        "NewScoring": 1,
        "EOSMessage": "",
        "ShowExportTags": "false",
        "CollectGeoLocation": "false",
        "PasswordProtection": "No",
        "AnonymizeResponse": "No",
        "RefererCheck": "No",
        "UseCustomSurveyLinkCompletedMessage": None,
        "SurveyLanguage": "EN",
        "ConfirmStart": False,
        "AutoConfirmStart": False,
        "HighlightQuestions": "off",
        "ExternalCSS": None,
        "CustomStyles": [],
        "AvailableLanguages": {"EN": [], "FR": []},
        "libraryId": "GR_7hI8jK9lM0nO1pQ",
        "headerMid": "",
    }


def _choice_question() -> dict[str, Any]:
    return {
        "QuestionText": "How satisfied are you? &rarr; <b>pick one</b>",
        "DefaultChoices": False,
        "DataExportTag": "Q1",
        "QuestionID": "QID1",
        "QuestionType": "MC",
        "Selector": "SAVR",
        "SubSelector": "TX",
        "DataVisibility": {"Private": False, "Hidden": False},
        "Configuration": {"QuestionDescriptionOption": "UseText"},
        "QuestionDescription": "How satisfied are you?",
        "Choices": {
            "1": {"Display": "Low"},
            "2": {"Display": "High"},
            "4": {"Display": "Other", "TextEntry": "true"},
        },
        "ChoiceOrder": ["2", "1", 4],
        "RecodeValues": {"1": "1", "2": "5", "4": "99"},
        "Validation": {"Settings": {"ForceResponse": "ON", "ForceResponseType": "ON", "Type": "None"}},
        "GradingData": [],
        "Language": [],
        "NextChoiceId": 5,
        "NextAnswerId": 1,
        "QuestionText_Unsafe": "How satisfied are you? \u2192 <b>pick one</b>",
    }


def _text_question() -> dict[str, Any]:
    locator = "q://QID1/SelectableChoice/1"
    return {
        "QuestionText": "Why?",
        "DefaultChoices": False,
        "DataExportTag": "Q2",
        "QuestionID": "QID2",
        "QuestionType": "TE",
        "Selector": "SL",
        "DataVisibility": {"Private": False, "Hidden": False},
        "Configuration": {"QuestionDescriptionOption": "UseText"},
        "QuestionDescription": "Why?",
        "Validation": {"Settings": {"ForceResponse": "OFF", "ForceResponseType": "OFF", "Type": "None"}},
        "GradingData": [],
        "Language": {"FR": {"QuestionText": "Pourquoi ?"}},
        "NextChoiceId": 4,
        "NextAnswerId": 1,
        "SearchSource": {"AllowFreeResponse": "false"},
        "DisplayLogic": {
            "0": {
                "0": {
                    "ChoiceLocator": locator,
                    "Description": "If Q1 Low is selected",
                    "LeftOperand": locator,
                    "LogicType": "Question",
                    "Operator": "Selected",
                    "QuestionID": "QID1",
                    "QuestionIDFromLocator": "QID1",
                    "QuestionIsInLoop": "no",
                    "Type": "Expression",
                },
                "Type": "If",
            },
            "Type": "BooleanExpression",
            "inPage": False,
        },
        "QuestionText_Unsafe": "Why?",
    }


def _several_question() -> dict[str, Any]:
    return {
        "QuestionText": "Which did you use?",
        "DefaultChoices": False,
        "DataExportTag": "Q3",
        "QuestionID": "QID3",
        "QuestionType": "MC",
        "Selector": "MAVR",
        "SubSelector": "TX",
        "DataVisibility": {"Private": False, "Hidden": False},
        "Configuration": {"QuestionDescriptionOption": "UseText"},
        "QuestionDescription": "Which did you use?",
        "Choices": {"1": {"Display": "Shop"}, "2": {"Display": "Website"}, "3": {"Display": "Telephone"}},
        "ChoiceOrder": ["1", "2", "3"],
        "Validation": {"Settings": {"ForceResponse": "OFF", "Type": "None"}},
        "GradingData": [],
        "Language": [],
        "NextChoiceId": 4,
        "NextAnswerId": 1,
        "QuestionText_Unsafe": "Which did you use?",
    }


def _blocks() -> dict[str, Any]:
    return {
        FIRST_BLOCK: {
            "Type": "Default",
            "Description": "Default Question Block",
            "ID": FIRST_BLOCK,
            "BlockElements": [
                {"Type": "Question", "QuestionID": "QID1"},
                {"Type": "Page Break"},
                {"Type": "Question", "QuestionID": "QID2"},
                {"Type": "Question", "QuestionID": "QID3"},
            ],
            "Options": {
                "BlockLocking": "false",
                "RandomizeQuestions": "false",
                "BlockVisibility": "Collapsed",
            },
        },
        TRASH_BLOCK: {
            "Type": "Trash",
            "Description": "Trash / Unused Questions",
            "ID": TRASH_BLOCK,
            "BlockElements": [],
        },
    }


def _flow() -> dict[str, Any]:
    field = {
        "Description": "cohort",
        "Type": "Recipient",
        "Field": "cohort",
        "VariableType": "String",
        "DataVisibility": [],
        "AnalyzeText": False,
    }
    return {
        "FlowID": "FL_1",
        "Type": "Root",
        "Flow": [
            {"Type": "EmbeddedData", "FlowID": "FL_3", "EmbeddedData": [field]},
            {"Type": "Block", "ID": FIRST_BLOCK, "FlowID": "FL_2", "Autofill": []},
        ],
        "Properties": {"Count": 3, "RemovedFieldsets": []},
    }
