"""One attempt of a task: a command in a process group of its own, and what it writes."""
import os
import re
import shlex
import signal
import subprocess
import time

PIECE_BYTES = 256 * 1024
WINDOW_BYTES = 1024 * 1024
QUOTA_BYTES = 64 * 1024 * 1024
GRACE_SECONDS = 10
_PASSED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "SHELL")
_WORK, _SPAN, _ITEMS, _CPUS, _TIMEOUT, _ENV, _CWD, _STDIN = 1, 2, 3, 4, 12, 17, 18, 19


def arguments_of(spec, item, index):
    """Fills the item and the index into a job's command."""
    _, argv, shell, _, _ = spec[_WORK]
    if item is not None or spec[_SPAN][:2] != [1, 0]:
        word = shlex.quote(item) if item is not None and shell else item
        placed = False

        def fill(match):
            nonlocal placed
            if match[0] == "{#}":
                return str(index)
            if word is None:
                return match[0]
            placed = True
            return word

        argv = [re.sub(r"\{#?\}", fill, one) for one in argv]
        if word is not None and not placed:
            argv.append(word)
    return ["/bin/sh", "-c", " ".join(argv)] if shell else argv


class Stream:
    """What a task wrote on one of its two streams, from the first byte that the coordinator has not stored."""

    def __init__(self, number, pipe):
        self.number, self.pipe = number, pipe
        self.stored = self.said = self.total = self.cut = 0
        self._data = bytearray()
        self._cut_said = False

    @property
    def may_read(self):
        return self.pipe is not None and len(self._data) < WINDOW_BYTES

    @property
    def all_said(self):
        kept = self.stored + len(self._data)
        return self.pipe is None and self.said >= kept and (self.cut == 0 or self._cut_said)

    def read(self):
        data = os.read(self.pipe.fileno(), 65536)
        if not data:
            self.close()
        room = QUOTA_BYTES - self.total
        self.total += len(data)
        self._data += data[: max(0, room)]
        self.cut += max(0, len(data) - max(0, room))

    def pieces(self):
        """Yields (offset, data, bytes cut after it) as far as the window lets them go."""
        kept = self.stored + len(self._data)
        while self.said < kept and self.said - self.stored < WINDOW_BYTES:
            offset = self.said
            data = bytes(self._data[offset - self.stored : offset - self.stored + PIECE_BYTES])
            self.said += len(data)
            yield offset, data, 0
        if self.pipe is None and self.cut > 0 and self.said == kept and not self._cut_said:
            self._cut_said = True
            yield kept, b"", self.cut

    def mark_stored(self, offset):
        step = min(max(0, offset - self.stored), len(self._data))
        del self._data[:step]
        self.stored += step
        self.said = max(self.said, self.stored)

    def rewind(self):
        """A new connection: what is not stored is said again."""
        self.said, self._cut_said = self.stored, False

    def close(self):
        if self.pipe is not None:
            self.pipe.close()
        self.pipe = None


class Attempt:
    """`key` is [job, ordinal, attempt], as in every message about it."""

    def __init__(self, key, index, item, spec):
        self.key, self.index, self.item, self.spec = key, index, item, spec
        self.cpus = spec[_CPUS]
        self.process, self.streams, self.outcome = None, [], None
        self.end_said, self.held = False, False
        self._ending = None  # (outcome, error) where somebody asked for the end
        self._kill_at = self._deadline = self._exited_at = None
        self._status = self._usage = None
        self._started_at = time.monotonic()

    def start(self, node):
        """Starts the command; where that cannot be, it has ended at once."""
        self._started_at = time.monotonic()
        work, timeout_ms, stdin = self.spec[_WORK], self.spec[_TIMEOUT], self.spec[_STDIN]
        if work[0] != "command":
            return self._end("unfit", None, None, f"this node runs commands, and no task named {work[3]}", False)
        environment = {name: value for name, value in os.environ.items() if name in _PASSED or name.startswith("LC_")}
        environment.update(self.spec[_ENV])
        environment.update(
            LBTOP_JOB_ID=str(self.key[0]),
            LBTOP_TASK_ID=f"{self.key[0]}.{self.index}",
            LBTOP_TASK_INDEX=str(self.index),
            LBTOP_ATTEMPT=str(self.key[2]),
            LBTOP_NODE=node,
        )
        if self.item is not None:
            environment["LBTOP_ENTRY"] = self.item
        try:
            self.process = subprocess.Popen(
                arguments_of(self.spec, self.item, self.index),
                stdin=subprocess.DEVNULL if stdin is None else _file_of(stdin),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self.spec[_CWD],
                env=environment,
                start_new_session=True,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            return self._end("failed", 127, None, f"{error.strerror}: {error.filename}", False)
        except PermissionError as error:
            return self._end("failed", 126, None, f"{error.strerror}: {error.filename}", False)
        except ValueError as error:
            return self._end("failed", None, None, str(error), False)
        except OSError as error:
            return self._end("unfit", None, None, str(error), False)
        self.streams = [Stream(1, self.process.stdout), Stream(2, self.process.stderr)]
        if timeout_ms is not None:
            self._deadline = self._started_at + timeout_ms / 1000

    def stop(self, outcome, error):
        """SIGTERM to the whole group now, SIGKILL after the grace. The first reason counts."""
        if self._ending is None and self._status is None:
            self._ending = (outcome, error)
            self._kill_at = time.monotonic() + GRACE_SECONDS
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def look(self):
        """Notes an exit, a time limit, the end of a grace. Call it often; ended attempts have an `outcome`."""
        now = time.monotonic()
        if self._status is None:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid != 0:
                self._status, self._usage, self._exited_at = status, usage, now
                self.process.returncode = os.waitstatus_to_exitcode(status)
                if self._ending is not None:
                    self.signal(signal.SIGKILL)  # nothing of a stopped task stays behind
            elif self._kill_at is not None and now >= self._kill_at:
                self.signal(signal.SIGKILL)
            elif self._deadline is not None and now >= self._deadline:
                self.stop("failed", f"timed out after {self.spec[_TIMEOUT] / 1000:g} s")
        if self._status is None:
            return
        if now - self._exited_at > 1:  # others hold its streams open
            for stream in self.streams:
                if stream.may_read:
                    stream.close()
        if all(stream.pipe is None for stream in self.streams):
            self._finish()

    def _finish(self):
        code = self.process.returncode
        exit_code, killed_by = (code, None) if code >= 0 else (None, signal.Signals(-code).name)
        if self._ending is not None:
            return self._end(self._ending[0], exit_code, killed_by, self._ending[1], True)
        if code == 0:
            return self._end("succeeded", 0, None, None, True)
        error = f"exited with code {code}" if killed_by is None else f"killed by {killed_by}"
        self._end("failed", exit_code, killed_by, error, True)

    def _end(self, outcome, exit_code, killed_by, error, started):
        usage = self._usage
        cpu_ms = 0 if usage is None else (usage.ru_utime + usage.ru_stime) * 1000
        peak = 0 if usage is None else usage.ru_maxrss * 1024
        run_ms = (time.monotonic() - self._started_at) * 1000 if started else 0
        written = [stream.total for stream in self.streams] or [0, 0]
        self.outcome = [*self.key, outcome, exit_code, killed_by, error, None, run_ms, cpu_ms, peak, *written, started]


def _file_of(data):
    file = os.memfd_create("stdin")
    os.write(file, data)
    os.lseek(file, 0, os.SEEK_SET)
    return os.fdopen(file, "rb")
