"""The gate of the demo: SoftHSM2, the sidecar, Envoy with the filter, and a stand-in upstream.

Envoy runs `envoy.yaml` of this repository with the values replaced that its header names. Everything
lives in one temporary directory and on loopback, and is gone when the `with` block ends.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import yaml

from upstream import HOST, Upstream

REPOSITORY = Path(__file__).resolve().parent.parent
CREDENTIAL = "openai-prod"
PATIENCE_SECONDS = 20
MODULES = [
    os.environ.get("SOFTHSM2_MODULE", ""),
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
]


class Failed(Exception):
    """The gate did not do what it must; the text says what."""


class Gate:
    """`with Gate() as gate:` is an open gate."""

    def __enter__(self):
        # SIGTERM ends the `with` block too, so that no process is left behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self.dir = Path(tempfile.mkdtemp(prefix="tollkeeper-demo-"))
        self.processes = []
        self.secret = new_secret()
        try:
            self.upstream = Upstream(self.dir, self.secret)
            self._make_token()
            self._install_sidecar()
            self.run("init")
            self.run(
                *("credential", "add", CREDENTIAL, "--host", HOST),
                *("--owner", "platform@acme.example", "--purpose", "language models"),
                secret=self.secret,
            )
            self._serve_sidecar()
            self._start_envoy()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        if hasattr(self, "upstream"):
            self.upstream.stop()
        shutil.rmtree(self.dir)

    def stop(self):
        """Ends Envoy and the sidecar in order; their files stay until the `with` block ends."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait(PATIENCE_SECONDS)

    @property
    def base_url(self):
        """Where OpenAI's own client libraries are pointed to."""
        return f"http://127.0.0.1:{self.port}/openai/v1"

    def run(self, *arguments, secret=None):
        """A command of `key-sidecar`; the secret goes in by standard input."""
        done = subprocess.run(
            [self.sidecar(), "--config", self.dir / "sidecar.json", *arguments],
            env=self._environment(),
            input=secret or "",
            text=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )
        if done.returncode != 0:
            raise Failed(f"key-sidecar {' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout.strip()

    def admin(self, path):
        """A page of Envoy's admin interface."""
        return fetch(f"http://{self.envoy_admin}{path}")

    def requests(self):
        """How many requests the gate has had."""
        name = "http.gate.downstream_rq_total"
        return int(self.admin(f"/stats?filter={name}").split(": ")[1])

    def sidecar_metrics(self):
        return fetch(f"http://{self.sidecar_admin}/metrics")

    def log(self, name):
        return (self.dir / f"{name}.log").read_bytes()

    # --- the parts

    def _make_token(self):
        (self.dir / "tokens").mkdir()
        (self.dir / "softhsm2.conf").write_text(
            f"directories.tokendir = {self.dir}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        pin = secrets.token_hex(8)
        pin_file = self.dir / "pin"
        pin_file.touch(mode=0o600)
        pin_file.write_text(pin)
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "tollkeeper"]
            + ["--pin", pin, "--so-pin", secrets.token_hex(8)],
            env=self._environment(),
            check=True,
            capture_output=True,
        )

    def _install_sidecar(self):
        shutil.copytree(REPOSITORY / "demo/policy", self.dir / "policy")
        (self.dir / "state").mkdir(mode=0o700)
        self.sidecar_admin = f"127.0.0.1:{unused_port()}"
        configuration = {
            "policy": f"{self.dir}/policy",
            "state": f"{self.dir}/state",
            "socket": {"path": f"{self.dir}/sync.sock", "allow_uids": [os.getuid()]},
            "admin": self.sidecar_admin,
            "hsm": {
                "module": next((path for path in MODULES if os.path.isfile(path)), MODULES[1]),
                "token_label": "tollkeeper",
                "pin_file": f"{self.dir}/pin",
            },
        }
        (self.dir / "sidecar.json").write_text(json.dumps(configuration, indent=2))

    def _serve_sidecar(self):
        command = [self.sidecar(), "--config", self.dir / "sidecar.json", "serve"]
        process = self._start("key-sidecar", command)

        def listens():
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(f"{self.dir}/sync.sock")
            return True

        self._wait("key-sidecar", process, listens)

    def _start_envoy(self):
        (self.dir / "envoy.json").write_text(json.dumps(self._deployment()))
        envoy = os.environ.get("ENVOY") or Path(sys.executable).parent / "envoy"
        address_file = self.dir / "envoy-admin"
        process = self._start(
            "envoy",
            [envoy, "--config-path", self.dir / "envoy.json", "--concurrency", "2"]
            + ["--disable-hot-restart", "--admin-address-path", address_file],
        )

        def is_live():
            self.envoy_admin = address_file.read_text().strip()
            return self.admin("/ready").strip() == "LIVE"

        self._wait("envoy", process, is_live)
        listeners = json.loads(self.admin("/listeners?format=json"))["listener_statuses"]
        self.port = listeners[0]["local_address"]["socket_address"]["port_value"]

    def _deployment(self):
        """`envoy.yaml` with what belongs to this machine put in."""
        tree = yaml.safe_load((REPOSITORY / "envoy.yaml").read_text())
        tree["admin"]["address"]["socket_address"]["port_value"] = 0
        listener = tree["static_resources"]["listeners"][0]
        listener["address"]["socket_address"]["port_value"] = int(os.environ.get("GATE_PORT", 0))
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        plugin = manager["http_filters"][0]["typed_config"]["config"]
        plugin["vm_config"]["code"]["local"]["filename"] = os.environ["TOLLKEEPER_WASM"]
        clusters = {cluster["name"]: cluster for cluster in tree["static_resources"]["clusters"]}
        address(clusters["key-sidecar"])["pipe"]["path"] = f"{self.dir}/sync.sock"
        ip, port = self.upstream.address
        address(clusters["openai"])["socket_address"] = {"address": ip, "port_value": port}
        tls = clusters["openai"]["transport_socket"]["typed_config"]["common_tls_context"]
        tls["validation_context"]["trusted_ca"]["filename"] = str(self.upstream.ca_file)
        return tree

    # --- processes

    def sidecar(self):
        return os.environ["KEY_SIDECAR"]

    def _environment(self):
        return {**os.environ, "SOFTHSM2_CONF": f"{self.dir}/softhsm2.conf"}

    def _start(self, name, command):
        with open(self.dir / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this program, which ends the others in order.
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def _wait(self, name, process, is_ready):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if is_ready():
                    return
            except (OSError, ValueError):
                pass  # not yet
            time.sleep(0.02)
        raise Failed(f"{name} does not come up:\n{self.log(name).decode(errors='replace')[-3000:]}")


def address(cluster):
    return cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]


def fetch(url):
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read().decode()


def new_secret():
    """What a provider's key looks like. It opens nothing but the stand-in."""
    return f"sk-demo-{secrets.token_urlsafe(24)}"


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
