"""Appointment scheduling for managed service providers."""
