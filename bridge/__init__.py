"""The bridge between a user interface and `core`: jobs that run aside and can be watched.

    tasks          what can be asked for, as data: `Generate`, `DownloadModel` ...
    job            `Job`: state, progress, cancel, result
    engine         `Engine`, the one interface; `InProcessEngine` runs tasks on a thread here
    worker_engine  `WorkerEngine` runs them in a process with a Python of its own
    client         `Worker`: one such process, from start to end
    worker/        what runs in that process: boot, then server
    messages, transport, codec, arrays, rpc_errors      what the two sides speak
    pipes, process      what the client holds a worker by
    environment/   the Python with torch and the like that a worker runs in

A user interface submits a task and looks at the `Job` from its own timer; nothing here calls back
into it. Neither torch nor Blender is imported, but for torch by tasks that run in the worker.


The wire
========

The client starts the worker as a child process and speaks JSON-RPC 2.0 with it, framed as in the
Language Server Protocol (`Content-Length: 52`, an empty line, then that many bytes of UTF-8), on
the worker's stdin and stdout. What libraries print goes to stderr. A message has at most 1 MiB
and 32 levels. Whoever reads something else ends the connection, as nobody knows where the next
message begins.

The client says who it is, and where arrays go; the worker says the same of itself. This comes
first, and torch is not imported for it. A worker of another version is not used.

    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
        {"protocol": 1, "version": "0.1.0", "folder": "/tmp/unflat-session-k2v"}}
    {"jsonrpc": "2.0", "id": 1, "result": {"protocol": 1, "version": "0.1.0",
        "python": "3.13.9", "processors": 8, "torch": "2.13.0"}}

A task's fields are the parameters, and what it returns is the result (`tasks`, `codec`). Tasks run
one after the other. Whatever is left out has its default.

    {"jsonrpc": "2.0", "id": 2, "method": "generate", "params":
        {"photo": "/home/ana/cat.jpg", "settings": {"outputs": ["mesh"], "max_error": 0.001}}}
    {"jsonrpc": "2.0", "id": 2, "result": {"model": "builtin", "device": "cpu",
        "depth": {"depth": {"array": "w2.npy"}, "valid": {"array": "w3.npy"},
                  "kind": "relative", ...}, ...}}

    {"jsonrpc": "2.0", "id": 3, "method": "depth", "params": as of generate}
        The same without geometry. The worker remembers what networks said: a `generate` of the
        same photo and model comes without running one again.

    {"jsonrpc": "2.0", "id": 3, "method": "mesh", "params": as of generate}
        The same, but only if the depth is given or remembered; an error of code "depth" otherwise.

    {"jsonrpc": "2.0", "id": 4, "method": "models/list", "params": {}}
    {"jsonrpc": "2.0", "id": 4, "result": [{"id": "midas_v21_small_256", "is_here": true,
        "size": 85761505}, ...]}

    {"jsonrpc": "2.0", "id": 5, "method": "models/download", "params":
        {"model": "midas_v21_small_256", "online": true}}
    {"jsonrpc": "2.0", "id": 6, "method": "models/verify", "params":
        {"model": "midas_v21_small_256"}}
    {"jsonrpc": "2.0", "id": 7, "method": "models/remove", "params":
        {"model": "midas_v21_small_256"}}
        All three answer with the model's new state, as in the list.

    {"jsonrpc": "2.0", "id": 8, "method": "release", "params": {}}
        Gives back the memory of networks, in the computer and on its graphics card.

    {"jsonrpc": "2.0", "id": 9, "method": "shutdown", "params": {}}
        Is answered with null, then the worker ends. It also ends when its stdin does.

An error has one of JSON-RPC's codes if the client is wrong, -32603 if the worker is, -32800 for a
job that was cancelled, and -32000 for what users can do something about: the message is a sentence
for them, `data.code` is that of a class in `core.errors`, or "memory".

    {"jsonrpc": "2.0", "id": 2, "error": {"code": -32000, "message":
        "There is no file /home/ana/cat.jpg.", "data": {"code": "image"}}}

Notifications, which nobody answers. From the worker: where a request stands, as a share of it, and
how long it has taken; after the stage "result" the answer's arrays are being written. A sign of
life every second, also while a task runs. What is logged. From the client: end this request.

    {"jsonrpc": "2.0", "method": "$/progress", "params":
        {"id": 2, "stage": "depth", "fraction": 0.42, "seconds": 1.3}}
    {"jsonrpc": "2.0", "method": "$/heartbeat", "params": {}}
    {"jsonrpc": "2.0", "method": "$/log", "params": {"level": "WARNING", "message": "..."}}
    {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 2}}

A worker that has not answered a second after it was asked to cancel is terminated, then killed.
One that ends, falls silent or breaks these rules is replaced, and its job is tried once more unless
the stage "result" was reached.

Arrays are `.npy` files in the session's folder, which the client makes for itself alone; `arrays`
says who writes, who reads and who deletes them.
"""

PROTOCOL = 1
"""Version of the wire; both sides must have the same."""
