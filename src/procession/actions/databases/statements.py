"""A user's statement for another database: where it names values, found past quotes and comments.

Nothing is put into the text but the marks that the driver binds values to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from procession.actions.problems import Problem

SQL_CHARACTERS_MAX = 262_144  # as of run_sql
_NAME = r"(?<![\w$])\$(?P<name>[A-Za-z_]\w*)"
_NUMBERED = r"(?<![\w$])(?P<numbered>\$\d+)"
_LINE = r"--[^\n]*"
_PLAIN_QUOTES = r"'(?:[^']|'')*+'" + r'|"(?:[^"]|"")*+"'
_OPEN = r"(?P<open>['\"`]|/\*)"  # only what was not closed gets so far
_COMMENT = r"/\*(?:[^*]|\*(?!/))*+\*/"
# In order: what stands first wins.
_POSTGRESQL = re.compile(
    r"(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*+'"
    rf"|{_PLAIN_QUOTES}|{_LINE}|(?P<nests>/\*)"
    rf"|(?<![\w$])(?P<tag>\$(?:[A-Za-z_]\w*)?\$)|{_NAME}|{_NUMBERED}|{_OPEN}",
    re.DOTALL,
)
_MYSQL = re.compile(
    r"'(?:[^'\\]|\\.|'')*+'" + r'|"(?:[^"\\]|\\.|"")*+"' + r"|`(?:[^`]|``)*+`"
    rf"|--(?=\s)[^\n]*|\#[^\n]*|{_COMMENT}|{_NAME}|{_NUMBERED}|{_OPEN}",
    re.DOTALL,
)
# Oracle's q'[...]' and the [names] of SQL Server.
_OTHERS = re.compile(
    r"(?<![\w$])[nN]?[qQ]'(?:\[.*?\]|\(.*?\)|\{.*?\}|<.*?>|(?P<mark>[^\s\[({<]).*?(?P=mark))'"
    rf"|{_PLAIN_QUOTES}|`(?:[^`]|``)*+`|\[[^\[\]\n]*\]|{_LINE}|{_COMMENT}|{_NAME}|{_NUMBERED}|{_OPEN}",
    re.DOTALL,
)
_PATTERNS = {"postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL}
_NESTING = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPart:
    """A part of a statement as it stands, or the name of a value; `quoted` is a quote or a comment."""

    text: str = ""
    name: str = ""
    quoted: bool = False


def pieces(sql: str, dialect: str) -> list[StatementPart]:
    """The statement in its parts. Raises Problem for what no value can be bound in, or what is not closed."""
    # In one pass from left to right: what stands within a quote is never looked at again.
    found, at = [], 0
    pattern = _PATTERNS.get(dialect, _OTHERS)
    while match := pattern.search(sql, at):
        groups = match.groupdict()
        if groups.get("open"):
            raise Problem(f"sql, {_line(sql, match.start())}: {match.group()} is not closed")
        if groups.get("numbered"):
            raise Problem(f"sql, {_line(sql, match.start())}: values have names here, write $from and not $1")
        found.append(StatementPart(text=sql[at : match.start()]))
        end = match.end()
        if groups.get("nests"):
            end = _comment_end(sql, match.start())
        elif tag := groups.get("tag"):
            end = sql.find(tag, end) + len(tag)
            if end < match.end():
                raise Problem(f"sql, {_line(sql, match.start())}: {tag} is not closed")
        name = groups.get("name")
        found.append(StatementPart(name=name) if name else StatementPart(text=sql[match.start() : end], quoted=True))
        at = end
    return [*found, StatementPart(text=sql[at:])]


def _comment_end(sql: str, start: int) -> int:
    """Those of PostgreSQL may hold others."""
    depth = 0
    for match in _NESTING.finditer(sql, start):
        depth += 1 if match.group() == "/*" else -1
        if depth == 0:
            return match.end()
    raise Problem(f"sql, {_line(sql, start)}: /* is not closed")


def _line(sql: str, place: int) -> str:
    return f"line {sql.count(chr(10), 0, place) + 1}"


def names(parts: Sequence[StatementPart]) -> tuple[str, ...]:
    """The values that the statement names, each once, in order."""
    return tuple(dict.fromkeys(part.name for part in parts if part.name))


def written(parts: Sequence[StatementPart], mark: Callable[[str], str], *, doubles: str = "") -> str:
    """The statement with the driver's mark for each value; `doubles` is a sign that the driver wants twice."""
    return "".join(mark(part.name) if part.name else _twice(part.text, doubles) for part in parts)


def _twice(text: str, sign: str) -> str:
    return text.replace(sign, sign * 2) if sign else text


def plain(parts: Sequence[StatementPart]) -> str:
    """What is neither quoted nor a comment."""
    return " ".join(part.text for part in parts if not part.quoted)


def mistakes(sql: str, dialect: str, given: Sequence[str]) -> Iterator[str]:
    """Values that the statement names and nobody gives, and those that it does not name."""
    named = names(pieces(sql, dialect))
    # Told before anything is connected to.
    for name in named:
        if name not in given:
            yield f"sql: ${name} is given no value; name it under inputs"
    for name in given:
        if name not in named:
            yield f"inputs.{name}: the statement does not name ${name}"
