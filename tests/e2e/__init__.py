"""End-to-end tests of the operator and of the images on a real Kubernetes; see README.md here.

`python -m e2e` (from the folder above) brings clusters up and down; `stories/` are the tests. It must
not import the node or the operator: what it knows of them it learns as a user does.
"""
