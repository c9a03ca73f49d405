"""Model servers: what they say about their models, and how those of this machine are found."""
