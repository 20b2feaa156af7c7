"""Exit codes and messages: one line on stderr, nothing on stdout, no traceback, no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qualtrics_async import cli
from qualtrics_async.cli import files, journals
from qualtrics_async.errors import QualtricsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Sandbox


def test_help_names_every_command(call: Callable[..., Any]) -> None:
    """The help lists the commands and where settings come from, and each command has help of its own."""
    done = call("--help")
    assert done.code == 0
    for name in ("whoami", "sandbox", "surveys", "lists", "contacts", "links", "demo", "QUALTRICS_API_TOKEN"):
        assert name in done.out
    for command in (
        ["whoami"],
        ["sandbox"],
        ["surveys", "list"],
        ["lists", "list"],
        ["contacts", "import"],
        ["links", "generate"],
        ["demo"],
    ):
        helped = call(*command, "--help")
        assert helped.code == 0
        assert f"Usage: qualtrics-async {' '.join(command)}" in helped.out


def test_version(call: Callable[..., Any]) -> None:
    """The version is the package's."""
    assert call("--version").out.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["nope"], "nope"),
        (["whoami", "--format", "xml"], "xml"),
        (["whoami", "extra"], "extra"),
        (["lists", "list", "--directory"], "--directory"),
        (["contacts", "import"], "FILE"),
        (["contacts", "import", "x.csv"], "--mailing-list"),
        (["contacts", "import", "x.csv", "--mailing-list", "CG_1"], "x.csv: there is no such file"),
        (["links", "generate", "--survey", "SV_1"], "--mailing-list"),
        (
            ["links", "generate", "--survey", "SV_1", "--mailing-list", "CG_1", "--expires", "tomorrow"],
            "an instant with an offset",
        ),
        (
            [
                "links",
                "generate",
                "--survey",
                "SV_1",
                "--mailing-list",
                "CG_1",
                "--expires",
                "2030-01-01T00:00",
            ],
            "an instant with an offset",
        ),
        (["demo", "--rows", "0"], "at least 1"),
        (["demo", "--contacts", "none.csv"], "none.csv: there is no such file"),
        (["lists", "list", "--directory", "../../x"], "directoryId"),
    ],
)
def test_wrong_usage(call: Callable[..., Any], argv: list[str], words: str) -> None:
    """What cannot be meant is exit code 2 and one line."""
    done = call(*argv)
    assert done.code == 2
    assert done.out == ""
    assert words.lower() in done.err.lower()
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


def test_a_token_is_no_argument(call: Callable[..., Any], sandbox: Sandbox) -> None:
    """A token among the arguments is refused, and not repeated."""
    for argv in (
        ["--token", sandbox.token],
        [f"--token={sandbox.token}"],
        [f"--client-secret={sandbox.token}"],
    ):
        done = call("whoami", *argv)
        assert done.code == 2
        assert "set QUALTRICS_API_TOKEN" in done.err
    assert "<secret>" in call("whoami", sandbox.token).err
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"QUALTRICS_API_TOKEN": ""}, "QUALTRICS_API_TOKEN"),
        ({"QUALTRICS_BASE_URL": ""}, "QUALTRICS_DATACENTER"),
        ({"QUALTRICS_DATACENTER": "fra1"}, "QUALTRICS_DATACENTER and QUALTRICS_BASE_URL are set"),
        ({"QUALTRICS_API_TOKEN": "a b"}, "white space"),
    ],
)
def test_wrong_settings(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    """Settings that are missing or cannot be meant are exit code 2, and say which."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = call("whoami")
    assert done.code == 2
    assert words in done.err


def test_a_refusal_is_one_line(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the service is exit code 1 and one line with what it said."""
    monkeypatch.setenv("QUALTRICS_API_TOKEN", "not-the-token")
    done = call("surveys", "list")
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert "401" in done.err
    assert "DCD_7" in done.err
    assert done.err.count("\n") == 1
    assert "not-the-token" not in done.err


def test_a_bug_is_not_hidden(call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no error of ours leaves as itself."""
    monkeypatch.setattr(cli, "_execute", lambda arguments: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        call("whoami")


def test_a_missing_folder_is_told_before_any_request(
    call: Callable[..., Any], sandbox: Sandbox, tmp_path: Path
) -> None:
    """An output that could not be written is refused at the beginning."""
    done = call(
        "links",
        "generate",
        "--survey",
        "SV_1",
        "--mailing-list",
        "CG_1",
        "--output",
        str(tmp_path / "no" / "l.csv"),
    )
    assert done.code == 2
    assert "there is no such folder" in done.err
    argv = ["links", "generate", "--survey", "SV_1", "--mailing-list", "CG_1", "--output", str(tmp_path)]
    assert "it is a folder" in call(*argv).err
    assert not sandbox.requests


def test_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    """A file is replaced when all is written, is its owner's alone, and stays as it was on failure."""
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(ValueError), files.replacing(path) as file:  # noqa: PT012  (it is the body that fails)
        file.write("half")
        raise ValueError
    assert path.read_text() == "old"
    with files.replacing(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["out.csv"]  # noqa: PTH208
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="devices and links of POSIX")
def test_devices_and_links_are_written_through(tmp_path: Path) -> None:
    """A device is never replaced by a file, and a link keeps leading to its file."""
    with files.replacing(Path(os.devnull)) as file:
        file.write("gone")
    assert not Path(os.devnull).is_file()
    link, target = tmp_path / "link.csv", tmp_path / "target.csv"
    target.touch()
    link.symlink_to(target)
    with files.replacing(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_how_to_go_on_is_said_only_where_one_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command to repeat is told, quoted for a shell, when there is a journal."""
    journal = tmp_path / "a journal"
    journals.command_line.set(["contacts", "import", "my file.csv"])
    for error in (QualtricsError("x"), KeyboardInterrupt()):
        with pytest.raises(type(error)), journals.resumable(journal, usual=True):
            raise error
    with pytest.raises(UsageError), journals.resumable(journal, usual=True):
        raise UsageError("x")
    assert capsys.readouterr().err == ""
    journal.touch()
    with pytest.raises(KeyboardInterrupt), journals.resumable(journal, usual=True):
        raise KeyboardInterrupt
    assert "qualtrics-async contacts import 'my file.csv'" in capsys.readouterr().err


def test_without_the_extra_a_line_names_it() -> None:
    """The console script says what to install when the extra is missing."""
    program = (
        "import sys; sys.modules['cyclopts'] = None; "
        "from qualtrics_async.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "the command line is an extra: pip install 'qualtrics-async[cli]'\n"


def test_a_reader_that_leaves_is_no_traceback(sandbox: Sandbox) -> None:
    """When stdout is closed by its reader the command ends quietly with exit code 1."""
    for number in range(300):
        sandbox.state.add_survey(f"Survey {number}")
    with subprocess.Popen(
        [sys.executable, "-m", "qualtrics_async", "surveys", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == 1
        assert process.stderr is not None
        assert process.stderr.read() == b""
