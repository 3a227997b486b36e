"""A worker that announces a message of 4 GB."""

import sys

sys.stdout.buffer.write(b"Content-Length: 4294967296\r\n\r\n{")
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
