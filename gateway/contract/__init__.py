"""The contract as the gateway reads it: every RPC with its policy, its paths and what the comments say."""
