# SPDX-License-Identifier: Apache-2.0
"""The chat frames of MiniMax-M1, as text pieces with a loss weight for each piece."""

SPECIAL = ["<pad>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<reponame>", "<filename>",
           "<gh_stars>", "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>",
           "<jupyter_code>", "<jupyter_output>", "<empty_output>", "<commit_before>", "<commit_msg>",
           "<commit_after>", "<beginning_of_sentence>", "<end_of_sentence>", "<end_of_document>",
           "<function_call>", "<code_interpreter>", "<speech>", "<image>", "<video>", "<start_of_speech>",
           "<end_of_speech>", "<start_of_image>", "<end_of_image>", "<start_of_video>", "<end_of_video>",
           "<vision_pad>", "<begin_of_document>", "<jupyter_error>"]

PROMPT_WEIGHT = 0.1
HEADERS = {"system": "system ai_setting=assistant\n", "user": "user name=user\n", "assistant": "ai name=assistant\n"}


def reply(think, answer):
    return f"<think>\n{think}\n</think>\n{answer}"


def drop_thought(text):
    """An earlier turn as a client that hides the reasoning would send it back."""
    return text.split("</think>\n", 1)[-1]


def hide_thoughts(messages):
    """All assistant turns but the last lose their thought; role "past" is not trained on."""
    last = len(messages) - 1
    return [("past", drop_thought(t)) if r == "assistant" and i < last else (r, t) for i, (r, t) in enumerate(messages)]


def frames(messages, generation_prompt=False, prompt_weight=PROMPT_WEIGHT):
    """messages: [(role, text)] -> [(text, weight)]; piece borders are token borders."""
    out = [("<begin_of_document>", 0.0)]
    for role, text in messages:
        w = {"assistant": 1.0, "past": 0.0}.get(role, prompt_weight)
        out.append(("<beginning_of_sentence>" + HEADERS["assistant" if role == "past" else role], prompt_weight))
        out.append((text + "<end_of_sentence>", w))
        out.append(("\n", prompt_weight))
    if generation_prompt:
        out.append(("<beginning_of_sentence>" + HEADERS["assistant"], prompt_weight))
    return out


def document(text):
    return [("<begin_of_document>", 0.0), (text + "<end_of_document>", 1.0)]
