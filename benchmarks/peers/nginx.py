"""nginx's mail proxy: it can speak only plaintext to the upstream, and asks no directory. A floor, not a competitor."""

from __future__ import annotations

from benchmarks.harness.lab import HOST_NAME
from benchmarks.peers.base import ALL_PROTOCOLS, ProxyPeer
from cgappliance.testing.lab.process import free_port

CONFIGURATION = """
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 15000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_auth_protocol $upstream_port {{ imap {imap}; pop3 {pop3}; smtp {smtp}; }}
    server {{
        listen 127.0.0.1:{auth};
        location / {{
            add_header Auth-Status OK;
            add_header Auth-Server 127.0.0.1;
            add_header Auth-Port $upstream_port;
            return 200;
        }}
    }}
}}
mail {{
    auth_http 127.0.0.1:{auth}/;
    server_name {name};
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    proxy_smtp_auth on;
    xclient off;
    imap_auth plain login;
    {servers}
}}
"""


class Nginx(ProxyPeer):
    """TLS in, plaintext out; the password is not checked by it but passed on."""

    name = "nginx"
    about = "nginx mail proxy, TLS in and plaintext out (it can do no other), auth_http answered by itself, no directory"

    def configure(self) -> None:
        """Write one server per protocol."""
        plain = {protocol: self.lab.upstream.ports[f"{protocol}:plain"] for protocol in ALL_PROTOCOLS}
        pair = self.lab.certificate
        servers = "\n    ".join(
            f"server {{ listen 127.0.0.1:{self.ports[protocol]} ssl; protocol {protocol}; }}" for protocol in ALL_PROTOCOLS
        )
        (self.folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder,
                files=min(self.open_files(), 20000),
                auth=free_port(),
                name=HOST_NAME,
                certificate=pair.certificate,
                key=pair.private_key,
                servers=servers,
                **plain,
            )
        )

    def argv(self) -> list[str]:
        """Run in the foreground: master and one worker."""
        return ["/usr/sbin/nginx", "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder)]
