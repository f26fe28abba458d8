"""`python -m graphsim`: run a simulator until it is told to stop."""

import argparse
import signal
import sys
from pathlib import Path
from queue import SimpleQueue

from graphsim.simulator import start


def main() -> None:
    options = _options()
    # Not an Event: a handler that sets one while the main thread is about to wait can deadlock.
    stop: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stop.put(number))
    try:
        sim = start(options.port, host=options.host, state=options.state)
    except (ValueError, OSError) as error:
        sys.exit(f"graphsim: {error}")
    with sim:
        print(f"Simulated Microsoft Graph at {sim.url}", flush=True)
        stop.get()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m graphsim", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="keep meetings and changes in this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
