"""One house in which every state of every page can be looked at: made once, through the API and by the store's calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from procession.model.connections import ConnectionKind
from procession.model.ids import GroupId, ProcessId
from procession.model.lifecycle import Outcome, StepStatus
from procession.model.people import SCOPES, Role
from procession.operations import applications, connections, links
from procession.operations.connections import NewConnection
from procession.store import permissions
from tests import approving
from tests.api.house import House
from tests.web import suggestions_site, test_try_step
from tests.web.account_site import visitor
from tests.web.inputs_site import BANK
from tests.web.lists_site import ended, timed_out
from tests.web.run_site import PROCESS, Play, failed, play, well

BACK = "https://ledger.example/back"
SIXTY = "process: Long close\ngroups:\n" + "".join(
    f"  - group: Part {part}\n    steps:\n"
    + "".join(
        f"      - {{action: wait, name: Reconcile account {1200 + number}, key: s{number}, with: {{seconds: 1}}}}\n"
        for number in range(part * 10, part * 10 + 10)
    )
    for part in range(6)
)
NEVER = PROCESS.replace(
    "Standing orders", "Never run, with a name as long as those that people give to their processes"
)
LONG_WORD = "Umsatzsteuervoranmeldungsabstimmungsdifferenzenliste"
LOG = b"rule 1 of 2\n" + b"a line of a log that is longer than a phone is wide, as most are " * 3 + b"\n"


def furnish(home: House) -> dict[str, str]:
    """What the addresses of the states name: ids, and the secrets of links."""
    names = {"month_end": home.process}
    _lists(home)
    names |= _runs(home) | _long_runs(home) | _inputs(home) | _tables(home) | _people(home) | _suggestions(home)
    names["trying"] = _trying(home, test_try_step.PROCESS)
    # Names a column that no sample has.
    names["doubting"] = _trying(
        home, test_try_step.PROCESS.replace("g\n", "g doubts\n", 1).replace(": amount", ": amuont", 1)
    )
    names["broken"] = _broken(home)
    _connect(home)
    names["asks"] = _asks(home)
    return names


def _connect(home: House) -> None:
    """A connection with a secret that a group may use, and one without anything."""
    keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X"]
    bank = NewConnection(
        name="House bank",
        kind=ConnectionKind.SFTP,
        description=f"Statements of the house bank, {LONG_WORD}",
        options={"host": "sftp.bank.example", "user": "acme", "host_keys": keys, "root": "/out"},
        secrets={"password": "not-shown"},
    )
    mail = NewConnection(name="mail", kind=ConnectionKind.SMTP, options={"host": "127.0.0.1", "sender": "a@b.example"})

    def operation(tx: Any) -> None:
        made = connections.add(home.act(tx, "admin"), bank)
        connections.allow(home.act(tx, "admin"), made.id, GroupId(1))
        connections.add(home.act(tx, "admin"), mail)

    home.database.write(operation)


def _asks(home: House) -> str:
    """A run that waits for the owner of the others to decide."""
    body = approving.text("Accruals", comment="required", shows=["${d.amount}", "${d.report}"], at_least=2)
    headers = {"content-type": "application/yaml"}
    process = home.ask("POST", "processes", who="editor", content=body.encode(), headers=headers).json()["id"]
    holder = home.users["owner"].id
    home.database.write(
        lambda tx: permissions.give(tx, ProcessId.parse(process), Role.READER, holder=holder),
    )
    return approving.begun(home, process, "editor")


def _lists(home: House) -> None:
    """Of a process that the reader and the mate see: more than a page, and all well by now."""
    for number in range(27):
        ended(home, f"Account {1200 + number}", amount=number, outcome=Outcome.SUCCESS)


def _runs(home: House) -> dict[str, str]:
    named = {"not_started": play(home).fill().id, "queued": play(home).start().id}
    running = play(home).fill().start().take().perform("p")
    running.begin("match")
    running.log("match", LOG)
    named |= {"running": running.id, "match": str(running.row("match").id)}
    named |= {"failed": _failed(home).id, "finished": well(home).id, "process": str(running.run.process)}
    remarks = play(home, prefix=LONG_WORD).start().take().perform("p")
    remarks.perform("match", StepStatus.WARNING, f"3 rows without an amount in {LONG_WORD}").finish(Outcome.WARNING)
    cancelled = play(home).start().take().perform("p")
    cancelled.begin("match")
    home.post(f"processruns/{cancelled.id}/cancel", json={"reason": "wrong period"})
    cancelled.receipt("match", processes=2)
    named |= {"remarks": remarks.id, "cancelled": cancelled.id}
    named |= {"attempt": _again(home).id, "nothing": _without_results(home).id, "timed_out": _timed_out(home)}
    named["orders"] = _file(home, named["not_started"], "Orders")
    named |= {"report": _file(home, named["finished"], "Report"), "failed_step": _step(home, named["failed"], "match")}
    return named


def _failed(home: House) -> Play:
    made = play(home, prefix="Account 1300").fill().start().take().perform("p")
    made.begin("match")
    made.log("match", LOG + b"KeyError: 'amount' (line 3)\n")
    return made.end("match", StepStatus.FAILED, "KeyError: 'amount' (line 3)").finish(Outcome.FAILED)


def _again(home: House) -> Play:
    """Restarted once, and at work for the second time."""
    made = failed(home, "the file Orders has no column order_id")
    body = {"reason": "the bank sent a new file"}
    home.post(f"processruns/{made.id}/steps/{made.row('match').id}/restartfromhere", json=body)
    return made.take()


def _without_results(home: House) -> Play:
    return play(home).start().take().perform("p").perform("match").perform("mail").perform("pay").finish()


def _timed_out(home: House) -> str:
    return timed_out(home, "Late")


def _long_runs(home: House) -> dict[str, str]:
    under_way = play(home, SIXTY).start().take()
    for number in range(20):
        under_way.perform(f"s{number}")
    under_way.begin("s20")
    over = play(home, SIXTY).start().take()
    for number in range(30):
        over.perform(f"s{number}")
    over.perform("s30", StepStatus.FAILED, f"the account {LONG_WORD} is closed").finish(Outcome.FAILED)
    return {"sixty": under_way.id, "sixty_failed": over.id, "sixty_process": str(over.run.process)}


def _inputs(home: House) -> dict[str, str]:
    headers = {"content-type": "application/yaml"}
    bank = home.post("processes", content=BANK.encode(), headers=headers)["id"]
    never = home.post("processes", content=NEVER.encode(), headers=headers)["id"]
    older = home.post(f"processes/{bank}/processruns", json={"namePrefix": "October"})["id"]
    mine = BANK.replace("name: Days", "name: Working days")
    assert home.ask("PUT", f"processes/{bank}/draft", content=mine.encode(), headers=headers).status_code == 200
    # A newer version than the run and the draft began from, which asks for something else.
    newer = BANK.replace("options: [Wien, Graz, Linz]", "options: [Wien, Graz]").encode()
    assert home.ask("PUT", f"processes/{bank}/definition", content=newer, headers=headers).status_code == 200
    kept = home.post(f"processes/{bank}/processruns", json={"namePrefix": "November"})["id"]
    return {"bank": bank, "never": never, "kept": kept, "changed": older}


def _tables(home: House) -> dict[str, str]:
    table = home.post("tables", json={"name": "Closing rates"})["id"]
    for name, kind in (("Currency", "FixedLengthText"), ("Rate", "Number"), ("Remark on the rate", "FixedLengthText")):
        home.post(f"tables/{table}/columns", json={"name": name, "dataType": kind})
    rows = [{"Currency": f"X{number:02}", "Rate": number / 8, "Remark on the rate": "  "} for number in range(130)]
    home.post(f"tables/{table}/rows", json={"rows": rows})
    home.post("tables", json={"name": LONG_WORD})
    return {"table": table}


def _suggestions(home: House) -> dict[str, str]:
    suggestions_site.table(home, reader="reader")
    rows = suggestions_site.PAIR + suggestions_site.OTHER + suggestions_site.SET + suggestions_site.REVERSAL
    text = suggestions_site.WITH_OPEN
    run = suggestions_site.reconciled(home, rows.replace("INV-8", LONG_WORD), text=text)
    suggestions_site.write_file(home, run, "p.open", suggestions_site.OPEN.encode())
    suggestions_site.let_read(home, str(run.run.process), "reader")
    suggestions_site.Reviewer(home, run).decides(d2="never", why2="another customer")
    return {"suggesting": run.id, "suggests": str(run.row("match").id)}


def _trying(home: House, text: str) -> str:
    process = test_try_step.apply(home, text)
    books, bank = test_try_step.BOOKS, test_try_step.BANK
    test_try_step.sample(home, visitor(home), process, {"files.books": books, "files.bank": bank})
    return process


def _people(home: House) -> dict[str, str]:
    user, now = home.users["stranger"], home.clock.now()

    def operation(tx: Any) -> tuple[Any, str]:
        made, _ = applications.create(
            tx, name="Ledger export", user_login="owner", scopes=SCOPES, redirect_uris=[BACK], now=now
        )
        permissions.give(tx, ProcessId.parse(home.process), Role.OWNER, holder=home.users["editor"].id)
        return made, links.create(tx, user.id, home.resources.home_clock.most())

    made, link = home.database.write(operation)
    question = {"response_type": "code", "client_id": made.client_id, "redirect_uri": BACK, "state": "x"}
    return {
        "application": str(made.id),
        "person": str(user.id),
        "group": "ug-1",
        "link": link,
        "all_scopes": urlencode({**question, "scope": " ".join(sorted(SCOPES - {"application"}))}),
        "one_scope": urlencode({**question, "scope": "process_read"}),
    }


def _broken(home: House) -> str:
    """A run whose version nobody can read any more: the server's own fault."""
    headers = {"content-type": "application/yaml"}
    text = PROCESS.replace("Standing orders", "Broken").encode()
    process = home.post("processes", content=text, headers=headers, who="editor")["id"]
    run = str(home.post(f"processes/{process}/processruns", json={}, who="editor")["id"])
    home.database.write(
        lambda tx: tx.run(
            "UPDATE process_version SET definition = '{' WHERE process_id = ?", ProcessId.parse(process).number
        )
    )
    return run


def _step(home: House, run: str, key: str) -> str:
    return str(Play(house=home, id=run).row(key).id)


def _file(home: House, run: str, name: str) -> str:
    """Of a result, by its property's name."""
    for step in home.get(f"processruns/{run}/steps?include=all"):
        for item in home.get(f"steps/{step['id']}/properties"):
            if item["name"] == name and item.get("file"):
                return str(item["file"])
    raise AssertionError(f"{run} has no file {name}")


def filled(path: str, names: Mapping[str, str]) -> str:
    """The address of a state: `{failed}` stands for the run that failed."""
    return path.format_map(names)
