"""A worker whose output is not its own: a library greets the user."""

import sys

print("Welcome to fastmath 3.1! Please cite us.", flush=True)
sys.stdin.buffer.read()
