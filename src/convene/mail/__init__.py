"""Mail: what is to be told, how it reads, and the calendar file that goes with it."""
