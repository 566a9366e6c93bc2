import gc
import ssl
from pathlib import Path

import pytest

from cgappliance.shared_tls import SharedContexts


def make() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    return path


def test_same_content_is_the_same_context_whatever_its_name(file: Path):
    contexts = SharedContexts()
    other = file.with_name("other")
    other.write_text("one")
    assert contexts.get(make, file) is contexts.get(make, other)


@pytest.mark.parametrize("change", ["content", "kind", "files"])
def test_anything_else_is_another(file: Path, change: str):
    contexts = SharedContexts()
    first = contexts.get(make, file)
    if change == "content":
        file.write_text("two")
    files = [file, file] if change == "files" else [file]
    assert contexts.get(make, *files, kind="other" if change == "kind" else None) is not first


def test_system_cas_are_one_context_until_they_change(file: Path, monkeypatch: pytest.MonkeyPatch):
    contexts = SharedContexts()
    paths = ssl.get_default_verify_paths()._replace(cafile=str(file), capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    first = contexts.get(make, None)
    assert contexts.get(make, None) is first
    file.write_text("another CA")
    assert contexts.get(make, None) is not first


def test_context_goes_with_its_last_user(file: Path):
    contexts, made = SharedContexts(), []

    def counted() -> ssl.SSLContext:
        made.append("one more")
        return make()

    for _ in range(2):
        contexts.get(counted, file)
        gc.collect()
    assert len(made) == 2


def test_files_that_change_while_they_are_read_give_a_context_that_nobody_shares(file: Path):
    contexts = SharedContexts()

    def change_meanwhile() -> ssl.SSLContext:
        file.write_text(file.read_text() + "!")
        return make()

    first = contexts.get(change_meanwhile, file)
    assert contexts.get(make, file) is not first


def test_missing_file_is_an_os_error(file: Path):
    with pytest.raises(OSError, match="missing"):
        SharedContexts().get(make, file.with_name("missing"))
