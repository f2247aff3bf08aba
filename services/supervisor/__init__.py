"""The small supervisor behind `mraster up`."""
