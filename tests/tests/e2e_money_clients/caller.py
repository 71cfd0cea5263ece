"""Calls the gate with a provider's official client and prints what came of it, as one JSON line.

usage: caller.py openai|anthropic BASE_URL KEY MODEL MESSAGE [--stream]
"""

import json
import sys
import time

import anthropic
import openai


def call_openai(base_url, key, model, message, stream):
    client = openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=key)
    messages = [{"role": "user", "content": message}]
    answer = client.chat.completions.create(model=model, messages=messages, stream=stream)
    if not stream:
        return answer.choices[0].message.content
    # A caller who did not ask for usage must be able to live with the chunk that carries it.
    return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)


def call_anthropic(base_url, key, model, message, stream):
    client = anthropic.Anthropic(base_url=f"{base_url}/anthropic", api_key=key)
    messages = [{"role": "user", "content": message}]
    if not stream:
        answer = client.messages.create(model=model, max_tokens=64, messages=messages)
        return answer.content[0].text
    with client.messages.stream(model=model, max_tokens=64, messages=messages) as events:
        return events.get_final_text()


def main():
    provider, base_url, key, model, message, *rest = sys.argv[1:]
    call = {"openai": call_openai, "anthropic": call_anthropic}[provider]
    began = time.monotonic()
    try:
        outcome = {"text": call(base_url, key, model, message, "--stream" in rest)}
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        outcome = {"status": error.status_code, "body": error.body, "error": type(error).__name__}
    outcome["seconds"] = time.monotonic() - began
    print(json.dumps(outcome))


main()
