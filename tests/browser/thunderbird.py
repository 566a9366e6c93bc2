"""Debian's Thunderbird on a screen of its own, with an empty profile, driven through its own windows as a user would.

It trusts the lab's authority, and reaches the world through a ``Tunnel``. Nothing of its account is prepared: it has to find out.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cgappliance.testing.lab.process import ServerProcess, clean_environment, free_port, port_open, wait_until
from tests.browser.marionette import Marionette
from tests.browser.tunnel import Tunnel

PROGRAM: Final = "/usr/lib/thunderbird/thunderbird"  #: Debian's /usr/bin/thunderbird is a script that looks for old profiles
START_TIMEOUT_S: Final = 60.0  #: 3 s on an idle machine
STEP_TIMEOUT_S: Final = 30.0  #: each page of its set-up

#: what keeps it from talking to anybody but the tunnel, and from asking what is no part of a set-up
PREFERENCES: Final[dict[str, Any]] = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.update.enabled": False,
    "intl.accept_languages": "en",
    "mail.biff.show_alert": False,
    "mail.chat.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mail.winsearch.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.allow_hijacking_localhost": True,
    "network.proxy.type": 1,
    "signon.rememberSignons": True,
    "security.sandbox.content.level": 0,  # a container may forbid the namespaces that it wants
    "toolkit.telemetry.enabled": False,
}

#: finds elements of its set-up, which a new profile opens by itself; those that are shown before others
FIND: Final = """
const roots = [];
const dig = root => {
  roots.push(root);
  root.querySelectorAll("*").forEach(element => element.shadowRoot && dig(element.shadowRoot));
};
const hub = document.querySelector("account-hub-container");
if (hub) dig(hub.shadowRoot);
const shown = element => element.getClientRects().length > 0;
const find = selector => {
  const all = roots.flatMap(root => Array.from(root.querySelectorAll(selector)));
  return all.find(shown) ?? all[0];
};
"""
FORWARD: Final = 'find("account-hub-footer #forward")'

SUCCESS: Final = "email-added-success"  #: what its set-up shows at its end
FAILURE: Final = ".error"  #: what it shows when the password was refused

MAIL: Final = 'const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");'
INBOX: Final = f"""{MAIL}
const server = MailServices.accounts.allServers.find(one => one.type != "none");
const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
"""
READ: Final = f"""{INBOX}
const {{NetUtil}} = ChromeUtils.importESModule("resource://gre/modules/NetUtil.sys.mjs");
const messages = [];
for (const header of inbox.msgDatabase.enumerateMessages()) {{
  const uri = inbox.getUriForMsg(header);
  const source = await new Promise((done, failed) => {{
    const parts = [];
    const listener = {{
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
      onStartRequest() {{}},
      onDataAvailable(request, stream, offset, count) {{ parts.push(NetUtil.readInputStreamToString(stream, count)); }},
      onStopRequest(request, status) {{ Components.isSuccessCode(status) ? done(parts.join("")) : failed(status); }},
    }};
    MailServices.messageServiceFromURI(uri).streamMessage(uri, listener, null, null, false, "");
  }});
  messages.push([header.mime2DecodedSubject, source]);
}}
return messages;
"""
SEND: Final = """
const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const make = (name, kind) => Cc[`@mozilla.org/messengercompose/${name};1`].createInstance(Ci[kind]);
const identity = MailServices.accounts.allIdentities[0];
const fields = make("composefields", "nsIMsgCompFields");
[fields.from, fields.to, fields.subject, fields.body] = [identity.email, ...args];
const parameters = make("composeparams", "nsIMsgComposeParams");
parameters.composeFields = fields;
parameters.identity = identity;
parameters.format = Ci.nsIMsgCompFormat.PlainText;
parameters.type = Ci.nsIMsgCompType.New;
const compose = make("compose", "nsIMsgCompose");
compose.initialize(parameters, window, null);
await compose.sendMsg(Ci.nsIMsgSend.nsMsgDeliverNow, identity, "", null, null);
"""


class Thunderbird:
    """``with Thunderbird(folder, ca_file, tunnel) as program:`` has its first window open; ``program.inside`` runs script in it."""

    def __init__(self, folder: Path, ca_file: Path, tunnel: Tunnel) -> None:
        """Make screen and profile; nothing runs before ``start``."""
        self._profile = folder / "profile"
        self._profile.mkdir(parents=True)
        port = free_port()
        proxy = {f"network.proxy.{kind}": "127.0.0.1" for kind in ("http", "ssl")}
        ports = {f"network.proxy.{kind}_port": tunnel.port for kind in ("http", "ssl")}
        names = {"network.dns.localDomains": f"mail.{tunnel.domain}"}  # mail itself goes through no HTTP proxy
        self._write({**PREFERENCES, **proxy, **ports, **names, "marionette.port": port})
        self._trust(ca_file)
        command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x1000x24", "-nolisten", "tcp"]
        self._screen = ServerProcess(command, log=folder / "xvfb.log", ready=lambda: self._display)
        argv = [PROGRAM, "--no-remote", "--profile", self._profile, "--marionette", "--remote-allow-system-access"]
        self.process = ServerProcess(
            argv, log=folder / "thunderbird.log", ready=lambda: port_open("127.0.0.1", port), start_timeout_s=START_TIMEOUT_S
        )
        self.process.environment.update(
            HOME=str(folder), MOZ_CRASHREPORTER_DISABLE="1", DBUS_SESSION_BUS_ADDRESS="disabled:", GDK_BACKEND="x11"
        )
        self._port = port

    @property
    def _display(self) -> str:
        found = re.search(r"^(\d+)$", self._screen.log_text(), re.MULTILINE)
        return f":{found[1]}" if found else ""

    def _write(self, preferences: dict[str, Any]) -> None:
        lines = (f'user_pref("{name}", {_script(value)});\n' for name, value in preferences.items())
        (self._profile / "user.js").write_text("".join(lines))

    def _trust(self, ca_file: Path) -> None:
        database = f"sql:{self._profile}"
        for arguments in (["-N", "--empty-password"], ["-A", "-n", "lab", "-t", "CT,,", "-i", str(ca_file)]):
            command = ["certutil", "-d", database, *arguments]
            subprocess.run(command, check=True, capture_output=True, env=clean_environment(), timeout=START_TIMEOUT_S)

    def start(self) -> Self:
        """Open its first window. Blocks."""
        self._screen.start()
        self.process.environment["DISPLAY"] = self._display
        self.process.start()
        self.inside = Marionette(self._port)
        return self

    def set_up(self, name: str, address: str) -> list[str]:
        """Begin its set-up with what a user knows, and return the servers that it found: kind, host and port."""
        self._wait_for("#realName")
        self._type("#realName", name)
        self._type("#email", address)
        self._go_on("#configSelection")
        self.keep_picture("found")
        found = self._in_hub(
            """return ["incoming", "outgoing"].map(
                 way => ["Type", "Host", "Port"].map(part => find(`#${way}${part}`).textContent).join(" "));"""
        )
        self._go_on("#password")
        return list(found)

    def enter(self, password: str, then: str = SUCCESS) -> None:
        """Have it try a password. Blocks until ``then`` shows."""
        self._type("#password", password)
        self._go_on(then)

    def accounts(self) -> list[str]:
        """Return the kinds of its accounts, its local folders left out."""
        kinds = self.inside.run(f"{MAIL} return MailServices.accounts.allServers.map(one => one.type)")
        return [kind for kind in kinds if kind != "none"]

    def read_inbox(self) -> list[tuple[str, str]]:
        """Have mail fetched, and return subject and source of each message of the inbox. Blocks until there is one."""
        self.inside.run(f"{INBOX} server.getNewMessages(inbox, null, null)")
        wait_until(lambda: self.inside.run(f"{INBOX} return inbox?.getTotalMessages(false) > 0"), "a message", STEP_TIMEOUT_S)
        return [(subject, source) for subject, source in self.inside.run(READ)]

    def send(self, recipient: str, subject: str, text: str) -> None:
        """Write a message and send it. Blocks until the program says that it went."""
        self.inside.run(SEND, recipient, subject, text)

    def _in_hub(self, script: str, *values: Any) -> Any:
        return self.inside.run(FIND + script, *values)

    def _type(self, field: str, text: str) -> None:
        self._in_hub(
            """const field = find(args[0]);
               field.focus(); field.value = args[1]; field.dispatchEvent(new Event("input", {bubbles: true}));""",
            field,
            text,
        )

    def _go_on(self, then: str) -> None:
        """Press the button that leads on, and wait for what the next page has."""
        wait_until(lambda: self._in_hub(f"return !{FORWARD}.disabled"), "Thunderbird's button", STEP_TIMEOUT_S)
        self._in_hub(f"{FORWARD}.click()")
        self._wait_for(then)

    def _wait_for(self, selector: str) -> None:
        look = "return [find(args[0])].some(element => element && shown(element))"
        try:
            wait_until(lambda: self._in_hub(look, selector), f"Thunderbird shows {selector}", STEP_TIMEOUT_S)
        except TimeoutError:
            self.keep_picture("stuck")
            raise

    def keep_picture(self, name: str) -> None:
        """Keep a screenshot, if somebody wants them."""
        if folder := os.environ.get("CGAPPLIANCE_SCREENSHOTS", ""):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.inside.keep_picture(Path(folder) / f"thunderbird-{name}.png")

    def stop(self) -> None:
        """End it; it has no work that could be lost."""
        if hasattr(self, "inside"):
            self.inside.close()
        self.process.kill()
        self._screen.kill()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _script(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'
