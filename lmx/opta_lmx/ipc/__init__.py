"""What the server and an engine process say to each other."""
