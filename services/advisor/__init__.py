"""Thinks: turns a candidate into a plan."""
