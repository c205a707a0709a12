"""The fork server: single-threaded, with a clean environment, gets orders for workers by its socket.

Run as `python -m procession.engine.isolation.forkserver ORDERS FD`; it ends when the socket does, and ends all workers.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys

import msgspec

from procession.engine.isolation import (
    channel,
    keeper,
    landlock,
    linux,
    loading,
    namespaces,
    private_root,
    processes,
    rehearsal,
    sandbox,
    seccomp,
    users,
)
from procession.engine.isolation.options import Announcement, Born, Command, Fork, Hello, Orders, Preload
from procession.shortages import is_shortage

USERS_APART = 61  # between the first users of fork servers with neighbouring pids
AGAIN_MS = 200  # before what could not be forked is tried again
_COMMAND_BYTES_MAX = 4096


class ForkServer:
    """One zygote; `orders` say for which kind of work."""

    def __init__(self, orders: Orders, control: socket.socket) -> None:
        self._orders = orders
        self._control = control
        self._registry = loading.load(orders.settings)
        settings = orders.settings
        self._root = private_root.enter(settings) if orders.user_code else None
        self._system = landlock.open_system() if settings.landlock else ()
        self._namespace, self._flags = _find_namespaces(orders)
        self._is_network_apart = bool(self._flags & linux.CLONE_NEWNET)
        self._has_seccomp = False
        self._keepers: set[int] = set()
        self._owed = 0  # workers ordered that could not be forked yet
        self._has_strangers = False
        self._is_short = False
        # Fork servers beside this one count elsewhere: a user of two workers would share its limit of processes.
        self._number = os.getpid() * USERS_APART
        self._wakeup = _wake_on_child()

    def run(self) -> None:
        """Serves until the server is gone."""
        linux.adopt_orphans()
        if self._orders.is_used_once:
            linux.share_one_arena()
        if self._orders.user_code:
            users.forbid_capabilities(has_root=self._root is not None)
        self._has_seccomp = sandbox.shut_administration(self._sockets())
        rehearsal.rehearse(self._registry)
        gc.collect()
        gc.freeze()  # what is there by now stays: the collector must not touch pages that workers share
        abi = landlock.version() if self._orders.settings.landlock else 0
        self._hello = Hello(
            namespace=self._namespace,
            landlock=abi,
            network=self._is_network_apart,
            root=self._root is not None,
            seccomp=self._has_seccomp,
            users=self._orders.user_code
            and users.can_be_lent(self._orders.settings, self._namespace, has_root=self._root is not None),
        )
        self._announce(self._hello)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            for handle, _ in poll.poll(AGAIN_MS if self._owed or self._has_strangers else None):
                if handle == self._wakeup:
                    self._collect_dead()
                elif not self._obey():
                    return
            self._catch_up()

    def _sockets(self) -> tuple[int, ...]:
        if self._orders.reaching:
            return seccomp.OF_THE_NETWORK
        if not self._orders.user_code:
            return seccomp.NO_SOCKETS
        is_open = self._orders.network or self._is_network_apart or not self._orders.settings.separate_network
        return seccomp.ALL_SOCKETS if is_open else seccomp.OF_THIS_MACHINE

    def end_all(self) -> None:
        """Kill every worker with its tree, and whatever was orphaned to us, until we have no child left."""
        number = signal.SIGKILL if self._namespace else signal.SIGHUP
        for pid in self._keepers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)  # its own step may have stopped it
        while True:
            try:
                self._kill_strangers()
                os.waitpid(-1, 0)
            except ChildProcessError:
                return
            except OSError:  # nobody can be looked for now
                _rest()

    def _obey(self) -> bool:
        try:
            content = self._control.recv(_COMMAND_BYTES_MAX)
        except ConnectionError:
            return False
        except OSError:  # no memory for it: it is still there
            _rest()
            return True
        if not content:
            return False
        match msgspec.msgpack.decode(content, type=Command):
            case Fork(count=count):
                self._owed += count
            case Preload():
                settings = self._orders.settings
                loading.preload(settings.reaching_preload if self._orders.reaching else settings.preload)
                gc.freeze()
        return True

    def _catch_up(self) -> None:
        """Do what is owed. What the machine is too short of for now is tried again in a moment."""
        try:
            if self._has_strangers:
                self._kill_strangers()
                self._has_strangers = False
            while self._owed:
                self._fork()
                self._owed -= 1
        except OSError as error:
            if not is_shortage(error):
                raise
            if not self._is_short:
                _say(f"a worker cannot be forked for now: {error}")
            self._is_short = True
        else:
            self._is_short = False

    def _fork(self) -> None:
        with contextlib.ExitStack() as held:
            ours, theirs = channel.pair()
            held.callback(ours.close)
            held.callback(theirs.close)
            reader, writer = channel.pipe()
            held.callback(os.close, reader)
            writers = held.enter_context(contextlib.ExitStack())
            writers.callback(os.close, writer)
            self._number += 1
            user, group = os.getuid(), os.getgid()
            pid = linux.clone(self._flags) if self._flags else os.fork()
            if pid == 0:
                self._become_keeper((ours, theirs), (reader, writer), (user, group))
            self._keepers.add(pid)
            theirs.close()
            writers.close()
            self._present(pid, ours, reader)

    def _present(self, pid: int, ours: socket.socket, reader: int) -> None:
        try:
            pidfd = os.pidfd_open(pid)
            try:
                # It cannot be gone from /proc: only we can reap it.
                born = Born(pid=pid, started_ticks=processes.started_ticks(pid) or 0)
                self._announce(born, ours.fileno(), reader, pidfd)
            finally:
                os.close(pidfd)
        except OSError:
            os.kill(pid, signal.SIGKILL)  # nobody has heard of it, and it has done nothing
            raise

    def _become_keeper(
        self, ends: tuple[socket.socket, socket.socket], log: tuple[int, int], owner: tuple[int, int]
    ) -> None:
        try:
            os.close(signal.set_wakeup_fd(-1))  # whoever has it can wake the fork server for ever
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            ends[0].close()
            os.close(log[0])
            os.close(self._wakeup)
            settings = self._orders.settings
            cell = sandbox.Cell(
                settings=settings,
                number=self._number,
                system=self._system,
                network=self._orders.network,
                has_own_mounts=bool(self._flags & linux.CLONE_NEWNS),
                root=self._root,
                missing=self._hello.missing,
                lends_users=self._hello.users,
                counted_alone=self._namespace == "user and pid",
                has_seccomp=self._has_seccomp,
                reaching=self._orders.reaching,
            )
            keeper.keep(
                keeper.Birth(
                    end=ends[1],
                    log=log[1],
                    namespace=self._namespace,
                    user=owner[0],
                    group=owner[1],
                    registry=self._registry,
                    cell=cell,
                    user_code=self._orders.user_code,
                )
            )
        finally:
            os._exit(1)

    def _announce(self, announcement: Announcement, *handles: int) -> None:
        socket.send_fds(self._control, [msgspec.msgpack.encode(announcement)], list(handles))

    def _collect_dead(self) -> None:
        os.read(self._wakeup, 4096)
        has_lost_keeper = False
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                has_lost_keeper |= pid in self._keepers
                self._keepers.discard(pid)
        self._has_strangers = self._has_strangers or (has_lost_keeper and not self._namespace)

    def _kill_strangers(self) -> None:
        """A child that is no keeper lost its own: it and its descendants belong to nobody."""
        if self._namespace:
            return
        for pid in set(processes.children(os.getpid())) - self._keepers:
            for member in [pid, *processes.descendants(pid)]:
                with contextlib.suppress(OSError):
                    os.kill(member, signal.SIGKILL)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the server's output may be a file on a full disk
        print(text, file=sys.stderr, flush=True)


def _rest() -> None:
    select.select([], [], [], AGAIN_MS / 1000)


def _find_namespaces(orders: Orders) -> tuple[str, int]:
    if not orders.settings.namespaces:
        return "", 0
    is_apart = orders.user_code and orders.settings.separate_network and not orders.network
    return namespaces.find(network=is_apart, own_mounts=orders.user_code)


def _wake_on_child() -> int:
    reader, writer = channel.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return reader


def main() -> None:
    """Entry point of the subprocess."""
    os.environ.pop("PYTHONPATH", None)
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    control = socket.socket(fileno=int(sys.argv[2]))
    os.set_inheritable(control.fileno(), False)
    if not orders.user_code:
        # A worker that is woken must not take the core from the engine, which has more of them to wake.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    server = ForkServer(orders, control)
    try:
        server.run()
    except ConnectionError:
        pass  # the server went away while a worker was announced
    finally:
        server.end_all()
    # Past the exit hooks of libraries: DuckDB's print what they leak.
    os._exit(0)


if __name__ == "__main__":
    main()
