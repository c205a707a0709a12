"""What must be true of a home at any time: every row whole, every named file there, nothing left that nobody needs."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path


def check(home: Path) -> None:
    # A connection of the test's own: it must not trust the code it judges.
    with closing(sqlite3.connect(f"file:{home / 'house.sqlite'}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        _check_contents(db, home)
        _check_chunks(db, home)
        _check_tables(db)
        _check_consents(db)
        _check_people(db)


def _check_contents(db: sqlite3.Connection, home: Path) -> None:
    """No row names a content that is not there, and what is there is what its name says, named or not."""
    stored = {path.parent.name + path.name: path.read_bytes() for path in (home / "files").glob("??/*")}
    for sha256, content in stored.items():
        assert hashlib.sha256(content).hexdigest() == sha256, f"{sha256} is half a content"
    named = (
        "SELECT sha256, size FROM file WHERE sha256 IS NOT NULL"
        " UNION SELECT sha256, size FROM property_write WHERE sha256 IS NOT NULL"
        " UNION SELECT sha256, size FROM table_part"
    )
    for sha256, size in db.execute(named):
        assert sha256 in stored, f"{sha256} is missing"
        assert len(stored[sha256]) == size
    assert list((home / "files" / "incoming").iterdir()) == [], "half contents are left"
    tables = home / "work" / "tables"
    assert not tables.exists() or list(tables.iterdir()) == [], "folders of table jobs are left"


def _check_chunks(db: sqlite3.Connection, home: Path) -> None:
    """No file but those that rows name, in which are the bytes that each row tells: whole, or at the place named."""
    rows = db.execute("SELECT session_id, stored_as, size, sha256 FROM upload_chunk").fetchall()
    root, named = home / "uploads", set[Path]()
    for session, name, size, sha256 in rows:
        token, _, offset = name.partition("@")
        path, start = root / session / ("whole" if offset else token), int(offset or 0)
        named.add(path)
        kept = path.read_bytes()[start : start + size if offset else None]
        assert hashlib.sha256(kept).hexdigest() == sha256, "a chunk's bytes are not those of its row"
    assert set(root.glob("*/*")) == named, "chunks on disk are not those of the rows"
    late = "SELECT 1 FROM upload_session s JOIN upload_chunk c ON c.session_id = s.id WHERE s.committed_at IS NOT NULL"
    assert db.execute(late).fetchall() == []


def _check_tables(db: sqlite3.Connection) -> None:
    """The versions of a table are first to present, and each adds up to what its files hold."""
    for table, present in db.execute("SELECT id, version FROM managed_table").fetchall():
        numbers = [
            row[0] for row in db.execute("SELECT number FROM table_version WHERE table_id = ? ORDER BY 1", (table,))
        ]
        assert numbers == list(range(2, present + 1)), f"mt-{table} is at {present} and has {numbers}"
    wrong = (
        "SELECT v.table_id, v.number FROM table_version v LEFT JOIN table_part p ON p.table_id = v.table_id"
        " AND p.from_version <= v.number AND (p.until_version IS NULL OR p.until_version > v.number)"
        " GROUP BY v.table_id, v.number, v.row_count, v.size"
        " HAVING v.row_count <> coalesce(sum(p.row_count), 0) OR v.size <> coalesce(sum(p.size), 0)"
    )
    assert db.execute(wrong).fetchall() == [], "versions do not add up"


def _check_consents(db: sqlite3.Connection) -> None:
    """Nothing of an ended consent opens anything, and a consent has one refresh token that can be used."""
    alive = "SELECT t.hash FROM token t JOIN oauth_grant g ON g.id = t.grant_id WHERE g.revoked_at IS NOT NULL"
    assert db.execute(alive).fetchall() == [], "a token outlived its consent"
    two = "SELECT grant_id FROM refresh_token WHERE used_at IS NULL GROUP BY grant_id HAVING count(*) > 1"
    assert db.execute(two).fetchall() == [], "two refresh tokens of one consent can be used"
    unused = (
        "SELECT c.grant_id FROM authorization_code c WHERE c.used_at IS NULL AND"
        " (EXISTS (SELECT 1 FROM refresh_token r WHERE r.grant_id = c.grant_id)"
        " OR EXISTS (SELECT 1 FROM token t WHERE t.grant_id = c.grant_id))"
    )
    assert db.execute(unused).fetchall() == [], "a code gave tokens and can be used again"
    without = (
        "SELECT c.grant_id FROM authorization_code c WHERE c.used_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM refresh_token r WHERE r.grant_id = c.grant_id)"
    )
    assert db.execute(without).fetchall() == [], "a code was used for nothing"


def _check_people(db: sqlite3.Connection) -> None:
    """Who is suspended has nothing that opens anything; every user has a password, a link, or mail on its way."""
    for table in ("token", "session", "user_link"):
        alive = f"SELECT 1 FROM {table} t JOIN user_account u ON u.id = t.user_id WHERE u.status <> 'Active'"
        assert db.execute(alive).fetchall() == [], f"a {table} of a suspended user"
    ended = (
        "SELECT 1 FROM oauth_grant g JOIN user_account u ON u.id = g.user_id"
        " WHERE u.status <> 'Active' AND g.revoked_at IS NULL"
    )
    assert db.execute(ended).fetchall() == []


def whole_state(home: Path) -> list[str]:
    """Every row and every file, to be compared."""
    files = [
        f"{path.relative_to(home)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for room in ("files", "uploads", "work")
        for path in sorted((home / room).rglob("*"))
        if path.is_file()
    ]
    with closing(sqlite3.connect(f"file:{home / 'house.sqlite'}?mode=ro", uri=True)) as db:
        return [*(line for line in db.iterdump() if not line.startswith("BEGIN")), *files]
