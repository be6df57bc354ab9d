import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tinygrad_ae.data import download
from tinygrad_ae.data.download import fetch
from tinygrad_ae.errors import DataError
from tinygrad_ae.util.files import cache_folder

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Mirror(ThreadingHTTPServer):
    """Serves ``content`` under any name, as well or badly as it is told to."""

    content = CONTENT
    ranges = True
    lengths = True
    cuts: list[int] = []  # noqa: RUF012 - after how many bytes to hang up, one for each request
    status = 200
    stalls = False

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.woken = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        mirror, asked = self.server, self.headers["Range"]
        mirror.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if mirror.status != 200:
            return self.send_error(mirror.status)
        if not mirror.ranges:
            start = 0
        if start and start >= len(mirror.content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        body = mirror.content[start:]
        if start:
            last = len(mirror.content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(mirror.content)}")
        if mirror.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if mirror.cuts:
            body = body[: mirror.cuts.pop(0)]
        self.wfile.write(body)
        if mirror.stalls:
            mirror.woken.wait(10)
        return None

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def paused(monkeypatch):
    """The pauses between requests, in seconds; nobody waits for them."""
    monkeypatch.setenv("no_proxy", "*")
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def mirrors() -> Iterator[list[Mirror]]:
    servers = [Mirror(), Mirror()]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield servers
    for server in servers:
        server.shutdown()
        server.server_close()


def get(mirrors, folder, **options):
    return fetch("file.gz", [mirror.url for mirror in mirrors], SHA256, folder, **options)


def test_a_file_is_fetched_once_checked_and_kept(mirrors, tmp_path):
    folder = tmp_path / "made" / "on the way"
    seen = []
    path = get(mirrors, folder, progress=lambda *args: seen.append(args))
    assert path == folder / "file.gz"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("file.gz", len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})
    get(mirrors, folder)
    assert (mirrors[0].asked, mirrors[1].asked) == ([None], [])
    assert not (folder / "file.gz.part").exists()


def test_what_is_kept_is_checked_again(mirrors, tmp_path):
    (tmp_path / "file.gz").write_bytes(b"something else")
    assert get(mirrors, tmp_path).read_bytes() == CONTENT


def test_a_cut_connection_is_carried_on_from_where_it_was_cut(mirrors, tmp_path):
    mirrors[0].cuts = [100_000, 50_000]
    assert get(mirrors[:1], tmp_path).read_bytes() == CONTENT
    assert mirrors[0].asked == [None, "bytes=100000-", "bytes=150000-"]


def test_a_later_call_carries_on_even_from_another_mirror(mirrors, tmp_path):
    mirrors[0].cuts = [100_000, 0]
    with pytest.raises(DataError, match=r"cut after 100,000 of 256,000 bytes"):
        get(mirrors[:1], tmp_path)
    assert not (tmp_path / "file.gz").exists()
    seen = []
    get(mirrors[1:], tmp_path, progress=lambda _, done, total: seen.append((done, total)))
    assert mirrors[1].asked == ["bytes=100000-"]
    assert seen[0][0] > 100_000
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_a_mirror_that_always_hangs_up_is_asked_a_few_times_with_longer_and_longer_pauses(
    mirrors, tmp_path, paused
):
    mirrors[0].cuts = [1] * 1000
    assert get(mirrors, tmp_path).read_bytes() == CONTENT
    assert len(mirrors[0].asked) == download.ATTEMPTS
    assert paused == [1, 2, 4, 8, 16]
    assert mirrors[1].asked == [f"bytes={download.ATTEMPTS}-"]


def test_a_mirror_that_sends_no_end_of_bytes_is_left(mirrors, tmp_path, monkeypatch, paused):
    monkeypatch.setattr(download, "LARGEST", 1_000_000)
    mirrors[0].content, mirrors[0].lengths = bytes(5_000_000), False
    with pytest.raises(DataError, match=r"it sends more than 1,000,000 bytes"):
        get(mirrors[:1], tmp_path)
    assert not (tmp_path / "file.gz.part").exists()
    assert (len(mirrors[0].asked), paused) == (1, [])
    assert get(mirrors, tmp_path).read_bytes() == CONTENT


def test_a_mirror_that_takes_for_ever_is_left(mirrors, tmp_path, monkeypatch, paused):
    monkeypatch.setattr(download, "LONGEST", -1)
    with pytest.raises(DataError, match=r"it was not done after -1 s"):
        get(mirrors[:1], tmp_path)
    assert (len(mirrors[0].asked), paused) == (1, [])


def test_a_leftover_that_is_a_link_is_not_followed(mirrors, tmp_path):
    precious = tmp_path / "precious"
    precious.write_bytes(CONTENT[:100])
    (tmp_path / "file.gz.part").symlink_to(precious)
    path = get(mirrors[:1], tmp_path)
    assert path.read_bytes() == CONTENT
    assert not path.is_symlink()
    assert precious.read_bytes() == CONTENT[:100]
    assert mirrors[0].asked == [None]


def test_a_mirror_without_ranges_starts_over(mirrors, tmp_path):
    mirrors[0].ranges = False
    mirrors[0].cuts = [100_000]
    assert get(mirrors[:1], tmp_path).read_bytes() == CONTENT
    assert mirrors[0].asked == [None, "bytes=100000-"]


def test_a_mirror_that_names_no_length(mirrors, tmp_path):
    mirrors[0].lengths = False
    seen = []
    get(mirrors, tmp_path, progress=lambda _, done, total: seen.append((done, total)))
    assert seen[-1] == (len(CONTENT), 0)


@pytest.mark.parametrize("leftover", [b"wrong", b"?" * len(CONTENT), CONTENT + b"more"])
def test_a_leftover_that_is_not_the_files_beginning_is_dropped(mirrors, tmp_path, leftover):
    (tmp_path / "file.gz.part").write_bytes(leftover)
    assert get(mirrors[:1], tmp_path).read_bytes() == CONTENT


def test_a_leftover_that_is_whole_is_taken_without_asking(mirrors, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    assert get(mirrors, tmp_path).read_bytes() == CONTENT
    assert mirrors[0].asked == []


def test_wrong_content_is_dropped_and_the_next_mirror_asked(mirrors, tmp_path):
    mirrors[0].content = CONTENT[:-1] + b"?"
    assert get(mirrors, tmp_path).read_bytes() == CONTENT
    assert (len(mirrors[0].asked), mirrors[1].asked) == (1, [None])


def test_wrong_content_everywhere_is_an_error_and_nothing_stays(mirrors, tmp_path):
    for mirror in mirrors:
        mirror.content = b"an error page"
    found = hashlib.sha256(b"an error page").hexdigest()
    with pytest.raises(
        DataError, match=f"wrong checksum: found SHA-256 {found}, expected {SHA256}"
    ):
        get(mirrors, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file.gz.lock"]


def test_a_dead_mirror_is_passed_over(mirrors, tmp_path):
    gone = Mirror()
    gone.server_close()
    mirrors[0].status = 503
    assert get([gone, *mirrors], tmp_path).read_bytes() == CONTENT


def test_without_network_the_message_says_what_was_tried_and_what_to_do(mirrors, tmp_path):
    gone = Mirror()
    gone.server_close()
    mirrors[0].status = 404
    with pytest.raises(DataError) as caught:
        get([gone, mirrors[0]], tmp_path)
    message = str(caught.value)
    assert "Connection refused" in message
    assert "HTTP status 404" in message
    assert f"put the file at {tmp_path / 'file.gz'} yourself" in message
    assert "digits need no network" in message


def test_a_download_that_brought_nothing_leaves_no_folder(mirrors, tmp_path):
    mirrors[0].status = 404
    with pytest.raises(DataError, match="404"):
        get(mirrors[:1], tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
    mirrors[0].status, mirrors[0].cuts = 200, [100_000, 0]
    with pytest.raises(DataError, match="was cut"):
        get(mirrors[:1], tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder" / "file.gz.part").stat().st_size == 100_000


def test_a_silent_mirror_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    with Mirror() as silent, pytest.raises(DataError, match="timed out"):
        get([silent], tmp_path)  # it accepts the connection, but nobody serves it


def test_a_mirror_that_falls_silent_is_given_up_and_what_it_sent_is_used(
    mirrors, tmp_path, monkeypatch
):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    mirrors[0].cuts, mirrors[0].stalls = [100_000, 0], True
    assert get(mirrors, tmp_path).read_bytes() == CONTENT
    mirrors[0].woken.set()
    assert mirrors[0].asked == [None, "bytes=100000-"]
    assert mirrors[1].asked == ["bytes=100000-"]


def test_a_folder_that_cannot_be_written_is_named(mirrors, tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot be written: .*Set the environment variable"):
        get(mirrors, tmp_path / "file" / "folder")


def test_threads_that_want_the_same_file_fetch_it_once(mirrors, tmp_path):
    wanted = [threading.Thread(target=get, args=(mirrors, tmp_path)) for _ in range(8)]
    for thread in wanted:
        thread.start()
    for thread in wanted:
        thread.join()
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert mirrors[0].asked == [None]


def test_processes_that_want_the_same_file_fetch_it_once(mirrors, tmp_path):
    program = (
        "import pathlib, sys; from tinygrad_ae.data.download import fetch;"
        "fetch('file.gz', [sys.argv[1]], sys.argv[2], pathlib.Path(sys.argv[3]))"
    )
    command = [sys.executable, "-c", program, mirrors[0].url, SHA256, str(tmp_path)]
    processes = [subprocess.Popen(command, env=os.environ) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert mirrors[0].asked == [None]


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv("TINYGRAD_AE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tinygrad_ae"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "tinygrad_ae"
    monkeypatch.setenv("TINYGRAD_AE_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
