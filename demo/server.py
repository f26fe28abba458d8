"""`python -m demo.server FOLDER`: joins the server of a folder and says where it keeps its data.

Leaving it stops it, if nobody else uses it: after a kill -9 it may be running for nobody.
"""

import sys
from pathlib import Path

import psycopg

from convene import embedded


def main() -> None:
    server = embedded.start(Path(sys.argv[1]))
    with psycopg.connect(server.superuser_url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    if row:
        print(Path(row[0]).parent)


if __name__ == "__main__":
    main()
