"""An API server in memory, for tests: objects, applies, preconditions, watches. No controllers."""
