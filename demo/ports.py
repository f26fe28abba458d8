"""Finding ports that nobody listens on."""

import socket
from itertools import count, islice


def free_ports(first: int, number: int) -> list[int]:
    """The next free ports of this machine, from ``first`` on."""
    return list(islice(filter(is_free, count(first)), number))


def is_free(port: int) -> bool:
    """Whether a server of ours could listen here."""
    with socket.socket() as probe:
        # A port that was just given back may be taken again.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
