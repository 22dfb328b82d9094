#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives a real `fulgurite-engine serve` with the official openai client.

usage: openai_client.py ENGINE MODEL_FOLDER
Starts the engine on a free port with a token file, checks every surface a client relies on, and ends it with SIGTERM.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import openai

MESSAGES = [{"role": "user", "content": "What is 17+58?"}]


def expect(condition, what):
    if not condition:
        raise AssertionError(what)
    print("ok  ", what)


def refused(call, kind, field, what):
    try:
        call()
    except kind as error:
        expect(field is None or error.param == field, f"{what}: {kind.__name__} names {error.param}")
        return
    raise AssertionError(f"{what}: was not refused")


def start(engine, model, folder):
    token = os.urandom(16).hex()
    path = os.path.join(folder, "token")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
        file.write(token + "\n")
    process = subprocess.Popen(
        [engine, "serve", "--model", model, "--model-id", "ember", "--listen", "127.0.0.1:0", "--token-file", path,
         "--memory-mib", "256", "--snapshot-mib", "64", "--data", os.path.join(folder, "data")],
        stdout=subprocess.PIPE, text=True)
    line = json.loads(process.stdout.readline())
    expect(line["event"] == "listening" and line["pid"] == process.pid, f"listens on port {line['port']}")
    return process, f"http://127.0.0.1:{line['port']}/v1", token


def check_models(client):
    deadline = time.time() + 60
    while True:
        try:
            models = client.models.list().data
            break
        except openai.InternalServerError:  # 503 while the model loads
            if time.time() > deadline:
                raise
            time.sleep(0.1)
    expect([model.id for model in models] == ["ember"], "models.list")
    expect(client.models.retrieve("ember").owned_by == "fulgurite", "models.retrieve")
    refused(lambda: client.models.retrieve("gpt-4"), openai.NotFoundError, "model", "unknown model")


def check_chat(client):
    def ask(**more):
        return client.chat.completions.create(model="ember", messages=MESSAGES, temperature=0, max_tokens=24, **more)

    whole = ask()
    message = whole.choices[0].message
    expect(message.role == "assistant" and isinstance(message.content, str), "chat answer")
    expect(whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens, "chat usage")
    reasoning = getattr(message, "reasoning_content", None) or ""
    expect("<think>" not in (message.content or ""), "the reasoning is not in the content")

    content, thought, usage, finish = "", "", None, None
    for chunk in ask(stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            content += choice.delta.content or ""
            thought += getattr(choice.delta, "reasoning_content", None) or ""
            finish = choice.finish_reason or finish
    expect((content, thought) == (message.content, reasoning), "the stream says what the whole answer says")
    expect(finish == whole.choices[0].finish_reason, "the stream has a finish reason")
    expect(usage.completion_tokens == whole.usage.completion_tokens, "the stream ends with usage")

    entries = ask(logprobs=True, top_logprobs=20).choices[0].logprobs.content
    expect(0 < len(entries) <= 24 and all(len(entry.top_logprobs) == 20 for entry in entries), "chat logprobs")
    joined = b"".join(bytes(entry.bytes) for entry in entries).decode("utf-8", "replace")
    expect(content.strip() in joined and thought.strip() in joined, "the bytes of logprobs spell the answer")
    expect(all(entry.logprob >= entry.top_logprobs[1].logprob for entry in entries), "greedy takes the best")

    parts = [{"role": "user", "content": [{"type": "text", "text": MESSAGES[0]["content"]}]}]
    same = client.chat.completions.create(model="ember", messages=parts, temperature=0, max_tokens=24)
    expect(same.choices[0].message.content == message.content, "content as parts")
    two = client.chat.completions.create(model="ember", messages=MESSAGES, n=2, seed=7, max_completion_tokens=8,
                                         temperature=1.0)
    again = client.chat.completions.create(model="ember", messages=MESSAGES, n=2, seed=7, max_completion_tokens=8,
                                           temperature=1.0)
    text = [(choice.message.content, getattr(choice.message, "reasoning_content", None)) for choice in two.choices]
    expect(len(text) == 2 and text == [(choice.message.content, getattr(choice.message, "reasoning_content", None))
                                       for choice in again.choices], "n and seed")
    extra = client.chat.completions.create(model="ember", messages=MESSAGES, max_tokens=4,
                                           extra_body={"top_k": 1, "min_p": 0.1, "repetition_penalty": 1.0})
    expect(extra.usage.completion_tokens <= 4, "extensions through extra_body")


SCHEMA = {"type": "object", "additionalProperties": False, "required": ["sum", "steps", "sure"], "properties": {
    "sum": {"type": "integer", "minimum": 0, "maximum": 999},
    "steps": {"type": "array", "items": {"type": "string", "maxLength": 6}, "maxItems": 2},
    "sure": {"type": "boolean"}}}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds two integers.", "parameters": {
    "type": "object", "additionalProperties": False, "required": ["a", "b"], "properties": {
        "a": {"type": "integer", "maximum": 999, "minimum": 0}, "b": {"type": "integer", "maximum": 999, "minimum": 0}}}}},
    {"type": "function", "function": {"name": "flip", "parameters": {
        "type": "object", "additionalProperties": False, "required": ["up"], "properties": {"up": {"type": "boolean"}}}}}]


def satisfies(text):
    value = json.loads(text)
    return (list(value) == ["sum", "steps", "sure"] and 0 <= value["sum"] <= 999 and len(value["steps"]) <= 2
            and all(len(step) <= 6 for step in value["steps"]) and isinstance(value["sure"], bool))


def check_schemas(client):
    form = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": SCHEMA}}

    def ask(**more):
        return client.chat.completions.create(**{"model": "ember", "messages": MESSAGES, "response_format": form,
                                                 "max_tokens": 300, "extra_body": {"thinking_budget": 40}, **more})

    whole = ask(temperature=0).choices[0]
    expect(whole.finish_reason == "stop" and satisfies(whole.message.content), f"schema: {whole.message.content}")
    several = ask(n=6, temperature=1.0, seed=3).choices
    expect(all(choice.finish_reason != "stop" or satisfies(choice.message.content) for choice in several)
           and sum(choice.finish_reason == "stop" for choice in several) >= 4, "schema: six at once")
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in ask(temperature=0, stream=True)
                       if chunk.choices)
    expect(streamed == whole.message.content, "schema: the stream says the same")
    cut = ask(temperature=0, max_tokens=3, extra_body={})
    expect(cut.choices[0].finish_reason == "length", "schema: cut short by max_tokens")
    loose = ask(temperature=0, response_format={"type": "json_object"}).choices[0]
    expect(loose.finish_reason == "length" or isinstance(json.loads(loose.message.content), dict), "json_object")


def check_tools(client):
    def ask(**more):
        return client.chat.completions.create(**{"model": "ember", "messages": MESSAGES, "tools": TOOLS,
                                                 "max_tokens": 300, "temperature": 0,
                                                 "extra_body": {"thinking_budget": 40}, **more})

    named = ask(tool_choice={"type": "function", "function": {"name": "add"}}).choices[0]
    calls = named.message.tool_calls
    expect(named.finish_reason == "tool_calls" and len(calls) == 1 and calls[0].function.name == "add",
           "a named tool is called once")
    arguments = json.loads(calls[0].function.arguments)
    expect(list(arguments) == ["a", "b"] and all(0 <= value <= 999 for value in arguments.values()),
           f"its arguments satisfy its schema: {calls[0].function.arguments}")
    needed = ask(tool_choice="required", parallel_tool_calls=False).choices[0].message.tool_calls
    expect(len(needed) == 1 and needed[0].function.name in ("add", "flip"), "one of the tools is called")
    name, fragments, identities = None, [], []
    for chunk in ask(tool_choice={"type": "function", "function": {"name": "add"}}, stream=True):
        for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
            name = name or call.function.name
            identities += [call.id] if call.id else []
            fragments.append(call.function.arguments)
    expect(name == "add" and len(identities) == 1 and "".join(fragments) == calls[0].function.arguments,
           "tool calls as deltas")
    expect(len(fragments) > 2, f"their arguments come in fragments: {fragments}")
    with client.chat.completions.stream(model="ember", messages=MESSAGES, tools=TOOLS, tool_choice="required",
                                        parallel_tool_calls=False, max_tokens=300, temperature=0,
                                        extra_body={"thinking_budget": 40}) as stream:
        heard = [event for event in stream if event.type == "tool_calls.function.arguments.delta"]
        final = stream.get_final_completion().choices[0].message.tool_calls[0].function
    expect(heard and "".join(event.arguments_delta for event in heard) == final.arguments
           and final.arguments == needed[0].function.arguments, "the client's own stream helper puts them together")
    answer = ask(messages=MESSAGES + [named.message.model_dump(exclude_none=True),
                                      {"role": "tool", "tool_call_id": calls[0].id, "content": "75"}], max_tokens=16)
    expect(answer.usage.prompt_tokens > 0 and answer.choices[0].message.role == "assistant", "a tool's result goes back")
    free = ask(tool_choice="none", max_tokens=16).choices[0]
    expect(free.message.tool_calls is None, "no tool is called when none may be")


def check_completions(client):
    whole = client.completions.create(model="ember", prompt="17 + 58", max_tokens=8, temperature=0, logprobs=5)
    choice = whole.choices[0]
    expect(len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs) <= 8, "completion logprobs")
    streamed = "".join(chunk.choices[0].text for chunk in client.completions.create(
        model="ember", prompt="17 + 58", max_tokens=8, temperature=0, stream=True) if chunk.choices)
    expect(streamed == choice.text, "completion stream")
    echo = client.completions.create(model="ember", prompt="17 + 58", max_tokens=0, echo=True, logprobs=1).choices[0]
    expect(echo.text == "17 + 58" and echo.logprobs.token_logprobs[0] is None, "echo scores the prompt")
    expect(all(value <= 0 for value in echo.logprobs.token_logprobs[1:]), "scores are logarithms")
    ids = client.completions.create(model="ember", prompt=[10, 11, 12], max_tokens=1)
    expect(ids.usage.prompt_tokens == 3, "a prompt of token ids")
    if len(choice.text) > 2:
        stop = choice.text[2]
        cut = client.completions.create(model="ember", prompt="17 + 58", max_tokens=8, temperature=0, stop=[stop])
        expect(stop not in cut.choices[0].text and cut.choices[0].finish_reason == "stop", "stop strings")


def check_embeddings(client):
    texts = ["a storm over the sea", "seventeen and fifty-eight"]
    both = client.embeddings.create(model="ember", input=texts)  # for which the client asks in base64
    alone = client.embeddings.create(model="ember", input=texts[1]).data[0].embedding
    plain = client.embeddings.create(model="ember", input=texts[1], encoding_format="float")
    expect([each.index for each in both.data] == [0, 1] and both.data[0].embedding != both.data[1].embedding
           and len(both.data[0].embedding) == len(both.data[1].embedding) > 8, "embeddings of two texts")
    expect(alone == plain.data[0].embedding, "an embedding is the same in base64 and as numbers")
    largest = max(map(abs, alone))
    expect(all(abs(a - b) < 1e-5 * largest for a, b in zip(both.data[1].embedding, alone, strict=True)),
           "and, but for rounding, alone and beside another text")
    expect(both.usage.total_tokens > plain.usage.total_tokens > 0, "embedding usage")
    refused(lambda: client.embeddings.create(model="ember", input=texts, dimensions=8), openai.BadRequestError,
            "dimensions", "an embedding of another width")
    refused(lambda: client.embeddings.create(model="ember", input=[]), openai.BadRequestError, "input", "no text")


def check_refusals(client, base_url):
    def chat(**more):
        return client.chat.completions.create(**{"model": "ember", "messages": MESSAGES, "max_tokens": 1, **more})

    refused(lambda: chat(temperature=9), openai.BadRequestError, "temperature", "range")
    refused(lambda: chat(extra_body={"temprature": 1}), openai.BadRequestError, "temprature", "misspelling")
    never = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "oneOf": [{}]}}}
    refused(lambda: chat(response_format=never), openai.BadRequestError, "response_format.json_schema.schema.oneOf",
            "a schema keyword that cannot be prescribed")
    refused(lambda: chat(tool_choice="required"), openai.BadRequestError, "tool_choice", "a call without tools")
    refused(lambda: chat(messages=[]), openai.BadRequestError, "messages", "no messages")
    refused(lambda: chat(model="other"), openai.NotFoundError, "model", "other model")
    stranger = openai.OpenAI(base_url=base_url, api_key="wrong-token-wrong-token", max_retries=0)
    refused(stranger.models.list, openai.AuthenticationError, None, "wrong token")


def check_cancel(client):
    stream = client.chat.completions.create(model="ember", messages=MESSAGES, stream=True, max_tokens=4000,
                                            extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    deadline = time.time() + 10
    while time.time() < deadline:
        status = client.get("/../fulgurite/v1/status", cast_to=object)
        if status["active"] == 0:
            break
        time.sleep(0.05)
    expect(status["active"] == 0 and status["completion_tokens_total"] < 4000, "closing a stream cancels it")


def main():
    engine, model = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        process, base_url, token = start(engine, model, folder)
        try:
            client = openai.OpenAI(base_url=base_url, api_key=token, max_retries=0, timeout=60)
            check_models(client)
            check_chat(client)
            check_schemas(client)
            check_tools(client)
            check_completions(client)
            check_embeddings(client)
            check_refusals(client, base_url)
            check_cancel(client)
            client.close()
            process.send_signal(signal.SIGTERM)
            expect(process.wait(timeout=20) == 0, "SIGTERM ends it with status 0")
        finally:
            if process.poll() is None:
                process.kill()
    print("openai", openai.__version__, "works with this node")


if __name__ == "__main__":
    main()
