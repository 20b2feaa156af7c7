"""Files that the command line is given: none is lost, and a wrong one is told before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async.cli import run
from qualtrics_async.cli.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox

    Call = Callable[..., Any]

IMPORT = ["contacts", "import", "a.csv", "--mailing-list", "CG_1"]
LINKS = ["links", "generate", "--survey", "SV_1", "--mailing-list", "CG_1"]


@pytest.mark.parametrize(
    "argv",
    [
        [*IMPORT, "--failures", "a.csv"],
        [*IMPORT, "--failures", "./linked.csv"],
        [*IMPORT, "--journal", "a.csv"],
        [*IMPORT, "--journal", "new", "--failures", "./new"],
        [*LINKS, "--output", "new.csv", "--failures", "x/../new.csv"],
        [*LINKS, "--output", "a.csv", "--journal", "linked.csv"],
        ["demo", "--contacts", "a.csv", "--output", "linked.csv"],
        ["demo", "--output", "demo-contacts.csv"],
    ],
)
def test_no_file_is_two_things(call: Call, sandbox: Sandbox, argv: list[str]) -> None:
    """One file for two things is refused before anything is read, written or sent."""
    Path("a.csv").write_text("email\na@example.com\n")
    Path("x").mkdir()
    Path("linked.csv").symlink_to("a.csv")
    done = call(*argv)
    assert done.code == 2
    assert " at once" in done.err
    assert Path("a.csv").read_text() == "email\na@example.com\n"
    assert sorted(os.listdir()) == ["a.csv", "linked.csv", "x"]  # noqa: PTH208
    assert not sandbox.requests


def test_nothing_may_be_two_things(call: Call, sandbox: Sandbox) -> None:
    """A device is no file that could be lost."""
    customers = sandbox.state.add_mailing_list("Customers")
    argv = ["links", "generate", "--survey", sandbox.state.survey_id, "--mailing-list", customers]
    assert call(*argv, "--output", os.devnull, "--failures", os.devnull, "--journal", "j").code == 0


@pytest.mark.parametrize("name", ["links.csv", "demo-contacts.csv"])
def test_the_demo_overwrites_only_its_own_files(call: Call, name: str) -> None:
    """A file of the user's stays as it is, and the option that helps is named."""
    Path(name).write_text("mine\n")
    done = call("demo", "--rows", "1", "--lists", "1")
    assert done.code == 2
    assert ("--output" if name == "links.csv" else "--contacts") in done.err
    assert Path(name).read_text() == "mine\n"
    assert os.listdir() == [name]  # noqa: PTH208


def test_a_folder_is_no_input(call: Call) -> None:
    """A folder is called one."""
    Path("folder.csv").mkdir()
    done = call("contacts", "import", "folder.csv", "--mailing-list", "CG_1")
    assert (done.code, done.err) == (2, "error: folder.csv: it is a folder, not a file\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "idna", "punycode", "undefined"])
def test_a_wrong_encoding_is_usage(call: Call, sandbox: Sandbox, encoding: str) -> None:
    """A file that is not in the encoding, and an encoding that is none, end with one line and no journal."""
    Path("a.csv").write_text("email\na@example.com\n")
    done = call(*IMPORT, "--encoding", encoding)
    assert done.code == 2
    assert f"encoding {encoding}" in done.err or f"{encoding} is no encoding" in done.err
    assert os.listdir() == ["a.csv"]  # noqa: PTH208


def test_errors_name_the_file_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary name is in no message, and no temporary file stays."""

    def refuse(*names: object) -> None:
        raise PermissionError(13, "Permission denied", *names[:1])

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(PermissionError) as caught, replacing(tmp_path / "out.csv") as file:
        file.write("x")
    assert caught.value.filename == str(tmp_path / "out.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("argv", [["surveys", "list"], ["whoami"], LINKS, ["sandbox"]])
def test_a_closed_stdout_is_told_before_any_write(
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    argv: list[str],
) -> None:
    """Without stdout nothing is created, and one line says why."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout", None)
    assert run(argv) == 2
    assert capsys.readouterr().err == "error: stdout is closed: there is nowhere to write to\n"
    assert not sandbox.state.distributions
    assert not list(tmp_path.iterdir())


def test_a_closed_stderr_fails_no_job(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Messages that nobody reads are dropped."""
    monkeypatch.chdir(tmp_path)
    customers = sandbox.state.add_mailing_list("Customers")
    Path("a.csv").write_text("email\na@example.com\n")
    monkeypatch.setattr("sys.stderr", None)
    assert run(["contacts", "import", "a.csv", "--mailing-list", customers]) == 0
    assert len(sandbox.state.list_contacts(customers)) == 1


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none(call: Call, port: str) -> None:
    """A port out of range is a wrong usage."""
    done = call("sandbox", f"--port={port}")
    assert done.code == 2
    assert "from 0 to 65535" in done.err
