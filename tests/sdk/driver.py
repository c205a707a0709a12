"""Runs in the SDK's own virtual environment: reads calls as JSON lines, makes them with the SDK, and says what came.

The SDK ends the program when an answer is not 200, and prints what it was told: both are part of what comes back.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import io
import json
import sys
from typing import Any

MODULES = ("process", "processrun", "datasteps", "file", "table", "user", "usergroup")


def classes() -> dict[str, Any]:
    """Every class of the SDK that has methods of the API, by its name."""
    found: dict[str, Any] = {}
    for name in MODULES:
        module = importlib.import_module(f"solvexia_sdk.{name}.{name}")
        for kind_name, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                found[kind_name] = kind
    return found


def methods(known: dict[str, Any]) -> list[str]:
    return sorted(
        f"{name}.{method}"
        for name, kind in known.items()
        for method, _ in inspect.getmembers(kind, inspect.isfunction)
        if not method.startswith("_")
    )


def answer(value: Any) -> Any:
    """A download is a response of requests: its size and hash say what arrived."""
    content = getattr(value, "content", None)
    if isinstance(content, bytes):
        return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return value


def main() -> None:
    api = importlib.import_module("solvexia_sdk.api")
    known, objects = classes(), dict[tuple[str, str], Any]()
    for line in sys.stdin:
        call = json.loads(line)
        printed, ended = io.StringIO(), False
        value: Any = None
        with contextlib.redirect_stdout(printed):
            try:
                if call["do"] == "sign in":
                    client = api.solvexiaClient(call["file"])
                    client.get_access_token()
                    value = client.access_token
                elif call["do"] == "list":
                    value = methods(known)
                else:
                    kind, id_ = call["class"], call["id"]
                    made = objects.setdefault((kind, id_), known[kind](id_))
                    value = answer(getattr(made, call["do"])(*call["arguments"], **call["named"]))
            except SystemExit:
                ended = True
        print(json.dumps({"value": value, "ended": ended, "printed": printed.getvalue()}), flush=True)


main()
