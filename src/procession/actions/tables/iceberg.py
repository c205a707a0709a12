"""A managed table as an Iceberg table in a folder of its own: a copy that Spark, Trino and DuckDB read.

Each version is a snapshot, and its columns are a schema with our field ids. What was published is never written to
again: new versions are new files, and a reader sees them once the last of these has its name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.tables import conversion, iceberg_files
from procession.model.columns import Column

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.schema import Schema

_HINT = "version-hint.text"
_DOCUMENT = re.compile(r"v(\d+)\.metadata\.json")
_MEMORY_BYTES = 1 << 30
# What a version did, in Iceberg's words; all of them may remove files.
_OPERATIONS = {"append": "append", "compact": "replace"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergPart:
    """A file of ours, by its SHA-256."""

    name: str
    path: Path
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergVersion:
    """`run` and `step` are those that made it, as their ids; empty where somebody else did."""

    number: int
    at: datetime
    operation: str
    columns: tuple[Column, ...]
    parts: tuple[IcebergPart, ...]
    run: str = ""
    step: str = ""

    @property
    def summary(self) -> dict[str, str]:
        """What its snapshot says of it: the totals that readers know, and where it comes from."""
        origin = {"version": str(self.number), "run": self.run, "step": self.step}
        return {
            "operation": _OPERATIONS.get(self.operation, "overwrite"),
            "total-records": str(sum(part.rows for part in self.parts)),
            "total-data-files": str(len(self.parts)),
            **{f"procession.{name}": value for name, value in origin.items() if value},
        }


class IcebergFolder:
    """`folder` as its readers call it: `location`, an address or a path. `table` tells it from all other tables."""

    def __init__(self, folder: Path, *, location: str, table: uuid.UUID) -> None:
        self._folder, self._location, self._table = folder, location.rstrip("/"), table
        self._named: dict[str, str] = {}  # the SHA-256 of a file of ours -> the name of its copy

    def publish(self, versions: Sequence[IcebergVersion]) -> int:
        """Publishes the versions, oldest first; gives how many files were new. Raises Problem."""
        import duckdb

        try:
            return self._publish(versions)
        # A right that we lack, a full disk, a file of the table that was let go meanwhile.
        except (OSError, duckdb.IOException) as error:
            raise Problem(f"{self._folder}: {error}; what readers see there is as before, so try again") from None

    def _publish(self, versions: Sequence[IcebergVersion]) -> int:
        self._refuse()
        for name in ("data", "metadata"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        with (self._folder / "metadata" / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Problem(f"somebody else publishes into {self._folder}; try again when that is done") from None
            # Whoever was here before us may have published another table.
            self._refuse()
            new = self._copy(versions)
            # Past one that was whole when its publisher was stopped, and that nobody was told of.
            names = (_DOCUMENT.fullmatch(path.name) for path in (self._folder / "metadata").iterdir())
            there = [int(found[1]) for found in names if found is not None]
            number = max(there, default=0) + 1
            self._put(f"v{number}.metadata.json", json.dumps(self._metadata(versions)))
            # Last: whoever looks for the newest one finds a whole one, or that of before.
            self._put(_HINT, str(number))
        return new

    def _refuse(self) -> None:
        """Raises Problem for a folder of anything else, an Iceberg table of another program too."""
        metadata, hint = self._folder / "metadata", self._folder / "metadata" / _HINT
        there = {path.name for path in self._folder.iterdir()} if self._folder.exists() else set()
        if there - {"data", "metadata"} and not hint.exists():
            raise Problem(f"{self._folder} holds something else; name a new folder, or an empty one")
        try:
            newest = [metadata / f"v{int(hint.read_text())}.metadata.json"] if hint.exists() else []
            # Without a hint: of somebody who was stopped before, or of a program that writes none.
            for path in newest or metadata.glob("*.metadata.json"):
                before = json.loads(path.read_text())
                # Its files name each other by their whole addresses.
                if (before["table-uuid"], before["location"]) != (str(self._table), self._location):
                    told = before["location"]
                    raise Problem(f"{self._folder} holds another table, or one of another location ({told})")
        except (ValueError, KeyError, TypeError, FileNotFoundError):
            raise Problem(f"{self._folder} holds a table that cannot be read; name a new folder") from None

    def _copy(self, versions: Sequence[IcebergVersion]) -> int:
        """Each file once, with the fields that it lacks and that are not empty in its rows."""
        new, connection = 0, database.connect(self._folder / "metadata", _MEMORY_BYTES)
        try:
            for name, (part, filled) in self._files(versions, connection).items():
                path = self._folder / "data" / name
                # By what is in it, and whole: it got its name last.
                if path.exists():
                    continue
                passing = path.with_suffix(".passing")
                more = ", ".join(f"{conversion.constant(one, one.initial)} AS {_filled(one)}" for one in filled)
                own = _fields(connection, part.path)
                ids = {**own, **{f"\tfield {one.field}": one.field for one in filled}}
                shown = ", ".join(f"{quote(field)}: {number}" for field, number in ids.items())
                connection.execute(
                    f"COPY (SELECT *{', ' if more else ''}{more} FROM read_parquet({literal(str(part.path))}))"
                    f" TO {literal(str(passing))} (FORMAT parquet, COMPRESSION zstd, FIELD_IDS {{{shown}}})"
                )
                iceberg_files.settle(passing, path)
                new += 1
        finally:
            connection.close()
            # Where it would have spilled to.
            for name in (database.EXPORT_FOLDER, "spill"):
                if (self._folder / "metadata" / name).is_dir():
                    (self._folder / "metadata" / name).rmdir()
        return new

    def _files(
        self, versions: Sequence[IcebergVersion], connection: duckdb.DuckDBPyConnection
    ) -> Mapping[str, tuple[IcebergPart, tuple[Column, ...]]]:
        """By the name that each has in the folder: the file, and the columns that are written into its copy."""
        columns: dict[str, dict[int, Column]] = {}
        parts: dict[str, IcebergPart] = {}
        for version in versions:
            for part in version.parts:
                parts[part.name] = part
                known = columns.setdefault(part.name, {})
                known.update({one.field: one for one in version.columns if one.initial is not None})
        found = {}
        for name, part in parts.items():
            own = set(_fields(connection, part.path).values())
            filled = tuple(one for field, one in sorted(columns[name].items()) if field not in own)
            self._named[name] = "-".join([name, *(str(one.field) for one in filled)]) + ".parquet"
            found[self._named[name]] = (part, filled)
        return found

    def _metadata(self, versions: Sequence[IcebergVersion]) -> dict[str, Any]:
        """The whole of it; the manifests that it names are written before."""
        schemas: list[Schema] = []
        snapshots: list[dict[str, Any]] = []
        manifests: dict[str, ManifestFile] = {}
        last_ms = 0
        for version in versions:
            schema = iceberg_files.schema(version.columns, len(schemas))
            # A version that changes rows alone has the schema of one before.
            same = next((one for one in schemas if one.fields == schema.fields), None)
            schemas += [] if same is not None else [schema]
            # With the schema of the version that brought the file: later ones are known by their fields' numbers.
            for part in version.parts:
                if part.name not in manifests:
                    manifests[part.name] = self._manifest(part, schema, version.number)
            # Readers ask for the snapshot of a moment, so none may lie before the one that it follows.
            last_ms = max(last_ms, int(version.at.timestamp() * 1_000))
            before = snapshots[-1]["snapshot-id"] if snapshots else None
            listed = self._list(version, before, [manifests[part.name] for part in version.parts])
            snapshots.append(
                {
                    "snapshot-id": version.number,
                    **({} if before is None else {"parent-snapshot-id": before}),
                    "sequence-number": version.number,
                    "timestamp-ms": last_ms,
                    "manifest-list": listed,
                    "summary": version.summary,
                    "schema-id": (same or schema).schema_id,
                }
            )
        return self._document(schemas, snapshots)

    def _document(self, schemas: Sequence[Schema], snapshots: Sequence[dict[str, Any]]) -> dict[str, Any]:
        last = snapshots[-1]
        return {
            "format-version": iceberg_files.FORMAT,
            "table-uuid": str(self._table),
            "location": self._location,
            "last-sequence-number": last["sequence-number"],
            "last-updated-ms": last["timestamp-ms"],
            "last-column-id": max(field.field_id for schema in schemas for field in schema.fields),
            "schemas": [json.loads(schema.model_dump_json()) for schema in schemas],
            "current-schema-id": last["schema-id"],
            "partition-specs": [{"spec-id": 0, "fields": []}],
            "default-spec-id": 0,
            "last-partition-id": 999,
            "sort-orders": [{"order-id": 0, "fields": []}],
            "default-sort-order-id": 0,
            "properties": {},
            "current-snapshot-id": last["snapshot-id"],
            "snapshots": list(snapshots),
            "snapshot-log": [{key: one[key] for key in ("snapshot-id", "timestamp-ms")} for one in snapshots],
            "metadata-log": [],
            "refs": {"main": {"snapshot-id": last["snapshot-id"], "type": "branch"}},
        }

    def _manifest(self, part: IcebergPart, schema: Schema, since: int) -> ManifestFile:
        """A manifest of its own for each file: a version that lets one go names the others as they are."""
        from pyiceberg import manifest
        from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC

        name = self._named[part.name]
        entry = iceberg_files.entry(
            f"{self._location}/data/{name}", self._folder / "data" / name, rows=part.rows, since=since
        )
        output = iceberg_files.AvroOutput(self._folder / "metadata" / f"{Path(name).stem}-{since}.avro", self._location)
        if not output.path.exists():
            spec = UNPARTITIONED_PARTITION_SPEC
            with manifest.write_manifest(iceberg_files.FORMAT, spec, schema, output.file, since, "null") as writer:
                writer.add_entry(entry)
            output.settle()
        return manifest.ManifestFile.from_args(
            iceberg_files.FORMAT,
            manifest_path=output.address,
            manifest_length=output.path.stat().st_size,
            partition_spec_id=0,
            content=manifest.ManifestContent.DATA,
            sequence_number=since,
            min_sequence_number=since,
            added_snapshot_id=since,
            **iceberg_files.counts(part.rows),
        )

    def _list(self, version: IcebergVersion, before: int | None, manifests: list[ManifestFile]) -> str:
        """The same files make the same list, which is written once."""
        from pyiceberg import manifest

        told = json.dumps([before, [one.manifest_path for one in manifests]])
        name = f"snap-{version.number}-{hashlib.sha256(told.encode()).hexdigest()[:32]}.avro"
        output = iceberg_files.AvroOutput(self._folder / "metadata" / name, self._location)
        if not output.path.exists():
            number = version.number
            with manifest.write_manifest_list(
                iceberg_files.FORMAT, output.file, number, before, number, "null"
            ) as writer:
                writer.add_manifests(manifests)
            output.settle()
        return output.address

    def _put(self, name: str, text: str) -> None:
        path = self._folder / "metadata" / name
        passing = path.with_name(f".{path.name}.{uuid.uuid4()}")
        passing.write_text(text)
        iceberg_files.settle(passing, path)


def _filled(column: Column) -> str:
    # Readers go by the id. No column of a table has such a name, since names are printable.
    return quote(f"\tfield {column.field}")


def _fields(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, int]:
    """The columns of a file of ours with their ids."""
    query = f"SELECT name, field_id FROM parquet_schema({literal(str(path))}) WHERE field_id IS NOT NULL"
    return dict(connection.execute(query).fetchall())
