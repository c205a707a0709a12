"""Whatever a name, a message, a file or a cell says: it stands on every page as text, and nothing else of a page changes.

Each page is compared with the same page of harmless names: the same elements with the same attributes, in the same order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from procession.clock import ManualClock
from procession.engine.table_workers import TableWorkers
from procession.model.rights import PUBLIC
from procession.web import routes
from tests.api.house import House, house
from tests.web.payloads import FEW, PAYLOADS, PLAIN
from tests.web.site import Site

# Addresses whose names begin so say where a thing is; ours lead nowhere else.
OWN = re.compile(r"(/|#|\?|$)")


def test_there_are_sixty() -> None:
    assert len(set(PAYLOADS)) >= 60


class _Skeleton(HTMLParser):
    """Elements and the names of their attributes; addresses that lead away, and scripts that are not files."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.away: list[str] = []
        self._is_in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(sorted(name for name, _ in attrs))))
        self._is_in_script = tag == "script"
        for name, value in attrs:
            if name in {"href", "src", "action", "formaction", "hx-get", "hx-post"} and not OWN.match(value or ""):
                self.away.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._is_in_script and data.strip():
            self.away.append(data)


def skeleton(page: str) -> _Skeleton:
    found = _Skeleton()
    found.feed(page)
    found.close()
    return found


def process(text: str) -> str:
    """A process file in JSON in which everything that can say something says it; names are one printable line."""
    name = text if text.isprintable() else PLAIN
    said = {"name": f"P {name}", "type": "String", "flow": "INPUT", "value": text, "mouseover": text}
    note = {"name": f"N {name}", "type": "Text", "flow": "NONE", "value": text}
    choice = {
        "name": "Choice",
        "key": "choice",
        "type": "Dropdown",
        "options": [name, "b"],
        "value": "b",
        "flow": "INPUT",
    }
    file = {"name": f"F {name}", "type": "File", "flow": "INPUT"}
    steps: list[dict[str, Any]] = [
        {"data": f"D {name}", "key": "parameters", "properties": [said | {"key": "said"}, note | {"key": "note"}, choice, file | {"key": "orders"}]},
        {"action": "wait", "name": f"W {name}", "key": "settle", "with": {"seconds": 1}, "when": {"equals": {"property": "parameters.said", "value": text}}},
    ]  # fmt: skip
    return json.dumps(
        {"process": f"Evil {name}", "description": text, "groups": [{"group": f"G {name}", "steps": steps}]}
    )


def furnish(home: House, text: str) -> dict[str, str]:
    """A process, runs in three states, a table, people and an application of these names. Gives the ids of pages."""
    called = text if text.isprintable() else PLAIN
    home.process = home.post("processes", content=process(text).encode())["id"]
    new, under_way, over = home.new_run(), home.new_run(start=True), home.new_run(start=True)
    file = next(
        item["file"] for item in home.get(f"steps/{home.step(new, 'parameters')}/properties") if item.get("file")
    )
    name = re.sub(r"[/\\\x00]", "", called)[:120] or "x"
    content = f"{text}\n1\n".encode()
    home.post(f"files/{file}", files={"file": (f"{name}.csv", content)})
    home.take(under_way)
    home.take(over)
    home.finish(over)
    message = "UPDATE step SET message = ? WHERE run_id IN (SELECT id FROM run WHERE process_id > 1)"
    home.database.write(lambda tx: tx.run(message, text))
    home.database.write(
        lambda tx: tx.run("UPDATE user_account SET first_name = ?, department = ?", text[:100], text[:100])
    )
    home.ask("POST", f"processruns/{under_way}/cancel", json={"reason": text})
    table = home.post("tables", json={"name": f"T {called}"[:200]})["id"]
    home.post(f"tables/{table}/columns", json={"name": "Said", "dataType": "FixedLengthText", "textLength": 250})
    home.post(f"tables/{table}/rows", json={"rows": [{"Said": text}]})
    home.post("applications", json={"name": f"A {called}"[:200]})
    group = home.post("usergroups", json={"name": f"U {called}"[:200]}, who="admin")["id"]
    user = str(home.users["mate"].id)
    return {
        "process": home.process,
        "new": new,
        "over": over,
        "gone": under_way,
        "table": table,
        "group": group,
        "user": user,
    }


def pages(ids: dict[str, str]) -> Iterator[str]:
    """Every page that a browser can open by an address, of each kind of run."""
    for route in routes.ROUTES:
        is_page = route.method == "GET" and route.rule is not PUBLIC and not route.pattern.endswith(("/live", ".zip"))
        places = re.findall(r"\{(\w+)\}", route.pattern)
        if not is_page or not set(places) <= {"process", "run", "table", "group", "user"}:
            continue
        for run in ("new", "over", "gone") if "run" in places else ("new",):
            yield "/" + route.pattern.format(**{**ids, "run": ids[run]})


@contextmanager
def site_of(folder: Path, table_workers: TableWorkers, text: str) -> Iterator[tuple[Site, dict[str, str]]]:
    folder.mkdir(parents=True, exist_ok=True)
    with house(folder, ManualClock(), table_workers) as home:
        ids = furnish(home, text)
        yield Site(house=home, who="admin").sign_in(), ids


def shown(site: Site, ids: dict[str, str]) -> dict[str, str]:
    found = {}
    for path in pages(ids):
        answer = site.get(path)
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert answer.status_code < 500, (path, answer.status_code)
            found[path] = answer.text
    return found


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory, table_workers: TableWorkers) -> dict[str, _Skeleton]:
    with site_of(tmp_path_factory.mktemp("harmless"), table_workers, PLAIN) as (site, ids):
        return {path: skeleton(page) for path, page in shown(site, ids).items()}


@pytest.mark.parametrize(
    "text",
    [pytest.param(text, marks=() if text in FEW else pytest.mark.thorough) for text in PAYLOADS],
    ids=lambda text: text[:30],
)
def test_a_text_stays_a_text(
    tmp_path: Path, table_workers: TableWorkers, harmless: dict[str, _Skeleton], text: str
) -> None:
    with site_of(tmp_path / "evil", table_workers, text) as (site, ids):
        pages_shown = shown(site, ids)

    assert pages_shown.keys() == harmless.keys() and len(pages_shown) >= 5
    for path, page in pages_shown.items():
        found = skeleton(page)
        assert found.away == [], path
        assert found.found == harmless[path].found, (path, _first_difference(found.found, harmless[path].found))
    assert any("Evil" in page for page in pages_shown.values())


def _first_difference(one: list[Any], other: list[Any]) -> tuple[Any, Any]:
    for left, right in zip(one, other, strict=False):
        if left != right:
            return left, right
    return one[len(other) :][:1], other[len(one) :][:1]


def test_the_comparison_sees_a_hole(harmless: dict[str, _Skeleton]) -> None:
    page = "<main><p title='x'>{}</p><a href='{}'>x</a></main>"

    assert skeleton(page.format("<b>x</b>", "/")).found != skeleton(page.format("x", "/")).found
    assert skeleton(page.format("x", "javascript:alert(1)")).away == ["a href=javascript:alert(1)"]
    assert skeleton("<script>alert(1)</script>").away == ["alert(1)"]
    assert all(not found.away for found in harmless.values())
