import gevent
import pytest
from gevent.event import Event

from cgappliance.server import watch as module
from cgappliance.server.watch import watch


class Watched:
    """A folder that is watched, and how often something was said about it."""

    def __init__(self, folder):
        self.folder, self.said, self.stop, self.news = folder, 0, Event(), Event()
        begun = Event()
        self.job = gevent.spawn(watch, folder, self.changed, self.stop, begun.set)
        assert begun.wait(5)

    def changed(self):
        self.said += 1
        self.news.set()

    def hears(self):
        """Wait for news, and until it is quiet."""
        heard = self.news.wait(5)
        gevent.sleep(3 * module.QUIET_S)
        return heard


@pytest.fixture
def watched(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    watched = Watched(tmp_path)
    yield watched
    watched.stop.set()
    watched.job.kill()


def test_new_file_is_noticed_once(watched):
    (watched.folder / "acme.toml").write_text("x")
    assert watched.hears()
    assert watched.said == 1


def test_file_that_is_renamed_into_place_is_noticed(watched):
    (watched.folder / ".acme.new").write_text("x")
    gevent.sleep(0.1)
    assert watched.said == 0
    (watched.folder / ".acme.new").rename(watched.folder / "acme.toml")
    assert watched.hears()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("other"),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_suffix(".off")),
        lambda path: path.chmod(0o600),
    ],
)
def test_every_change_of_a_file_is_noticed(watched, change):
    path = watched.folder / "acme.toml"
    path.write_text("x")
    assert watched.hears()
    watched.news.clear()
    change(path)
    assert watched.hears()
    assert watched.said == 2


def test_many_files_at_once_are_one_change(watched):
    for number in range(50):
        (watched.folder / f"tenant{number}.toml").write_text("x")
    assert watched.hears()
    assert watched.said == 1


def test_change_without_end_is_told_all_the_same(watched, monkeypatch):
    monkeypatch.setattr(module, "AT_LEAST_EVERY_S", 0.2)
    path = watched.folder / "acme.toml"
    with gevent.Timeout(5):
        while not watched.said:
            path.write_text("x")
            gevent.sleep(0.01)


def test_other_files_are_nobodys_business(watched):
    (watched.folder / "acme.toml~").write_text("x")
    (watched.folder / "README").write_text("x")
    gevent.sleep(0.2)
    assert watched.said == 0


def test_nothing_happens_unnoticed_after_the_watch_has_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUIET_S", 0.05)
    heard, stop = Event(), Event()
    # a file that appears while somebody looks at what happened before
    job = gevent.spawn(watch, tmp_path, heard.set, stop, lambda: (tmp_path / "acme.toml").write_text("x"))
    assert heard.wait(5)
    stop.set()
    job.kill()


def test_watch_ends_when_told(watched):
    watched.stop.set()
    watched.job.join(3)
    assert watched.job.ready()


def test_folder_that_cannot_be_watched_is_a_warning_with_a_remedy(tmp_path, logged):
    watch(tmp_path / "missing", lambda: None, Event())
    assert "event=watch.failed" in logged()
    assert "cgappliance reload" in logged()
