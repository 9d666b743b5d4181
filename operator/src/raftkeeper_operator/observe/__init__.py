"""What is there: one frozen picture of a cluster and its surroundings, taken before each decision."""
