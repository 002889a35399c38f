"""`python -m bluejacket`, for where the program's own file is not at hand."""

import sys

from bluejacket.cli import main

if __name__ == "__main__":
    sys.exit(main())
