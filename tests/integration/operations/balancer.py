"""A real HAProxy in front of nodes, as docs/examples/haproxy.cfg has it."""

from pathlib import Path

from cgappliance.model import MailProtocol
from cgappliance.testing.lab.process import ServerProcess, free_port, port_open

HEAD = """\
global
    maxconn 2000
    stats socket {folder}/haproxy.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 2s
    timeout client 40m
    timeout server 40m
    timeout check 1s
    retries 2
    option redispatch 1
"""


class Balancer:
    """``with Balancer(folder, nodes) as balancer:``; ``balancer.ports[protocol]`` is what clients connect to."""

    def __init__(
        self, folder: Path, nodes: dict[str, dict[MailProtocol, int]], *, check_ports=None, header="send-proxy-v2", source=""
    ):
        """Balance over nodes.

        Args:
            folder: for its files.
            nodes: name to the ports of its protocols.
            check_ports: name to the port where ``/readyz`` is asked; None: no checks.
            header: the server option that sends a PROXY header.
            source: the address that it connects from.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.ports = {protocol: free_port() for protocol in MailProtocol}
        text = HEAD.format(folder=folder)
        if check_ports:
            text += "    option httpchk GET /readyz\n"
        if source:
            text += f"    source {source}\n"
        for protocol, port in self.ports.items():
            text += f"listen {protocol.value}\n    bind 127.0.0.1:{port}\n    balance roundrobin\n"
            for name, ports in nodes.items():
                check = f" check port {check_ports[name]} inter 200ms fall 2 rise 1" if check_ports else ""
                text += f"    server {name} 127.0.0.1:{ports[protocol]} {header}{check}\n"
        config = folder / "haproxy.cfg"
        config.write_text(text)
        self.process = ServerProcess(
            ["haproxy", "-db", "-f", config],
            log=folder / "haproxy.log",
            ready=lambda: all(port_open("127.0.0.1", port) for port in self.ports.values()),
            exits=frozenset({0, 143, -15}),
        )

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, kind, error, trace):
        self.process.kill()
