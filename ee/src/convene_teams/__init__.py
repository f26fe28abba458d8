"""Microsoft Teams meetings for Convene."""
