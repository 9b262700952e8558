"""The shell. `app` builds the command line from the verbs; `commands` holds the commands about this machine.

`client` reaches a running daemon or opens the database itself, `runner` runs one command and turns errors into exit
statuses. `import_csv` (its work: `importing`), `suppression_files`, `templates` and `files` read and write the user's
files. `views`, `screen` and `format` print answers. `service` runs the daemon and imports none of them but `runner`.

What a command does not need is imported inside a function: `fluentsd --help` takes little longer than Python and typer.
"""
