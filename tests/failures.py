"""A failure is told when it happens: a run of an hour need not end before its cause is looked for."""

from __future__ import annotations

import pytest

_LINES = 30  # of what pytest says of a failure; all of it follows at the end


class TellAtOnce:
    """Print what fails, in the process that the terminal belongs to."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print a failure's test and its last lines."""
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            lines = report.longreprtext.splitlines()[-_LINES:]
            terminal.write_line(
                f"\nFAILED {report.nodeid} ({report.when}, {report.duration:.0f} s)", red=True
            )
            terminal.write_line("\n".join(f"  {line}" for line in lines))
