#!/bin/sh
# -I: neither a folder nor a variable of whoever calls it changes what runs
exec /usr/bin/python3 -I -m bluejacket_repair "$@"
