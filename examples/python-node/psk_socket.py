"""
TLS 1.3 with a pre-shared key over a socket. Python's own `ssl` can do that from 3.13 on; this speaks to the OpenSSL
library (1.1.1 or 3) that every Python with `ssl` stands on, through `ctypes`, and so runs with older ones too.
"""
import ctypes
import ctypes.util
import hashlib
import hmac
import socket

_TLS1_3 = 0x0304
_VERIFY_PEER = 1
_WANT_READ, _WANT_WRITE, _ZERO_RETURN = 2, 3, 6
_SET_MIN, _SET_MAX, _SET_MODE, _SET_GROUPS = 123, 124, 33, 92
_MODE_PARTIAL_WRITE_AND_MOVING_BUFFER = 3

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_uint,
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.POINTER(ctypes.c_char),
    ctypes.c_uint,
    ctypes.POINTER(ctypes.c_ubyte),
    ctypes.c_uint,
)


def role_key(secret, role):
    """Returns the 32 bytes that prove a role: HKDF-SHA-256 (RFC 5869) of the coordinator's secret."""
    extracted = hmac.new(b"lbtop", secret, hashlib.sha256).digest()
    return hmac.new(extracted, b"psk:" + role.encode() + b"\x01", hashlib.sha256).digest()


def _library():
    name = ctypes.util.find_library("ssl")
    if name is None:
        raise OSError("OpenSSL's libssl was not found: install it")
    ssl = ctypes.CDLL(name)
    for function, result, arguments in (
        ("TLS_client_method", ctypes.c_void_p, []),
        ("SSL_CTX_new", ctypes.c_void_p, [ctypes.c_void_p]),
        ("SSL_CTX_free", None, [ctypes.c_void_p]),
        ("SSL_CTX_ctrl", ctypes.c_long, [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p]),
        ("SSL_CTX_set_ciphersuites", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p]),
        ("SSL_CTX_set_verify", None, [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]),
        ("SSL_CTX_set_psk_client_callback", None, [ctypes.c_void_p, _CALLBACK]),
        ("SSL_new", ctypes.c_void_p, [ctypes.c_void_p]),
        ("SSL_free", None, [ctypes.c_void_p]),
        ("SSL_set_fd", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
        ("SSL_connect", ctypes.c_int, [ctypes.c_void_p]),
        ("SSL_session_reused", ctypes.c_int, [ctypes.c_void_p]),
        ("SSL_read", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]),
        ("SSL_write", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]),
        ("SSL_get_error", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
        ("SSL_shutdown", ctypes.c_int, [ctypes.c_void_p]),
    ):
        getattr(ssl, function).restype = result
        getattr(ssl, function).argtypes = arguments
    return ssl


class PskSocket:
    """A connection whose both ends have proven that they hold the key. Does not block once it is made."""

    def __init__(self, host, port, identity, key, timeout):
        """Connects. Raises OSError where nobody answers within `timeout` seconds or the key is not known there."""
        self._ssl = _library()
        self._tcp = socket.create_connection((host, port), timeout)
        self._tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A plain blocking descriptor for the handshake, which the kernel ends after `timeout`.
        self._tcp.settimeout(None)
        seconds = timeout.__ceil__().to_bytes(8, "little") + bytes(8)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, seconds)
        self._callback = _CALLBACK(self._give(identity.encode(), key))  # kept: OpenSSL calls it later
        self._context = self._ssl.SSL_CTX_new(self._ssl.TLS_client_method())
        self._ssl.SSL_CTX_ctrl(self._context, _SET_MIN, _TLS1_3, None)
        self._ssl.SSL_CTX_ctrl(self._context, _SET_MAX, _TLS1_3, None)
        self._ssl.SSL_CTX_ctrl(self._context, _SET_MODE, _MODE_PARTIAL_WRITE_AND_MOVING_BUFFER, None)
        self._ssl.SSL_CTX_ctrl(self._context, _SET_GROUPS, 0, b"X25519")
        self._ssl.SSL_CTX_set_ciphersuites(self._context, b"TLS_AES_128_GCM_SHA256")
        # No authority is trusted: a server that offers a certificate instead of the key is turned down.
        self._ssl.SSL_CTX_set_verify(self._context, _VERIFY_PEER, None)
        self._ssl.SSL_CTX_set_psk_client_callback(self._context, self._callback)
        self._session = self._ssl.SSL_new(self._context)
        self._ssl.SSL_set_fd(self._session, self._tcp.fileno())
        # A session that rests on a key counts as resumed.
        if self._ssl.SSL_connect(self._session) != 1 or not self._ssl.SSL_session_reused(self._session):
            self.close()
            raise ConnectionRefusedError(f"no handshake with {host}:{port}: another secret, or no coordinator")
        self._tcp.setblocking(False)

    @staticmethod
    def _give(identity, key):
        def callback(_session, _hint, identity_out, identity_bytes, key_out, key_bytes):
            if len(identity) + 1 > identity_bytes or len(key) > key_bytes:
                return 0
            ctypes.memmove(identity_out, identity + b"\0", len(identity) + 1)
            ctypes.memmove(key_out, key, len(key))
            return len(key)

        return callback

    def fileno(self):
        return self._tcp.fileno()

    def read(self):
        """Returns what has come, perhaps nothing. Raises ConnectionError when the other side has gone."""
        pieces = []
        buffer = ctypes.create_string_buffer(65536)
        while True:
            count = self._ssl.SSL_read(self._session, buffer, len(buffer))
            if count > 0:
                pieces.append(buffer.raw[:count])
                continue
            if self._waits(count) or pieces:
                return b"".join(pieces)
            raise ConnectionResetError("the coordinator has gone")

    def write(self, data):
        """Sends as much as goes at once; returns how many bytes that were. Raises ConnectionError as `read`."""
        sent = 0
        while sent < len(data):
            count = self._ssl.SSL_write(self._session, bytes(data[sent : sent + 65536]), min(65536, len(data) - sent))
            if count <= 0:
                if self._waits(count):
                    break
                raise ConnectionResetError("the coordinator has gone")
            sent += count
        return sent

    def _waits(self, count):
        return self._ssl.SSL_get_error(self._session, count) in (_WANT_READ, _WANT_WRITE)

    def close(self):
        if self._session is None:
            return
        self._ssl.SSL_free(self._session)
        self._ssl.SSL_CTX_free(self._context)
        self._session = None
        self._tcp.close()
