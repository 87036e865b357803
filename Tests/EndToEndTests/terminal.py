"""Runs a command on a pseudo-terminal, types keys, and reports what was written and what is on the screen.

terminal.py [--columns N] [--type WHEN=KEYS]... COMMAND...

Each KEYS are typed, in the order given, when WHEN has been written since the last ones. Prints a JSON object: `raw`, what
the command has written; `lines`, the screen at the end; `widest`, the longest line that the screen ever had and the command
erased; `status`, its exit code.
"""

import argparse
import fcntl
import json
import os
import pty
import struct
import sys
import termios

parser = argparse.ArgumentParser()
parser.add_argument("--columns", type=int, default=80)
parser.add_argument("--type", action="append", default=[])
parser.add_argument("command", nargs=argparse.REMAINDER)
arguments = parser.parse_args()

process, terminal = pty.fork()
if process == 0:
    # The size has to be known before the command asks for it.
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, arguments.columns, 0, 0))
    os.execvp(arguments.command[0], arguments.command)

keys = [text.split("=", 1) for text in arguments.type]
written, seen = "", 0
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other side is closed
        break
    if not part:
        break
    written += part.decode("utf-8", "replace")
    while keys and keys[0][0] in written[seen:]:
        seen = written.index(keys[0][0], seen) + len(keys[0][0])
        os.write(terminal, keys.pop(0)[1].encode())
_, status = os.waitpid(process, 0)

lines, line, widest = [], "", 0
position = 0
while position < len(written):
    rest = written[position:]
    if rest.startswith("\x1b[K"):
        widest = max(widest, len(line))
        line, position = "", position + 3
    elif rest.startswith("\x1b["):
        position += rest.index("m") + 1
    elif rest[0] == "\n":
        lines.append(line)
        line, position = "", position + 1
    else:
        if rest[0] != "\r":
            line += rest[0]
        position += 1
lines.append(line)
json.dump(
    {"raw": written, "lines": lines, "widest": widest, "status": os.waitstatus_to_exitcode(status)}, sys.stdout)
