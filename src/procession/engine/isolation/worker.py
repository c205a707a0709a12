"""The server's side of one worker: sends the job, takes in what the worker says, within limits."""

from __future__ import annotations

import codecs
import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import time

from procession.actions import blackout
from procession.engine.isolation import codec, frames, kill, leftovers, limits, processes
from procession.engine.isolation.channel import Channel
from procession.engine.isolation.contract import (
    Died,
    Done,
    Heartbeat,
    Job,
    KillReceipt,
    Left,
    Limits,
    LogText,
    Message,
    ProcessMark,
    Progress,
    Record,
)

_PACKETS_AT_ONCE = 16  # a worker's share of a turn of the engine
_PACKETS_AT_END = 512  # more than the socket of a dead one holds
_PACKETS_MAX = 2_000  # of one job at once: an outcome has at most 280, progress comes 20 times a second
_PACKETS_A_SECOND = 200
_LOG_BYTES_AT_ONCE = 65_536  # what a pipe holds
_LOG_BYTES_UNREAD = 2**20  # what it may hold when everything more is thrown away
_Heard = Heartbeat | Progress | Record | Done | Died
_NOWHERE = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
_LOG_READS_AT_END = 32  # background processes may go on writing: the end of a job must not wait for them


class ForkedWorker:
    """A worker of the fork server (contract.Worker). Only kill() may be called from another thread."""

    def __init__(
        self, mark: ProcessMark, handles: tuple[int, int, int], *, end_signal: signal.Signals, log_bytes_max: int
    ) -> None:
        channel, self._log, self._pidfd = handles
        # Before anything owns a handle: whoever cannot make a worker of them closes them all.
        self._events = select.epoll()
        self._events.register(channel, select.EPOLLIN)
        self._events.register(self._log, select.EPOLLIN)
        self.mark = mark
        self.is_spent = False  # whatever it does, it cannot take another job
        self.was_used = False
        self._channel = Channel(socket.socket(fileno=channel), keeper=mark.pid, may_be_long=frames.may_be_long)
        self._channel.limit_sending()
        self._end_signal = end_signal
        self._log_bytes_max = log_bytes_max
        self._log_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._limits: Limits | None = None
        self._is_over = True  # no job, or Done or Died was said
        self._is_deaf = False  # to it: nothing that it says is believed any more
        self._is_dead = False  # it was killed
        self._has_farewell = False  # its keeper said that all have ended
        self._job = 0  # the number of the latest
        self._packets = 0  # since it was sent
        self._sent_at = time.monotonic()
        self._is_ended = False  # it was sent its last signal
        self._is_log_open = True
        self._text = ""  # of the log, and the latest frame: until both are read, which may fail in a shortage
        self._news: _Heard | None = None
        self._records: list[Message] = []  # each counts, whatever is said after it

    def fileno(self) -> int:
        return self._events.fileno()

    def is_alive(self) -> bool:
        """Whether it can still take a job; a hint, it may die the moment after. One that speaks unasked cannot."""
        return not self.is_spent and self._channel.is_silent()

    def send(self, job: Job) -> None:
        payload = codec.encode_job(job, number=self._job + 1)
        self._say(payload)
        if job.connection is not None:
            blackout.wipe(payload)
        self._limits = job.limits
        self._job += 1
        self._packets = 0
        self._sent_at = time.monotonic()
        self._is_over = False
        self.was_used = True
        self._log_bytes = 0

    def acknowledge(self, number: int) -> None:
        self._say(codec.encode_acknowledgement(number))
        self._packets -= 1  # it waited for it, and cannot have sent more than that one

    def _say(self, payload: bytes) -> None:
        try:
            self._channel.send(payload)
        except OSError as error:
            if error.errno in (errno.ENOMEM, errno.ENOBUFS):
                raise
            self._signal_end()  # dead, or deaf in the middle of its job: both show in receive()

    def receive(self) -> list[Message]:
        self._hear()
        if self._is_dead or isinstance(self._news, Done | Died):
            # What was written before the end must not come after it.
            self._drain_log()
            self._is_over = True
        else:
            self._text += self._read_log()
        messages: list[Message] = [LogText(text=self._text)] if self._text else []
        messages += self._records
        if self._news is not None:
            messages.append(self._news)
        self._text, self._news, self._records = "", None, []
        return messages

    def _hear(self) -> None:
        if isinstance(self._news, Done | Died):
            return  # for want of memory its log could not be read
        for frame in self._read_frames(may_fail=self._news is None):
            if isinstance(frame, Record):
                self._records.append(frame)
            # Of the others only the latest is news.
            elif self._news is None or not isinstance(frame, Heartbeat):
                self._news = frame

    def kill(self, *, grace_seconds: float) -> KillReceipt:
        self.is_spent = True
        try:
            receipt = kill.end(self.mark, grace_seconds=0 if self._is_ended else grace_seconds)
        except OSError:
            # Nobody can be looked for now. Its end needs no more than the handle that is open.
            self._signal_end()
            raise
        self._is_dead = True
        is_sure = self._has_farewell or self._end_signal is signal.SIGKILL
        return receipt or kill.nobody(self.mark, was_ended=self._is_ended, is_sure=is_sure)

    def left_behind(self) -> list[Left]:
        return leftovers.find(self.mark)

    def end(self) -> None:
        """End it with all its descendants, without waiting: its keeper, or the kernel, does it."""
        self.is_spent = True
        if self._pidfd < 0:
            return
        self._signal_end()
        self._events.close()
        self._channel.close()
        os.close(self._log)
        os.close(self._pidfd)
        self._pidfd = -1

    def _signal_end(self) -> None:
        self._is_ended = processes.end_keeper(self._pidfd, self._end_signal) or self._is_ended

    @property
    def is_over(self) -> bool:
        """No job is under way."""
        return self._is_over

    def _read_frames(self, *, may_fail: bool) -> list[_Heard]:
        read: list[_Heard] = []
        for _ in range(0 if self._is_deaf else _PACKETS_AT_END if self._is_dead else _PACKETS_AT_ONCE):
            try:
                payload = self._channel.take()
                self._count_packet()
                if payload is not None:
                    read += self._believed(frames.decode(payload))
            except BlockingIOError:
                break
            except OSError:  # no memory, say: what has been read must not be lost
                if may_fail and not read:
                    raise
                break
            except EOFError:
                read += self._died("the process ended unexpectedly")
            except codec.Malformed as error:
                read += self._died(error.message, is_gone=False)
            if self._is_deaf or (read and isinstance(read[-1], Done)):
                break
        return read

    def _count_packet(self) -> None:
        self._packets += 1
        if self._packets > _PACKETS_MAX + _PACKETS_A_SECOND * (time.monotonic() - self._sent_at):
            raise codec.Malformed("the step's process sent more messages than a step may")

    def _believed(self, frame: frames.Frame) -> list[_Heard]:
        match frame:
            case frames.Exited() if not self._channel.is_farewell:
                raise codec.Malformed("the step's process sent something that is not a message of its own")
            case frames.Exited(is_over_memory=True) if self._limits is not None:
                return list(self._died(limits.memory_reason(self._limits)))
            case frames.Exited(status=status, cpu_seconds=seconds):
                self._has_farewell = True
                return list(self._died(limits.exit_reason(status, limits=self._limits, cpu_seconds=seconds)))
            case frames.Finished(done=done, job=job, reusable=reusable):
                if self._is_over or job != self._job:
                    raise codec.Malformed("the step's process said again that it is done")
                self.is_spent = self.is_spent or not reusable
                return [done]
        return [frame]

    def _died(self, reason: str, *, is_gone: bool = True) -> list[Died]:
        self.is_spent = self._is_deaf = True
        with contextlib.suppress(FileNotFoundError):
            self._events.unregister(self._channel)
        return [] if self._is_over and self.was_used else [Died(reason=reason, is_gone=is_gone)]

    def _read_log(self) -> str:
        """What the log pipe holds, as far as the attempt may still say something."""
        if self._log_bytes > self._log_bytes_max:
            self._pour_log_away()
            return ""
        try:
            content = os.read(self._log, _LOG_BYTES_AT_ONCE) if self._is_log_open else b""
        except BlockingIOError:
            return ""
        if not content:
            self._close_log()
            return ""
        room = self._log_bytes_max - self._log_bytes
        self._log_bytes += len(content)
        if len(content) <= room:
            return self._decoder.decode(content)
        return self._cut_log(content[:room])

    def _pour_log_away(self) -> None:
        """Without a copy: who floods the log must not cost those who read theirs."""
        try:
            size = os.splice(self._log, _NOWHERE, _LOG_BYTES_UNREAD) if self._is_log_open else 0
        except BlockingIOError:
            return
        self._log_bytes += size
        if not size:
            self._close_log()

    def _cut_log(self, content: bytes) -> str:
        """Whatever is written after this is read by large pieces, and thrown away."""
        with contextlib.suppress(OSError):  # its user has too much memory in pipes
            fcntl.fcntl(self._log, fcntl.F_SETPIPE_SZ, _LOG_BYTES_UNREAD)
        text = self._decoder.decode(content, final=True)
        return f"{text}\n(the log is cut off here: {_room(self._log_bytes_max)})\n"

    def _drain_log(self) -> None:
        for _ in range(_LOG_READS_AT_END):
            before = self._log_bytes
            self._text += self._read_log()
            if self._log_bytes == before:
                break
        self._text += self._decoder.decode(b"", final=True)
        self._decoder.reset()

    def _close_log(self) -> None:
        if self._is_log_open:
            self._is_log_open = False
            self._events.unregister(self._log)


def _room(size_bytes: int) -> str:
    return f"a step may write {size_bytes / 1_000_000:g} MB"
