"""The server's side of one worker: sends the job, takes in what the worker says, within limits."""

from __future__ import annotations

import codecs
import contextlib
import errno
import os
import select
import signal
import socket

from procession.engine.isolation import codec, kill, limits, processes
from procession.engine.isolation.channel import Channel
from procession.engine.isolation.contract import (
    Died,
    Done,
    Heartbeat,
    Job,
    KillReceipt,
    Limits,
    LogText,
    Message,
    ProcessMark,
    Progress,
)

_FRAMES_AT_ONCE = 8
_LOG_BYTES_AT_ONCE = 65_536  # what a pipe holds
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
        self._channel = Channel(socket.socket(fileno=channel))
        self._channel.limit_sending()
        self._end_signal = end_signal
        self._log_bytes_max = log_bytes_max
        self._log_bytes = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._limits: Limits | None = None
        self._is_over = True  # no job, or Done or Died was said
        self._is_ended = False  # it was sent its last signal
        self._is_log_open = True
        self.has_more = False  # it says more than is taken in at once

    def fileno(self) -> int:
        return self._events.fileno()

    def is_alive(self) -> bool:
        """Whether it can still take a job; a hint, it may die the moment after. One that speaks unasked cannot."""
        return not self.is_spent and self._channel.is_silent()

    def send(self, job: Job) -> None:
        payload = codec.encode_job(job)
        try:
            self._channel.send(payload)
        except OSError as error:
            if error.errno in (errno.ENOMEM, errno.ENOBUFS):
                raise
            self._signal_end()  # dead, or deaf in the middle of its job: both show in receive()
        self._limits = job.limits
        self._is_over = False
        self.was_used = True
        self._log_bytes = 0

    def receive(self) -> list[Message]:
        self.has_more = False
        log = self._read_log()
        progress: list[Message] = []
        end: Message | None = None
        for frame in self._read_frames(may_fail=not log):
            match frame:
                case Done() | Died():
                    end = frame
                case Progress():
                    progress = [frame]  # only the latest is news
                case Heartbeat():
                    progress = progress or [frame]
        if end is not None:
            # What was written before the end must not come after it.
            log += self._drain_log()
            self._is_over = True
        messages: list[Message] = [LogText(text=log)] if log else []
        return messages + progress + ([end] if end is not None else [])

    def kill(self, *, grace_seconds: float) -> KillReceipt:
        self.is_spent = True
        try:
            receipt = kill.end(self.mark, grace_seconds=0 if self._is_ended else grace_seconds)
        except OSError:
            # Nobody can be looked for now. Its end needs no more than the handle that is open.
            self._signal_end()
            raise
        return receipt or kill.nobody(self.mark, was_ended=self._is_ended)

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
        self._is_ended = processes.send_signal(self._pidfd, self._end_signal) or self._is_ended

    @property
    def is_over(self) -> bool:
        """No job is under way."""
        return self._is_over

    def _read_frames(self, *, may_fail: bool) -> list[Heartbeat | Progress | Done | Died]:
        read: list[Heartbeat | Progress | Done | Died] = []
        for _ in range(_FRAMES_AT_ONCE):
            try:
                frame = codec.decode_frame(self._channel.receive(wait=False))
            except BlockingIOError:
                self.has_more |= self._channel.has_begun()
                break
            except OSError:  # no memory, say: what has been read must not be lost
                if may_fail and not read:
                    raise
                break
            except EOFError:
                read += self._died("the process ended unexpectedly")
                break
            except codec.Malformed as error:
                read += self._died(error.message, is_gone=False)
                break
            match frame:
                case codec.Exited(status=status, cpu_seconds=seconds):
                    read += self._died(limits.exit_reason(status, limits=self._limits, cpu_seconds=seconds))
                    break
                case codec.Finished(done=done, reusable=reusable):
                    self.is_spent = self.is_spent or not reusable
                    if not self._is_over:
                        read.append(done)
                    break
                case _:
                    read.append(frame)
        else:
            self.has_more = True
        return read

    def _died(self, reason: str, *, is_gone: bool = True) -> list[Died]:
        self.is_spent = True
        with contextlib.suppress(FileNotFoundError):
            self._events.unregister(self._channel)
        return [] if self._is_over and self.was_used else [Died(reason=reason, is_gone=is_gone)]

    def _read_log(self) -> str:
        """What the log pipe holds, as far as the attempt may still say something."""
        try:
            content = os.read(self._log, _LOG_BYTES_AT_ONCE) if self._is_log_open else b""
        except BlockingIOError:
            return ""
        if not content:
            self._close_log()
            return ""
        self.has_more |= len(content) == _LOG_BYTES_AT_ONCE
        room = self._log_bytes_max - self._log_bytes
        self._log_bytes += len(content)
        if room <= 0:
            return ""
        text = self._decoder.decode(content[:room])
        return text if len(content) <= room else f"{text}\n(the log is cut off here: {_room(self._log_bytes_max)})\n"

    def _drain_log(self) -> str:
        parts = []
        for _ in range(_LOG_READS_AT_END):
            before = self._log_bytes
            parts.append(self._read_log())
            if self._log_bytes == before:
                break
        parts.append(self._decoder.decode(b"", final=True))
        self._decoder.reset()
        return "".join(parts)

    def _close_log(self) -> None:
        if self._is_log_open:
            self._is_log_open = False
            self._events.unregister(self._log)


def _room(size_bytes: int) -> str:
    return f"a step may write {size_bytes / 1_000_000:g} MB"
