"""What the command line does with LMX itself."""
