"""`python -m book`: build the web book and say where it is."""

import argparse
import sys
import time
from pathlib import Path

from book.build import build
from tlkit.course.units import checkout
from tlkit.errors import TlkitError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m book", description=__doc__)
    parser.add_argument("--out", type=Path, help="the folder to build in; build/book where none is given")
    folder, began = parser.parse_args().out, time.perf_counter()
    try:
        pages = build(checkout(), folder)
    except TlkitError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"The book was built in {time.perf_counter() - began:.0f} s: {pages / 'index.html'}")
    return 0


if __name__ == "__main__":  # processes that run notebooks import this file again
    sys.exit(main())
