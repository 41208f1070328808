"""HTTP: one file per resource, its schemas beside it, and the fast lane in front."""
