"""Effects: one for each action, safe to repeat, each under the condition that the action names."""
