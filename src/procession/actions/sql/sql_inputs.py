"""Inputs of run_sql: relations of files and tables, several of them one below the other, and values to be bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from procession.actions import expecting, references, relations
from procession.actions.contract import Context, FileInput
from procession.actions.reading.options import FileOptions
from procession.actions.rows import sources
from procession.actions.sql.sql_settings import RunSqlSettings
from procession.model import table_uses

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation


def load(
    context: Context, connection: duckdb.DuckDBPyConnection, warnings: list[str]
) -> tuple[dict[str, Any], dict[str, Relation]]:
    """The inputs that are values, to be bound, and the relations that the others became. Raises Problem."""
    parameters: dict[str, Any] = {}
    made: dict[str, Relation] = {}
    for name, given in context.settings.inputs.items():
        if isinstance(given, list):
            made[name] = _stacked(context, connection, name, warnings)
            continue
        value = None if is_relation(given) else references.resolve(context, given)
        if is_relation(given) or isinstance(value, FileInput):
            made[name] = _relation(context, connection, name, relations.source_of(given))
            warnings += made[name].warnings
            expecting.check_rows(context.settings.expect, made[name], warnings)
        else:
            parameters[name] = references.dated(context, given, value)
    return parameters, made


def _stacked(context: Context, connection: duckdb.DuckDBPyConnection, name: str, warnings: list[str]) -> Relation:
    # Here: every process that only knows the settings imports this module.
    from procession.actions.rows import stacking
    from procession.actions.rows.work import RowWork

    doing = RowWork(context=context, connection=connection, warnings=warnings)
    doing.load(name, context.settings.inputs[name], context.settings.expect)
    return stacking.as_one(doing.loaded[name])


def _relation(context: Context, connection: duckdb.DuckDBPyConnection, name: str, options: FileOptions) -> Relation:
    from procession.actions.reading import loading
    from procession.actions.reading.columns import WantedRelation

    return loading.load(context, connection, WantedRelation(name=name), options)


def is_relation(given: object) -> bool:
    """Whether it is one whatever its property holds; of a reference to a property only its value tells."""
    return isinstance(given, FileOptions | list) or table_uses.name_of(given) is not None


def every(settings: RunSqlSettings) -> Iterator[object]:
    """Each source and each value, those of lists too."""
    for given in settings.inputs.values():
        yield from given if isinstance(given, list) else [given]


def files(settings: RunSqlSettings) -> tuple[FileOptions, ...]:
    """Every input that may be a file, read as the step reads it."""
    given = list(every(settings))
    named = [FileOptions(file=item) for item in given if isinstance(item, str) and references.parse(item)]
    return (*(item for item in given if isinstance(item, FileOptions) and item.file), *named)


def mistakes(inputs: Mapping[str, Any]) -> Iterator[str]:
    for name, given in inputs.items():
        path = f"inputs.{name}"
        if isinstance(given, FileOptions | list):
            yield from sources.mistakes(path, given)
        else:
            yield from references.mistakes(path, given)
