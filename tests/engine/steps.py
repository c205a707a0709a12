"""Process files as Python values: what the engine's tests are made of. A process file may be JSON, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

StepText = dict[str, Any]


def process(*steps: StepText, name: str = "Test", **settings: object) -> str:
    return json.dumps({"process": name, **settings, "groups": [{"group": "Work", "steps": list(steps)}]})


def data(key: str, *properties: dict[str, Any], **more: object) -> StepText:
    return {"data": key, "key": key, "properties": list(properties), **more}


def item(key: str, kind: str = "Number", flow: str = "NONE", **more: object) -> dict[str, Any]:
    return {"name": key, "key": key, "type": kind, "flow": flow, **more}


def python(
    key: str,
    code: str = "",
    *,
    inputs: dict[str, str] | None = None,
    outputs: dict[str, str] | None = None,
    **more: object,
) -> StepText:
    settings = {"code": code, "inputs": inputs or {}, "outputs": outputs or {}}
    return {"action": "run_python", "name": key, "key": key, "with": settings, **more}


def wait(key: str, seconds: float = 0, **more: object) -> StepText:
    return {"action": "wait", "name": key, "key": key, "with": {"seconds": seconds}, **more}


def fail(key: str, message: str = "went wrong", **more: object) -> StepText:
    return {"action": "fail", "name": key, "key": key, "with": {"message": message}, **more}


def decide(
    key: str, *rules: tuple[Any, dict[str, Any]], otherwise: dict[str, Any] | None = None, **more: object
) -> StepText:
    """A rule is its condition and what it sets."""
    settings: dict[str, Any] = {"rules": [{"when": when, "set": given} for when, given in rules]}
    if otherwise is not None:
        settings["otherwise"] = otherwise
    return {"action": "decide", "name": key, "key": key, "with": settings, **more}


def approve(key: str, **more: Any) -> StepText:
    """Asks the group Controllers, or what `more` says; the frame of the step is in `frame`."""
    frame = more.pop("frame", {})
    return {
        "action": "approve",
        "name": key,
        "key": key,
        "with": {"title": f"{key}?", "who": {"group": "Controllers"}, **more},
        **frame,
    }


def run_process(key: str, called: str, **more: Any) -> StepText:
    """Runs another process; the frame of the step is in `frame`."""
    frame = more.pop("frame", {})
    return {"action": "run_process", "name": key, "key": key, "with": {"process": called, **more}, **frame}


def mark(path: Path, text: str = "x") -> str:
    """Code that leaves a line in a file outside, where the test sees it whatever becomes of the step."""
    return f"with open({str(path)!r}, 'a') as file: file.write({text + chr(10)!r})\n"


def stay(gate: Path) -> str:
    """Code that goes on when the test makes the file."""
    return f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.005)\n"


def marks(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []
