"""Messages between the processes of one daemon."""
