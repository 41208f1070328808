"""Where rows live: tables, migrations, and one file of queries per aggregate."""
