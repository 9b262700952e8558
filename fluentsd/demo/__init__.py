"""`fluentsd demo`: weeks of a campaign in seconds, on carriers that exist only on this machine.

A CSV of a few hundred messy people is imported, a four-step campaign is applied and started by the same verbs people
type, and the daemon's own loops carry it out on a simulated clock. At the end the carriers, not the engine, say
whether a promise was broken.
"""
