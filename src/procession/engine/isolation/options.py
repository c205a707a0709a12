"""The settings of isolation: what the server decides, and what of it a fork server is told."""

from __future__ import annotations

import msgspec

LOG_BYTES_MAX = 10_000_000  # of one attempt; the rest is read and thrown away


class IsolationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How steps are kept apart; the defaults are for a small server.

    `registry` names a function (module:function) that returns actions by kind, `more_actions` further ones
    (module:name), which the server finds: a fork server holds nothing that looks. `import_paths` are further folders
    where its modules lie. `preload` is imported by the warm fork server at the first built-in action, in the
    background, or at once with `preload_at_start` (DuckDB: 0.3 s and 35 MB, which an idle server need not pay).
    A fork server for steps that reach outside imports `reaching_preload` instead.
    `readable_paths` and `writable_paths` bound what warm workers reach (both empty: not bounded); the engine's home
    belongs there. `user_ids` (first, count) are lent to user code when the server runs as root; None keeps it root
    without capabilities. `namespaces` False forces the fallback: process trees walked under a subreaper.

    `job_paths` hold the folders and inputs of all jobs, and `home` holds those: of it, user code sees nothing but its
    own. Without them it has no root of its own. `weak` lets user code run where something is missing that keeps it
    apart (Hello.missing).
    """

    home: str = ""
    job_paths: tuple[str, ...] = ()
    weak: bool = False

    registry: str = "procession.actions:built_in"
    more_actions: tuple[str, ...] = ()
    import_paths: tuple[str, ...] = ()
    user_ready: int = 4  # 0: there is no user code, and no fork server for it
    warm_ready: int = 2  # 0: the same for built-in actions that reach nothing
    workers_max: int = 16  # of each kind, in use at the same time
    preload: tuple[str, ...] = (
        "duckdb",
        "xlsxwriter",
        "procession.actions.reading.loading",
        "procession.actions.reconciling.work",
        "procession.actions.writing.files",
    )
    preload_at_start: bool = False
    reaching_preload: tuple[str, ...] = ("ssl", "smtplib", "email.message", "email.policy", "httpx2")
    idle_seconds: float = 60.0  # after which a warm worker that is not needed ends
    namespaces: bool = True
    separate_network: bool = True
    network_allowed: bool = False  # steps of user code that ask for it get the server's network
    library_paths: tuple[str, ...] = ()  # where user code finds further libraries, after Python's own
    landlock: bool = True
    user_ids: tuple[int, int] | None = (61184, 4000)  # the range systemd keeps free for such users
    readable_paths: tuple[str, ...] = ()
    writable_paths: tuple[str, ...] = ()
    log_bytes_max: int = LOG_BYTES_MAX
    cgroup: str = ""  # below which each worker gets a group; "" for none
    cgroup_memory_bytes_max: int = 0
    cgroup_processes_max: int = 0


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a fork server is started with: the settings, and which of them it is."""

    settings: IsolationSettings
    user_code: bool
    network: bool = False  # for steps that ask for the server's
    reaching: bool = False  # for built-in actions that reach outside: a worker each attempt, with the network

    @property
    def is_used_once(self) -> bool:
        """Whether each of its workers does one job."""
        return self.user_code or self.reaching


class Hello(msgspec.Struct, frozen=True, kw_only=True, tag="hello"):
    """The fork server is ready, and says what this kernel lets it do."""

    namespace: str  # "pid", "user and pid", or ""
    landlock: int  # ABI, 0 for none
    network: bool  # workers have a network of their own
    root: bool  # and files
    seccomp: bool  # the calls of administrators are shut
    users: bool  # each attempt of user code gets a user of its own

    @property
    def missing(self) -> tuple[str, ...]:
        """Without what user code is only weakly kept apart; seccomp shuts the network where no namespace does."""
        needed = {"process namespace": self.namespace, "private root": self.root, "seccomp": self.seccomp}
        return tuple(name for name, stands in needed.items() if not stands)


class Born(msgspec.Struct, frozen=True, kw_only=True, tag="born"):
    """A worker is ready; its channel, its log's read end and its keeper's pidfd come along, in this order."""

    pid: int
    started_ticks: int


class Fork(msgspec.Struct, frozen=True, kw_only=True, tag="fork"):
    count: int


class Preload(msgspec.Struct, frozen=True, kw_only=True, tag="preload"):
    pass


Announcement = Hello | Born
Command = Fork | Preload
