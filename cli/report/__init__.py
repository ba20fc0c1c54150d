"""What the services answered about a portfolio, laid out for a reader. It renders only: fetching is done elsewhere."""
