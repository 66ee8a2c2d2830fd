"""Files that are whole or not there, folders that are never overwritten, JSON and logs that may come from anywhere."""
