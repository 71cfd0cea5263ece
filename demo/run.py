"""`make run`: the gate of the demo, open until Ctrl-C."""

import signal
import sys

from gate import Failed, Gate


def main():
    with Gate() as gate:
        key = gate.run("client", "issue", "checkout-api")
        print(f"""
The gate is open. The upstream behind it is a stand-in for OpenAI; the caller is "checkout-api" of
demo/policy, which may make 30 requests per minute, 5 at once.

  curl {gate.base_url}/models -H "x-api-key: {key}"

  OPENAI_BASE_URL={gate.base_url} OPENAI_API_KEY={key} \\
    .venv/bin/python -c 'import openai; print(openai.OpenAI().models.list())'

  Envoy's admin page     http://{gate.envoy_admin}
  the sidecar's metrics  http://{gate.sidecar_admin}/metrics
  policy (edit it)       {gate.dir}/policy
  the command line       SOFTHSM2_CONF={gate.dir}/softhsm2.conf \\
                           {gate.sidecar()} --config {gate.dir}/sidecar.json client list

Ctrl-C closes it.""", flush=True)
        signal.pause()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nclosed")
    except Failed as failure:
        sys.exit(f"make run: {failure}")
