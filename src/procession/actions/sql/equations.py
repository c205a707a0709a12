"""What a join equates: two tables, and the columns of each that must be equal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MULTIPLY = frozenset({"INNER", "LEFT", "RIGHT", "OUTER"})
# Possessive (+), and matched where a statement begins: SQL may hold a hundred thousand blanks, or the word in a text.
_SELECT = r"\s++(?=\(?\s*+(?:SELECT|FROM|WITH)\b)"
_FILLS = re.compile(rf'\s*+INSERT\s++INTO\s++("[^"]+"|\w++)(\s++BY\s++NAME)?{_SELECT}', re.IGNORECASE)
_CREATES = re.compile(rf"\s*+CREATE\s.*?\sAS{_SELECT}", re.IGNORECASE | re.DOTALL)
_PARTS_MAX = 2  # of a column's name: table and column

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """`columns`: of the left table and of the right one, that are equal."""

    left: str
    right: str
    columns: Sequence[tuple[str, str]]


def select_of(statement: str) -> str:
    """The SELECT of a statement that creates or fills a table by one."""
    for begins in (_CREATES, _FILLS):
        if found := begins.match(statement):
            statement = statement[found.end() :]
    return statement


def filled(statement: str) -> str | None:
    """The table whose columns an INSERT takes by their positions."""
    found = _FILLS.match(statement)
    return found[1].strip('"') if found and not found[2] else None


def of_joins(
    source: Node, ctes: Sequence[Node], tables: Mapping[str, str], columns: Mapping[str, Collection[str]]
) -> Iterator[Equation]:
    """Those in a FROM that join a table to one other by nothing but equal columns."""
    hidden = {cte["key"].lower() for cte in ctes}
    known = {name: table for name, table in tables.items() if name not in hidden}
    for node in _joins(source):
        multiplies = node.get("join_type") in _MULTIPLY and node.get("ref_type") == "REGULAR"
        if multiplies and (found := _of_join(node, known, columns)) is not None:
            yield found


def _joins(node: Node) -> Iterator[Node]:
    if node.get("type") == "JOIN":
        yield node
        yield from _joins(node["left"])
        yield from _joins(node["right"])


def _of_join(node: Node, known: Mapping[str, str], columns: Mapping[str, Collection[str]]) -> Equation | None:
    left, right = (dict(_tables(node[side], known)) for side in ("left", "right"))
    if len(right) != 1 or not left or len(left) != len(list(_leaves(node["left"]))):
        return None
    pairs = list(_pairs(node, left, right, columns))
    sides = {(one, other) for (one, _), (other, _) in pairs}
    if not pairs or len(sides) != 1 or len(pairs) != _count(node):
        return None
    [(first, second)] = sides
    return Equation(left=first, right=second, columns=[(a, b) for (_, a), (_, b) in pairs])


def _leaves(node: Node) -> Iterator[Node]:
    if node.get("type") == "JOIN":
        yield from _leaves(node["left"])
        yield from _leaves(node["right"])
    else:
        yield node


def _tables(node: Node, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names by which the tables of a FROM are called, in lower case, and their own."""
    for leaf in _leaves(node):
        if leaf.get("type") == "BASE_TABLE" and (table := known.get(leaf["table_name"].lower())):
            yield (leaf.get("alias") or leaf["table_name"]).lower(), table


def _count(node: Node) -> int:
    condition = node.get("condition")
    terms = len(_terms(condition)) if condition else 0
    return terms + len(node.get("using_columns", ()))


def _terms(condition: Node) -> list[Node]:
    if condition.get("type") == "CONJUNCTION_AND":
        return [term for child in condition["children"] for term in _terms(child)]
    return [condition]


def _pairs(
    node: Node, left: Mapping[str, str], right: Mapping[str, str], columns: Mapping[str, Collection[str]]
) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """(table, column) of the left side and of the right one, for each equation that is one of two columns."""
    for name in node.get("using_columns", ()):
        sides = [_place([name], side, columns) for side in (left, right)]
        if sides[0] and sides[1]:
            yield sides[0], sides[1]
    for term in _terms(node["condition"]) if node.get("condition") else ():
        if term.get("type") != "COMPARE_EQUAL":
            continue
        names = [term[side].get("column_names", ()) for side in ("left", "right")]
        for one, other in (names, names[::-1]):
            a, b = _place(one, left, columns), _place(other, right, columns)
            if a and b:
                yield a, b
                break


def _place(
    names: Sequence[str], side: Mapping[str, str], columns: Mapping[str, Collection[str]]
) -> tuple[str, str] | None:
    """The only table of the side that has the column."""
    if not 0 < len(names) <= _PARTS_MAX:
        return None
    asked = [table for called, table in side.items() if len(names) == 1 or names[0].lower() == called]
    column = names[-1].lower()
    found = [(table, own) for table in asked for own in columns[table] if own.lower() == column]
    return found[0] if len(found) == 1 else None
