"""Logins and proxies work, and no secret of theirs is told to anyone."""

from __future__ import annotations

import hashlib
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bluejacket.errors import OutsideError, UserError
from bluejacket.foundation.fetch import DiskFull, Fetcher, Login, Proxies, Wanted, read_logins
from bluejacket.store import Store
from fetching import CONTENT, QUICK, site_with_file, wanted
from told import Told
from webserver import Site, body, proxy, redirect, serve, status, truncated

SECRET = "gehe1m%21"  # as it stands in an address
PLAIN = "gehe1m!"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_with_file(tmp_path / "site") as served:
        yield served


def fetcher(
    tmp_path: Path, told: Told, proxies: Proxies | None = None, logins: tuple[Login, ...] = ()
) -> Fetcher:
    store = Store(tmp_path / "store")
    return Fetcher(store, told, proxies=proxies or Proxies(), logins=logins, limits=QUICK)


def test_login_of_the_address(tmp_path: Path, site: Site) -> None:
    site.login = f"jack:{PLAIN}"
    with fetcher(tmp_path, Told()) as fetching:
        assert fetching.fetch(wanted(site.url("/file", f"jack:{SECRET}"))).read_bytes() == CONTENT


def test_login_of_a_netrc(tmp_path: Path, site: Site) -> None:
    site.login = "jack:s3cret"
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "# mine\nmachine other.example login x\nmachine 127.0.0.1\n  login jack\n  password s3cret\n"
    )
    with fetcher(tmp_path, Told(), logins=read_logins(netrc)) as fetching:
        fetching.fetch(wanted(site.url("/file")))


def test_apt_login_is_sent_over_plain_http_only_if_it_says_so(tmp_path: Path, site: Site) -> None:
    site.login = "jack:s3cret"
    file = tmp_path / "mirror.conf"
    file.write_text("machine 127.0.0.1 login jack password s3cret\n")
    with (
        fetcher(tmp_path, Told(), logins=read_logins(file, apt=True)) as fetching,
        pytest.raises(OutsideError, match="refuses the login, or wants one"),
    ):
        fetching.fetch(wanted(site.url("/file")))
    file.write_text(f"machine http://127.0.0.1:{site.port}/file login jack password s3cret\n")
    with fetcher(tmp_path, Told(), logins=read_logins(file, apt=True)) as fetching:
        fetching.fetch(wanted(site.url("/file")))


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        ("https://h.example/debian", True),
        ("https://h.example/debian/pool/x", True),
        ("https://h.example/debian-security/x", False),
        ("http://h.example/debian/x", False),
        ("https://evil.example/debian/x", False),
        ("https://h.example.evil.example/debian/x", False),
    ],
)
def test_login_goes_nowhere_else(url: str, fits: bool) -> None:
    assert Login("h.example", "u", "p", scheme="https", path="/debian").fits(url) is fits
    assert not Login("h.example", "u", "p", port=8443, path="/debian").fits(url)


def test_login_stays_when_redirected_elsewhere(tmp_path: Path, site: Site) -> None:
    with site_with_file(tmp_path / "other") as elsewhere, fetcher(tmp_path, Told()) as fetching:
        site.always("/file", redirect(elsewhere.url("/file")))
        fetching.fetch(wanted(site.url("/file", f"jack:{SECRET}")))
        assert site.asked[0].login == f"jack:{PLAIN}"
        assert "authorization" not in elsewhere.asked[0].headers


def test_netrc_without_a_login_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "netrc"
    file.write_text("\nmachine h.example password p\n")
    with pytest.raises(UserError) as caught:
        read_logins(file)
    assert str(caught.value) == f"{file}:2: machine h.example has no login (add `login NAME`)"


def test_proxy_with_a_login(tmp_path: Path, site: Site) -> None:
    with (
        proxy(f"px:{PLAIN}") as between,
        fetcher(tmp_path, Told(), Proxies(http=between.url("", f"px:{SECRET}"))) as fetching,
    ):
        fetching.fetch(wanted(site.url("/file")))
        assert [asked.path for asked in between.asked] == [site.url("/file")]
        assert site.count("/file") == 1


def test_proxy_of_the_environment_and_its_exceptions(tmp_path: Path, site: Site) -> None:
    with proxy() as between:
        through = Proxies.from_environment({"http_proxy": f"127.0.0.1:{between.port}"})
        with fetcher(tmp_path, Told(), through) as fetching:
            fetching.get_small([site.url("/file")], len(CONTENT))
        assert len(between.asked) == 1
        for rule in ("127.0.0.1", "127.0.0.0/8", f"127.0.0.1:{site.port}", "*"):
            around = Proxies.from_environment({"http_proxy": between.url(), "no_proxy": f"x.example, {rule}"})
            with fetcher(tmp_path, Told(), around) as fetching:
                fetching.get_small([site.url("/file")], len(CONTENT))
        assert len(between.asked) == 1


@pytest.mark.parametrize(
    ("rule", "host", "direct"),
    [
        (".example.org", "a.example.org", True),
        ("example.org", "a.example.org", True),
        ("*.example.org", "a.example.org", True),
        ("example.org", "badexample.org", False),
        ("example.org:81", "example.org", False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "ten.example", False),
    ],
)
def test_no_proxy_rules(rule: str, host: str, direct: bool) -> None:
    proxies = Proxies(http="http://proxy.example:3128", direct=(rule,))
    assert (proxies.for_url("http", host, 80) is None) is direct


def test_capital_http_proxy_is_ignored_and_other_kinds_are_refused() -> None:
    assert Proxies.from_environment({"HTTP_PROXY": "http://evil.example"}).http is None
    with pytest.raises(UserError) as caught:
        Proxies(http=f"socks5://u:{SECRET}@proxy.example")
    assert "socks5://***@proxy.example is neither http:// nor https://" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "fault", ["404", "500", "401", "hash", "reset", "refused", "loop", "proxy", "unsupported"]
)
def test_no_secret_is_told(tmp_path: Path, site: Site, caplog: pytest.LogCaptureFixture, fault: str) -> None:
    """Nothing that is raised, reported or logged, at any level, holds a password or a token."""
    caplog.set_level(logging.DEBUG)
    told = Told()
    proxies = Proxies()
    login = f"jack:{SECRET}"
    url = site.url("/file?sig=T0KEN&x=1", login)
    acts = {
        "404": status(404),
        "500": status(500),
        "401": status(401),
        "hash": body(bytes(len(CONTENT))),
        "reset": truncated(5),
        "loop": redirect(f"http://{login}@127.0.0.1:{site.port}/file?sig=T0KEN"),
    }
    if fault in acts:
        site.always("/file", acts[fault])
    elif fault == "refused":
        url = f"http://{login}@127.0.0.1:1/file?sig=T0KEN"
    elif fault == "proxy":
        proxies = Proxies(http=f"http://{login}@127.0.0.1:1")
    else:
        url = f"ftp://{login}@127.0.0.1/file?sig=T0KEN"
    with fetcher(tmp_path, told, proxies) as fetching, pytest.raises(OutsideError) as caught:
        fetching.fetch(wanted(url))
    chain: BaseException | None = caught.value
    texts = [told.text, caplog.text, *(bar.title for bar in told.bars)]
    while chain is not None:
        texts += [str(chain), repr(chain)]
        chain = chain.__cause__
    everything = "\n".join(texts)
    for secret in (SECRET, PLAIN, "T0KEN"):
        assert secret not in everything
    assert "/file" in everything or fault == "proxy"


def test_login_and_proxy_are_not_shown_by_repr() -> None:
    assert PLAIN not in repr(Login("h.example", "jack", PLAIN))
    assert SECRET not in repr(Proxies(http=f"http://px:{SECRET}@proxy.example"))


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for 127.0.0.1, with its key, that this process trusts."""
    file, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", file], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    file.write_text(file.read_text() + key.read_text())
    return file


def test_tls_directly_and_through_a_proxy(tmp_path: Path, site: Site, certificate: Path) -> None:
    with serve(site.folder, certificate) as secure, proxy() as between:
        with fetcher(tmp_path, Told()) as fetching:
            assert fetching.get_small([secure.url("/file")], len(CONTENT)) == CONTENT
        with fetcher(tmp_path, Told(), Proxies(https=between.url(""))) as fetching:
            assert fetching.get_small([secure.url("/file")], len(CONTENT)) == CONTENT
        assert [asked.path for asked in between.asked] == [f"127.0.0.1:{secure.port}"]


def test_unknown_certificate_is_refused(
    tmp_path: Path, site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with (
        serve(site.folder, certificate) as secure,
        fetcher(tmp_path, Told()) as fetching,
        pytest.raises(OutsideError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        fetching.get_small([secure.url("/file")], len(CONTENT))


def test_redirect_away_from_tls_is_refused(tmp_path: Path, site: Site, certificate: Path) -> None:
    """What TLS vouches for, such as a metalink, must come by TLS to its end."""
    with serve(site.folder, certificate) as secure, fetcher(tmp_path, Told()) as fetching:
        secure.always("/metalink", redirect(site.url("/file")))
        with pytest.raises(OutsideError, match="redirected from https to http"):
            fetching.get_small([secure.url("/metalink")], len(CONTENT))
        secure.always("/moved", redirect(secure.url("/file")))
        assert fetching.get_small([secure.url("/moved")], len(CONTENT)) == CONTENT


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """One MiB of disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=False, capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("a small file system needs the right to mount one")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_full_disk_is_one_clear_sentence(small_disk: Path, site: Site) -> None:
    store = Store(small_disk)
    others = []
    for n in range(3):
        content = bytes([n]) * 10
        (site.folder / f"o{n}").write_bytes(content)
        others.append(Wanted(f"o{n}", (site.url(f"/o{n}"),), 10, hashlib.sha256(content).hexdigest()))
    with Fetcher(store, Told(), proxies=Proxies(), limits=QUICK) as fetching:
        with pytest.raises(DiskFull) as caught:
            fetching.fetch_all([wanted(site.url("/file")), *others])
        assert str(caught.value).startswith(f"the disk that holds {small_disk} is full (free some room")
        assert "\n" not in str(caught.value)
        assert list((small_disk / "parts").iterdir()) == []
        assert site.count("/file") == 1, "a full disk is no fault of the mirror"
        fetching.fetch_all(others)
