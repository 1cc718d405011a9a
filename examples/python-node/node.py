#!/usr/bin/env python3
"""
A node of lbtop in Python's standard library: runs commands for a coordinator, by what docs/protocol.md says.

    python3 node.py --connect HOST:PORT --secret-file FILE [--name NAME] [--slots N]

It needs Linux, Python 3.9 and OpenSSL 1.1.1 or later. Tasks of JavaScript and the built-in ones it leaves to others.
"""
import argparse
import base64
import os
import platform
import random
import selectors
import signal
import socket
import sys
import time
import uuid

from attempt import Attempt
from channel import Channel, Refused

JOIN, HEARTBEAT, STARTED, ENDED, RETURNED, OUTPUT, LEAVE, LEAVING = 10, 11, 12, 13, 14, 15, 17, 18
JOINED, BEAT, JOB, ASSIGN, RECALL, STOP, SETTLED, STORED, THROTTLE, FORGET = range(30, 40)
REFUSE, BYE = 3, 4
HEARTBEAT_SECONDS = 1
SILENCE_SECONDS = 15
TURN_SECONDS = 0.05


def log(line):
    print(line, file=sys.stderr, flush=True)


class Machine:
    """What the machine is, and how busy."""

    def __init__(self):
        self.cores = os.cpu_count() or 1
        self.memory_total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self.model = next(
            (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown"
        )
        self._before = self._ticks([])

    @staticmethod
    def _ticks(pids):
        """Returns (all, idle, ours) in clock ticks since the start; `ours` is what the processes used that live."""
        with open("/proc/stat") as file:
            fields = [int(one) for one in file.readline().split()[1:9]]
        ours = 0
        for pid in pids:
            try:
                with open(f"/proc/{pid}/stat") as file:
                    ours += sum(int(one) for one in file.read().rsplit(")", 1)[1].split()[11:15])
            except (OSError, IndexError):
                pass
        return sum(fields), fields[3] + fields[4], ours

    def sample(self, running, waiting):
        """Returns a heartbeat's measurements: CPU in percent since the last one."""
        now = self._ticks([one.process.pid for one in running if one.process is not None])
        passed = max(1, now[0] - self._before[0])
        cpu = 100 * (1 - (now[1] - self._before[1]) / passed)
        ours = 100 * (now[2] - self._before[2]) / passed
        self._before = now
        with open("/proc/meminfo") as file:
            free = next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
        clipped = [min(100.0, max(0.0, share)) for share in (cpu, min(cpu, ours))]
        return [*clipped, self.memory_total - free, 0, os.getloadavg()[0], len(running), len(waiting)]


class Node:
    def __init__(self, address, secret, name, slots):
        self.address, self.secret, self.name, self.slots = address, secret, name, slots
        self.incarnation = uuid.uuid4().hex
        self.machine = Machine()
        self.channel = None
        self.specs, self.waiting, self.running, self.ended = {}, {}, {}, {}
        self.seen = self.beats = 0
        self.share, self.phase = 1.0, True
        self.leaving = self.left = False
        self.heard_at = self.beat_at = 0.0
        self.tries, self.dial_at = 0, 0.0

    # The connection

    def connect(self):
        host, port = self.address
        try:
            self.channel = Channel(host, port, self.secret, f"{self.name}@{socket.gethostname()}")
        except OSError as error:
            return self.lost(error)
        self.specs, self.seen, self.heard_at, self.beat_at = {}, 0, time.monotonic(), 0.0
        holding = [[one.key for one in held.values()] for held in (self.running, self.waiting, self.ended)]
        self.say([JOIN, self.name, self.incarnation, self.info(), *holding])
        for one in [*self.running.values(), *self.ended.values()]:
            one.end_said = False
            for stream in one.streams:
                stream.rewind()

    def info(self):
        machine = self.machine
        about = [machine.cores, machine.model[:256], machine.memory_total, self.slots, {"runtime": "python"}, {}, []]
        return [*about, self.share, None, None, socket.gethostname()[:256], sys.platform, platform.python_version(), os.getpid()]

    def lost(self, why):
        """Tasks go on; the next try comes after a random time."""
        if self.channel is not None:
            self.channel.close()
        self.channel = None
        log(f"no coordinator: {why}")
        self.dial_at = time.monotonic() + random.uniform(0, min(15, 0.25 * 2**self.tries))
        self.tries = min(self.tries + 1, 10)

    def say(self, *messages):
        """Says messages; without a coordinator, nothing: what matters is said again on the next connection."""
        try:
            if self.channel is not None:
                self.channel.send(messages)
        except OSError as error:
            self.lost(error)

    # What the coordinator says

    def take(self, message):
        code, fields = message[0], message[1:]
        self.heard_at = time.monotonic()
        if code == JOINED:
            self.tries, self.share = 0, fields[1]
            log(f"joined as {fields[0]}")
        elif code == JOB:
            self.specs[fields[0]] = fields[1]
        elif code == FORGET:
            self.specs.pop(fields[0], None)
        elif code == ASSIGN:
            self.assign(*fields[:3])
        elif code == RECALL:
            self.give_back([key for key in fields[0] if not self.holds(key, self.running, self.ended)])
        elif code == STOP:
            self.stop(*fields[:2])
        elif code == SETTLED:
            for key in fields[0]:
                self.ended.pop(tuple(key), None)
        elif code == STORED:
            key = tuple(fields[:3])
            one = self.running.get(key) or self.ended.get(key)
            if one is not None and one.streams:
                one.streams[fields[3] - 1].mark_stored(fields[4])
        elif code == THROTTLE:
            self.share = fields[0]
        elif code == REFUSE and fields[0] != "unreachable":
            raise Refused(fields[1])
        elif code in (REFUSE, BYE):
            raise ConnectionResetError(fields[-1])

    @staticmethod
    def holds(key, *held):
        return any(tuple(key) in one for one in held)

    def assign(self, seq, job, tasks):
        self.seen = seq
        for ordinal, index, attempt, item in (task[:4] for task in tasks):
            key = (job, ordinal, attempt)
            if key in self.ended:
                self.ended[key].end_said = False
            elif job not in self.specs or self.leaving:
                self.give_back([key])
            elif not self.holds(key, self.waiting, self.running):
                self.waiting[key] = Attempt(list(key), index, item, self.specs[job])

    def give_back(self, keys):
        for key in keys:
            self.waiting.pop(tuple(key), None)
        if keys:
            self.say([RETURNED, [list(key) for key in keys]])

    def stop(self, keys, why):
        for key in keys:
            if self.holds(key, self.running):
                self.running[tuple(key)].stop("stopped", why)
            elif self.holds(key, self.ended):
                self.ended[tuple(key)].end_said = False
            else:
                self.give_back([key])

    # What it says

    def start_waiting(self):
        """In the order received, as many as the slots have room for."""
        for key, one in list(self.waiting.items()):
            free = self.slots - sum(other.cpus for other in self.running.values())
            if one.cpus > free + 1e-6:
                break
            del self.waiting[key]
            one.start(self.name)
            if one.outcome is None:
                self.running[key] = one
                self.say([STARTED, [one.key]])
            else:
                self.ended[key] = one

    def report(self):
        """Output as far as the coordinator stores it, then the ends."""
        for key, one in list(self.running.items()):
            one.look()
            if one.outcome is not None:
                self.ended[key] = self.running.pop(key)
        if self.channel is None:
            return
        for one in [*self.running.values(), *self.ended.values()]:
            for stream in one.streams:
                for offset, data, cut in stream.pieces():
                    self.say([OUTPUT, *one.key, stream.number, offset, data, cut])
            if one.outcome is not None and not one.end_said and all(stream.all_said for stream in one.streams):
                one.end_said = True
                self.say([ENDED, [one.outcome]])

    def beat(self, now):
        if self.channel is None or now < self.beat_at:
            return
        self.beat_at = now + HEARTBEAT_SECONDS
        self.beats += 1
        self.say([HEARTBEAT, self.beats, self.seen, self.machine.sample(list(self.running.values()), self.waiting)])

    def throttle(self, now):
        """The dial: tasks are held (SIGSTOP) for the rest of each second."""
        phase = self.share >= 1 or now % 1 < self.share
        if phase != self.phase:
            for one in self.running.values():
                one.signal(signal.SIGCONT if phase else signal.SIGSTOP)
        self.phase = phase

    # The loop

    def leave(self, *_):
        if not self.leaving:
            self.leaving = True
            self.say([LEAVING, "ended by a signal"])
            self.give_back(list(self.waiting))
            for one in self.running.values():
                one.stop("stopped", "the node leaves")

    def turn(self, wake):
        now = time.monotonic()
        if self.channel is None and now >= self.dial_at:
            self.connect()
        with selectors.DefaultSelector() as selector:
            selector.register(wake, selectors.EVENT_READ, lambda: wake.recv(4096))
            if self.channel is not None:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.channel.has_unsent else 0)
                selector.register(self.channel, events, None)
            for one in self.running.values():
                for stream in one.streams:
                    if stream.may_read:
                        selector.register(stream.pipe, selectors.EVENT_READ, stream.read)
            for key, _ in selector.select(TURN_SECONDS):
                if key.data is not None:
                    key.data()
        try:
            if self.channel is not None:
                for message in self.channel.receive():
                    self.take(message)
                if time.monotonic() - self.heard_at > SILENCE_SECONDS:
                    raise ConnectionResetError(f"it was silent for {SILENCE_SECONDS} s")
            self.start_waiting()
            self.report()
            self.beat(now)
            if self.channel is not None:
                self.channel.flush()
        except (OSError, ValueError) as error:
            self.lost(error)
        self.throttle(now)

    def run(self):
        """Returns when it was told to leave and nothing is held any more. Raises Refused where nobody wants it."""
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        told = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: told.append(True))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the loop
        try:
            while not (self.leaving and not self.running and (not self.ended or self.channel is None)):
                self.turn(wake)
                if told:
                    self.leave()
        finally:
            for one in self.running.values():
                one.signal(signal.SIGKILL)
        self.say([LEAVE, "ended by a signal"])
        if self.channel is not None:
            self.channel.close()


def main():
    parser = argparse.ArgumentParser(description="A node of lbtop that runs commands.")
    parser.add_argument("--connect", default="127.0.0.1:7077", metavar="HOST:PORT")
    parser.add_argument("--secret-file", required=True, metavar="FILE")
    parser.add_argument("--name", default=socket.gethostname().split(".")[0])
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    host, _, port = given.connect.rpartition(":")
    try:
        with open(given.secret_file) as file:
            secret = base64.urlsafe_b64decode(file.read().strip() + "=")
        Node((host.strip("[]"), int(port)), secret, given.name, given.slots).run()
    except Refused as error:
        log(f"the coordinator refused: {error}")
        return 4
    except (OSError, ValueError) as error:
        log(f"cannot start: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
