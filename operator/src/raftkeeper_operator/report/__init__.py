"""What people are told: status, conditions, events and metrics of each decision."""
