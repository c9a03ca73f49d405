"""One turn from prompt to done."""
