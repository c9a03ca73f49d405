"""What every process of the daemon runs in, and how supervisord is configured and reached."""
