"""`fluentsd demo`: runs weeks of a campaign in seconds, with simulated carriers on this machine.

It imports a CSV of a few hundred messy people and applies and starts a four-step campaign with the verbs of the shell.
The daemon's own loops run the campaign on a simulated clock. At the end the records of the carriers, not those of the
engine, show whether a promise was broken.
"""
