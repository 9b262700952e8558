"""Attacks that once succeeded, each as a kind: red on the code before its fix."""
