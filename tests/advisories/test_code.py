"""What our own code never does: a class of advisories that no request could show to be absent."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.figures import PRODUCT, Source, read

# What makes objects, or programs, out of bytes.
REVIVERS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "code", "codeop"}
EVALUATORS = {"eval", "exec", "compile", "__import__", "execfile"}
# What connects to where it is told.
CONNECTORS = {
    "httpx2",
    "httpx",
    "urllib.request",
    "http.client",
    "ftplib",
    "requests",
    "aiohttp",
    "smtplib",
    "telnetlib",
}
LOADERS = {"load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"}
# A client compares tokens of its own; a session, two hashes that are both the server's.
THEIR_OWN = ("client/", "operations/sessions.py: people.password_hash(")


@cache
def sources() -> dict[str, Source]:
    return {source.path.removeprefix(PRODUCT): source for source in read(PRODUCT)}


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_kept() -> Iterator[None]:
    """A million nodes, through which the collector would look to the end of the suite."""
    yield
    for kept in (sources, every_call, every_comparison):
        kept.cache_clear()


def imports(source: Source) -> Iterator[str]:
    for node in source.nodes:
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{alias.name}" for alias in names)


def calls(source: Source) -> Iterator[tuple[str, ast.Call]]:
    for node in source.nodes:
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def dotted(node: ast.expr) -> str:
    """A name, or names with dots between; "" of anything else, which takes long to write out and is none we look for."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=name):
            return f"{dotted(owner)}.{name}"
    return ""


@cache
def every_call() -> tuple[tuple[str, str, ast.Call], ...]:
    """Path, what is called, and the call."""
    return tuple((path, name, call) for path, source in sources().items() for name, call in calls(source))


@cache
def every_comparison() -> tuple[tuple[str, frozenset[str]], ...]:
    """Those for equality of two values, with their path, and their sides."""
    return tuple(
        (f"{path}: {ast.unparse(node)}", frozenset(map(ast.unparse, _sides(node))))
        for path, source in sources().items()
        for node in source.nodes
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and not any(isinstance(side, ast.Constant) for side in _sides(node))
    )


def users(wanted: set[str]) -> set[str]:
    return {path for path, source in sources().items() if wanted & set(imports(source))}


def test_nothing_makes_objects_out_of_bytes() -> None:
    assert users(REVIVERS) == set()


def test_only_a_script_of_a_user_is_run_as_a_program() -> None:
    found = {path for path, name, _ in every_call() if name in EVALUATORS}

    scripts = {"actions/kinds/run_python.py", "actions/scripting/script_settings.py"}
    assert found <= {*scripts, "engine/isolation/program.py"}


def test_yaml_is_read_by_the_safe_loader_alone() -> None:
    loads = {
        (path, ast.unparse(call))
        for path, name, call in every_call()
        if name in {f"yaml.{loader}" for loader in LOADERS}
    }

    assert all("Safe" in text or "_Loader" in text for _, text in loads), loads
    assert not any("Unsafe" in text or "FullLoader" in text for _, text in loads)


def test_the_server_connects_only_to_whom_its_operator_names() -> None:
    """No request names an address that the server would ask: there is nothing to forge (SSRF).

    Steps go where their connection leads, by actions/reaching/addresses: tests/actions/reaching tries to forge that.
    """
    theirs = {path for path in users(CONNECTORS) if not path.startswith(("client/", "commands/remote"))}

    steps = {"actions/reaching/exchanges.py", "actions/reaching/smtp_session.py"}
    assert theirs <= {"smtp.py", "demo.py", "oauth/sso.py", *steps}, theirs


def test_no_command_is_put_together_as_text() -> None:
    shells = {
        (path, name)
        for path, name, call in every_call()
        if name in {"os.system", "os.popen", "subprocess.getoutput", "pty.spawn"}
        or any(keyword.arg == "shell" for keyword in call.keywords)
    }

    assert shells == set()


@pytest.mark.parametrize("name", ["secret_hash", "client_secret", "password_hash", "token", "form_token(value)"])
def test_no_secret_is_compared_letter_by_letter(name: str) -> None:
    compared = {
        text for text, sides in every_comparison() if any(side.endswith(f".{name}") or side == name for side in sides)
    }

    assert {text for text in compared if not text.startswith(THEIR_OWN)} == set()


def _sides(node: ast.Compare) -> tuple[ast.expr, ...]:
    return (node.left, *node.comparators)


def test_the_rules_see_what_they_forbid() -> None:
    bad = "import pickle\nimport requests\nsubprocess.run(x, shell=True)\neval(x)\nyaml.load(x)\n"
    source = Source(path="bad.py", text=bad)

    assert {"pickle", "requests"} <= set(imports(source))
    assert {"eval", "yaml.load", "subprocess.run"} <= {name for name, _ in calls(source)}
