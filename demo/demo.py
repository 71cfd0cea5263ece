"""`make demo`: what Tollkeeper promises, step by step, on the real parts.

The callers are OpenAI's official Python client and curl. Only the upstream is a stand-in (upstream.py).
A step that does not hold ends the demo with exit code 1.
"""

import base64
import json
import math
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path

import openai

from gate import CREDENTIAL, PATIENCE_SECONDS, Failed, Gate, new_secret

CLIENTS = ("checkout-api", "search-page", "nightly-batch", "hackathon-bot")
# The gate promises that a new key and a revocation are known everywhere within this time.
KNOWN_WITHIN_SECONDS = 1.0


def main():
    started = time.monotonic()
    with Gate() as gate:
        say("The gate is open", f"{gate.base_url}: Envoy, 2 workers; upstream: a stand-in for OpenAI")
        keys = {client: gate.run("client", "issue", client) for client in CLIENTS}
        time.sleep(KNOWN_WITHIN_SECONDS)
        without_a_key(gate)
        with_a_key(gate, keys["checkout-api"])
        over_the_rate(gate, keys["checkout-api"])
        rotation_under_load(gate, keys["nightly-batch"])
        revocation(gate, keys["nightly-batch"])
        with_curl(gate, keys["search-page"])
        a_spent_budget(gate, keys["hackathon-bot"])
        a_raised_cap(gate, keys["hackathon-bot"])
        what_was_spent(gate)
        where_the_secret_is(gate, keys)
    print(f"\nEvery step held ({time.monotonic() - started:.0f} seconds).")


# --- the steps


def without_a_key(gate):
    step("A call without a client key")
    before = len(gate.upstream.shown)
    refusal = refused(lambda: client(gate, "").chat(extra_headers={"Authorization": openai.Omit()}))
    hold(refusal.status_code == 401, f"401 {code(refusal)}: {refusal.body['message']}")
    hold(len(gate.upstream.shown) == before, "the upstream heard nothing of it")


def with_a_key(gate, key):
    step("The same call with a client key")
    answer = client(gate, key).chat()
    hold(answer.choices[0].message.content, f"200: {answer.choices[0].message.content}")
    *_, (method, path, shown) = gate.upstream.shown
    hold(shown == [f"Bearer {gate.secret}"], f"{method} {path}: the upstream saw the real key")
    hold(key not in str(gate.upstream.shown), "and never the client's")


def over_the_rate(gate, key):
    step("The same key over its rate of 30 requests per minute, 5 at once")
    caller = client(gate, key)
    passed, refusal = call_until_refused(caller)
    hold(refusal.status_code == 429, f"429 {code(refusal)} after {passed} more calls")
    wait = int(refusal.response.headers["retry-after"])
    hold(1 <= wait <= 60 / 30 + 1, f"Retry-After: {wait}; one place comes free every 2 seconds")
    again = refused(caller.chat)
    hold(again.status_code == 429, "a call at once is refused again")
    waited = come_back(caller, again)
    hold(waited <= 60 / 30 + 1, f"who comes back as told is in after {waited} seconds")


def rotation_under_load(gate, key):
    step("A rotation of the credential under load")
    old, new = gate.secret, new_secret()
    gate.upstream.accepted = {old, new}  # As providers do: both are good for a while.
    with Load(gate, key) as load:
        load.wait_for_calls(50)
        gate.run("credential", "rotate", CREDENTIAL, secret=new)
        rotated = time.monotonic()
        wait_until("the new key reaches the upstream", lambda: count(gate, new) >= 50)
        took = time.monotonic() - rotated
        # The old one is in no worker's hands a second after the rotation.
        time.sleep(max(0.0, KNOWN_WITHIN_SECONDS - took))
        gate.upstream.accepted = {new}
        load.wait_for_calls(100)
    gate.secret, gate.old_secret = new, old
    hold(not load.failures, f"{load.calls} calls, {len(load.failures)} failed {load.failures[:3] or ''}")
    hold(True, f"{count(gate, old)} went with the old key, {count(gate, new)} with the new, which the provider then made the only one")


def revocation(gate, key):
    step("A revocation")
    caller = client(gate, key)
    hold(caller.chat().choices, "the key works")
    began = time.monotonic()
    gate.run("client", "revoke", "nightly-batch", "--all")
    done = time.monotonic()
    refusal, ended = None, done
    while refusal is None and ended - done < 10 * KNOWN_WITHIN_SECONDS:
        ended = time.monotonic()
        refusal = attempt(caller.chat)
    hold(refusal is not None and refusal.status_code == 401, f"401 {code(refusal) if refusal else 'never came'}")
    hold(
        ended - done < KNOWN_WITHIN_SECONDS,
        f"{(ended - done) * 1000:.0f} ms after the command ended ({(ended - began) * 1000:.0f} ms after it began)",
    )
    # Both workers have heard: none of these lands on one that has not.
    time.sleep(max(0.0, KNOWN_WITHIN_SECONDS - (time.monotonic() - done)))
    late = [attempt(client(gate, key).chat) for _ in range(20)]
    hold(all(error is not None for error in late), "and so on every worker, on 20 fresh connections")


def with_curl(gate, key):
    step("The same calls by curl, with x-api-key")
    status, headers, body = curl(gate)
    hold(status == 401, f"without a key: {status} {body['code']}")
    status, headers, body = curl(gate, key)
    hold(status == 200, f"with a key: {status}, {body['object']} of {len(body['data'])}")
    hold(gate.upstream.shown[-1][2] == [f"Bearer {gate.secret}"], "the upstream saw the real key, and x-api-key was taken off")
    for _ in range(20):
        status, headers, body = curl(gate, key)
        if status != 200:
            break
    hold(status == 429, f"over the rate: {status} {body['code']}, Retry-After: {headers.get('retry-after')}")
    hold(float(headers["retry-after"]) >= math.ceil(body["retry_after_ms"] / 1000), "header and body agree")
    gate.run("client", "revoke", "search-page", "--all")
    time.sleep(KNOWN_WITHIN_SECONDS)
    status, headers, body = curl(gate, key)
    hold(status == 401, f"revoked: {status} {body['code']}")


def a_spent_budget(gate, key):
    step("A budget of 0.005, and calls that may cost 0.002 and cost 0.0009")
    caller = Caller(gate.base_url, key, max_retries=2)
    passed, refusal = call_until_refused(caller)
    hold(passed == 4, f"{passed} calls passed: another could have cost more than is left")
    body = refusal.body
    hold(refusal.status_code == 402, f"402 {code(refusal)}: {body['message']}")
    before = gate.requests()
    refused(caller.chat)
    hold(gate.requests() - before == 1, "OpenAI's client, which repeats a 429 by itself, does not repeat this")


def a_raised_cap(gate, key):
    step("Finance raises the cap to 0.01 in its file")
    file = gate.dir / "policy/budgets.json"
    file.write_text(file.read_text().replace('"0.005"', '"0.01"'))
    began = time.monotonic()
    caller = client(gate, key)
    wait_until("a call passes", lambda: attempt(caller.chat) is None)
    took = time.monotonic() - began
    hold(took < KNOWN_WITHIN_SECONDS, f"a call passes {took * 1000:.0f} ms later; nothing was restarted")


def what_was_spent(gate):
    step("What was spent, from the ledger")
    # A worker tells what its calls have cost within a quarter of a second.
    time.sleep(KNOWN_WITHIN_SECONDS)
    for line in gate.run("spend", "show").splitlines():
        print(f"   {line}")
    calls = sum(path == "/v1/chat/completions" for _, path, _ in gate.upstream.shown)
    billed = Decimal("0.0009") * calls
    clients = json.loads(gate.run("spend", "show", "--by", "client", "--json"))
    hold(
        Decimal(clients["total"]["cost"]) == billed,
        f"the provider would bill {billed} for the {calls} calls that it saw: the same to the last digit",
    )


def where_the_secret_is(gate, keys):
    step("Where the secret can be found")
    secrets = [gate.secret, gate.old_secret, *keys.values()]
    forms = [form for secret in secrets for form in (secret.encode(), base64.b64encode(secret.encode()))]
    # Proves the search itself: the one place where the secret must be.
    shown = str(gate.upstream.shown).encode()
    hold(gate.secret.encode() in shown, "at the upstream: there, where it belongs")

    sealed = [path for path in files(gate.dir / "state") if path.stem == CREDENTIAL]
    hold(sealed, f"on disk: sealed, in {', '.join(str(path.relative_to(gate.dir)) for path in sealed)}")
    pages = {
        "Envoy's configuration dump": gate.admin("/config_dump?include_eds").encode(),
        "Envoy's metrics": (gate.admin("/stats") + gate.admin("/stats/prometheus")).encode(),
        "the sidecar's metrics": gate.sidecar_metrics().encode(),
    }
    gate.stop()  # Logs are whole when who writes them has ended.
    places = {
        "the sidecar's state": b"".join(path.read_bytes() for path in files(gate.dir / "state")),
        "the policy": b"".join(path.read_bytes() for path in files(gate.dir / "policy")),
        "the HSM token's files": b"".join(path.read_bytes() for path in files(gate.dir / "tokens")),
        "Envoy's log": gate.log("envoy"),
        "the sidecar's log": gate.log("key-sidecar"),
        **pages,
    }
    for place, content in places.items():
        found = [form for form in forms if form in content]
        hold(not found, f"{place}: not there, nor any client key ({len(content)} bytes)")


# --- callers


class Caller:
    """OpenAI's client as an application uses it; unless told it does not retry, so that each answer is seen."""

    def __init__(self, base_url, key, max_retries=0):
        self._client = openai.OpenAI(base_url=base_url, api_key=key or "none", max_retries=max_retries)

    def chat(self, **options):
        return self._client.chat.completions.create(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": "Is the gate open?"}],
            **options,
        )


def client(gate, key):
    return Caller(gate.base_url, key)


def attempt(call):
    """The refusal, if it is one."""
    try:
        call()
    except openai.APIStatusError as refusal:
        return refusal
    return None


def refused(call):
    refusal = attempt(call)
    if refusal is None:
        raise Failed("the call passed")
    return refusal


def come_back(caller, refusal):
    """Waits as told, as client libraries do by themselves, until a call passes; the seconds waited."""
    waited = 0
    while refusal is not None and waited < PATIENCE_SECONDS:
        wait = int(refusal.response.headers["retry-after"])
        time.sleep(wait)
        waited += wait
        refusal = attempt(caller.chat)
    return waited


def call_until_refused(caller):
    for passed in range(60):
        refusal = attempt(caller.chat)
        if refusal is not None:
            return passed, refusal
    raise Failed("60 calls passed")


def code(refusal):
    return (refusal.body or {}).get("code")


class Load:
    """Four callers without pause; counts what becomes of their calls."""

    def __init__(self, gate, key):
        self.calls = 0
        self.failures = []
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._call, args=(client(gate, key),)) for _ in range(4)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def _call(self, caller):
        while not self._ends.is_set():
            try:
                caller.chat()
                failure = None
            except openai.OpenAIError as error:
                failure = str(error)
            with self._lock:
                self.calls += 1
                if failure:
                    self.failures.append(failure)

    def wait_for_calls(self, more):
        target = self.calls + more
        wait_until(f"{more} more calls", lambda: self.calls >= target)


def curl(gate, key=None):
    """Status, headers and JSON body of `GET /models`."""
    command = ["curl", "--silent", "--show-error", "--max-time", "10", "--include", f"{gate.base_url}/models"]
    # In a file, as one should: an argument can be read by everybody on the machine.
    settings = f'header = "x-api-key: {key}"\n' if key else ""
    done = subprocess.run([*command, "--config", "-"], input=settings.encode(), capture_output=True, check=True)
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split()[1]), headers, json.loads(body)


# --- telling


def step(title):
    step.number = getattr(step, "number", 0) + 1
    say(f"{step.number}. {title}")


def say(title, detail=""):
    print(f"\n{title}" + (f"\n   {detail}" if detail else ""), flush=True)


def hold(holds, what):
    """Prints what was seen, and ends the demo where it is not what was promised."""
    if not holds:
        raise Failed(what)
    print(f"   {what}", flush=True)


# --- small things


def count(gate, secret):
    return sum(keys == [f"Bearer {secret}"] for _, _, keys in list(gate.upstream.shown))


def files(directory: Path):
    return sorted(path for path in directory.rglob("*") if path.is_file())


def wait_until(what, holds, patience=20):
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            raise Failed(f"waited {patience} seconds: {what}")
        time.sleep(0.01)


if __name__ == "__main__":
    try:
        main()
    except (Failed, openai.OpenAIError, subprocess.SubprocessError, OSError) as failure:
        sys.exit(f"\nThe demo failed: {failure}")
