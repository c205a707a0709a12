"""docs/commands.md, written from the commands themselves; what each answers with --json stands here, and is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from procession.cli.registering import commands

RENEW = "python -m pytest tests/commands/test_document.py --write-docs"

HEAD = f"""# Commands

<!-- Written from the commands. To renew it: {RENEW} -->

`procession COMMAND --help` tells the same. Every command takes `--home DIR` and `--json`. A home is the folder with all
the data; without `--home` it is `PROCESSION_HOME`, else `./procession-data`. Commands work beside a running server or
without one. Those with `--server` work with a server elsewhere, too, and see what the user of the application may see.

| exit code | |
| --- | --- |
| 0 | Done. `run --wait`: the outcome is Success or Warning. `doctor`: no problem. |
| 1 | Refused or failed; the reason is one line on stderr. `run --wait`: the run failed or was cancelled. |
| 2 | The command was called wrongly: an unknown option, a missing argument. Nothing was done. |
| 70 | `serve` only: the outcome of a write is unknown. Start it again; it recovers from the disk. |
| 130 | Stopped by Ctrl-C. A run that is waited for goes on while a server runs. |

Amounts of type Decimal are grouped (`-1,234,567.80`); dates and times are in the zone of this machine (`TZ`), which is
named. Programs should use `--json`: one JSON object on stdout and nothing else, dates in UTC, values of properties
as texts with all their digits. Fields may be added in a later release; none is renamed or removed. An error leaves stdout
empty, but for the mistakes of process files: `{{"errors": [{{"file", "line", "column", "message"}}]}}`.

Your shell completes commands and options after
`eval "$(_PROCESSION_COMPLETE=bash_source procession)"` (or `zsh_source`, `fish_source`).

## Backups

`backup` asks the database for a copy of one moment, while the server goes on writing, and adds every file content that
the copy names, and the logs. It then reads the whole file again and compares every hash. Only then the file gets its
name: a backup that was killed, or met a full disk, has none. It replaces no other file. A manifest at the end of the
archive (a plain tar) holds the hashes. The file holds everything, secrets too (as hashes): keep it like the home itself.

`restore` takes an empty folder, or one that is not there. It checks everything before the home can be seen; what goes
wrong leaves nothing but an empty folder with a lock, which the next try takes. A restored home is a copy, as the next
section says: runs that were under way wait in it until somebody takes them over.
Uploads in chunks that were under way must be sent again. A backup of an earlier release is brought up to this one when
it is first used; one of a later release is refused.

## Copies

A home knows its folder. One that was copied, restored or moved to another disk finds out that it is a copy when a server is
started on it, or any command used: runs that waited or were under way in the original, and mail that was not sent, are left alone, and no process
of the original is looked for or ended. New runs work as usual. A server says so when it starts, and so do `doctor` and
`status`. A folder that was moved on its disk, or is reached by another name, is the same home.

`adopt` shows what would be taken over; `--yes` does it, beside a server or without one. Then a step that was under way runs
again, one declared `effect: once` does not. It is refused while a server works on the original. When the original
goes on, cancel its runs in the copy instead.

## Pruning

`prune` shows what would go; `--yes` does it. A run goes with its values, its history, its logs, and the contents that
nothing else names. In its place the log keeps one entry: its name, how and when it ended, and the SHA-256 of its
history, to compare a backup with. These stay, whatever their age: runs that wait, run, or were never started; runs whose
processes may still live; runs whose end is still to be told by mail; runs that wrote a version of a table. Tables and their versions are never pruned.

Contents and logs that nothing names, such as an upload that was replaced, go by themselves: a server looks for them all the
time, and removes a content a day after it was written last, by the home's own time. A machine whose clock is set ahead
loses nothing. `procession doctor` says how many wait. A copy of a home keeps them until `adopt --yes`, in case it shares
its `files/` with the original.

Beside a running server, `prune` leaves unused contents younger than a day to it: a step may be about to name them. A
database that an earlier program made shrinks once `prune` finds no server at work, and it says so; from then on beside
a server, too. While a backup is being made, no file is removed. Without a server, `prune --yes` has the home for itself:
other commands, and a server that would start, are refused until it is done.
"""

RUN = "id name process status outcome attempt dateStarted dateFinished runDurationInSeconds"
STEP = "id key name stepOrder status completionMessage dateStarted dateFinished runDurationInSeconds"
APPLIED = "id version name file isNew remarks?"
PLAN = "; plan: reset carried stale repeatsEffects needsRelease version newerVersion tablesTakenBack tablesRead"
USER = "id loginName email firstName lastName userRole accountStatus"
CONNECTION = "id name kind description privateHosts usedAt; options[]: name value; secrets[]: name setAt setBy"
APPLICATION = "id client_id name user scopes redirect_uris is_public"

# The fields of each answer: "name" of the object itself, "list[]: name name" of each object in a list, "name: name
# name" of an object in it; "name?" comes only where there is something to say. In parentheses the option that makes the difference.
ANSWERS: Mapping[str, str] = {
    "adopt": "home original runs letters followUps isDone",
    "apply": f"{APPLIED}; steps[]: id key name stepOrder kind; processes[]: {APPLIED} steps",
    "application change": APPLICATION,
    "application create": f"{APPLICATION} client_secret",
    "application delete": "id client_id",
    "application list": f"; applications[]: {APPLICATION}",
    "application reset-secret": f"{APPLICATION} client_secret",
    "approve": "run step isOpen decision signed; shown[]: reference name text content file",
    "audit verify": "isWhole firstFault entries head",
    "backup": "file sizeInBytes madeAt runs contents missing isVerified secrets",
    "cancel": RUN,
    "connection add": CONNECTION,
    "connection allow": "name user group",
    "connection disallow": "name user group",
    "connection list": "; connections[]: id name kind description options privateHosts usedAt secrets",
    "connection rekey": "secrets lost",
    "connection remove": "id name",
    "connection set": CONNECTION,
    "connection test": "name works message",
    "connection show": f"allowed processes uses {CONNECTION}",
    "doctor": "home problems; checks[]: name status message; walls[]: name stands seen weakerWithout remedy",
    "download": "run status; files[]: reference path sizeInBytes sha256",
    "group create": "id name",
    "list (processes)": "hasMore; processes[]: id name version dateModified",
    "list (runs)": "hasMore; runs[]: id name process status outcome dateCreated dateStarted dateFinished",
    "log": "run step key log",
    "prune": "isDone contents logs freedBytes databaseBytesBefore databaseBytesAfter notes;"
    " runs[]: id name process result dateEnded",
    "reject": "run step isOpen decision signed; shown[]: reference name text content file",
    "restart": f"{STEP} run isServerRunning{PLAN}",
    "restart (--plan)": f"run{PLAN}",
    "restore": "home file madeAt runs contents missing underWay auditFault",
    "run": f"{RUN} isServerRunning",
    "run (--wait)": f"{RUN}; steps[]: {STEP}",
    "serve": "address home pid hasApplications heldRuns; walls[]: name stands seen weakerWithout remedy",
    "show": f"{RUN} startedBy reason; steps[]: {STEP}; values[]: reference name type flow decimalPoints value file",
    "status": f"{RUN} isServerRunning; steps[]: {STEP}",
    "table iceberg": "versions newFiles folder",
    "try": "status message inputs log sends figures?; figures[]: name? value?;"
    " outputs[]: reference name value? rows? columns? first?",
    "user create": f"{USER} setPasswordLink",
    "user link": "loginName setPasswordLink",
    "user list": f"; users[]: {USER}",
    "user sign-in": "loginName signInLink",
    "version": "version",
}
COMMON = {"--home", "--json", "--server"}


def every_command(group: click.Group = commands, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Name and command, groups opened."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from every_command(command, f"{before}{name} ")
        else:
            yield before + name, command


def page() -> str:
    parts = [HEAD, "## All commands\n"]
    for name, command in every_command():
        parts.append(f"### procession {name}\n")
        parts.append((command.help or "").strip() + "\n")
        parts.append("\n".join(_usage(name, command)) + "\n")
        if "--server" in {option for param in command.params for option in param.opts}:
            parts.append("Takes `--server`, too.\n")
        parts += [
            f"{_with_json(answer)}: {_fields(text)}.\n" for answer, text in ANSWERS.items() if _name(answer) == name
        ]
    return "\n".join(parts)


def _name(answer: str) -> str:
    return answer.partition(" (")[0]


def _with_json(answer: str) -> str:
    option = answer.partition(" (")[2].rstrip(")")
    return f"`{option} --json`" if option else "`--json`"


def _usage(name: str, command: click.Command) -> list[str]:
    with click.Context(command) as context:
        arguments = [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]
        records = [param.get_help_record(context) for param in command.params if isinstance(param, click.Option)]
    rows = [record for record in records if record is not None and record[0].split()[0] not in COMMON]
    options = ["[OPTIONS]"] if rows else []
    lines = [f"`{' '.join(['procession', name, *arguments, *options])}`", ""]
    if rows:
        lines += ["| option | |", "| --- | --- |"]
        lines += [f"| `{option}` | {text.replace('|', chr(92) + '|')} |" for option, text in rows]
        lines.append("")
    return [*lines, f"Example: `{(command.epilog or '').removeprefix('Example: ')}`"]


def _fields(text: str) -> str:
    shown = []
    for part in text.split(";"):
        head, colon, names = part.strip().partition(":")
        listed = ", ".join(_field(name) for name in (names if colon else head).split())
        if listed:
            shown.append(f"`{head}` of {listed}" if colon else listed)
    return "; ".join(shown)


def _field(name: str) -> str:
    return f"`{name[:-1]}` (where there are any)" if name.endswith("?") else f"`{name}`"


def fits(content: Mapping[str, Any], text: str) -> bool:
    """Whether an answer holds what is told, and nothing else."""
    told, held = paths(text), paths_of(content)
    needed = {path for path in told if not path.endswith("?")}
    return needed <= held <= {path.removesuffix("?") for path in told}


def paths(text: str) -> set[str]:
    """The paths that ANSWERS tells: "name", and "list[].name"."""
    found = set()
    for part in text.split(";"):
        head, colon, names = part.strip().partition(":")
        found |= {f"{head}.{name}" for name in names.split()} if colon else set(head.split())
    return found


def paths_of(content: Mapping[str, Any]) -> set[str]:
    """The same of an answer."""
    found = set()
    for name, value in content.items():
        if isinstance(value, dict):
            found |= {f"{name}.{key}" for key in value}
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found |= {f"{name}[].{key}" for item in value for key in item}
        else:
            found.add(name)
    return found
