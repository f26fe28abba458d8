"""The demo: everything that Convene needs, with people in it, in one command."""
