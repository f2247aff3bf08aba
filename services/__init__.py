"""The processes of MrAster."""
