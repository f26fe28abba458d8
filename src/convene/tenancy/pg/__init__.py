"""PostgreSQL with tenant-owned tables: ``(tenant_id, id)`` keys and row-level security."""
