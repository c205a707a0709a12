"""What a step's failure means and what to do about it, from its exact message: the first row of a table that fits.

The message stays what it is. Where no row fits, the explanation says honestly that nothing more is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Each one or two sentences for an accountant; `inputs_matter`: a restart alone would fail in the same way."""

    meaning: str
    advice: str
    inputs_matter: bool = False


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """`kinds`: the actions whose messages it may explain; empty: any. `{name}` in a text is the pattern's group."""

    pattern: re.Pattern[str]
    meaning: str
    advice: str
    kinds: Collection[str] = ()
    inputs_matter: bool = False


# A message may hold a whole cell of a file: patterns look at its beginning only.
MESSAGE_CHARACTERS_MAX = 4_000
NAME_CHARACTERS_MAX = 120  # of a file or a column, in an explanation
_FILE = r'(?:\A|the (?:file|workbook) )"(?P<name>[^"\n]{1,300})"'
_ASK = "Ask your administrator"
_COPY = "copy the inputs to a new run, replace the file there, and start it"
_RUN_PYTHON = ("run_python",)
_LINE = r"(?: \(line (?P<line>\d{1,7})\))"


def explain(message: str, *, action: str = "") -> Explanation:
    """`action` is the kind of the step's action, "" for a data step."""
    text = message[:MESSAGE_CHARACTERS_MAX]
    for row in _TABLE:
        if (not row.kinds or action in row.kinds) and (found := row.pattern.search(text)):
            return _filled(row, found)
    return _filled(_OF_DATA if not action else _UNKNOWN, re.match("", ""))


def _filled(row: _Row, found: re.Match[str] | None) -> Explanation:
    names = (
        {} if found is None else {name: (text or "")[:NAME_CHARACTERS_MAX] for name, text in found.groupdict().items()}
    )
    # The texts are constants of this file; what a message gave only fills their places.
    return Explanation(
        meaning=row.meaning.format(**names), advice=row.advice.format(**names), inputs_matter=row.inputs_matter
    )


def _row(pattern: str, meaning: str, advice: str, *, kinds: Collection[str] = (), inputs_matter: bool = False) -> _Row:
    compiled = re.compile(pattern, re.IGNORECASE)
    return _Row(pattern=compiled, meaning=meaning, advice=advice, kinds=kinds, inputs_matter=inputs_matter)


_OF_DATA = _row(
    "", "The inputs of this step are not complete.", "Copy the inputs to a new run and fill in what is missing.",
    inputs_matter=True,
)  # fmt: skip
_UNKNOWN = _row(
    "",
    "The step ended with a failure that Procession has no explanation for. What it said is below, word for word.",
    "Read its log: its last lines often name the cause. If they mean nothing to you, show this page to whoever built "
    "the process.",
)

# In order: what names a cause for certain stands before what a word only hints at.
_TABLE = (
    # What its author made it say needs no guess.
    _row(
        "",
        "The process itself ended here on purpose: its author made it stop in this case.",
        "What it said is below, word for word. A restart from this step would end here again: change what led to it, "
        "in a new run with the same inputs.",
        kinds=("fail",),
        inputs_matter=True,
    ),
    # Once, and interrupted.
    _row(
        r"must not happen twice \(effect: once\)",
        "The server stopped while this step was at work, and nobody knows whether its effect outside has happened. It "
        "is declared to happen only once, so it was not repeated.",
        "Look where the effect would show (the bank, the ledger, the mail box). If it did not happen, restart from "
        "this step and release it by its name.",
    ),
    _row(
        r"the server stopped \d+ times while",
        "The server stopped several times while this step was at work. It is not tried again, because the step itself "
        "may be what stops the server.",
        f"{_ASK} why the server stopped. If that had other reasons, restart from this step.",
    ),
    # Space.
    _row(
        r"PROCESSION_STEP_DISK_BYTES_MAX|PROCESSION_STEP_FILES_MAX|made more than [\d,]+ files",
        "The step wrote more to the disk than one step may.",
        "Check whether an input is much larger than usual. If it is right, ask your administrator for a larger limit, "
        "then restart from this step.",
    ),
    _row(
        r"no space left on device|disk (?:is|was) (?:nearly )?full|disk quota exceeded|\[Errno 28\]|ENOSPC",
        "The disk of the server is full, so what the step made could not be written.",
        f"This has nothing to do with your files. {_ASK} for space, then restart from this step.",
    ),
    # Memory and time.
    _row(
        r"used more than [\d.,]+ (?:bytes|KB|MB|GB|TB) of memory|out of memory|needs more memory|MemoryError"
        r"|short of memory",
        "The step needed more memory than it may use.",
        "Check whether an input is much larger than usual. If it is right, ask your administrator for more memory for "
        "steps, then restart from this step.",
    ),
    _row(
        r"timed out after (?P<seconds>[\d.]+) s, the time limit of the process run",
        "The run took longer than its time limit of {seconds} seconds and was stopped here.",
        "If the work was only slow, restart from this step: each attempt has the whole time again. If it happens "
        "again, ask whoever built the process for a longer limit.",
    ),
    _row(
        r"timed out after (?P<seconds>[\d.]+) s",
        "The step took longer than its time limit of {seconds} seconds and was stopped.",
        "If the work was only slow, restart from this step. If it happens again, ask whoever built the process for a "
        "longer limit.",
    ),
    _row(
        r"of processor time",
        "The step computed for longer than it may.",
        "Check whether an input is much larger than usual. Otherwise ask whoever built the process to look at it.",
    ),
    # Network.
    _row(
        r"asks for the network, and this server does not allow it|PROCESSION_ALLOW_NETWORK",
        "The step wants to reach another system, and this server does not let steps use the network.",
        f"{_ASK} whether steps may use the network here, then restart from this step.",
    ),
    _row(
        r"network is unreachable|name resolution|name or service not known|connection (?:refused|reset|timed out)"
        r"|no route to host|ConnectionError|gaierror",
        "The step could not reach another system.",
        "If that system is down, wait and restart from this step. A step without the setting network reaches none: "
        "then ask whoever built the process.",
    ),
    # Inputs that are not there.
    _row(
        r'the required inputs? "(?P<name>[^"\n]{1,300})"(?: and | has | have |, )',
        'The input "{name}" is empty, and the process cannot go on without it.',
        "Copy the inputs to a new run, fill it in there, and start it.",
        inputs_matter=True,
    ),
    _row(
        r'the input "(?P<name>[^"\n]{1,300})" has no file yet',
        'The input "{name}" has no file.',
        "If it is a file of yours, copy the inputs to a new run and upload it. If an earlier step should have written "
        "it, look at that step.",
        inputs_matter=True,
    ),
    # Columns.
    _row(
        r'(?:has|is) no column "(?P<column>[^"\n]{1,200})"',
        'A file does not have the column "{column}" that the step reads.',
        "Compare its first line with last month's: a column was renamed or left out, or it is another file. Then "
        f"{_COPY}.",
        inputs_matter=True,
    ),
    _row(
        r"columns that are not expected|two columns of one name|several columns",
        "A file has other columns than the step expects.",
        f"Compare its first line with last month's. If the file is wrong, {_COPY}.",
        inputs_matter=True,
    ),
    _row(
        r"KeyError: ['\"](?P<column>[^'\"\n]{1,200})['\"]" + _LINE + "?",
        'The script looked for "{column}" and did not find it; most often that is a column which the file does not '
        "have.",
        f"Compare the file's first line with last month's. If it is wrong, {_COPY}. Otherwise show this page to "
        "whoever wrote the script.",
        kinds=_RUN_PYTHON,
        inputs_matter=True,
    ),
    # Files that are not what they should be.
    _row(
        rf"{_FILE} is protected with a password",
        'The workbook "{name}" is protected with a password and cannot be read.',
        f"Save it without a password, {_COPY}.",
        inputs_matter=True,
    ),
    _row(
        rf"{_FILE} has no sheet",
        'The workbook "{name}" does not have the sheet that the step reads.',
        f"Give the sheet its usual name, {_COPY}.",
        inputs_matter=True,
    ),
    _row(
        rf"{_FILE} (?:is empty|is nothing but zero bytes|has no column that could be read)",
        'The file "{name}" is empty.',
        f"Export it again, {_COPY}.",
        inputs_matter=True,
    ),
    _row(
        rf"{_FILE} is (?:an? |compressed|encrypted|damaged|not a |only a pointer|nothing|neither)",
        'The file "{name}" is not of a kind that Procession reads, or it is damaged.',
        f"What it said, below, names the kind. Export the file as CSV or XLSX, {_COPY}.",
        inputs_matter=True,
    ),
    _row(
        rf"{_FILE} (?:cannot be read|is not written in|begins with the mark)|is damaged|UnicodeDecodeError",
        "A file could not be read: it is damaged, or not written as the step expects.",
        f"Export it again in the usual way, {_COPY}.",
        inputs_matter=True,
    ),
    _row(
        r'file, .{0,80}column "[^"\n]{1,200}": .{1,200} is not'
        r"|cannot be an? |could not convert",
        "A cell of a file holds something else than the step expects there.",
        f"What it said, below, names the row and the value. Correct the file, {_COPY}.",
        inputs_matter=True,
    ),
    # Expectations and totals.
    _row(
        r"(?:were|was) expected(?:; nothing was published)?|do not balance",
        "The step checked its result against what the process expects, and it does not fit. Nothing was published.",
        "Check the inputs: a file of another month, or one that is not complete, is the usual cause. If they are "
        "right, ask whoever built the process whether the expectation still holds.",
        inputs_matter=True,
    ),
    # Outputs.
    _row(
        r'the output "(?P<name>[^"\n]{1,200})".{0,200}was not written'
        r'|the output "(?P<table>[^"\n]{1,200})" is (?:no table|the rows of a SELECT)',
        'The step ended without writing its output "{name}{table}".',
        "This is a mistake in the process, not in your files: show this page to whoever built it.",
    ),
    _row(
        r'the output "(?P<name>[^"\n]{1,200})"|this step may not write',
        "The step made an output that does not fit the property which it is for.",
        "What it said, below, names it. Show this page to whoever built the process.",
    ),
    # Processes that ended.
    _row(
        r"was killed by signal|ended itself with exit code|hid from the server|PROCESSION_STEP_PROCESSES_MAX",
        "The program of the step was ended before it was done. Nothing that it started is left.",
        "Restart from this step. If it happens again, show this page to your administrator.",
    ),
    _row(
        r"the script ended with exit code (?P<code>\d+)",
        "The script ended by itself and said that it had failed (exit code {code}).",
        "Read its log for what it said last, or show this page to whoever wrote the script.",
        kinds=_RUN_PYTHON,
    ),
    # What the server lacks.
    _row(
        r"this server has no action|there is no action|does not take these settings|the settings of \S+ are wrong",
        "This server cannot perform the step: its action is missing here, or does not know these settings.",
        f"{_ASK} to install it, or whoever built the process to change the step. Then restart from this step.",
    ),
    _row(
        r"failed unexpectedly|see the server's log|could not be published",
        "Something went wrong inside Procession while the step was at work. It is not your file's fault.",
        "Restart from this step. If it happens again, tell your administrator: the server's log says more.",
    ),
    # SQL and scripts, by their line.
    _row(
        r"the SQL of this step(?:, line (?P<line>\d+))?",
        "The SQL of this step could not be carried out.",
        "Most often a file has other columns or values than last month: compare them. Otherwise show this page to "
        "whoever built the process.",
        kinds=("run_sql",),
    ),
    _row(
        r"(?s)\A(?P<words>.{1,4000}?) \(line (?P<line>\d{1,7})\)\Z",
        "The script stopped at its line {line}.",
        "What it said, below, is the cause in the script's own words. If it names a file or a value, correct that and "
        "copy the inputs to a new run. Otherwise show this page to whoever wrote the script.",
        kinds=_RUN_PYTHON,
    ),
)
