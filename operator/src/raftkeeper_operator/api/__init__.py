"""What a user and the operator say to each other through the Kubernetes API: the resources' models.

From these models the CRDs are made (`crd.py`), so a field, its default, its bound and its sentence
stand in one place. Data only: nothing here reads a cluster, a clock or a file.
"""
