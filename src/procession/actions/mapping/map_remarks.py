"""What a mapping says of its rules where rows may have gone astray: Warnings."""

from __future__ import annotations

from procession.actions.database import quote
from procession.actions.mapping import patterns
from procession.actions.mapping.map_task import RULES, MapTask
from procession.actions.rows import looks
from procession.actions.rows.numbering import ROW, numbered


def tell(task: MapTask) -> None:
    """Looks at the tables `lost`, `chosen` and `candidates`; what is found goes to the step's warnings."""
    _looks(task)
    _empty(task)
    _misspelt(task)


def _looks(task: MapTask) -> None:
    """Values that would find a rule of their own if case, blanks and what nobody sees did not count."""
    for number, value in enumerate(task.values):
        is_own = f"shape_{number} = {patterns.ITSELF}"
        own = f"SELECT DISTINCT low_{number} AS code FROM patterns WHERE {is_own}"
        # Those too that a wider rule has taken, of which nobody would hear.
        owned = f"SELECT c.key FROM chosen c JOIN patterns p ON p.rule = c.rule WHERE p.{is_own}"
        others = f"SELECT DISTINCT {value} FROM keys ANTI JOIN ({owned}) USING (key)"
        row = task.work.connection.execute(
            f"SELECT k.{value}, r.code FROM ({others}) k JOIN ({own}) r "
            f"ON {looks.folded(f'k.{value}')} = {looks.folded('r.code')} AND k.{value} <> r.code ORDER BY ALL LIMIT 1"
        ).fetchone()
        if row is not None:
            one, other = (looks.visible(text) for text in row)
            task.work.warnings.append(f'"{one}" and "{other}" differ only in case, blanks or signs unseen')


def _empty(task: MapTask) -> None:
    """Rows whose rule gives nothing: they count as mapped, and no default fills them."""
    given = ", ".join(f"CAST(g.{quote(column)} AS VARCHAR)" for column in task.given.values())
    row = task.work.connection.execute(
        f"SELECT sum(k.n), min(c.rule) FROM chosen c JOIN keys k ON k.key = c.key "
        f"JOIN {numbered(task.work.connection, RULES)} g ON g.{ROW} = c.rule WHERE coalesce({given}) IS NULL"
    ).fetchone()
    if row and row[0]:
        rows = "1 row is" if row[0] == 1 else f"{row[0]:,} rows are"
        task.work.warnings.append(f"{rows} mapped to nothing, by {task.rule(row[1])}")


def _misspelt(task: MapTask) -> None:
    """Rules that fit no value, and look like a range or a pattern in another spelling: they would go unseen."""
    for number, name in enumerate(task.settings.match):
        if name.lower() in {one.lower() for one in task.settings.exact}:
            continue
        row = task.work.connection.execute(
            f"SELECT min(p.rule), arg_min(p.low_{number}, p.rule) FROM patterns p ANTI JOIN candidates c "
            f"ON c.rule = p.rule WHERE p.shape_{number} = {patterns.ITSELF} "
            f"AND regexp_full_match(p.low_{number}, $other)", {"other": patterns.OTHER_SPELLINGS}
        ).fetchone()  # fmt: skip
        if row is not None and row[0] is not None:
            task.work.warnings.append(
                f'rule {row[0] + 1} fits nothing: "{row[1]}" is taken letter by letter; a range is written 4000-4999, '
                "what begins so 4*, and several values have a rule each"
            )
