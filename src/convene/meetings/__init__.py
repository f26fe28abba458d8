"""The seam to online meetings: what a provider is, and which one there is."""
