"""Environment-aware seeding and fixtures for PostgreSQL."""
