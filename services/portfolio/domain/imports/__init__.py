"""Reading files of positions: the templates, and what brokers let their customers download."""
