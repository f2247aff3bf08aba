"""The sub-commands of `mraster`."""
