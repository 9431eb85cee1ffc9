"""age_passphrase.py FILE OUT: opens an age file with the stock `age`, which reads a passphrase from a terminal alone.

The passphrase comes on standard input. Exit status: age's.
"""
import os
import pty
import sys

passphrase = sys.stdin.readline().strip().encode()
child, terminal = pty.fork()
if child == 0:
    os.execvp("age", ["age", "-d", "-o", sys.argv[2], sys.argv[1]])
asked = b""
while b"passphrase" not in asked.lower():
    asked += os.read(terminal, 1024)
os.write(terminal, passphrase + b"\n")
try:
    while os.read(terminal, 1024):
        pass
except OSError:
    pass  # the terminal ended with age
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
