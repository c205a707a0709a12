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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.tables import conversion, iceberg_files
from procession.actions.tables.iceberg_schemas import IcebergSchemas
from procession.actions.tables.iceberg_versions import IcebergPart, IcebergVersion
from procession.model.columns import Column

if TYPE_CHECKING:
    import duckdb
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.schema import Schema

_HINT = "version-hint.text"
_DOCUMENT = re.compile(r"v(\d+)\.metadata\.json")
_MEMORY_BYTES = 1 << 30


class IcebergFolder:
    """`folder` as its readers call it: `location`, an address or a path. `table` tells it from all other tables."""

    def __init__(self, folder: Path, *, location: str, table: uuid.UUID) -> None:
        self._folder, self._location, self._table = folder, location.rstrip("/"), table
        # The SHA-256 of a file of ours -> the name of its copy, and the columns that are written into that.
        self._copies: dict[str, tuple[str, tuple[Column, ...]]] = {}

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
            number, before = self._newest()
            document = self._metadata(versions, before)
            # Published every hour without news, ten thousand versions would be 4 MB more each time.
            if document != before:
                number += 1
                self._put(f"v{number}.metadata.json", json.dumps(document))
            # Last: whoever looks for the newest one finds a whole one, or that of before.
            self._put(_HINT, str(number))
        return new

    def _newest(self) -> tuple[int, dict[str, Any]]:
        """The last document; one that was whole when its publisher was stopped, and that nobody was told of, too."""
        names = (_DOCUMENT.fullmatch(path.name) for path in (self._folder / "metadata").iterdir())
        number = max((int(found[1]) for found in names if found is not None), default=0)
        path = self._folder / "metadata" / f"v{number}.metadata.json"
        return number, json.loads(path.read_text()) if number else {}

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
                more = ", ".join(f"{conversion.constant(one, one.initial)} AS {quote(_filled(one))}" for one in filled)
                own = _fields(connection, part.path)
                ids = {**own, **{_filled(one): one.field for one in filled}}
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
            # Of ten thousand files hardly any is older than a column with a default.
            own = set(_fields(connection, part.path).values()) if columns[name] else set()
            filled = tuple(one for field, one in sorted(columns[name].items()) if field not in own)
            copy = "-".join([name, *(str(one.field) for one in filled)]) + ".parquet"
            self._copies[name], found[copy] = (copy, filled), (part, filled)
        return found

    def _metadata(self, versions: Sequence[IcebergVersion], before: Mapping[str, Any]) -> dict[str, Any]:
        """The whole of it, after the document `before`; the manifests that it names are written first."""
        schemas = IcebergSchemas(before.get("schemas", ()))
        snapshots: list[dict[str, Any]] = []
        manifests: dict[tuple[str, frozenset[int]], ManifestFile] = {}
        last_ms = 0
        for version in versions:
            schema = schemas.of(version.columns)
            named = {self._filled_in(part, version.columns): part for part in version.parts}
            for key in named.keys() - manifests.keys():
                # With the schema of the version that brought it: later ones are known by their fields' numbers.
                manifests[key] = self._manifest(named[key], schema, version.number)
            # Readers ask for the snapshot of a moment, so none may lie before the one that it follows.
            last_ms = max(last_ms, int(version.at.timestamp() * 1_000))
            parent = snapshots[-1]["snapshot-id"] if snapshots else None
            listed = self._list(version, parent, [manifests[key] for key in named])
            snapshots.append(
                {
                    "snapshot-id": version.number,
                    **({} if parent is None else {"parent-snapshot-id": parent}),
                    "sequence-number": version.number,
                    "timestamp-ms": last_ms,
                    "manifest-list": listed,
                    "summary": version.summary,
                    "schema-id": schema.schema_id,
                }
            )
        return self._document(schemas.all, snapshots)

    def _filled_in(self, part: IcebergPart, columns: Sequence[Column]) -> tuple[str, frozenset[int]]:
        """The file, and the fields of these columns that are written into its copy.

        For each a manifest of its own: some readers take for empty what the version of a manifest did not have.
        """
        _, filled = self._copies[part.name]
        return part.name, frozenset(one.field for one in filled) & {one.field for one in columns}

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

        name, _ = self._copies[part.name]
        entry = iceberg_files.entry(
            f"{self._location}/data/{name}", self._folder / "data" / name, rows=part.rows, since=since
        )
        # With the number of its schema, which stands in it: one of another number is another file.
        stem = f"{Path(name).stem}-{since}-{schema.schema_id}"
        output = iceberg_files.AvroOutput(self._folder / "metadata" / f"{stem}.avro", self._location)
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
    return f"\tfield {column.field}"


def _fields(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, int]:
    """The columns of a file of ours with their ids."""
    query = f"SELECT name, field_id FROM parquet_schema({literal(str(path))}) WHERE field_id IS NOT NULL"
    return dict(connection.execute(query).fetchall())
