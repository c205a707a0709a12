"""YAML, JSON and configuration of a document: read by what reads it in earnest."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema_rs

from procession import actions
from procession.model import process_file
from procession.model.process_file import documents
from procession.model.process_file import schema as file_schema
from tests.docs.blocks import Block

FRAGMENTS = ("property", "condition", "step", "group", "process")


def check_yaml(block: Block) -> str:
    """What is wrong with a process file or with a part of one, ""."""
    # By our own reader: to YAML 1.1, the key `on` is no text.
    data = documents.read(block.text).data
    if isinstance(data, dict) and {"process", "groups"} <= set(data):
        process_file.parse(block.text, file=block.place, actions=actions.registry())
        return ""
    items = data if isinstance(data, list) else [data]
    return next((said for item in items if (said := _wrong_fragment(item))), "")


def _wrong_fragment(item: Any) -> str:
    """A list of steps, groups or properties, or some keys of a mapping that has them."""
    schema = _lenient(file_schema.schema(actions.registry()))
    settings = [{"$ref": f"#/$defs/{kind}_settings"} for kind in actions.registry()]
    places = [{"$ref": "#"}, *({"$ref": f"#/$defs/{name}"} for name in ("group", "step", "property", "condition"))]
    for place in (*places, *settings):
        if jsonschema_rs.is_valid(
            {"$ref": place["$ref"], "$defs": schema["$defs"]} if place["$ref"] != "#" else schema, item
        ):
            return ""
    return f"this is no process file, and nothing that stands in one: {item}"


def _lenient(schema: Any) -> Any:
    """The schema without what is required: a fragment shows only some of the keys."""
    if isinstance(schema, dict):
        return {
            key: _lenient(value) for key, value in schema.items() if not (key == "required" and isinstance(value, list))
        }
    return [_lenient(item) for item in schema] if isinstance(schema, list) else schema


def check_nginx(text: str, folder: Path) -> str:
    """By nginx itself, where it is installed; else that its braces and semicolons are right."""
    if nginx := shutil.which("nginx"):
        path = folder / "nginx.conf"
        path.write_text(f"pid {folder}/pid; error_log {folder}/log; events {{}}\nhttp {{\n{text}\n}}\n")
        done = subprocess.run([nginx, "-t", "-c", str(path)], capture_output=True, text=True, check=False)
        # The certificates of the example are not on this machine.
        is_fine = done.returncode == 0 or "cannot load certificate" in done.stderr
        return "" if is_fine else done.stderr
    return _unbalanced(text, ends=(";", "{", "}"))


def check_caddy(text: str, folder: Path) -> str:
    if caddy := shutil.which("caddy"):
        path = folder / "Caddyfile"
        path.write_text(text)
        command = [caddy, "validate", "--adapter", "caddyfile", "--config", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr if done.returncode else ""
    return _unbalanced(text, ends=())


def _unbalanced(text: str, *, ends: tuple[str, ...]) -> str:
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    if text.count("{") != text.count("}"):
        return "the braces do not match"
    odd = [line for line in lines if line and ends and not line.endswith(ends)]
    return f"a line without an end: {odd[0]}" if odd else ""


def check_systemd(text: str, folder: Path) -> str:
    """By systemd itself, where it is installed; the program and the user of the example are not on this machine."""
    unit = folder / "procession.service"
    program = shutil.which("true") or "/bin/true"
    lines = [f"ExecStart={program}" if line.startswith("ExecStart=") else line for line in text.splitlines()]
    unit.write_text("\n".join(lines) + "\n")
    if (verify := shutil.which("systemd-analyze")) is None:
        return "" if all(f"[{part}]" in text for part in ("Unit", "Service", "Install")) else "a section is missing"
    done = subprocess.run([verify, "verify", str(unit)], capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if "procession.service" in line]
    return "\n".join(found)
