"""How the operator talks to others: the API server, and the members' admin API. Decides nothing."""
