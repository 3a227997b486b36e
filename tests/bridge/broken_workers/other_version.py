"""A worker that an older Unflat left behind."""

import json
import sys

length = int(sys.stdin.buffer.readline().split(b":")[1])
sys.stdin.buffer.readline()
call = json.loads(sys.stdin.buffer.read(length))
report = {"protocol": 1, "version": "0.0.1"}
answer = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": report}).encode()
sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(answer), answer))
sys.stdout.buffer.flush()
sys.stdin.buffer.read()
