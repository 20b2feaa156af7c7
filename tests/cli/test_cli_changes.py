"""`contacts update`, `unsubscribe` and `remove`: what becomes of the contacts that a file names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commanding import rows_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]


@pytest.fixture
def customers(sandbox: Sandbox) -> str:
    """A list of three."""
    made = sandbox.state.add_mailing_list("Customers")
    for number in range(3):
        sandbox.state.add_contact(
            made, email=f"p{number}@example.com", ext_ref=f"X{number}", first_name="Ann"
        )
    return made


def write(*lines: str) -> None:
    Path("a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_contacts_are_updated(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Cells change the contact that the row names; who is not there is in the failures, as in the file."""
    write("extRef,First Name,Color", "X0,Zoë,red", "X9,Nobody,blue", "X1,,green")
    argv = ["contacts", "update", "a.csv", "--mailing-list", customers, "--failures", "f.csv"]
    done = call(*argv)
    assert done.code == 3
    assert "3 rows" in done.err
    assert "2 done, 1 failed" in done.err
    first, second, third = sandbox.state.list_contacts(customers)
    assert (first.first_name, first.embedded_data) == ("Zoë", {"Color": "red"})
    assert (second.first_name, second.embedded_data) == ("Ann", {"Color": "green"})
    assert not third.embedded_data
    assert [(row["extRef"], row["_reason"]) for row in rows_of("f.csv")] == [("X9", "not in the list")]


def test_empty_cells_clear(call: Call, sandbox: Sandbox, customers: str) -> None:
    """With --clear-empty an empty cell empties the field."""
    write("extRef,First Name", "X1,")
    assert call("contacts", "update", "a.csv", "--mailing-list", customers, "--clear-empty").code == 0
    assert [one.first_name or "" for one in sandbox.state.list_contacts(customers)] == ["Ann", "", "Ann"]


def test_contacts_are_named_in_one_way(call: Call, sandbox: Sandbox, customers: str) -> None:
    """By e-mail address, the reference is what changes."""
    write("extRef,Email", "new,p1@example.com")
    argv = ["contacts", "update", "a.csv", "--mailing-list", customers, "--identify-by"]
    assert call(*argv, "email").code == 0
    assert [one.ext_ref for one in sandbox.state.list_contacts(customers)] == ["X0", "new", "X2"]
    assert call(*argv, "name").code == 2


@pytest.mark.parametrize("directory", [True, False])
def test_contacts_are_unsubscribed(call: Call, sandbox: Sandbox, customers: str, directory: bool) -> None:
    """They stay in the list and get nothing more; with --from-directory from no other list either."""
    write("email,Color", "p2@example.com,red")
    argv = ["contacts", "unsubscribe", "a.csv", "--mailing-list", customers]
    assert call(*argv, *(["--from-directory"] if directory else [])).code == 0
    members = sandbox.state.mailing_lists[customers].members
    assert [member.unsubscribed for member in members] == [False, False, True]
    assert [member.contact.unsubscribed for member in members] == [False, False, directory]
    assert not members[2].contact.embedded_data


def test_contacts_are_removed_when_that_is_meant(call: Call, sandbox: Sandbox, customers: str) -> None:
    """Nobody is taken off a list without --yes."""
    write("email", "p0@example.com", "p2@example.com")
    argv = ["contacts", "remove", "a.csv", "--mailing-list", customers]
    refused = call(*argv)
    assert (refused.code, sandbox.calls.total()) == (2, 0)
    assert "--yes" in refused.err
    assert call(*argv, "--yes").code == 0
    assert [one.email for one in sandbox.state.list_contacts(customers)] == ["p1@example.com"]
    assert len(sandbox.state.contacts) == 3


@pytest.mark.parametrize("verb", ["import", "update", "unsubscribe", "remove"])
def test_a_column_names_the_list(call: Call, sandbox: Sandbox, verb: str) -> None:
    """Each row is for the list that its cell names; the cell is no data, and a row without one fails."""
    lists = [sandbox.state.add_mailing_list(name) for name in ("One", "Two")]
    for name, email in zip(lists if verb != "import" else [], "ab", strict=False):
        sandbox.state.add_contact(name, email=f"{email}@example.com")
    write(
        "Email,Where,Color",
        f"a@example.com,{lists[0]},red",
        f"b@example.com, {lists[1]} ,blue",
        "c@example.com,,x",
    )
    argv = ["contacts", verb, "a.csv", "--list-column", "Where", "--failures", "f.csv"]
    done = call(*argv, *(["--yes"] if verb == "remove" else []))
    assert done.code == 3, done.err
    (failed,) = rows_of("f.csv")
    assert (failed["Email"], failed["Color"], failed["_reason"]) == ("c@example.com", "x", "no mailing list")
    members = [sandbox.state.mailing_lists[name].members for name in lists]
    emails = [[member.contact.email for member in found] for found in members]
    data = [member.contact.embedded_data for found in members for member in found]
    assert emails == ([[], []] if verb == "remove" else [["a@example.com"], ["b@example.com"]])
    colors = [{"Color": "red"}, {"Color": "blue"}]
    assert [found or {} for found in data] == (colors if verb in ("import", "update") else [{}] * len(data))
    opted_out = [member.unsubscribed for found in members for member in found]
    assert all(opted_out) if verb == "unsubscribe" else not any(opted_out)


@pytest.mark.parametrize("verb", ["import", "update", "unsubscribe"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "either --mailing-list or --list-column"),
        (["--mailing-list", "CG_1", "--list-column", "Where"], "either --mailing-list or --list-column"),
        (["--list-column", "Wher"], "no column is called 'Wher'; there are Email, Where"),
    ],
)
def test_one_of_the_two_says_which_list(
    call: Call, sandbox: Sandbox, verb: str, options: list[str], words: str
) -> None:
    """None, both, and a column that is not there are wrong usages, and nothing is sent."""
    write("Email,Where", "a@example.com,CG_1")
    done = call("contacts", verb, "a.csv", *options)
    assert done.code == 2
    assert words in done.err
    assert not sandbox.state.contacts
    assert sorted(path.name for path in Path().iterdir()) == ["a.csv"]
