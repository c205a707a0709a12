"""Every fenced block of the README and of docs/ is run as a reader would, or checked as far as it can be."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import blocks, checking, comparing
from tests.docs.blocks import ROOT, Block
from tests.docs.shell import Heard, Terminal, terminal
from tests.engine.isolation.house import house_with

pytestmark = pytest.mark.acceptance

# By document and first line; whoever adds one says why it cannot be run, and what was checked instead.
UNRUNNABLE = {
    (
        "steering.md",
        "# two people who sign in",
    ): "needs two people with applications; tests/commands/test_approving.py plays them",
    ("alerts.md", "Subject: Failed: Month end : run #1"): "a mail; tests/test_mail.py has it sent, and compares",
    ("scripts.md", "pip install --target /srv/step-libraries pandas"): "installs from an index, into a system folder",
    (
        "crash.md",
        "procession restart pr-12 reconcile --plan",
    ): "needs a run that failed; tests/test_cli.py restarts one",
    (
        "api.md",
        "curl $S/oauth/token -u $ID:$SECRET -d grant_type=authorization_code -d code=$CODE -d code_verifier=$V",
    ): ("needs a browser; tests/oauth plays it"),
    ("containers.md", "docker run --user 1000:1000 \\"): "needs Docker; test_containers.py plays it",
    ("containers.md", "abi <abi/4.0>,"): "a profile of AppArmor, which this machine may not have",
    (
        "operating.md",
        "git clone REPOSITORY /opt/procession",
    ): "writes into the system; tools/venv is what `make demo` runs",
    ("operating.md", "useradd --system --home-dir /var/lib/procession --shell /usr/sbin/nologin procession"): (
        "changes the users of this machine"
    ),
    (
        "operating.md",
        "sudo -u procession PROCESSION_HOME=/var/lib/procession /opt/procession/.venv/bin/procession doctor",
    ): ("needs the user that the page makes; doctor is run below"),
    ("operating.md", "procession backup /backups/before.tar"): "changes the system; backup is run above",
}
# Usages, which are no commands: tests/commands compares them with the commands and parses every example.
TEXTS_OF = {"commands.md"}
ANEW = {"README.md", "api.md", "operating.md"}  # each command of these is an interpreter, as a reader's is
IN_THE_REPOSITORY = ("Makefile", "src", "examples", "tools", "pyproject.toml", "requirements")
PROGRAMS = ("curl", "jq", "openssl")
NEEDS_A_PLACE = {"sh", "python", "csv", "nginx", "caddy", "systemd"}


@pytest.mark.parametrize("path", blocks.documents(), ids=lambda path: str(path.name))
def test_every_block_of_the_document_is_right(path: Path, tmp_path: Path) -> None:
    found = blocks.read(path)
    _need_programs(found)
    if any("ProcessPoolExecutor" in block.text for block in found):
        with house_with(tmp_path) as house:
            house.need_namespaces()
    if not any(block.kind in NEEDS_A_PLACE or block.file for block in found):
        for block in found:
            _check_text(block)
        return
    folder, aside = _folder(path, tmp_path), tmp_path / "aside"
    aside.mkdir()
    with terminal(folder, aside, forks=path.name not in ANEW) as opened:
        _play(found, opened)


def _need_programs(found: list[Block]) -> None:
    """A reader has them; a machine that only develops may not."""
    commands = "\n".join(block.text for block in found if block.kind == "sh" and "unrunnable" not in block.marks)
    missing = [name for name in PROGRAMS if re.search(rf"\b{name}\b", commands) and shutil.which(name) is None]
    if missing:
        assert not os.environ.get("CI"), f"CI needs {', '.join(missing)}"
        pytest.skip(f"missing: {', '.join(missing)}; this document was not tried")


def test_no_reason_is_kept_for_a_block_that_is_gone() -> None:
    there = {(block.document, _first_line(block)) for block in _every_block() if "unrunnable" in block.marks}

    assert set(UNRUNNABLE) == there


def _every_block() -> Iterator[Block]:
    for path in blocks.documents():
        yield from blocks.read(path)


def _folder(path: Path, tmp_path: Path) -> Path:
    """Empty; the README's reader sits in a clone of the repository."""
    folder = tmp_path / "here"
    folder.mkdir()
    if path.name == "README.md":
        for name in IN_THE_REPOSITORY:
            (folder / name).symlink_to(ROOT / name)
        _install(folder / ".venv")
    return folder


def _install(venv: Path) -> None:
    """The tests' own .venv as `make demo` would have made it: nothing is installed by a test."""
    venv.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.suffix != ".stamp":
            (venv / entry.name).symlink_to(entry)
    (venv / "run.stamp").touch()


def _play(found: list[Block], opened: Terminal) -> None:
    heard: Heard | None = None
    for block in found:
        heard = _step(block, opened, heard)


def _step(block: Block, opened: Terminal, before: Heard | None) -> Heard | None:
    """What the block said, to compare with the block that follows."""
    if block.file:
        (opened.folder / block.file).parent.mkdir(parents=True, exist_ok=True)
        (opened.folder / block.file).write_text(block.text, "utf-8")
    if "unrunnable" in block.marks:
        assert (block.document, _first_line(block)) in UNRUNNABLE, f"{block.place}: say in UNRUNNABLE why it is not run"
        return None
    match block.kind:
        case "sh" | "python":
            return _run(block, opened)
        case "output":
            _compare(block, before)
        case "nginx" | "caddy" | "systemd":
            said = getattr(checking, f"check_{block.kind}")(block.text, opened.aside)
            assert not said, f"{block.place}: {said}"
        case "json" if "output" in block.marks:
            assert before is not None, f"{block.place}: no command before it said anything"
            said = comparing.missing(json.loads(block.text), json.loads(before.text))
            assert not said, f"{block.place}: {said}"
        case _:
            _check_text(block)
    return before


def _run(block: Block, opened: Terminal) -> Heard:
    if "serve" in block.marks:
        return opened.serve(block.text)
    if "step" in block.marks:
        return _run_step(block, opened)
    if block.kind == "python":
        heard = opened.python(block.text)
    else:
        heard = opened.run(block.text, may_fail="fails" in block.marks)
    assert (heard.code != 0) == ("fails" in block.marks), f"{block.place}: exit code {heard.code}\n{heard.text}"
    return heard


def _run_step(block: Block, opened: Terminal) -> Heard:
    """A script of run_python as a step; the files that it reads were shown before it, by their names."""
    given = dict.fromkeys(re.findall(r'inputs\["(\w+)"\]', block.text))
    files = dict.fromkeys(re.findall(r'outputs\.file\("(\w+)"', block.text))
    values = dict.fromkeys(re.findall(r'outputs\["(\w+)"\] =', block.text))
    properties = [{"name": name, "type": "File", "flow": "INPUT"} for name in given]
    properties += [{"name": name, "type": "File", "flow": "OUTPUT"} for name in files]
    properties += [{"name": name, "type": "Number", "flow": "OUTPUT"} for name in values]
    step = {
        "inputs": {name: f"${{data.{name}}}" for name in given},
        "outputs": {name: f"${{data.{name}}}" for name in (*files, *values)},
        "code": block.text,
    }
    steps = [{"data": "Data", "properties": properties}, {"action": "run_python", "with": step}]
    name = f"Script of line {block.line}"
    (opened.aside / "step.json").write_text(json.dumps({"process": name, "groups": [{"group": "All", "steps": steps}]}))
    options = " ".join(f"--file data.{key}={key}.csv" for key in given)
    home = f"--home {opened.aside / 'steps'}"
    heard = opened.run(
        f'procession apply {opened.aside / "step.json"} {home} > /dev/null\nprocession run "{name}" {options} --wait {home}'
    )
    assert heard.code == 0, f"{block.place}: {heard.text}"
    return heard


def _compare(block: Block, before: Heard | None) -> None:
    assert before is not None, f"{block.place}: no command before it said anything"
    said = comparing.difference(block.text, before.text, is_ordered="unordered" not in block.marks)
    assert not said, f"{block.place}: the output is another one\n{said}"


def _check_text(block: Block) -> None:
    if block.kind == "text" and block.document in TEXTS_OF:
        return
    assert block.kind in {"yaml", "json", "csv"}, f"{block.place}: a {block.kind} block must be marked unrunnable"
    if block.kind == "yaml":
        said = checking.check_yaml(block)
        assert not said, f"{block.place}: {said}"
    elif block.kind == "json":
        json.loads(block.text)


def _first_line(block: Block) -> str:
    return block.text.splitlines()[0]
