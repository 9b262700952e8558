"""`fluentsd slack preview`: Slack without a workspace.

A daemon with the sandbox's channels is connected to the fake Slack of `fluentsd.testing.slack`, and a page on this
machine shows what the product sends and sends what a person does. Nothing here knows what a message of the product
means, so what works here is what is sent to Slack.
"""
