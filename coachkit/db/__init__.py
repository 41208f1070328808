"""Where rows live: tables, migrations, and one file of queries per aggregate.

Queries sort names in Python: PostgreSQL sorts text as its locale does, SQLite by bytes.
"""
