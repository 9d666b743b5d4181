"""`kubectl raftkeeper`: what people see of clusters, and the few things they ask for by hand.

It reads and writes the resources of the API, with the rights of whoever calls it, and knows no other way: what it
shows is the status, what it asks for are annotations and backups. The operator itself must not import it.
"""
