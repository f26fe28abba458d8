"""The MSP's clients and the people there who ask for appointments."""
