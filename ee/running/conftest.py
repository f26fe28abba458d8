from ee.running.fixtures import office, product

__all__ = ["office", "product"]
