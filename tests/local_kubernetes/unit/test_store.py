"""Objects, versions and the log of changes."""

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_kubernetes.errors import ApiError
from local_kubernetes.store import HISTORY, Key, Store

A, B = Key("pods", "n", "a"), Key("pods", "m", "b")


def _object(key, **more):
    return {"metadata": {"name": key.name, "namespace": key.namespace}, **more}


@pytest.fixture
def store(tmp_path):
    """An empty store."""
    store = Store(tmp_path / "objects.sqlite")
    yield store
    store.close()


def test_every_change_gets_the_next_version(store):
    """Also a deletion, whose last state carries it."""
    first = store.put(A, _object(A)).object["metadata"]["resourceVersion"]
    second = store.put(A, _object(A, x=1)).object["metadata"]["resourceVersion"]
    last = store.remove(A)["metadata"]["resourceVersion"]

    assert [int(second) - int(first), int(last) - int(second)] == [1, 1]
    assert store.get(A) is None
    assert store.remove(A) is None


def test_objects_are_listed_by_namespace_and_name(store):
    """One namespace or all."""
    store.put(A, _object(A))
    store.put(B, _object(B))

    assert [obj["metadata"]["name"] for obj in store.objects("pods")] == ["b", "a"]
    assert [obj["metadata"]["name"] for obj in store.objects("pods", "n")] == ["a"]
    assert store.objects("secrets") == []


def test_a_stale_version_is_a_conflict(store):
    """Optimistic locking; a missing object is one as well."""
    version = store.put(A, _object(A)).object["metadata"]["resourceVersion"]
    store.put(A, _object(A, x=1), expected_version=version)

    with pytest.raises(ApiError) as stale:
        store.put(A, _object(A, x=2), expected_version=version)
    with pytest.raises(ApiError) as missing:
        store.put(B, _object(B), expected_version="1")

    assert stale.value.code == missing.value.code == 409
    assert store.get(A).object["x"] == 1


def test_the_caller_may_keep_its_object(store):
    """What is stored is a new object; the given one is not touched."""
    given_object = _object(A)

    store.put(A, given_object)

    assert given_object == _object(A)


def test_another_start_finds_everything(tmp_path):
    """Objects, their versions, and a counter that never goes back, even after deletions."""
    path = tmp_path / "objects.sqlite"
    first = Store(path)
    first.put(A, _object(A, x="ě"))
    first.put(B, _object(B))
    first.remove(B)
    first.close()

    second = Store(path)

    assert second.version == first.version
    assert second.get(A).object == first.get(A).object
    assert second.get(B) is None
    with pytest.raises(ApiError) as old:
        second.changes_since(first.version - 1)
    assert old.value.code == 410
    assert second.changes_since(second.version) == []
    second.close()


def test_a_store_without_close_is_whole(tmp_path):
    """As after kill -9: what was put is there."""
    path = tmp_path / "objects.sqlite"
    abandoned = Store(path)
    abandoned.put(A, _object(A))

    again = Store(path)

    assert again.get(A) is not None
    again.close()
    abandoned.close()


def test_listeners_hear_of_changes_in_order_until_they_leave(store):
    """Type, and the state before."""
    heard = []
    leave = store.listen(lambda change: heard.append((change.type, change.before and change.before.get("x"))))
    store.put(A, _object(A, x=1))
    store.put(A, _object(A, x=2))
    store.remove(A)
    leave()
    store.put(A, _object(A))

    assert heard == [("ADDED", None), ("MODIFIED", 1), ("DELETED", 2)]


def test_the_log_forgets_and_says_so(store):
    """A watch that is too old is told, instead of losing changes silently."""
    begin = store.version
    for number in range(HISTORY + 5):
        store.put(A, _object(A, x=number))

    with pytest.raises(ApiError) as old:
        store.changes_since(begin)
    oldest = store.version - HISTORY

    assert old.value.code == 410
    assert len(store.changes_since(oldest)) == HISTORY


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([A, B]), st.booleans()), max_size=20), st.integers(0, 20))
def test_a_resumed_watch_sees_exactly_what_it_missed(tmp_path_factory, steps, cut):
    """Replaying the changes since any version over the state of then gives the state of now."""
    store = Store(tmp_path_factory.mktemp("store") / "objects.sqlite")
    picture, version = {}, store.version
    for number, (key, removes) in enumerate(steps):
        if removes:
            store.remove(key)
        else:
            store.put(key, _object(key, x=number))
        if number == cut:
            picture = {(key, None): store.get(key).object for key in (A, B) if store.get(key)}
            version = store.version

    for change in store.changes_since(version):
        if change.type == "DELETED":
            picture.pop((change.key, None), None)
        else:
            picture[change.key, None] = change.object

    assert picture == {(key, None): store.get(key).object for key in (A, B) if store.get(key)}
    store.close()


def test_a_full_disk_is_an_answer_not_a_crash(store):
    """The store refuses, keeps its state and can go on."""
    store.put(A, _object(A))
    store._database.execute("PRAGMA query_only = ON")

    with pytest.raises(ApiError, match="could not be written to disk"):
        store.put(A, _object(A, x=1))

    assert "x" not in store.get(A).object
    store._database.execute("PRAGMA query_only = OFF")
    assert store.put(A, _object(A, x=2)).object["x"] == 2


def test_a_damaged_file_is_reported(tmp_path):
    """Not silently started anew."""
    path = tmp_path / "objects.sqlite"
    path.write_bytes(b"not a database" * 100)

    with pytest.raises(sqlite3.DatabaseError):
        Store(path)
