"""What a release consists of (`make sbom`), and what is known of it (`make audit`)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema_rs
import pytest
from tools import pinned

from tests.figures import ROOT

RUN = ROOT / "requirements" / "run.txt"
SMALL = """\
# Written by hand
jinja2==3.1.6 \\
    --hash=sha256:0137fb05990d35f1275a587e9aee6d56da821fc83491a0fb838183be43f66d6d
    # via procession (pyproject.toml)
markupsafe==3.0.4 ; sys_platform != 'win32' \\
    --hash=sha256:0303439a41979d9e74d18ff5e2dd8c43ed6c6001fd40e5bf2e43f7bd9bbc523f
    # via jinja2
"""
HOLE = {
    "id": "PYSEC-0000-1",
    "schema_version": "1.4.0",
    "summary": "anybody may come in",
    "affected": [{"package": {"name": "jinja2", "ecosystem": "PyPI"}, "ranges": []}],
}
# What pip-audit 2.10.1 reports with "No known vulnerabilities found" and exit code 0.
UNSEEN = {
    "dependencies": [
        {"name": "jinja2", "skip_reason": "Dependency not found on PyPI and could not be audited: jinja2 (3.1.6)"},
        {"name": "django", "skip_reason": "Dependency not found on PyPI and could not be audited: django (3.0)"},
    ],
    "fixes": [],
}


def tool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def sbom(*arguments: str | Path) -> Any:
    said = tool("tools/sbom", *arguments)
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def schema_of_cyclonedx() -> Any:
    folder = Path(cyclonedx.schema.__file__).parent / "_res"
    names = [f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82")]
    bom, *others = (json.loads((folder / name).read_text()) for name in names)
    base = bom["$id"].rpartition("/")[0]
    registry = jsonschema_rs.Registry(
        [(f"{base}/{name}", other) for name, other in zip(names[1:], others, strict=True)]
    )
    return jsonschema_rs.validator_for(bom, registry=registry)


def test_the_document_of_a_release_obeys_the_schema_of_cyclonedx() -> None:
    document, schema = sbom(), schema_of_cyclonedx()

    assert [str(error) for error in schema.iter_errors(document)] == []
    assert not schema.is_valid({**document, "components": [{"name": "nothing else"}]})
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")


def test_it_names_every_package_that_is_installed_with_its_hashes() -> None:
    components = {one["name"]: one for one in sbom()["components"]}
    pins = pinned.read(RUN)

    assert components.keys() == {pin.name for pin in pins}
    for pin in pins:
        assert components[pin.name]["version"] == pin.version
        assert {one["content"] for one in components[pin.name]["hashes"]} == set(pin.hashes)
    assert (components["duckdb"]["scope"], components["hatchling"]["scope"]) == ("required", "excluded")


def test_it_is_the_same_for_the_same_release() -> None:
    assert tool("tools/sbom").stdout == tool("tools/sbom").stdout


def test_a_file_from_elsewhere_is_named_with_its_version_and_hash(tmp_path: Path) -> None:
    release(tmp_path, {"htmx-2.0.4.min.js": "let x"})

    components = {one["name"]: one for one in sbom(tmp_path)["components"]}

    assert (components["htmx"]["version"], components["htmx"]["type"]) == ("2.0.4", "file")
    assert components["htmx"]["hashes"][0]["content"].startswith("75728e1ed7e6")


def test_a_file_from_elsewhere_without_a_version_is_refused(tmp_path: Path) -> None:
    release(tmp_path, {"htmx.js": "let x"})

    assert tool("tools/sbom", tmp_path).returncode == 1


def release(folder: Path, vendored: Mapping[str, str]) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "procession"\nversion = "1"\n')
    (folder / "requirements").mkdir()
    (folder / "requirements" / "run.txt").write_text(SMALL)
    place = folder / "src" / "procession" / "web" / "vendor"
    place.mkdir(parents=True)
    for name, text in vendored.items():
        (place / name).write_text(text)


@pytest.mark.parametrize("line", ["jinja2>=3", "jinja2==3.1.6"])
def test_a_package_without_a_version_or_a_hash_is_no_pin(tmp_path: Path, line: str) -> None:
    (tmp_path / "run.txt").write_text(f"{line}\n")

    with pytest.raises(ValueError, match="does not pin"):
        pinned.read(tmp_path / "run.txt")


@dataclass(slots=True, kw_only=True)
class Database:
    """A vulnerability database as OSV is one, on loopback; `holes` by package."""

    address: str
    holes: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    status: int = 200


@pytest.fixture
def database() -> Iterator[Database]:
    with _served() as made:
        yield made


@contextmanager
def _served() -> Iterator[Database]:
    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            holes = made.holes.get(asked["package"]["name"], [])
            body = json.dumps({"vulns": holes} if holes else {}).encode()
            self.send_response(made.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        made = Database(address=f"http://127.0.0.1:{server.server_port}/")
        made.holes["django"] = [{**HOLE, "affected": []}]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def audit(folder: Path, database: Database, text: str = SMALL) -> subprocess.CompletedProcess[str]:
    (folder / "wanted.txt").write_text(text)
    return tool("tools/audit", folder / "wanted.txt", "-s", "osv", "--osv-url", database.address)


def test_an_audit_is_well_where_all_packages_are(tmp_path: Path, database: Database) -> None:
    said = audit(tmp_path, database)

    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("2 packages of ")


def test_a_known_vulnerability_fails_the_audit(tmp_path: Path, database: Database) -> None:
    database.holes["jinja2"] = [HOLE]

    said = audit(tmp_path, database)

    assert said.returncode == 1
    assert "jinja2 3.1.6: PYSEC-0000-1, fixed in no release: anybody may come in" in said.stderr


def test_a_database_that_knows_nothing_fails_the_audit(tmp_path: Path, database: Database) -> None:
    database.holes.clear()

    said = audit(tmp_path, database)

    assert said.returncode == 2
    assert "the database tells nothing of django 3.0" in said.stderr


def test_a_database_that_is_ill_fails_the_audit(tmp_path: Path, database: Database) -> None:
    database.status = 503

    assert "nobody has looked" in audit(tmp_path, database).stderr


def test_a_database_that_is_out_of_reach_fails_the_audit(tmp_path: Path) -> None:
    said = audit(tmp_path, Database(address="http://127.0.0.1:1/"))

    assert said.returncode == 2
    assert "nobody has looked" in said.stderr


def test_an_empty_list_fails_the_audit(tmp_path: Path, database: Database) -> None:
    said = audit(tmp_path, database, "# nothing\n")

    assert said.returncode == 2
    assert "pins no package" in said.stderr


def test_a_package_that_the_database_does_not_have_fails_the_audit(tmp_path: Path) -> None:
    said = reported(tmp_path, UNSEEN)

    assert said.returncode == 2
    assert "jinja2 3.1.6: not looked at: Dependency not found on PyPI" in said.stderr
    assert "markupsafe 3.0.4: not looked at: it is missing in the report" in said.stderr


def reported(folder: Path, report: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    """An audit in which pip-audit says this: a module of its name, before the real one."""
    (folder / "pip_audit.py").write_text(f"print({json.dumps(json.dumps(report))})\n")
    (folder / "wanted.txt").write_text(SMALL)
    code = f"import sys, runpy; sys.argv[:] = sys.argv[1:]; runpy.run_path({str(ROOT / 'tools/audit')!r}, run_name='__main__')"
    command = [sys.executable, "-c", code, "tools/audit", str(folder / "wanted.txt")]
    return subprocess.run(
        command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False, timeout=60
    )
