#!/bin/sh
# systemd calls it when a command's unit has ended, however it did: see systemd.exec(5), $SERVICE_RESULT.
echo "${SERVICE_RESULT:-unknown} ${EXIT_CODE:-none} ${EXIT_STATUS:-none}" >"$1/ended.part" &&
    mv "$1/ended.part" "$1/ended"
