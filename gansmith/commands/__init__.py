"""What the commands do, one file a kind: training, looking, measuring, reporting."""
