"""`python -m graphsim`: run a simulator until it is told to stop."""

import argparse
import signal
import sys
from pathlib import Path

from graphsim.simulator import start

_STOP = {signal.SIGTERM, signal.SIGINT}


def main() -> None:
    options = _options()
    # Blocked before the first thread starts, and in all of them, so that sigwait loses none. A
    # handler would: it does not wake a main thread that is just about to wait.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    try:
        sim = start(options.port, host=options.host, state=options.state)
    except (ValueError, OSError) as error:
        sys.exit(f"graphsim: {error}")
    with sim:
        print(f"Simulated Microsoft Graph at {sim.url}", flush=True)
        signal.sigwait(_STOP)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m graphsim", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="keep meetings and changes in this file")
    return parser.parse_args()


if __name__ == "__main__":
    main()
