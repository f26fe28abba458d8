"""Appointments: asked for, approved, moved, cancelled; and the meetings that follow them."""
