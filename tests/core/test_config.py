"""Hosts as users paste them, credentials as they copy them, and the environment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from qualtrics_async import ConfigError, Limits, Polling, Qualtrics, RetryPolicy, Timeouts
from qualtrics_async.config import api_root, check_scopes, check_secret

FRA1 = "https://fra1.qualtrics.com/API/v3"
BRAND = "https://brand.fra1.qualtrics.com/API/v3"


@pytest.mark.parametrize(
    ("given_as", "root"),
    [
        ("fra1", FRA1),
        ("FRA1", FRA1),
        (" fra1 ", FRA1),
        ("fra1\n", FRA1),
        ("fra1.qualtrics.com", FRA1),
        ("Fra1.Qualtrics.Com", FRA1),
        ("fra1.qualtrics.com/", FRA1),
        ("https://fra1.qualtrics.com", FRA1),
        ("https://fra1.qualtrics.com/", FRA1),
        ("http://fra1.qualtrics.com", FRA1),
        ("HTTPS://FRA1.QUALTRICS.COM/API/V3/", FRA1),
        ("https://fra1.qualtrics.com/API/v3", FRA1),
        ("https://fra1.qualtrics.com/API/v3/", FRA1),
        ("https://fra1.qualtrics.com:443/API/v3", FRA1),
        ("fra1.qualtrics.com/API/v3/surveys", FRA1),
        ("https://brand.fra1.qualtrics.com/Q/MyProjectsSection", BRAND),
        ("https://brand.fra1.qualtrics.com/Q/MyProjectsSection?a=b#c", BRAND),
        ("brand.fra1.qualtrics.com", BRAND),
        ("eu", "https://eu.qualtrics.com/API/v3"),
        ("gov1", "https://gov1.qualtrics.com/API/v3"),
    ],
)
def test_a_data_centre_is_understood_however_it_is_spelled(given_as: str, root: str) -> None:
    """Id, host, brand's host or any page's address lead to one API root, always over https."""
    assert api_root(given_as, None) == root
    if "." in given_as:
        assert api_root(None, given_as) == root


@pytest.mark.parametrize(
    "given_as",
    [
        "",
        "  ",
        "fra 1",
        "fra1,iad1",
        "-fra1",
        "qualtrics.com",
        "https://qualtrics.com",
        "www.qualtrics.com",
        "https://www.qualtrics.com/API/v3",
        "https://api.qualtrics.com",
        "https://support.qualtrics.com",
        "https://login.qualtrics.com",
        "fra1.example.com",
        "https://fra1.qualtrics.com.example.com",
        "https://evilqualtrics.com",
        "https://user@fra1.qualtrics.com",
        "https://user:pass@fra1.qualtrics.com",
        "https://fra1.qualtrics.com:8443",
        "https://fra1.qualtrics.com:99999",
        "ftp://fra1.qualtrics.com",
        "https://",
        "https://[::1",
        "https://.qualtrics.com",
        "https://fra1..qualtrics.com",
        "https://fra_1.qualtrics.com",
        "fra1\u2024qualtrics.com",
        "a" * 64,
        5,
    ],
    ids=ascii,
)
def test_a_data_centre_that_cannot_be_meant_is_refused(given_as: Any) -> None:
    """Foreign hosts, look-alikes, pages that are no data centre and typing errors are named as such."""
    with pytest.raises(ConfigError) as refusal:
        api_root(given_as, None)
    assert "\n" not in str(refusal.value)
    assert "pass@" not in str(refusal.value)


@pytest.mark.parametrize(
    ("base_url", "root"),
    [
        ("http://127.0.0.1:8080/API/v3", "http://127.0.0.1:8080/API/v3"),
        ("http://127.0.0.1:8080/API/v3/", "http://127.0.0.1:8080/API/v3"),
        ("https://gateway.example.com/qualtrics", "https://gateway.example.com/qualtrics"),
        ("https://gateway.example.com", "https://gateway.example.com"),
        ("http://[::1]:80/API/v3", "http://[::1]:80/API/v3"),
    ],
)
def test_a_base_url_elsewhere_is_used_verbatim(base_url: str, root: str) -> None:
    """A sandbox's or a gateway's root is taken as it is, nothing appended."""
    assert api_root(None, base_url) == root


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "127.0.0.1:8080",
        "gateway.example.com/x",
        "fra1",
        "ftp://gateway.example.com",
        "https://user:pass@gateway.example.com",
        "https://gateway.example.com/x?y=1",
        "https://gateway.example.com/x#y",
        "https://gate way.example.com/x",
        "https://gateway.example.com/\nx",
        "https://gateway.example.com/x\ty",
        "https://g\u00e4teway.example.com",
        "https://gateway.example.com:port",
        7,
    ],
    ids=ascii,
)
def test_a_base_url_that_cannot_be_meant_is_refused(base_url: Any) -> None:
    """A root needs a scheme and a host and has neither password, query nor blanks."""
    with pytest.raises(ConfigError) as refusal:
        api_root(None, base_url)
    assert "pass@" not in str(refusal.value)


@given(st.text() | st.from_regex(r"(https?://)?[\w.@:/?#\\-]{0,20}\.?qualtrics\.com[\w.@:/?#\\-]{0,9}"))
def test_whatever_is_pasted_leads_to_qualtrics_or_nowhere(text: str) -> None:
    """A data centre is a host under qualtrics.com over https, or a `ConfigError`."""
    try:
        root = api_root(text, None)
    except ConfigError:
        return
    url = URL(root, encoded=True)
    assert (url.scheme, url.port, url.user, url.path) == ("https", 443, None, "/API/v3")
    assert str(url.host).endswith(".qualtrics.com")


@given(st.text())
def test_whatever_base_url_is_pasted_can_be_sent_to_or_is_refused(text: str) -> None:
    """A root that was accepted is a URL of visible characters."""
    try:
        root = api_root(None, "http://" + text)
    except ConfigError:
        return
    assert root.isascii()
    assert root.isprintable()
    assert " " not in root
    assert URL(root, encoded=True).host


def test_one_of_both_names_the_host() -> None:
    """Data centre and base URL exclude one another, and one is needed."""
    with pytest.raises(ConfigError, match="either"):
        api_root("fra1", FRA1)
    with pytest.raises(ConfigError, match="QUALTRICS_DATACENTER"):
        api_root(None, None)


@pytest.mark.parametrize(
    "value", [" token", "token ", "to ken", "token\n", "to\tken", "to\u00a0ken"], ids=ascii
)
def test_a_secret_with_white_space_is_refused_without_showing_it(value: str) -> None:
    """A token copied with a line end is the commonest mistake; the message does not quote it."""
    with pytest.raises(ConfigError, match="white space") as refusal:
        check_secret(value, "token")
    assert "ken" not in str(refusal.value).replace("token", "")


@pytest.mark.parametrize("value", ["", None, 5, b"token", "t\u00f6ken", "to\x00ken", "\ud800"], ids=ascii)
def test_a_secret_that_no_header_can_carry_is_refused(value: Any) -> None:
    """Empty, of another type, or outside visible ASCII."""
    with pytest.raises(ConfigError, match="token"):
        check_secret(value, "token")


def test_a_good_secret_is_not_changed() -> None:
    """Any visible ASCII is taken as it is."""
    assert check_secret("aB3-_~!", "token") == "aB3-_~!"


@pytest.mark.parametrize("scopes", ["read:surveys", ["read surveys"], [""], ['a"b'], [5, ""], ["\u00e4"]])
def test_scopes_that_cannot_be_meant_are_refused(scopes: Any) -> None:
    """One text in place of several, blanks and quotes are no scopes."""
    with pytest.raises(ConfigError, match="scope"):
        check_scopes(scopes)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"token": ""},
        {"token": "a b"},
        {"token": "t", "client_id": "i", "client_secret": "s"},
        {"client_id": "i"},
        {"client_secret": "s"},
        {"client_id": "i", "client_secret": "s t"},
        {"client_id": "i", "client_secret": "s", "scopes": "one"},
        {"token": "t", "datacenter": None},
        {"token": "t", "base_url": "https://fra1.qualtrics.com"},
    ],
    ids=repr,
)
def test_a_client_is_not_made_from_settings_that_cannot_work(options: dict[str, Any]) -> None:
    """Missing and contradictory settings fail when the client is made, before any I/O."""
    with pytest.raises(ConfigError):
        Qualtrics(**{"datacenter": "fra1", **options})


def test_a_client_is_made_without_a_running_loop() -> None:
    """Making one binds nothing; its `repr` tells the root and nothing else."""
    client = Qualtrics(token="secret-token", datacenter="fra1")
    assert repr(client) == f"<Qualtrics {FRA1}>"


TOKEN = {"QUALTRICS_API_TOKEN": "t-1", "QUALTRICS_DATACENTER": "fra1"}


def test_the_environment_is_enough() -> None:
    """Token and data centre, or OAuth and a base URL, are all that is needed."""
    assert repr(Qualtrics.from_env(TOKEN)) == f"<Qualtrics {FRA1}>"
    oauth = {
        "QUALTRICS_CLIENT_ID": "i",
        "QUALTRICS_CLIENT_SECRET": "s",
        "QUALTRICS_BASE_URL": "http://127.0.0.1:1/API/v3",
        "QUALTRICS_API_TOKEN": "",
        "QUALTRICS_DATACENTER": "",
    }
    assert repr(Qualtrics.from_env(oauth)) == "<Qualtrics http://127.0.0.1:1/API/v3>"


def test_arguments_win_over_the_environment() -> None:
    """An argument replaces its whole group, so that a token in the environment does not contradict OAuth."""
    client = Qualtrics.from_env(TOKEN, base_url="http://127.0.0.1:1/API/v3", client_id="i", client_secret="s")
    assert repr(client) == "<Qualtrics http://127.0.0.1:1/API/v3>"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the environment is the process's own."""
    for name, value in TOKEN.items():
        monkeypatch.setenv(name, value)
    assert repr(Qualtrics.from_env()) == f"<Qualtrics {FRA1}>"


@pytest.mark.parametrize("missing", TOKEN)
def test_what_the_environment_lacks_is_named(missing: str) -> None:
    """The message names the variable to set."""
    with pytest.raises(ConfigError, match=missing):
        Qualtrics.from_env({name: value for name, value in TOKEN.items() if name != missing})


@pytest.mark.parametrize(
    "options", [{"attempt": 0}, {"attempt": -1}, {"grace": -1}, {"attempt": float("nan")}]
)
def test_time_limits_are_positive(options: dict[str, Any]) -> None:
    """Zero or less for an attempt, or less than zero for the grace, is refused."""
    with pytest.raises(ConfigError):
        Timeouts(**options)


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        (Polling, {"first": float("nan")}),
        (RetryPolicy, {"base": float("nan")}),
        (RetryPolicy, {"patience": -1}),
        (Limits, {"max_in_flight": 2.5}),
        (Timeouts, {"attempt": float("nan")}),
    ],
)
def test_numbers_that_are_none_are_refused(settings: Any, numbers: dict[str, Any]) -> None:
    """NaN passes every comparison that asks for what is wrong; so it is asked what is right."""
    with pytest.raises(ConfigError):
        settings(**numbers)


@pytest.mark.parametrize(
    "options", [{"token": "t", "brand": " "}, {"client_id": "a:b", "client_secret": "secret"}]
)
def test_names_that_cannot_be_carried_are_refused(options: dict[str, Any]) -> None:
    """A blank brand would be shared by all who have none; a colon splits HTTP Basic."""
    with pytest.raises(ConfigError):
        Qualtrics(datacenter="fra1", **options)
