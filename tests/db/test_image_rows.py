from coachkit.db import images
from coachkit.db.images import StoredImage
from coachkit.db.scopes import ACROSS


def test_kept_once(database):
    """Images that are there already are left alone, and new ones beside them are stored."""
    first, second = StoredImage("00.png", "image/png", b"0"), StoredImage("11.svg", "image/svg+xml", b"1")
    with database.write(ACROSS) as conn:
        images.insert(conn, [first])
        images.insert(conn, [first, second])
        assert images.get(conn, "00.png") == first
        assert images.get(conn, "11.svg") == second


def test_none(database):
    """There is no image under a name that none has."""
    with database.read(ACROSS) as conn:
        assert images.get(conn, "00.png") is None
