"""From a spec to Kubernetes objects: pure functions that return plain dicts. No I/O, no clock.

What is not fixed by the spec (numbers of replicas, templates of earlier revisions, certificates) is an
argument: it is decided elsewhere.
"""
