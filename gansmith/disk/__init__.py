"""Safe files and folders: written in one step, never overwritten; JSON and logs are checked when read."""
