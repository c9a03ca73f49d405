"""The tasks of the exam: declarations, one file for each kind."""
