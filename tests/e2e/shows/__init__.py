"""Runs that are made to be looked at: a picture of a cluster's life, and what the operator costs.

They measure on the cluster of a provider and write into `docs/operator`. They must check nothing that a
story does not check; they fail only when there is nothing to show.
"""
