"""The shell: `app` builds it, `machine` and `importing` hold what is about this machine and its files, `show` how
answers look, `link` the way to the engine. `service` runs the daemon and needs none of them."""
