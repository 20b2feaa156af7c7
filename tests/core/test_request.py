"""Paths, queries and instants: what goes into an address, and what is refused before any I/O."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from qualtrics_async import UsageError
from qualtrics_async._core.codec import encode_query_string
from qualtrics_async._core.request import (
    DELETE,
    GET,
    PATCH,
    POST,
    PUT,
    Request,
    encode_query,
    fill,
    instant,
)

TEMPLATE = "/directories/{directoryId}/contacts/{contactId}"

anything = st.text(alphabet=st.characters(), min_size=1)
UNUSUAL = "/?#\\"
KEY = "/imported-data-projects/{uniqueField}/of/{uniqueField}"

plain = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/\\"), min_size=1)
usable_key = plain.filter(lambda text: bool(text.strip()) and text not in {".", ".."})
usable = st.text(
    alphabet=st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters=UNUSUAL),
    min_size=1,
).filter(lambda text: text not in {".", ".."})


@given(usable, usable)
def test_an_id_is_one_segment_and_comes_back_from_it(first: str, second: str) -> None:
    """Whatever an id is, quoting keeps it in its own segment, and unquoting returns it."""
    path = fill(TEMPLATE, (first, second))
    segments = path.split("/")
    assert segments[1] == "directories"
    assert segments[3] == "contacts"
    assert [unquote(segments[2]), unquote(segments[4])] == [first, second]
    assert len(segments) == 5
    assert path.isascii()
    assert not set("?#& ") & set(path)


@given(usable_key, usable_key)
def test_a_key_that_users_made_may_have_more(first: str, second: str) -> None:
    """White space, question marks and hashes are quoted where what fills the placeholder is no id."""
    segments = fill(KEY, (first, second)).split("/")
    assert [unquote(segments[2]), unquote(segments[4])] == [first, second]
    assert len(segments) == 5


@given(usable)
def test_the_url_library_changes_nothing(value: str) -> None:
    """The path that leaves is the path that was built: no normalisation, no second quoting."""
    path = fill("/surveys/{surveyId}", (value,))
    url = URL(f"https://fra1.qualtrics.com/API/v3{path}", encoded=True)
    assert url.raw_path == f"/API/v3{path}"


@given(anything)
def test_an_id_is_either_quoted_whole_or_refused(value: str) -> None:
    """Any text at all gives one segment or a `UsageError`, never another exception."""
    try:
        path = fill("/surveys/{surveyId}", (value,))
    except UsageError:
        return
    assert path.count("/") == 2
    assert unquote(path.rpartition("/")[2]) == value


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "\t", "\u00a0 \u2003", ".", "..", "a/b", "/", "a\\b", "a\nb", "a\x00", "\x7f", "a\ud800"),
        *(" SV_1", "SV_1 ", "SV_1\n", "SV_\u00a01", "SV_1 SV_2", "SV_1?Q_DL=x", "SV_1#top"),
    ],
    ids=ascii,
)
def test_what_no_id_can_be_is_refused(value: str) -> None:
    """Empty, blank, dots, slashes, white space, queries, control characters and lone surrogates."""
    with pytest.raises(UsageError, match="surveyId") as refusal:
        GET("/surveys/{surveyId}", value)
    assert isinstance(refusal.value, ValueError)
    str(refusal.value).encode()


@pytest.mark.parametrize("value", [None, 7, 1.5, b"SV_1", ["SV_1"], True])
def test_only_text_is_an_id(value: object) -> None:
    """An id of another type is refused, and the message names the placeholder."""
    with pytest.raises(UsageError, match=r"surveyId must be a string"):
        fill("/surveys/{surveyId}", (value,))


@pytest.mark.parametrize("ids", [(), ("a",), ("a", "b", "c")])
def test_a_wrong_number_of_ids_is_refused(ids: tuple[str, ...]) -> None:
    """Each placeholder takes exactly one id."""
    with pytest.raises(UsageError, match="takes 2 ids"):
        fill(TEMPLATE, ids)


def test_ids_fill_the_placeholders_in_order() -> None:
    """The first id goes into the first placeholder; the route keeps the template for limits and messages."""
    route = PUT(TEMPLATE, "POOL_1", "CID_1")
    assert route.path == "/directories/POOL_1/contacts/CID_1"
    assert route.key == f"PUT {TEMPLATE}"


def test_each_verb_helper_makes_its_verb() -> None:
    """The helper's name is the method."""
    made = [verb("/surveys").method for verb in (GET, POST, PUT, PATCH, DELETE)]
    assert made == ["GET", "POST", "PUT", "PATCH", "DELETE"]


queries = st.dictionaries(
    st.text(alphabet="abcXYZ_", min_size=1), st.text(alphabet=st.characters(codec="utf-8"))
)


@given(queries)
def test_a_query_comes_back_as_it_went(query: dict[str, str]) -> None:
    """Encoding and parsing a query is the identity, and no reserved character is left bare."""
    text = encode_query_string(encode_query(query))
    assert dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))) == query
    assert not set("#+ /:@") & set(text)
    assert text.isascii()


def test_query_values_are_written_as_the_wire_wants_them() -> None:
    """Booleans are words, instants are UTC, None stays away, an empty text does not."""
    when = datetime(2024, 5, 6, 7, 8, 9, 999, tzinfo=timezone(timedelta(hours=2)))
    pairs = encode_query({"a": True, "b": False, "c": 3, "d": None, "e": "", "f": when})
    assert pairs == (("a", "true"), ("b", "false"), ("c", "3"), ("e", ""), ("f", "2024-05-06T05:08:09Z"))
    assert encode_query(None) == encode_query({}) == ()


@pytest.mark.parametrize("value", [1.5, b"x", ["x"], object()])
def test_a_query_value_of_another_type_is_refused(value: object) -> None:
    """What has no spelling in a query is refused by name."""
    with pytest.raises(UsageError, match="pageSize"):
        encode_query({"pageSize": value})  # type: ignore[dict-item]  # wrong on purpose


@pytest.mark.parametrize("pair", [("name", "a\ud800"), ("na\udfffme", "a")])
def test_a_lone_surrogate_in_a_query_is_refused(pair: tuple[str, str]) -> None:
    """What UTF-8 cannot write is the caller's mistake, not a `UnicodeEncodeError`."""
    with pytest.raises(UsageError):
        encode_query_string((pair,))


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_an_instant_keeps_its_moment_and_loses_its_fractions(moment: datetime) -> None:
    """The text names the same second in UTC, in the one format that every endpoint takes."""
    try:
        text = instant(moment, "startDate")
    except UsageError:
        assert moment.year in {1, 9999}
        return
    assert len(text) == len("2024-01-01T00:00:00Z")
    assert datetime.fromisoformat(text) == moment.astimezone(UTC).replace(microsecond=0)


@given(st.datetimes())
def test_a_naive_datetime_names_no_instant(moment: datetime) -> None:
    """Without a time zone there is nothing to send."""
    with pytest.raises(UsageError, match="time zone"):
        instant(moment, "startDate")
    with pytest.raises(UsageError, match="time zone"):
        instant(moment.isoformat(), "startDate")


@pytest.mark.parametrize("value", ["", "tomorrow", "2024-13-01T00:00:00Z", 5, None, "2024-01-01"])
def test_what_is_no_instant_is_refused(value: object) -> None:
    """Neither words nor numbers nor days pass for an instant."""
    with pytest.raises(UsageError, match="startDate"):
        instant(value, "startDate")  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T01:30:00.987+01:30", "2024-01-01T00:00:00Z"),
        ("2024-01-01 00:00:00-05:00", "2024-01-01T05:00:00Z"),
    ],
)
def test_a_text_with_an_offset_is_an_instant(text: str, expected: str) -> None:
    """ISO 8601 with any offset is accepted and written in UTC."""
    assert instant(text, "startDate") == expected


def test_derived_requests_are_new_values() -> None:
    """Following a cursor leaves the request that it began with untouched."""
    request = Request(GET("/surveys"), dict, query=(("pageSize", "5"), ("skipToken", "a")))
    following = request.at("https://fra1.qualtrics.com/API/v3/surveys?offset=5")
    assert (following.url, following.query) == ("https://fra1.qualtrics.com/API/v3/surveys?offset=5", ())
    assert request.with_query("skipToken", "b").query == (("pageSize", "5"), ("skipToken", "b"))
    assert request.with_body({"a": 1}).body == {"a": 1}
    assert request == Request(GET("/surveys"), dict, query=(("pageSize", "5"), ("skipToken", "a")))


@pytest.mark.parametrize(
    ("method", "idempotent", "safe"),
    [
        ("GET", True, True),
        ("GET", False, False),
        ("POST", False, False),
        ("POST", True, True),
        ("PUT", True, False),
        ("DELETE", True, False),
        ("PATCH", False, False),
    ],
)
def test_only_what_reads_is_safe_to_abandon(method: str, *, idempotent: bool, safe: bool) -> None:
    """A search by POST reads; a PUT may be repeated but not forgotten; a GET that starts a job is a write."""
    route = {"GET": GET, "POST": POST, "PUT": PUT, "DELETE": DELETE, "PATCH": PATCH}[method]("/surveys")
    assert Request(route, dict, idempotent=idempotent).safe is safe
