"""The control socket: verbs for a running daemon.

A Unix socket (mode 0600, or 0660 with a group) with one JSON object per line. The request `{"verb", "arguments",
"request_id", "revision"}` is answered by `{"ok": true, "answer"}`, `{"ok": false, "refused", "suggestion"}` (the verb's
reason, and the verb that helps; nothing was changed) or `{"ok": false, "error"}` (a fault of the request, the database
or the daemon), each with the number of the `protocol`. A connection may send many requests, one after the other.

`server` is the daemon's side, `client` the shell's, `protocol` what both know. The shell must start fast, so `client`
and `protocol` import nothing of the engine.
"""
