"""`python -m bluejacket`, for where the program's own file is not at hand."""

from bluejacket.cli import run

if __name__ == "__main__":
    run()
