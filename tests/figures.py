"""The figures of the code that have a bar: `python -m tests.figures` prints them, test_house_rules.py holds them."""

from __future__ import annotations

import ast
import gc
import io
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT = "src/procession/"
CLIENT = PRODUCT + "client/"  # stands alone, and gives its classes the names of the public API
TESTS = "tests/"

FUNCTION_LINES_P95_MAX = 20
LAMBDAS_MAX = {PRODUCT: 1.5, TESTS: 10.0}  # per 1,000 lines
TEST_LINES_MIN = 0.8  # a line of code
COMMENTS_MIN = 4.5  # lines with a comment, of 100; each a reason that the code cannot show


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file; its path is relative to the repository."""

    path: str
    text: str
    tree: ast.Module = field(init=False)
    nodes: tuple[ast.AST, ...] = field(init=False)  # all of the tree: walking it takes longer than looking at each

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", ast.parse(self.text))
        object.__setattr__(self, "nodes", tuple(ast.walk(self.tree)))

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def module(self) -> str:
        name = self.path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        return name.removesuffix(".__init__")

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def read(*rooms: str) -> list[Source]:
    paths = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]
    gc.disable()  # it would look through millions of nodes again and again, and none of them is free yet
    try:
        return [Source(path=path.relative_to(ROOT).as_posix(), text=path.read_text("utf-8")) for path in paths]
    finally:
        gc.enable()


def function_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without its docstring."""
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1 - _docstring_lines(function)


def _docstring_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(function, clean=False) is None:
        return 0
    docstring = function.body[0]
    assert docstring.end_lineno is not None
    return docstring.end_lineno - docstring.lineno + 1


def function_lines_p95(sources: Sequence[Source]) -> int:
    found = sorted(function_lines(function) for source in sources for function in source.functions())
    return found[len(found) * 95 // 100]


def lambdas(sources: Sequence[Source]) -> float:
    """Per 1,000 lines."""
    found = sum(isinstance(node, ast.Lambda) for source in sources for node in source.nodes)
    return 1_000 * found / _lines(sources)


def comments(sources: Sequence[Source]) -> float:
    """Lines with a comment among 100 lines; a # within a text is none."""
    return 100 * sum(len(_comment_lines(source)) for source in sources) / _lines(sources)


def _comment_lines(source: Source) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
    return {token.start[0] for token in tokens if token.type == tokenize.COMMENT}


def lines_of_tests(tests: Sequence[Source], code: Sequence[Source]) -> float:
    """Lines of tests for each line of code."""
    return _lines(tests) / _lines(code)


def _lines(sources: Sequence[Source]) -> int:
    return sum(source.lines for source in sources)


def shared_class_names(sources: Sequence[Source]) -> dict[str, list[str]]:
    """Public classes of the server whose name is taken by another one: the name, and the files."""
    places: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        if not source.path.startswith(CLIENT):
            for node in source.tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(source.path)
    return {name: paths for name, paths in sorted(places.items()) if len(paths) > 1}


def import_cycles(sources: Sequence[Source]) -> list[list[str]]:
    """Sets of modules that import each other, wherever in the file; a package stands for its __init__."""
    names = {source.module for source in sources}
    imports = {source.module: _imported(source, names) for source in sources}
    reached = {name: _reached(name, imports) for name in imports}
    circles = {frozenset({name, *(other for other in reached[name] if name in reached[other])}) for name in names}
    return sorted(sorted(circle) for circle in circles if len(circle) > 1)


def _imported(source: Source, modules: set[str]) -> set[str]:
    found = set[str]()
    for node in source.nodes:
        match node:
            case ast.Import(names=given):
                found |= {alias.name for alias in given}
            case ast.ImportFrom(module=str(origin), names=given):
                inner = {f"{origin}.{alias.name}" for alias in given}
                found |= inner & modules or {origin}
    return found & modules - {source.module}


def _reached(name: str, imports: dict[str, set[str]]) -> set[str]:
    found, left = set[str](), [name]
    while left:
        fresh = imports[left.pop()] - found
        found |= fresh
        left += fresh
    return found


def report() -> Iterator[str]:
    code, tests = read(PRODUCT), read(TESTS)
    for room, sources in ((PRODUCT, code), (TESTS, tests)):
        sizes = max(function_lines(function) for source in sources for function in source.functions())
        yield (
            f"{room:<16} {_lines(sources):>6,} lines; functions: p95 {function_lines_p95(sources)} lines"
            f" (bar {FUNCTION_LINES_P95_MAX}), longest {sizes};"
            f" longest file {max(source.lines for source in sources)};"
            f" lambdas per 1,000 lines {lambdas(sources):.1f} (bar {LAMBDAS_MAX[room]})"
        )
    yield f"lines of tests for each line of code {lines_of_tests(tests, code):.2f} (bar {TEST_LINES_MIN})"
    yield f"lines with a comment among 100 of the product {comments(code):.2f} (bar {COMMENTS_MIN})"
    yield f"import cycles {len(import_cycles(code))} (bar 0)"
    yield f"class names of the server that are given twice {len(shared_class_names(code))} (bar 0)"


if __name__ == "__main__":
    sys.stdout.write("\n".join(report()) + "\n")
