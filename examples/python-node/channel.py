"""Messages over a connection: frames with their checksums, and the first words. docs/protocol.md describes both."""
import struct
import time
import zlib

import msgpack_plain
from psk_socket import PskSocket, role_key

HELLO, WELCOME, REFUSE = 1, 2, 3
_FRAME_BYTES = 8 * 1024 * 1024
_SEALED_BYTES = 1024 * 1024  # more messages than that go into another frame
_WELCOME_SECONDS = 5


class Refused(Exception):
    """The coordinator does not let us in; trying again will not help."""


class Channel:
    """A connection after `welcome`. Nothing here blocks; whoever holds it waits for `fileno()`."""

    def __init__(self, host, port, secret, who):
        """Connects and says hello. Raises OSError where there is no coordinator, Refused where it says no."""
        self._socket = PskSocket(host, port, "node", role_key(secret, "node"), _WELCOME_SECONDS)
        self._held = b""
        self._unsent = bytearray()
        try:
            self.send([[HELLO, "lbtop", 1, 1, "node", who[:256], "python"]])
            self._early = self._await_welcome()
        except BaseException:
            self.close()
            raise

    def _await_welcome(self):
        until = time.monotonic() + _WELCOME_SECONDS
        while time.monotonic() < until:
            messages = self._receive()
            if not messages:
                time.sleep(0.01)
                continue
            if messages[0][0] == REFUSE:
                raise Refused(messages[0][2])
            if messages[0][0] != WELCOME:
                raise ConnectionError("something else than a coordinator answers")
            return messages[1:]
        raise ConnectionError(f"no welcome within {_WELCOME_SECONDS} s")

    def fileno(self):
        return self._socket.fileno()

    @property
    def has_unsent(self):
        return len(self._unsent) > 0

    def send(self, messages):
        """Queues messages (lists that begin with their code) and sends what goes at once."""
        packed, size = [], 0
        for message in messages:
            one = msgpack_plain.pack(message)
            if packed and (size + len(one) > _SEALED_BYTES or len(packed) == 65_536):
                self._seal(packed)
                packed, size = [], 0
            packed.append(one)
            size += len(one)
        if packed:
            self._seal(packed)
        self.flush()

    def _seal(self, packed):
        payload = struct.pack(">BI", 0xDD, len(packed)) + b"".join(packed)
        self._unsent += struct.pack(">II", len(payload), zlib.crc32(payload)) + payload

    def flush(self):
        if self._unsent:
            del self._unsent[: self._socket.write(self._unsent)]

    def receive(self):
        """Returns the messages that have come whole. Raises ConnectionError when the other side has gone."""
        early, self._early = self._early, []
        return early + self._receive()

    def _receive(self):
        data = self._held + self._socket.read()
        messages, at = [], 0
        while len(data) - at >= 8:
            length, checksum = struct.unpack_from(">II", data, at)
            if not 0 < length <= _FRAME_BYTES:
                raise ConnectionError(f"a frame of {length} bytes")
            if len(data) - at - 8 < length:
                break
            payload = data[at + 8 : at + 8 + length]
            if zlib.crc32(payload) != checksum:
                raise ConnectionError("a frame whose checksum is wrong")
            messages += msgpack_plain.unpack(payload)
            at += 8 + length
        self._held = data[at:]
        return messages

    def close(self):
        self._socket.close()
