"""Which system calls user code may make, by seccomp: what only administers a machine, or reaches past it, is refused.

Two filters. The large one is loaded once, into the fork server, which needs none of those calls; every fork inherits
it. The small one takes away what a worker still needs until its job is there: mounts and namespaces. The reasons are in
docs/decisions/0040-seccomp.md.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from procession.engine.isolation import linux

# The newest call that was weighed. A number above it is answered as by a kernel that does not know it; x32's are too.
NEWEST = 462
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_INSTRUCTION = struct.Struct("=HBBI")

_THREAD, _SHARED_FILES = 0x00010000, 0x00000400  # CLONE_THREAD, CLONE_FILES
_FILES_APART = 2  # CLOSE_RANGE_UNSHARE
_SEND_BUFFER = 7  # SO_SNDBUF
_NAMESPACES = 0x7E020000  # every CLONE_NEW* of clone(2); a time namespace is unshare's alone
_UNIX, _INET, _INET6 = 1, 2, 10
NO_SOCKETS: tuple[int, ...] = ()
OF_THIS_MACHINE = (_UNIX,)
ALL_SOCKETS = (_UNIX, _INET, _INET6)
OF_THE_NETWORK = (_INET, _INET6)
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_PERSONALITY_ASKED = 0xFFFFFFFF

# (x86_64, aarch64); None where the architecture has no such call.
FOR_ADMINISTRATORS: Mapping[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "vhangup": (153, 58),
    "nfsservctl": (180, 42),
    "lookup_dcookie": (212, 18),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
    # Shared memory of System V outlives its process and is in no limit; POSIX's, which Python uses, is in /dev/shm.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
}
FOR_MOUNTING: Mapping[str, tuple[int | None, int | None]] = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "unshare": (272, 97),
    "setns": (308, 268),
}
# What Landlock does not know, and no built-in action does.
FOR_OWNERS: Mapping[str, tuple[int | None, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR, _SETSOCKOPT = (41, 198), (53, 199), (54, 208)
_CLOSE_RANGE = (436, 436)
_IOCTL, _PERSONALITY, _PRLIMIT = (16, 29), (135, 92), (302, 261)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What one call may be given: its argument has none of these bits, is none of these values, or one of them.

    With none of the three, nothing: it is refused.
    """

    call: tuple[int, int]
    argument: int = 0  # of it the low 32 bits, which are all that the kernel looks at in these calls
    bits: int = 0
    refused: tuple[int, ...] = ()
    allowed: tuple[int, ...] = ()
    needed: tuple[int, int] = (0, 0)  # with a bit of the first, one of the second
    error: int = errno.EPERM

    def body(self) -> Iterator[bytes]:
        yield _step(_LOAD, 16 + 8 * self.argument)
        if self.bits:
            yield from _answer_if(_ANY_BIT, self.bits, _ERRNO | self.error)
        if self.needed[0]:
            yield _step(_ANY_BIT, self.needed[0], 0, 2)
            yield _step(_ANY_BIT, self.needed[1], 1, 0)
            yield _step(_RETURN, _ERRNO | self.error)
        for value in self.refused:
            yield from _answer_if(_EQUAL, value, _ERRNO | self.error)
        for value in self.allowed:
            yield from _answer_if(_EQUAL, value, _ALLOW)
        yield _step(_RETURN, _ALLOW if self.bits or self.refused else _ERRNO | self.error)


def is_known() -> bool:
    """Whether there are filters for this machine, and its kernel has seccomp."""
    machine = os.uname().machine
    try:
        # A filter at no address: EFAULT says that it would be looked at.
        linux.call(_SECCOMP[machine], ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(0), None)
    except (KeyError, OSError) as error:
        return getattr(error, "errno", None) == errno.EFAULT
    return False


def shut_administration(sockets: tuple[int, ...]) -> None:
    """No call of an administrator, from here on, and no socket but of these families."""
    _load(
        FOR_ADMINISTRATORS,
        _Rule(call=_SOCKET, allowed=sockets, error=errno.EAFNOSUPPORT),
        _Rule(call=_SOCKETPAIR, allowed=(_UNIX,), error=errno.EAFNOSUPPORT),
        _Rule(call=_IOCTL, argument=1, refused=(_TIOCSTI, _TIOCLINUX)),
        _Rule(call=_PERSONALITY, allowed=(0, _PERSONALITY_ASKED)),
        _Rule(call=_PRLIMIT, allowed=(0,)),
        # What a step holds open is looked at by process: a thread with files of its own would keep them out of sight.
        _Rule(call=_CLOSE_RANGE, argument=2, bits=_FILES_APART),
        # Nothing is done, and nobody minds: what waits in a socket is in no limit but its buffer's.
        _Rule(call=_SETSOCKOPT, argument=2, refused=(_SEND_BUFFER,), error=0),
    )


def shut_mounting(*, files: bool = False) -> None:
    """No mount and no namespace, from here on; with `files`, no change of a file's owner, mode or attributes."""
    # clone3 takes its flags by an address, where no filter can look. C libraries then take clone.
    _load(
        {**FOR_MOUNTING, **FOR_OWNERS} if files else FOR_MOUNTING,
        _Rule(call=_CLONE3, error=errno.ENOSYS),
        _Rule(call=_CLONE, bits=_NAMESPACES, needed=(_THREAD, _SHARED_FILES)),
    )


def program(refused: Iterable[int], rules: Iterable[_Rule], *, machine: str) -> bytes:
    """A filter in the kernel's own form (struct sock_filter)."""
    place = list(_AUDIT).index(machine)
    steps = [_step(_LOAD, _ARCHITECTURE), _step(_EQUAL, _AUDIT[machine], 1), _step(_RETURN, _KILL)]
    steps += [_step(_LOAD, _NUMBER), *_answer_if(_AT_LEAST, NEWEST + 1, _ERRNO | errno.ENOSYS)]
    for number in refused:
        steps += _answer_if(_EQUAL, number, _ERRNO | errno.EPERM)
    for rule in rules:
        body = list(rule.body())
        steps += [_step(_EQUAL, rule.call[place], 0, len(body)), *body]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _load(refused: Mapping[str, tuple[int | None, int | None]], *rules: _Rule) -> None:
    machine = os.uname().machine
    place = list(_AUDIT).index(machine)
    numbers = [number for call in refused.values() if (number := call[place]) is not None]
    content = program(numbers, rules, machine=machine)
    steps = ctypes.create_string_buffer(content, len(content))
    # struct sock_fprog: how many, then (aligned) where.
    filters = struct.pack("@HP", len(content) // _INSTRUCTION.size, ctypes.addressof(steps))
    linux.forbid_new_privileges()
    linux.call(_SECCOMP[machine], ctypes.c_uint(_SET_MODE_FILTER), ctypes.c_uint(0), ctypes.c_char_p(filters))


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return _INSTRUCTION.pack(code, then, otherwise, value)


def _answer_if(code: int, value: int, answer: int) -> tuple[bytes, bytes]:
    return _step(code, value, 0, 1), _step(_RETURN, answer)
