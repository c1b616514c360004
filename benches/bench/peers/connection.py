"""A connection that speaks as much HTTP/1.1 as a benchmark needs.

`http.client` takes 0.1 to 0.2 ms for a request and its answer, which is as long as a lookup takes in the server.
"""

import socket
from dataclasses import dataclass

RECEIVE_BYTES = 256 * 1024


@dataclass(frozen=True)
class Response:
    """Status, head as it came, and body."""

    status: int
    head: bytes
    body: bytes


class Connection:
    """One connection that stays open; one request at a time."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=1800)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def encode(self, method: str, path: str, body: bytes) -> bytes:
        """The bytes of a request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self.headers}Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def exchange(self, request: bytes) -> Response:
        """Sends an encoded request and reads its whole answer."""
        self.socket.sendall(request)
        received = self.socket.recv(RECEIVE_BYTES)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self.more()
        head, rest = received[:end].lower(), received[end + 4 :]
        status = int(head[9:12])
        place = head.find(b"content-length:")
        if place >= 0:
            length = int(head[place + 15 :].split(b"\r\n", 1)[0])
            return Response(status, head, self.read(rest, length))
        return Response(status, head, self.read_chunks(rest))

    def more(self) -> bytes:
        """The next bytes; there have to be some."""
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionError("the server closed the connection")
        return received

    def read(self, received: bytes, length: int) -> bytes:
        """A body of known length of which some is there."""
        parts, have = [received], len(received)
        while have < length:
            parts.append(self.more())
            have += len(parts[-1])
        return b"".join(parts)

    def read_chunks(self, received: bytes) -> bytes:
        """A body in chunks, without trailers."""
        body = bytearray()
        while True:
            while (end := received.find(b"\r\n")) < 0:
                received += self.more()
            size = int(received[:end].split(b";", 1)[0], 16)
            chunk = self.read(received[end + 2 :], size + 2)
            body += chunk[:size]
            received = chunk[size + 2 :]
            if size == 0:
                return bytes(body)
