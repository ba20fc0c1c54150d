"""Portfolio: who the users are, and what they own, exactly as they stated it."""
