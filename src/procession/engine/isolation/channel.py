"""A socket pair between the server and one worker: whole messages of any allowed size, each in a few packets.

Packets (SEQPACKET) rather than a stream: a worker killed in mid-message leaves no half message before the last word
of its keeper.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import threading
from collections.abc import Callable

from procession.engine.isolation.codec import Malformed

MESSAGE_BYTES_MAX = 16 * 2**20
_PACKET_BYTES = 60_000  # well below the default send buffer (208 KB), so that one packet always fits
_SEND_SECONDS_MAX = 10  # a peer that does not read for so long is taken for dead
_MORE, _LAST, _FAREWELL = b"\0", b"\1", b"\2"
_SENDER = struct.Struct("iII")  # pid, user, group; the kernel fills it in
_SENDER_BYTES_MAX = socket.CMSG_SPACE(_SENDER.size)


class Channel:
    """One end. Thread-safe for sending; only one thread may receive.

    `may_be_long` is asked of the first packet of a message that has more; the other side is not believed. A farewell
    must come from the process `keeper`; without one, none is expected.
    """

    def __init__(
        self, end: socket.socket, *, keeper: int | None = None, may_be_long: Callable[[bytes], bool] = bool
    ) -> None:
        self.is_farewell = False  # the message that was read last
        self._socket = end
        self._keeper = keeper
        self._sender = 0  # the pid of the last packet's
        self._may_be_long = may_be_long
        self._sending = threading.Lock()
        self._packets: list[bytes] = []
        self._size_bytes = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def limit_sending(self) -> None:
        """Let no send take longer than ten seconds (SO_SNDTIMEO: receiving stays as it is)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_SECONDS_MAX, 0))

    def send(self, payload: bytes) -> None:
        """One message. Raises Malformed when it is too large, OSError when nobody reads.

        BrokenPipeError also where it was cut off; after any other error it may be sent again.
        """
        if len(payload) > MESSAGE_BYTES_MAX:
            raise Malformed(f"a message between server and step may have at most {MESSAGE_BYTES_MAX // 2**20} MB")
        last = max(0, len(payload) - 1) // _PACKET_BYTES
        with self._sending:
            for number in range(last + 1):
                start = number * _PACKET_BYTES
                flag = _LAST if number == last else _MORE
                try:
                    self._socket.send(flag + payload[start : start + _PACKET_BYTES], socket.MSG_NOSIGNAL)
                except OSError as error:
                    if number:
                        raise BrokenPipeError(errno.EPIPE, "half a message") from error
                    raise

    def send_farewell(self, payload: bytes) -> None:
        """The keeper's message after the worker's death: whatever the worker had begun to say is forgotten."""
        self._socket.send(_FAREWELL + payload, socket.MSG_NOSIGNAL)

    def receive(self) -> bytes:
        """The next message, waited for. Raises EOFError (none ever), Malformed."""
        while True:
            if (message := self.take(wait=True)) is not None:
                return message

    def take(self, *, wait: bool = False) -> bytes | None:
        """One packet; the message that it completes. Raises BlockingIOError (none yet), EOFError, Malformed."""
        packet = self._receive_packet(wait=wait)
        flag, content = packet[:1], packet[1:]
        if flag == _FAREWELL and self._sender == self._keeper:
            self.is_farewell = True
            self._forget()
            return content
        self._packets.append(content)
        self._size_bytes += len(content)
        if flag == _LAST and self._size_bytes <= MESSAGE_BYTES_MAX:
            return self._forget()
        if flag != _MORE or not self._may_go_on(content):
            self._forget()
            raise Malformed("the step's process sent something that is not a message, or a message that is too large")
        return None

    def _may_go_on(self, content: bytes) -> bool:
        """Whether more may follow this packet: all but the last are full, so that none is cut into crumbs."""
        is_full, is_first = len(content) == _PACKET_BYTES, len(self._packets) == 1
        return is_full and self._size_bytes < MESSAGE_BYTES_MAX and (not is_first or self._may_be_long(content))

    def is_silent(self) -> bool:
        """Whether the other side is there and has said nothing; looks without taking anything."""
        try:
            self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _receive_packet(self, *, wait: bool) -> bytes:
        flags = 0 if wait else socket.MSG_DONTWAIT
        try:
            packet = self._receive_bytes(flags)
        except ConnectionResetError:
            # Said once, before what the other side had sent, when it died with something of ours unread.
            packet = self._receive_bytes(flags)
        if not packet and not self._has_ended():
            raise Malformed("the step's process sent something that is not a message: nothing at all")
        if not packet:
            raise EOFError
        if len(packet) > _PACKET_BYTES + 1:
            raise Malformed("the step's process sent something that is not a message: its packet is too large")
        return packet

    def _receive_bytes(self, flags: int) -> bytes:
        if self._keeper is None:
            return self._socket.recv(_PACKET_BYTES + 2, flags)
        # Room for the sender alone: the kernel drops the descriptors that a step sends along.
        packet, ancillary, _, _ = self._socket.recvmsg(_PACKET_BYTES + 2, _SENDER_BYTES_MAX, flags)
        self._sender = _SENDER.unpack(ancillary[0][2])[0] if ancillary else 0
        return packet

    def _has_ended(self) -> bool:
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False

    def _forget(self) -> bytes:
        message = self._packets[0] if len(self._packets) == 1 else b"".join(self._packets)
        self._packets = []
        self._size_bytes = 0
        return message


def pair() -> tuple[socket.socket, socket.socket]:
    """The server's end, which hears who sent a message, and the worker's. No program started later inherits them."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        # Before anything is sent: what was sent before has no sender.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    except OSError:
        ours.close()
        theirs.close()
        raise
    return ours, theirs


def pipe() -> tuple[int, int]:
    """(read end, write end); reading never waits."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reader, False)
    return reader, writer
