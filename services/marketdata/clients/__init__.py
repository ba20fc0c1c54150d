"""The ports of this service: where prices and the calendar come from."""
