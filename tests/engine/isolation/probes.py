"""Attacks on whoever runs a step: each is a few lines of Python that end well where the attack goes through.

A probe that raises is held. `walls` name what holds it; where one of them stands, it must be held. `w` is the world
that attacked.py has made: a server's home, its sockets, its keys, its memory. `report` names where it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass

SECCOMP, ROOT, PIDS, NETWORK, USER, LANDLOCK, CAPABILITIES = (
    "seccomp",
    "root",
    "pids",
    "network",
    "user",
    "landlock",
    "capabilities",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    name: str
    code: str
    walls: tuple[str, ...]
    kind: str
    report: str = ""


# What each is called with, so that it does no harm where nothing holds it; 1 is an address where nothing is.
_CALLS = {
    "ptrace": "0, 0, 0, 0",
    "process_vm_readv": "os.getpid(), 0, 0, 0, 0, 0",
    "process_vm_writev": "os.getpid(), 0, 0, 0, 0, 0",
    "kcmp": "os.getpid(), os.getpid(), 0, 1, 2",
    "pidfd_getfd": "os.pidfd_open(os.getpid()), 1, 0",
    "process_madvise": "-1, 0, 0, 0, 0",
    "process_mrelease": "-1, 0",
    "io_uring_setup": "1, 0",
    "io_uring_enter": "-1, 0, 0, 0, 0, 0",
    "io_uring_register": "-1, 0, 0, 0",
    "keyctl": "0, -3, 1",
    "add_key": "1, 1, 0, 0, -3",
    "request_key": "1, 1, 0, -3",
    "bpf": "0, 1, 48",
    "perf_event_open": "1, 0, -1, -1, 0",
    "userfaultfd": "1",
    "open_by_handle_at": "-1, 1, 0",
    "name_to_handle_at": "-1, 1, 1, 1, 0",
    "kexec_load": "0, 999999, 0, 0",
    "kexec_file_load": "-1, -1, 0, 0, 0",
    "init_module": "1, 1, 1",
    "finit_module": "-1, 1, 0",
    "delete_module": "1, 0",
    "reboot": "0, 0, 0, 0",
    "swapon": "1, 0",
    "swapoff": "1",
    "syslog": "10, 0, 0",
    "acct": "1",
    "quotactl": "0, 1, 0, 0",
    "quotactl_fd": "-1, 0, 0, 0",
    "settimeofday": "1, 0",
    "clock_settime": "0, 1",
    "adjtimex": "1",
    "clock_adjtime": "0, 1",
    "sethostname": "1, -1",
    "setdomainname": "1, -1",
    "iopl": "0",
    "ioperm": "0, 0, 0",
    "modify_ldt": "0, 0, 0",
    "ustat": "0, 1",
    "sysfs": "3, 0, 0",
    "fanotify_init": "0, 0",
    "fanotify_mark": "-1, 0, 0, 0, 0",
    "move_pages": "0, 0, 0, 0, 0, 0",
    "migrate_pages": "0, 0, 0, 0",
    "mbind": "0, 0, 0, 0, 0, 0",
    "set_mempolicy": "0, 0, 0",
    "set_mempolicy_home_node": "0, 0, 0, 0",
    "vmsplice": "-1, 0, 0, 0",
    "shmget": "77777, 1, 0",
    "shmat": "-1, 0, 0",
    "shmctl": "-1, 0, 0",
    "semget": "77777, 1, 0",
    "semop": "-1, 0, 1",
    "semtimedop": "-1, 0, 1, 0",
    "semctl": "-1, 0, 0, 0",
    "msgget": "77777, 0",
    "msgsnd": "-1, 1, 0, 0",
    "msgrcv": "-1, 1, 0, 0, 0",
    "msgctl": "-1, 0, 0",
    "mq_open": "1, 0, 0, 0",
    "mq_unlink": "1",
    "mount": "1, 1, 1, 0, 0",
    "umount2": "1, 0",
    "pivot_root": "1, 1",
    "chroot": "1",
    "open_tree": "-1, 1, 0",
    "move_mount": "-1, 1, -1, 1, 0",
    "fsopen": "1, 0",
    "fsconfig": "-1, 0, 0, 0, 0",
    "fsmount": "-1, 0, 0",
    "fspick": "-1, 1, 0",
    "mount_setattr": "-1, 1, 0, 1, 32",
    "statmount": "1, 1, 1, 0",
    "listmount": "1, 1, 1, 0",
    "unshare": "0",
    "setns": "-1, 0",
    "personality": "0x0040000",
    "prlimit64": "w['keeper'], 7, 0, 0",
}
_FAMILIES = {
    "packet": 17,
    "netlink": 16,
    "vsock": 40,
    "alg": 38,
    "xdp": 44,
    "key": 15,
    "bluetooth": 31,
    "can": 29,
    "tipc": 30,
    "rds": 21,
    "smc": 43,
    "kcm": 41,
    "qipcrtr": 42,
    "nfc": 39,
    "caif": 37,
    "ieee802154": 36,
    "phonet": 35,
    "rxrpc": 33,
    "llc": 26,
    "pppox": 24,
    "x25": 9,
    "ax25": 3,
    "ipx": 4,
    "appletalk": 5,
    "netrom": 6,
    "atmpvc": 8,
    "rose": 11,
    "isdn": 34,
    "mctp": 45,
}
_NAMESPACES = {
    "mount": 0x20000,
    "cgroup": 0x2000000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "network": 0x40000000,
}

_NAMESPACES_BY_OTHER_WAYS = (
    Probe(
        name="clone into a new user namespace, high bits set",
        code="pid = call('clone', 1 << 40 | 0x10000011, 0, 0, 0, 0)\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
        walls=(SECCOMP,),
        kind="namespace",
        report="CVE-2019-7303",
    ),
    Probe(
        name="clone3 into a new user namespace",
        code="arguments = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17)\npid = call('clone3', ctypes.addressof(arguments), 64)\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
        walls=(SECCOMP,),
        kind="namespace",
        report="CVE-2021-41133",
    ),
    Probe(
        name="unshare a user namespace",
        code="call('unshare', 0x10000000)",
        walls=(SECCOMP,),
        kind="namespace",
        report="CVE-2022-0185",
    ),
    Probe(
        name="unshare by its program",
        code="subprocess.run(['unshare', '-Ur', 'true'], check=True)",
        walls=(SECCOMP,),
        kind="namespace",
    ),
    Probe(
        name="enter the namespaces of the server",
        code="call('setns', os.open(f\"/proc/{w['server']}/ns/mnt\", os.O_RDONLY), 0)",
        walls=(SECCOMP,),
        kind="namespace",
        report="CVE-2022-31214",
    ),
)


def _calls() -> list[Probe]:
    return [
        Probe(name=f"call {name}", code=f"reached('{name}', {given})", walls=(SECCOMP,), kind="call")
        for name, given in _CALLS.items()
    ]


def _families() -> list[Probe]:
    found = [
        Probe(
            name=f"socket of {name}",
            code=f"for kind in (1, 2, 3, 5):\n try: socket.socket({number}, kind); break\n except OSError as error: last = error\nelse: raise last",
            walls=(SECCOMP,),
            kind="family",
            report="CVE-2026-31431" if name == "alg" else "",
        )
        for name, number in _FAMILIES.items()
    ]
    return [
        *found,
        Probe(
            name="socket of vsock, high bits set",
            code="reached('socket', 40 | 1 << 32, 1, 0)",
            walls=(SECCOMP,),
            kind="family",
            report="CVE-2019-7303",
        ),
    ]


def _namespaces() -> list[Probe]:
    made = [
        Probe(
            name=f"clone into a new {name} namespace",
            code=f"pid = call('clone', {flag} | 17, 0, 0, 0, 0)\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)",
            walls=(SECCOMP,),
            kind="namespace",
        )
        for name, flag in _NAMESPACES.items()
    ]
    return [*made, *_NAMESPACES_BY_OTHER_WAYS]


def _other(kind: str, *walls: str, **codes: str) -> list[Probe]:
    """Probes of one kind; a name may end in a report, after two underscores."""
    found = []
    for key, code in codes.items():
        name, _, report = key.partition("__")
        found.append(
            Probe(name=name.replace("_", " "), code=code, walls=walls, kind=kind, report=report.replace("_", "-"))
        )
    return found


_FILES = _other(
    "file",
    ROOT,
    LANDLOCK,
    read_the_home="read(w['home'] + '/secret')",
    list_the_home="assert 'secret' in os.listdir(w['home'])",
    write_into_the_home="open(w['home'] + '/new', 'w')",
    read_the_database="read(w['home'] + '/procession.db')",
    read_another_file_of_the_home="read(w['home'] + '/files/other')",
    read_the_folder_of_another_step="read(w['home'] + '/work/neighbour/secret')",
    list_the_folders_of_steps="assert 'neighbour' in os.listdir(w['home'] + '/work')",
    plant_a_file_in_another_step="open(w['home'] + '/work/neighbour/new', 'w')",
    rename_the_folder_of_a_step="os.rename(w['home'] + '/work/neighbour', w['home'] + '/work/taken')",
    read_a_file_of_the_same_user="read(w['outside'] + '/private')",
    read_a_file_that_everybody_may_read="read(w['outside'] + '/open')",
    read_by_a_link__CVE_2024_28185="os.symlink(w['outside'] + '/private', 'link')\nread('link')",
    read_by_a_hard_link="os.link(w['outside'] + '/private', 'hard')\nread('hard')",
    read_by_a_relative_path="read('../../../' * 9 + w['outside'][1:] + '/private')",
    read_by_the_root_of_a_process__CVE_2024_21626="read('/proc/self/root' + w['outside'] + '/private')",
    read_by_the_root_of_the_server="read(f\"/proc/{w['server']}/root\" + w['outside'] + '/private')",
    read_by_the_folder_of_the_server="read(f\"/proc/{w['server']}/cwd/README.md\")",
    read_by_cat="subprocess.run(['cat', w['outside'] + '/private'], check=True, capture_output=True)",
    read_through_a_thread="read('/proc/thread-self/root' + w['outside'] + '/private')",
    read_etc_shadow="read('/etc/shadow')",
    read_root_s_folder="assert len(os.listdir('/root')) > 2",
    read_the_logs="os.listdir('/var/log')",
    read_the_machine_s_run_folder="os.listdir('/run')",
    read_the_machine_s_tmp="assert len(os.listdir('/tmp')) > 2",
    read_the_crontabs="os.listdir('/var/spool')",
    see_all_of_etc="os.listdir('/etc/init.d')",
)
_CHANGES = _other(
    "change",
    ROOT,
    USER,
    chmod_the_home="os.chmod(w['home'], 0o777)",
    chmod_the_database="os.chmod(w['home'] + '/procession.db', 0o666)",
    chown_the_home="os.chown(w['home'], os.getuid(), os.getgid())",
    chmod_the_outside="os.chmod(w['outside'] + '/private', 0o666)",
    touch_the_outside="os.utime(w['outside'] + '/private')",
    set_an_attribute_of_the_home="os.setxattr(w['home'], 'user.probe', b'1')",
    connect_to_a_socket_of_the_same_user="socket.socket(socket.AF_UNIX).connect(w['outside'] + '/socket')",
    connect_to_a_socket_in_the_home="socket.socket(socket.AF_UNIX).connect(w['home'] + '/socket')",
)
_SEEN = _other(
    "seen",
    ROOT,
    find_that_the_home_exists="os.stat(w['home'] + '/secret')",
    find_the_size_of_the_database="os.stat(w['home'] + '/procession.db').st_size",
    find_that_a_file_exists_outside="os.stat(w['outside'] + '/private')",
    stand_in_the_outside="os.chdir(w['outside'])",
    see_the_machine_s_mounts="assert b' /sys ' in read('/proc/self/mountinfo')",
    see_the_machine_s_users="assert b'daemon' in read('/etc/passwd')",
)
_SYSTEM = _other(
    "system",
    ROOT,
    LANDLOCK,
    USER,
    write_to_the_interpreter="open(os.__file__, 'ab')",
    write_to_usr="open('/usr/probe', 'w'); os.unlink('/usr/probe')",
    write_to_the_package="open(w['package'] + '/probe', 'w'); os.unlink(w['package'] + '/probe')",
    write_to_etc="open('/etc/probe', 'w'); os.unlink('/etc/probe')",
    write_to_the_root="open('/probe', 'w'); os.unlink('/probe')",
    add_a_program="os.symlink('env', '/usr/bin/probe'); os.unlink('/usr/bin/probe')",
    write_to_the_core_pattern__CVE_2025_31133="open('/proc/sys/kernel/core_pattern', 'r+b')",
    write_to_sysrq="open('/proc/sysrq-trigger', 'wb')",
    write_to_the_uevent_helper="open('/sys/kernel/uevent_helper', 'wb')",
    write_to_a_release_agent__CVE_2022_0492="open(glob.glob('/sys/fs/cgroup/**/release_agent', recursive=True)[0], 'r+b')",
    write_to_a_limit_of_a_cgroup="open(glob.glob('/sys/fs/cgroup/**/cgroup.procs', recursive=True)[0], 'r+b')",
    write_to_binfmt="open('/proc/sys/fs/binfmt_misc/register', 'wb')",
    write_to_vm_settings="open('/proc/sys/vm/overcommit_memory', 'r+b')",
    read_kernel_memory="open('/dev/mem', 'rb')",
    read_kcore="open('/proc/kcore', 'rb').read(1)",
    read_kmsg="os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)",
    open_the_disk="open('/dev/vda', 'rb')",
    make_a_device="os.mknod('disk', 0o60600, os.makedev(254, 0)); open('disk', 'rb')",
)
_DEVICES = _other(
    "device",
    ROOT,
    LANDLOCK,
    open_kvm="open('/dev/kvm', 'rb')",
    open_fuse="open('/dev/fuse', 'rb')",
    open_a_terminal="os.openpty()",
    open_net_tun="os.open('/dev/net/tun', os.O_RDWR)",
    open_vsock="open('/dev/vsock', 'rb')",
    open_userfaultfd="open('/dev/userfaultfd', 'rb')",
    open_loop_control="open('/dev/loop-control', 'rb')",
    list_the_devices="assert len(os.listdir('/dev')) > 20",
)
_PROCESSES = _other(
    "process",
    PIDS,
    signal_the_server="os.kill(w['server'], 0); assert w['server'] > 50",
    open_a_handle_of_the_server="os.pidfd_open(w['server'])",
    renice_the_server="os.setpriority(os.PRIO_PROCESS, w['server'], 5)",
    pin_the_server="os.sched_setaffinity(w['server'], {0})",
    reschedule_the_server="os.sched_setscheduler(w['server'], os.SCHED_BATCH, os.sched_param(0))",
)
_MEMORY = _other(
    "memory",
    ROOT,
    LANDLOCK,
    see_the_server_s_command="assert w['marker'].encode() in read(f\"/proc/{w['server']}/cmdline\")",
    see_other_processes="assert len([one for one in os.listdir('/proc') if one.isdigit()]) > 8",
    read_the_server_s_environment__windmill_7619="assert b'PROBE' in read(f\"/proc/{w['server']}/environ\")",
    read_the_server_s_memory="open(f\"/proc/{w['server']}/mem\", 'rb')",
    write_the_server_s_memory="open(f\"/proc/{w['server']}/mem\", 'r+b')",
    read_the_server_s_descriptors="os.listdir(f\"/proc/{w['server']}/fd\")",
    read_the_server_s_maps="read(f\"/proc/{w['server']}/maps\")",
    move_the_server_s_oom_score="open(f\"/proc/{w['server']}/oom_score_adj\", 'w').write('1000')",
)
_SELF = _other(
    "tree",
    SECCOMP,
    trace_a_child="pid = os.fork()\nif pid == 0: time.sleep(5); os._exit(0)\ntry: call('ptrace', 16, pid, 0, 0)\nfinally: os.kill(pid, 9); os.waitpid(pid, 0)",
    read_the_memory_of_the_server_by_vm="place = (ctypes.c_uint64 * 2)(w['address'], 8)\nown = ctypes.create_string_buffer(8)\nours = (ctypes.c_uint64 * 2)(ctypes.addressof(own), 8)\ncall('process_vm_readv', w['server'] if w['plain'] else w['keeper'], ctypes.addressof(ours), 1, ctypes.addressof(place), 1, 0)",
    take_a_descriptor_of_the_parent="call('pidfd_getfd', os.pidfd_open(w['keeper']), 1, 0)",
    limit_the_server__prlimit="import resource\nresource.prlimit(w['server'] if w['plain'] else w['keeper'], resource.RLIMIT_NOFILE)",
    run_code_of_another_architecture="import mmap\nplace = mmap.mmap(-1, 4096, prot=7)\nplace.write(bytes.fromhex('b814000000cd80c3'))\nctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(place)))()",
    switch_off_randomisation="call('personality', 0x0040000)",
    call_what_came_after_the_filter="reached('open_tree_attr', -1, 1, 0, 1, 32)",
    push_into_a_terminal__CVE_2017_5226="reached('ioctl', 0, 0x5412, 0)",
    push_into_a_terminal_by_high_bits__CVE_2019_10063="reached('ioctl', 0, 0x5412 | 1 << 32, 0)",
    paste_into_a_console__CVE_2023_28100="reached('ioctl', 0, 0x541C, 0)",
)
_PARENT = _other(
    "keeper",
    ROOT,
    LANDLOCK,
    read_the_memory_of_the_keeper="open(f\"/proc/{w['keeper']}/mem\", 'rb')",
    read_a_descriptor_of_the_keeper="os.readlink(f\"/proc/{w['keeper']}/fd/0\")",
    enter_the_folder_of_the_keeper="os.chdir(f\"/proc/{w['keeper']}/cwd\")",
)
_NETWORKS = _other(
    "network",
    NETWORK,
    SECCOMP,
    tcp_to_this_machine="socket.create_connection(('127.0.0.1', w['tcp']), 1)",
    tcp_with_the_first_packet="one = socket.socket()\none.sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', w['tcp']))",
    mptcp_to_this_machine="one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\none.settimeout(1)\none.connect(('127.0.0.1', w['tcp']))",
    udp_to_this_machine="one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\none.connect(('127.0.0.1', w['udp']))\none.send(b'x')",
    tcp_by_the_sixth_version="one = socket.socket(socket.AF_INET6)\none.settimeout(1)\none.connect(('::ffff:127.0.0.1', w['tcp']))",
)
_ABSTRACT = _other(
    "abstract",
    NETWORK,
    LANDLOCK,
    see_the_server_s_connections="one = f\":{w['tcp']:04X}\"\nassert one in read('/proc/net/tcp').decode()",
    connect_to_an_abstract_socket__CVE_2020_15257="socket.socket(socket.AF_UNIX).connect(w['abstract'])",
)
_CAPABILITIES = _other(
    "capability",
    CAPABILITIES,
    have_a_capability="assert int(status('CapPrm'), 16) or int(status('CapEff'), 16)",
    have_an_ambient_capability="assert int(status('CapAmb'), 16) or int(status('CapInh'), 16)",
    become_root="os.setuid(0); assert w['uid'] == 0 and os.getuid() == 0 and int(status('CapEff'), 16)",
    become_another="os.setuid(12345)",
    drop_the_groups="os.setgroups([])",
    gain_privileges_by_a_program="assert status('NoNewPrivs') == '0'",
    keep_capabilities="assert libc.prctl(8, 1, 0, 0, 0) == 0 and int(status('CapPrm'), 16)",
    open_a_low_port="socket.socket().bind(('127.0.0.1', 77))",
    send_raw_packets="socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    raise_a_limit="import resource\nresource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
    write_to_files_of_others="os.chown(w['outside'] + '/open', 1, 1)",
)
_BOUNDS = _other("bound", ROOT, keep_a_bounding_set__CVE_2022_24769="assert int(status('CapBnd'), 16)")
_KEYS = _other(
    "key",
    SECCOMP,
    read_the_session_keyring="buffer = ctypes.create_string_buffer(64)\nassert call('keyctl', 11, w['key'], ctypes.addressof(buffer), 64) and b'TOP' in buffer.raw",
    find_the_session_keyring="assert call('keyctl', 10, -3, ctypes.c_char_p(b'user'), ctypes.c_char_p(b'procession-probe'), 0)",
    join_another_keyring="call('keyctl', 1, 0)",
)
_SHARED = _other(
    "shared",
    ROOT,
    "ipc",
    read_shared_memory_of_others="read('/dev/shm/' + w['shared'])",
    list_shared_memory_of_others="assert w['shared'] in os.listdir('/dev/shm')",
)
_OLD_SHARED = _other(
    "shared",
    SECCOMP,
    read_old_shared_memory="call('shmget', w['shm'], 0, 0)",
    make_old_shared_memory="call('shmctl', call('shmget', 0, 4096, 0o1600), 0, 0)",
)
_HANDLES = _other(
    "handle",
    "handles",
    find_a_handle_of_the_server="found = [one for one in range(3, 256) if is_foreign(one)]\nassert found, found",
    wake_the_fork_server="found = [one for one in range(3, 256) if is_pipe(one)]\nassert found, found",
)

_OUT_OF_SIGHT = _other(
    "sight",
    SECCOMP,
    have_descriptors_apart_by_close_range="from threading import Thread\nraised = []\ndef part():\n try: call('close_range', 0xfffffff0, 0xffffffff, 2)\n except OSError as error: raised.append(error)\none = Thread(target=part); one.start(); one.join()\nif raised: raise raised[0]",
    start_a_thread_with_descriptors_apart="try: call('clone', 0x10900, 0, 0, 0, 0)\nexcept OSError as error:\n if error.errno == errno.EPERM: raise",
    enlarge_the_buffer_of_a_socket="one = socket.socketpair()[0]\nbefore = one.getsockopt(1, 7)\none.setsockopt(1, 7, before)\nassert one.getsockopt(1, 7) > before",
    hide_memory_from_everybody="reached('memfd_secret', 0)",
    send_from_memory_without_a_copy="reached('vmsplice', -1, 1, 1, 0)",
    watch_memory_by_userfaultfd="reached('userfaultfd', 0)",
    keep_a_file_open_in_a_ring="reached('io_uring_register', -1, 2, 1, 1)",
    keep_a_message_queue="call('mq_open', ctypes.c_char_p(b'probe'), 0o102, 0o600, 0); call('mq_unlink', ctypes.c_char_p(b'probe'))",
)
_OUTSIDE = _other(
    "outside",
    ROOT,
    see_the_disks_of_the_machine="assert os.listdir('/sys/block')",
    see_the_machine_s_cgroups="assert os.listdir('/sys/fs/cgroup')",
    read_the_machine_s_name_of_products="read('/sys/class/dmi/id/product_name')",
    read_the_routes_of_the_machine="assert len(read('/proc/net/route').splitlines()) > 1",
    read_the_sockets_of_the_machine__CVE_2020_15257="assert len(read('/proc/net/unix').splitlines()) > 4",
    read_the_modules_of_the_kernel="open('/lib/modules/' + os.uname().release + '/modules.dep')",
    read_the_boot_s_folder="assert os.listdir('/boot')",
    read_the_folder_of_services="os.listdir('/etc/systemd')",
    read_the_resolver_s_socket="socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket')",
    connect_to_the_journal="socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect('/run/systemd/journal/socket')",
    connect_to_docker__CVE_2025_9074="socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    read_the_machine_s_id="read('/etc/machine-id')",
    see_the_old_root__CVE_2024_21626="assert any(os.readlink(one).startswith('/.old') for one in glob.glob('/proc/self/fd/*')) or os.listdir('/.old')",
    see_the_ways_to_other_jobs="assert os.listdir('/.jobs')",
    see_a_way_to_the_files_of_all="assert os.listdir('/.jobs/0') is not None",
    write_into_an_empty_folder_of_the_root="open('/.empty/new', 'w')",
    write_into_the_home_s_cover="os.mkdir(w['home'] + '/mine')",
    write_beside_its_folder="os.mkdir(os.path.dirname(os.getcwd()) + '/mine')",
    fill_memory_with_names="folder = '/dev/shm/names'\nos.mkdir(folder)\nfor number in range(40000): os.close(os.open(f'{folder}/{number}', 65))",
    make_its_root_writable="import subprocess as s\ns.run(['mount', '-o', 'remount,rw', '/'], check=True, capture_output=True)",
)

PROBES = (
    *_calls(),
    *_families(),
    *_namespaces(),
    *_FILES,
    *_CHANGES,
    *_SEEN,
    *_SYSTEM,
    *_DEVICES,
    *_PROCESSES,
    *_MEMORY,
    *_SELF,
    *_PARENT,
    *_NETWORKS,
    *_ABSTRACT,
    *_CAPABILITIES,
    *_BOUNDS,
    *_KEYS,
    *_SHARED,
    *_OLD_SHARED,
    *_HANDLES,
    *_OUT_OF_SIGHT,
    *_OUTSIDE,
)
