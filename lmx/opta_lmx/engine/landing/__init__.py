"""Landing: an answer that has to be JSON ends as JSON, however few tokens it may have."""
