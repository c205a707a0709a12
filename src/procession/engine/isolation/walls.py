"""The walls around steps, from what the fork server saw of this kernel."""

from __future__ import annotations

import os

from procession.engine.isolation.options import Hello, IsolationSettings
from procession.walls import Wall

LANDLOCK_NETWORK_ABI = 4


def of(hello: Hello | None, settings: IsolationSettings) -> tuple[Wall, ...]:
    """`hello` is None where no fork server starts."""
    if hello is None:
        return (_no_steps(),)
    found = (_processes(hello), _root(hello), _files(hello), _reaching(hello), _calls(hello))
    return (*found, _network(hello, settings), _user(hello), _group(settings))


def _no_steps() -> Wall:
    return Wall(
        name="steps",
        stands=False,
        seen="the fork server does not start",
        weaker_without="no step can run",
        remedy="the log of the server says why",
        is_grave=True,
    )


def _processes(hello: Hello) -> Wall:
    return Wall(
        name="process namespace",
        stands=bool(hello.namespace),
        seen=f"steps run in a namespace of their own ({hello.namespace})" if hello.namespace else "none",
        weaker_without="a step sees other processes, and what it leaves behind is found by walking its tree",
        remedy="allow namespaces (user.max_user_namespaces above 0, no RestrictNamespaces= in the unit)",
    )


def _root(hello: Hello) -> Wall:
    return Wall(
        name="private root",
        stands=hello.root,
        seen="user code sees the system, Python, its folder and its inputs, no other file" if hello.root else "none",
        weaker_without="user code sees where files are, and talks to sockets that its user may open",
        remedy="Linux 5.12 or newer, namespaces allowed as above, and a /proc that is whole",
    )


def _files(hello: Hello) -> Wall:
    return Wall(
        name="Landlock",
        stands=hello.landlock > 0,
        seen=f"files are restricted by Landlock {hello.landlock}" if hello.landlock else "none",
        weaker_without="user code opens every file that its user may open",
        remedy="Linux 5.13 or newer, with landlock in the boot parameter lsm=",
    )


def _reaching(hello: Hello) -> Wall:
    return Wall(
        name="files of steps that reach outside",
        stands=hello.landlock > 0,
        seen="a step that reaches outside sees its folder and its inputs, no other file of the home"
        if hello.landlock
        else "none",
        weaker_without="a fault in an action that reaches outside could send any file that the server's user may open",
        remedy="Landlock, as above",
    )


def _calls(hello: Hello) -> Wall:
    return Wall(
        name="seccomp",
        stands=hello.seccomp,
        seen="what only administers a machine is refused by seccomp" if hello.seccomp else "none",
        weaker_without="user code asks the kernel for whatever its user may, and finds its weak places",
        remedy="Linux with seccomp, on x86-64 or aarch64",
    )


def _network(hello: Hello, settings: IsolationSettings) -> Wall:
    apart = "user code runs without network" + (" unless a step asks for it" if settings.network_allowed else "")
    return Wall(
        name="network namespace",
        stands=hello.network,
        seen=apart if hello.network else "none",
        weaker_without="user code talks to abstract sockets of this machine"
        if hello.seccomp
        else "user code reaches what this machine reaches",
        remedy="allow namespaces, as for processes",
    )


def _user(hello: Hello) -> Wall:
    return Wall(
        name="user of a step",
        stands=hello.users,
        seen="each attempt of user code has a user of its own" if hello.users else f"user {os.geteuid()}, the server's",
        weaker_without="a private root and namespaces alone keep user code from what the server's user may do",
        remedy="a server that root starts lends users to steps, if it has the capabilities CHOWN, SETUID, SETGID and "
        "DAC_READ_SEARCH",
    )


def _group(settings: IsolationSettings) -> Wall:
    return Wall(
        name="control group",
        stands=bool(settings.cgroup),
        seen="the kernel counts what all processes of a step hold" if settings.cgroup else "none",
        weaker_without=(
            "what a step holds in memory is counted four times a second"
            + ("" if os.geteuid() == 0 else ", without shared memory of which it has unmapped a part")
        ),
        remedy="cgroup v2 with Delegate=memory pids in the unit, as in docs/operating.md",
    )
