"""Every block of the README runs, against a sandbox."""

from __future__ import annotations

import hmac
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from urllib.parse import urlencode

import pytest

from qualtrics_async.sandbox import Deliveries, Sandbox

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTACTS = (
    "First Name,Email,External Reference,cohort\nAda,ada@example.com,stu-1,2026\nZoë,zoe@example.com,,\n"
)
SERVE = """
import asyncio
from aiohttp.test_utils import TestClient, TestServer


async def ask():
    async with TestClient(TestServer(app)) as client, client.get("/surveys") as answer:
        print(await answer.json())


asyncio.run(ask())
"""
SERVE_ASGI = """
import builtins
import uvicorn

server = uvicorn.Server(uvicorn.Config(app, port=int(os.environ["PORT"]), log_level="warning"))


def print(*values):
    builtins.print(*values)
    server.should_exit = True


server.run()
"""
KEY = "readme-shared-key"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Find the blocks of a language, in order."""
    return [text for found, text in _BLOCK.findall(README.read_text(encoding="utf-8")) if found == language]


PYTHON = blocks("python")
SHELL = blocks("bash")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with what the blocks speak of; it delivers again and again until a server is up."""
    with Sandbox.in_thread(deliveries=Deliveries(attempts=1000, first=0.05, factor=1)) as made:
        made.state.add_survey("Exit survey")
        readers = made.state.add_mailing_list("Readers")
        made.state.add_contact(readers, email="grace@example.com")
        yield made


@pytest.fixture
def environment(tmp_path: Path, sandbox: Sandbox) -> dict[str, str]:
    """A folder with a contacts file, and the variables that point at the sandbox and at a free port."""
    (tmp_path / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (tmp_path / "delivery.txt").write_text(delivery(), encoding="ascii")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return {
        **os.environ,
        "QUALTRICS_API_TOKEN": sandbox.token,
        "QUALTRICS_BASE_URL": sandbox.base_url,
        "LIST": next(
            list_id for list_id, made in sandbox.state.mailing_lists.items() if made.name == "Readers"
        ),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
        "SHARED_KEY": KEY,
        "PYTHONWARNINGS": "error",
        "PYTHONUTF8": "1",
    }


def delivery() -> str:
    """A captured delivery, signed with the key."""
    message = '{"Status": "Complete", "SurveyID": "SV_1", "ResponseID": "R_1"}'
    signature = hmac.new(KEY.encode(), message.encode(), "sha512").hexdigest()
    return urlencode({"Topic": "b.surveyengine.completedResponse.SV_1", "MSG": message, "HMAC": signature})


def run(
    command: list[str],
    folder: Path,
    environment: dict[str, str],
    meanwhile: Callable[[subprocess.Popen[str]], object] | None = None,
) -> str:
    """Run a command that must succeed, and return what it printed."""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            if meanwhile is not None:
                meanwhile(process)
            stdout, stderr = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0, f"{command}\n{stdout}\n{stderr}"
    return stdout


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_a_python_block_runs_as_it_stands(
    number: int, tmp_path: Path, environment: dict[str, str], sandbox: Sandbox
) -> None:
    """A reader who pastes a Python block into a file gets what the text says, without a warning."""
    block = PYTHON[number]
    if "def test_" in block:
        backend = "import pytest\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
        (tmp_path / "conftest.py").write_text(backend)
        (tmp_path / "test_block.py").write_text(block)
        printed = run(
            [sys.executable, "-m", "pytest", "-q", "-p", "anyio", "test_block.py"], tmp_path, environment
        )
        assert "1 passed" in printed
        return
    if "webhooks." in block:
        is_served = "FastAPI(" in block
        (tmp_path / "block.py").write_text(block + SERVE_ASGI * is_served, encoding="utf-8")

        def respond(process: subprocess.Popen[str]) -> None:
            if is_served:
                topic = "surveyengine.completedResponse.*"
                url = f"{environment['PUBLIC_URL']}/qualtrics"
                sandbox.state.add_subscription(topic, url, shared_key=KEY)
            while not sandbox.state.subscriptions and process.poll() is None:
                time.sleep(0.01)
            made.append(sandbox.state.add_response(sandbox.state.survey_id).id)

        made: list[str] = []
        printed = run([sys.executable, "block.py"], tmp_path, environment, respond)
        assert made[0] in printed
        assert "Z\n" in printed
        assert KEY not in printed
        assert bool(sandbox.state.subscriptions) is is_served
        return
    served = "web.Application" in block
    (tmp_path / "block.py").write_text(block + SERVE * served, encoding="utf-8")
    printed = run([sys.executable, "block.py"], tmp_path, environment)
    assert bool(printed) is (served or "print(" in block)
    assert "Exit survey" in printed or not served
    assert environment["QUALTRICS_API_TOKEN"] not in printed


def test_the_commands_of_the_command_line_run(tmp_path: Path, environment: dict[str, str]) -> None:
    """Each line of the command-line block succeeds, in order, in one folder."""
    (block,) = [text for text in SHELL if text.startswith("qualtrics-async")]
    for line in block.splitlines():
        name, *arguments = shlex.split(Template(line).substitute(environment))
        assert name == "qualtrics-async"
        run([sys.executable, "-m", "qualtrics_async", *arguments], tmp_path, environment)
    assert (tmp_path / "links.csv").read_text(encoding="utf-8").count("https://") == CONTACTS.count("@") + 1


def test_the_two_commands_are_those_that_ci_runs() -> None:
    """CI takes the two set-up commands out of the README itself, so they work on a fresh machine."""
    setups = [text.strip() for text in SHELL if "-m venv" in text]
    assert len(setups) == 2
    assert setups[0].endswith("/qualtrics-async demo")
    assert setups[1].endswith("/pytest")
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_no_block_is_left_out() -> None:
    """A block in another language would not be run, so there is none."""
    assert {language for language, _ in _BLOCK.findall(README.read_text(encoding="utf-8"))} == {
        "python",
        "bash",
    }
