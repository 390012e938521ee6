"""Run in a service's container every few seconds: exit code 0 if `/readyz` says so. Imports little, so it costs little."""

import os
import socket
import sys

SECONDS = 3.0
READY = b"HTTP/1.1 200 "


def main() -> int:
    """0 when ready, 1 otherwise."""
    try:
        with socket.create_connection(("127.0.0.1", int(os.environ["RAHNAMA_PORT"])), SECONDS) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            return 0 if connection.recv(len(READY), socket.MSG_WAITALL) == READY else 1
    except OSError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
