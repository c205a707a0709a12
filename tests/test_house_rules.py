"""The rules of the house that a machine can check: each finds what is wrong in one source.

Each rule is also given a bad source, to show that it can fail. An exception is granted below, by path and with its
reason, and must be taken away again when the file no longer needs it.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from procession.model import errors
from tests import figures
from tests.figures import PRODUCT, ROOT, TESTS, Source

FUNCTION_LINES_MAX = 40
FILE_LINES_MAX = 300
PARAMETERS_MAX = 5

DOORS = tuple(PRODUCT + name for name in ("door/", "api/", "oauth/", "web/", "serving/"))
# What a function is called on or in: an object, a step, a command, a transaction.
NOT_COUNTED = {"self", "cls", "context", "console", "tx"}
ASKS_THE_TIME = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
READS_THE_ENVIRONMENT = {"os": {"environ", "environb", "getenv", "getenvb", "putenv"}}
EMPTY_WORDS = re.compile(r"(Manager|Helper|Util)s?(?=[A-Z_]|\Z)|(Data|Info)\Z")
EMPTY_MODULES = re.compile(r"(^|_)(manager|helper|util|common|misc)s?(_|\Z)")
STATEMENT = re.compile(
    r"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+(\S+\s+SET\s|\Z)|DELETE\s+FROM\s|PRAGMA\s|BEGIN\s+IMMEDIATE"
    r"|(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s)"
)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(?#[0-9])")
# Written so that no pattern matches itself.
FOREIGN_PLACES = re.compile(
    r"pypi\.org|pythonhosted\.org|registry\.npmjs|deb\.debian|/[r]oot/|/[w]ork/(main|shared|wt-)|/[t]mp/probe"
)

# Written so that it does not match itself.
FOREIGN_DOCUMENTS = re.compile(r"\b[s]pec/[a-z-]+\.md|\b(DESIGN|SCALE|STYLE)[.]md")

Finding = tuple[int, str]  # line, what is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`bad` is a source that breaks it at `bad_path`; `granted` maps a path, or a room ending in /, to the reason."""

    name: str
    find: Callable[[Source], Iterator[Finding]]
    bad: str
    bad_path: str = PRODUCT + "model/runs.py"
    rooms: tuple[str, ...] = (PRODUCT,)
    granted: Mapping[str, str] = field(default_factory=dict)

    def broken_by(self, source: Source) -> list[str]:
        """The findings in this source, whether or not they are granted; none outside the rule's rooms."""
        if not source.path.startswith(self.rooms):
            return []
        return [f"{source.path}:{line}: {text}" for line, text in self.find(source)]

    def allows(self, path: str) -> bool:
        return any(path == place or (place.endswith("/") and path.startswith(place)) for place in self.granted)


def long_functions(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        lines = figures.function_lines(function)
        if lines > FUNCTION_LINES_MAX:
            yield function.lineno, f"{function.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"


def long_files(source: Source) -> Iterator[Finding]:
    if source.lines > FILE_LINES_MAX:
        yield source.lines, f"{source.lines} lines, more than {FILE_LINES_MAX}"


def many_parameters(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        counted = [argument.arg for argument in every if argument.arg not in NOT_COUNTED]
        if len(counted) > PARAMETERS_MAX:
            yield function.lineno, f"{function.name} takes {len(counted)} parameters, more than {PARAMETERS_MAX}"


def missing_docstrings(source: Source) -> Iterator[Finding]:
    if source.tree.body and ast.get_docstring(source.tree) is None:
        yield 1, "the module does not open with a sentence that says what it is for"


def asked_time(source: Source) -> Iterator[Finding]:
    return _uses_of(ASKS_THE_TIME, source)


def read_environment(source: Source) -> Iterator[Finding]:
    return _uses_of(READS_THE_ENVIRONMENT, source)


def _uses_of(names: Mapping[str, set[str]], source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
                found = [name]
            case ast.ImportFrom(module=str(owner), names=imported):
                found = [alias.name for alias in imported]
            case _:
                continue
        yield from ((node.lineno, f"{owner}.{name}") for name in found if name in names.get(owner, ()))


def broad_excepts(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        # One that cleans up and raises again swallows nothing.
        if isinstance(node, ast.ExceptHandler) and not _raises_again(node) and _is_broad(node.type):
            yield node.lineno, "a broad except"


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_broad(kind: ast.expr | None) -> bool:
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(one is None or ast.unparse(one) in {"Exception", "BaseException"} for one in kinds)


def kept_errors(source: Source) -> Iterator[Finding]:
    """Each time one is raised it keeps the frames of that time, too, with all that they hold."""
    known = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, BaseException)}
    for node in source.tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id=name))) if name in known or name.endswith("Error"):
                yield node.lineno, f"one {name} for all: raise a new one each time"


def drivers(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        match node:
            case ast.Import(names=imported):
                names = [alias.name for alias in imported]
            case ast.ImportFrom(module=str(module), level=0):
                names = [module]
            case _:
                continue
        yield from (
            (node.lineno, f"import {name}") for name in names if name.partition(".")[0] in {"sqlite3", "psycopg"}
        )


def relative_imports(source: Source) -> Iterator[Finding]:
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "a relative import"


def async_functions(source: Source) -> Iterator[Finding]:
    for function in source.functions():
        if isinstance(function, ast.AsyncFunctionDef):
            yield function.lineno, f"async def {function.name}"


def sql_statements(source: Source) -> Iterator[Finding]:
    # A docstring is an expression by itself, and may quote SQL.
    alone = {id(node.value) for node in source.nodes if isinstance(node, ast.Expr)}
    for node in source.nodes:
        match node:
            case ast.Constant(value=str(text)) if id(node) not in alone and STATEMENT.match(text):
                yield node.lineno, "an SQL statement"


def empty_names(source: Source) -> Iterator[Finding]:
    if EMPTY_MODULES.search(Path(source.path).stem):
        yield 1, "the module's name says nothing"
    for node in source.nodes:
        if isinstance(node, ast.ClassDef) and EMPTY_WORDS.search(node.name):
            yield node.lineno, f"the name {node.name} says nothing"


def unfinished_work(source: Source) -> Iterator[Finding]:
    if not UNFINISHED.search(source.text):
        return
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT and UNFINISHED.search(token.string):
            yield token.start[0], "unfinished work without the number of its issue"


def foreign_documents(source: Source) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if FOREIGN_DOCUMENTS.search(line):
            yield number, "points to a document that a stranger does not have; state the rule, or put it into docs/"


ISOLATION = PRODUCT + "engine/isolation/"
ACTIONS = PRODUCT + "actions/"
OURS = (PRODUCT, "tests/", "bench/", "tools/")
EVERYWHERE = (*OURS, "examples/")
NO_CLOCK = "runs in the isolated child or deals with processes of the kernel: no Clock crosses the pipe"

RULES = [
    Rule(
        name="a function fits on a screen",
        find=long_functions,
        bad="def f():\n" + "    g()\n" * FUNCTION_LINES_MAX,
        rooms=OURS,
    ),
    Rule(name="a file fits in the head", find=long_files, bad="x = 1\n" * (FILE_LINES_MAX + 1)),
    Rule(name="at most five parameters", find=many_parameters, bad="def f(self, a, b, c, *, d, e, g): ...\n"),
    Rule(name="every module says what it is for", find=missing_docstrings, bad="x = 1\n", rooms=OURS),
    Rule(
        name="only the clock asks the time and only loops wait",
        find=asked_time,
        bad="def f():\n    return datetime.datetime.now()\n",
        granted={
            PRODUCT + "clock.py": "the clock",
            PRODUCT + "client/timing.py": "the client stands alone and is handed no Clock of the server",
            ISOLATION: NO_CLOCK,
            ACTIONS: NO_CLOCK,
        },
    ),
    Rule(
        name="only config reads the environment",
        find=read_environment,
        bad="from os import environ\n",
        granted={
            PRODUCT + "config.py": "reads the settings",
            PRODUCT + "demo.py": "CI=true is no setting of the server",
            ISOLATION: "empties the environment before user code can see it",
        },
    ),
    Rule(
        name="catch only what you can act on",
        find=broad_excepts,
        bad="try:\n    f()\nexcept (OSError, Exception):\n    pass\n",
        granted={
            PRODUCT
            + "door/dispatch.py": "the outermost frame of a request: the client gets a message, the log the cause",
            PRODUCT + "store/sqlite_commits.py": "whoever waits for an operation's result receives what it raised",
            PRODUCT + "serving/services.py": "a part that fails to stop must not keep the others from it",
            PRODUCT + "loops.py": "a failing tick must not end the loop",
            PRODUCT + "engine/attempts.py": "whatever goes wrong with one process must not reach the others",
            PRODUCT + "engine/waits.py": "a step whose end nobody hears of waits for ever",
            PRODUCT + "engine/pool.py": "nobody else would hear of what a thread of the pool raises",
            PRODUCT + "engine/driver.py": "whatever goes wrong over one event must not reach the others",
            PRODUCT + "engine/local.py": "whatever goes wrong with one run must not reach the others",
            ISOLATION: "whatever an action raises is how its attempt ended",
            PRODUCT + "actions/kinds/run_python.py": "whatever a user's script raises is how its step ended",
        },
    ),
    Rule(name="each refusal is an error of its own", find=kept_errors, bad="FULL = Unavailable('the disk is full')\n"),
    Rule(
        name="drivers stay behind the port of the database",
        find=drivers,
        bad="from sqlite3 import connect\n",
        granted={
            PRODUCT + "store/sqlite.py": "the port's implementation",
            PRODUCT + "store/sqlite_commits.py": "its transactions",
            PRODUCT + "store/sqlite_errors.py": "its errors",
            PRODUCT + "store/sqlite_file.py": "its file",
            PRODUCT + "store/sqlite_transaction.py": "what operations see",
            ACTIONS + "databases/": "databases of others, which steps read and write, and none of ours",
        },
    ),
    Rule(
        name="every statement lives in store",
        find=sql_statements,
        bad="def f(db, name):\n    db.run(f'UPDATE {name} SET x = 1')\n",
        granted={
            PRODUCT + "store/": "that is what it is for",
            ACTIONS: "DuckDB over the files of a step, never our own database",
        },
    ),
    Rule(name="imports are absolute", find=relative_imports, bad="from . import runs\n", rooms=EVERYWHERE),
    Rule(
        name="async ends at the doors",
        find=async_functions,
        bad="async def f(): ...\n",
        granted={
            **dict.fromkeys(DOORS, "a door"),
            f"{ACTIONS}transferring/sftp.py": "the library of SSH has no other form",
        },
    ),
    Rule(name="names say something", find=empty_names, bad="class RunManager: ...\n"),
    Rule(
        name="comments point to what everybody has",
        find=foreign_documents,
        bad='"""As [s]pec/wire.md says."""\n'.replace("[s]", "s"),
        rooms=EVERYWHERE,
        granted={ACTIONS: "seven that go with the work on the actions under way"},
    ),
    Rule(name="unfinished work names its issue", find=unfinished_work, bad="x = 1  # TODO later\n", rooms=EVERYWHERE),
]
each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return figures.read(*EVERYWHERE)


@each_rule
def test_the_house_keeps_the_rule(rule: Rule, sources: list[Source]) -> None:
    assert len(sources) > 10

    found = [finding for source in sources if not rule.allows(source.path) for finding in rule.broken_by(source)]

    assert not found, "\n".join(found)


@each_rule
def test_the_rule_can_fail(rule: Rule) -> None:
    bad = Source(path=rule.bad_path, text=rule.bad)

    assert len(rule.broken_by(bad)) == 1
    assert not rule.allows(rule.bad_path)


@each_rule
def test_no_exception_is_granted_that_its_file_does_not_need(rule: Rule, sources: list[Source]) -> None:
    stale = [
        source.path
        for source in sources
        if source.path in rule.granted and source.path not in DOORS and not rule.broken_by(source)
    ]

    assert not stale


@pytest.mark.parametrize(
    ("find", "text"),
    [
        (long_functions, 'def f():\n    """' + "A.\n" * 40 + '    """\n' + "    g()\n" * 39),
        (many_parameters, "def f(self, a, b, c, *, d, e, **others): ...\n"),
        (missing_docstrings, ""),
        (asked_time, "def f(clock):\n    return clock.now() - clock.monotonic()\n"),
        (broad_excepts, "try:\n    f()\nexcept BaseException:\n    g()\n    raise\n"),
        (sql_statements, "METHOD = 'DELETE'\ndef f():\n    '''DELETE FROM run'''\n    return 'SELECTED'\n"),
        (empty_names, "class DataStep: ...\nclass Utility: ...\n"),
        (unfinished_work, "x = 'TODO'  # TODO(#12) by then\n"),
    ],
)
def test_a_rule_lets_good_sources_pass(find: Callable[[Source], Iterator[Finding]], text: str) -> None:
    assert list(find(Source(path=PRODUCT + "model/runs.py", text=text))) == []


@pytest.fixture(scope="module")
def code(sources: list[Source]) -> list[Source]:
    return [source for source in sources if source.path.startswith(PRODUCT)]


@pytest.fixture(scope="module")
def tests(sources: list[Source]) -> list[Source]:
    return [source for source in sources if source.path.startswith(TESTS)]


def made(**texts: str) -> list[Source]:
    return [Source(path=f"{PRODUCT}{name}.py", text=text) for name, text in texts.items()]


def test_few_functions_are_long(code: list[Source], tests: list[Source]) -> None:
    for sources in (code, tests):
        assert figures.function_lines_p95(sources) <= figures.FUNCTION_LINES_P95_MAX

    short, long = ("def f():\n" + "    g()\n" * lines for lines in (1, 20))
    assert figures.function_lines_p95(made(a=short * 94 + long * 6)) == 21
    assert figures.function_lines_p95(made(a=short * 96 + long * 4)) == 2


def test_lambdas_are_rare(code: list[Source], tests: list[Source]) -> None:
    assert figures.lambdas(code) <= figures.LAMBDAS_MAX[PRODUCT]
    assert figures.lambdas(tests) <= figures.LAMBDAS_MAX[TESTS]

    assert figures.lambdas(made(a="f(lambda: 1)\n" * 2, b="x = 1\n" * 998)) == 2


def test_no_module_imports_itself_by_way_of_others(code: list[Source]) -> None:
    assert figures.import_cycles(code) == []

    bad = made(
        a="from procession import b\n", b="def f():\n    import procession.c\n", c="from procession.a import x\n"
    )
    assert figures.import_cycles(bad) == [["procession.a", "procession.b", "procession.c"]]
    assert figures.import_cycles(bad[:2]) == []


def test_a_class_of_the_server_has_a_name_of_its_own(code: list[Source]) -> None:
    assert figures.shared_class_names(code) == {}

    bad = made(a="class Run: ...\nclass _Row: ...\n", b="class Run: ...\nclass _Row: ...\n")
    assert figures.shared_class_names(bad) == {"Run": [PRODUCT + "a.py", PRODUCT + "b.py"]}
    assert figures.shared_class_names([bad[0], Source(path=PRODUCT + "client/b.py", text=bad[1].text)]) == {}


def test_code_has_enough_tests(code: list[Source], tests: list[Source]) -> None:
    assert figures.lines_of_tests(tests, code) >= figures.TEST_LINES_MIN

    assert figures.lines_of_tests(made(a="x = 1\n" * 7), made(b="x = 1\n" * 10)) == 0.7


def test_the_code_says_its_reasons(code: list[Source]) -> None:
    assert figures.comments(code) >= figures.COMMENTS_MIN

    assert figures.comments(made(a="# why\nx = 1  # and why\n", b='y = "# no"\nz = 2\n')) == 50.0


def test_no_tracked_file_names_a_registry_or_a_place_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]

    found = [str(path) for path in paths if FOREIGN_PLACES.search(path.read_bytes().decode("utf-8", "replace"))]

    assert len(paths) > 10
    assert not found


@pytest.mark.parametrize(
    "parts", [("pypi", ".org"), ("files.pythonhosted", ".org"), ("cd /ro", "ot/x"), ("/wo", "rk/main")]
)
def test_such_a_name_would_be_noticed(parts: tuple[str, str]) -> None:
    assert FOREIGN_PLACES.search("".join(parts))
