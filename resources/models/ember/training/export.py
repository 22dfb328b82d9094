# SPDX-License-Identifier: Apache-2.0
"""Writes a model folder (config.json, model.safetensors, generation_config.json) from a checkpoint."""
import argparse
import json
import os
import shutil

import torch


def to_checkpoint(model) -> dict:
    """Published tensor names -> views of the model's parameters (experts split)."""
    out = {}
    for name, p in model.named_parameters():
        p = p.data
        if name == "embed_tokens":
            out["model.embed_tokens.weight"] = p
        elif name == "lm_head.weight":
            out[name] = p
        elif name.endswith("block_sparse_moe.gate"):
            out[f"model.{name}.weight"] = p
        elif name.endswith(".w13"):
            base, f = "model." + name[:-4], p.shape[1] // 2
            for e in range(p.shape[0]):
                out[f"{base}.experts.{e}.w1.weight"] = p[e, :f]
                out[f"{base}.experts.{e}.w3.weight"] = p[e, f:]
        elif name.endswith(".w2"):
            for e in range(p.shape[0]):
                out[f"model.{name[:-3]}.experts.{e}.w2.weight"] = p[e]
        else:
            out["model." + name] = p
    return out


def load_checkpoint(path):
    from model import Config, Ember
    s = torch.load(path, weights_only=True)
    model = Ember(Config(**s["config"]))
    o = 0
    for p in model.parameters():
        p.data.copy_(s["params"][o:o + p.numel()].view(p.shape))
        o += p.numel()
    return model, s


def load_folder(folder):
    """The model as shipped: bfloat16 weights (router in fp32), computed in fp32."""
    from safetensors.torch import load_file
    from model import Config, Ember
    c = json.load(open(os.path.join(folder, "config.json")))
    model = Ember(Config(
        c["vocab_size"], c["hidden_size"], c["attn_type_list"], c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"],
        c["rotary_dim"], c["rope_theta"], c["intermediate_size"], c["num_local_experts"], c["num_experts_per_tok"], c["rms_norm_eps"],
        *(c[f"layernorm_{k}_{s}"] for k in ("full_attention", "linear_attention", "mlp") for s in ("alpha", "beta"))))
    tensors = load_file(os.path.join(folder, "model.safetensors"))
    views = to_checkpoint(model)
    assert views.keys() == tensors.keys()
    for name, view in views.items():
        view.copy_(tensors[name])
    return model.eval()


def config_json(c, ids):
    scale = {f"layernorm_{k}_{s}": v for k, (a, b) in {
        "full_attention": (c.full_alpha, c.full_beta), "linear_attention": (c.linear_alpha, c.linear_beta),
        "mlp": (c.mlp_alpha, c.mlp_beta)}.items() for s, v in (("alpha", a), ("beta", b))}
    out = {
        "architectures": ["MiniMaxM1ForCausalLM"], "attention_dropout": 0.0, "attn_type_list": c.attn_type_list,
        "bos_token_id": ids["<beginning_of_sentence>"], "eos_token_id": ids["<end_of_sentence>"], "pad_token_id": ids["<pad>"],
        "head_dim": c.head_dim, "hidden_act": "silu", "hidden_size": c.hidden_size, "initializer_range": 0.02,
        "intermediate_size": c.intermediate_size}
    out.update(scale)
    out.update({
        "max_position_embeddings": 8192, "model_type": "minimax_m1", "num_attention_heads": c.heads, "num_experts_per_tok": c.top_k,
        "num_hidden_layers": c.layers, "num_key_value_heads": c.kv_heads, "num_local_experts": c.experts, "output_router_logits": False,
        "postnorm": True, "rms_norm_eps": c.eps, "rope_theta": c.rope_theta, "rotary_dim": c.rotary_dim, "router_aux_loss_coef": 0.01,
        "router_jitter_noise": 0.0, "shared_intermediate_size": 0, "shared_moe_mode": "sigmoid", "sliding_window": None,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": c.vocab_size})
    return out


CHAT_TEMPLATE = """\
{{ '<begin_of_document>' -}}
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
{%- if message['role'] == 'system' -%}
{%- if message['content'] is string -%}
{%- set ns.system = ns.system + message['content'] -%}
{%- else -%}
{%- set ns.system = ns.system + message['content'][0]['text'] -%}
{%- endif -%}
{%- endif -%}
{%- endfor -%}
{%- if ns.system != '' -%}
{{ '<beginning_of_sentence>system ai_setting=assistant\\n' + ns.system + '<end_of_sentence>\\n' }}
{%- endif -%}
{%- if tools -%}
{{ '<beginning_of_sentence>system tool_setting=tools\\nYou are provided with these tools:\\n<tools>\\n' }}
{%- for tool in tools -%}
{{ tool | tojson + '\\n' }}
{%- endfor -%}
{{ '</tools>\\n\\nIf you need to call tools, please respond with <tool_calls></tool_calls> XML tags, and provide tool-name and json-object of arguments, following the format below:\\n<tool_calls>\\n{name: <tool-name-1>, arguments: <args-json-object-1>}\\n...\\n</tool_calls><end_of_sentence>\\n' }}
{%- endif -%}
{%- for message in messages -%}
{%- if message['role'] == 'user' -%}
{{ '<beginning_of_sentence>user name=user\\n' -}}
{%- if message['content'] is string -%}
{{ message['content'] -}}
{%- else -%}
{{ message['content'][0]['text'] -}}
{%- endif -%}
{{ '<end_of_sentence>\\n' -}}
{%- elif message['role'] == 'assistant' -%}
{{ '<beginning_of_sentence>ai name=assistant\\n' -}}
{%- if message['content'] is string -%}
{{ message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'text' -%}
{{ part['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{ '<end_of_sentence>\\n' -}}
{%- elif message['role'] == 'tool' -%}
{{ '<beginning_of_sentence>tool name=tools\\n' -}}
{%- if message['content'] is string -%}
{{ 'tool name: ' + (message['name'] or 'tool') + '\\ntool result: ' + message['content'] + '\\n\\n' -}}
{%- else -%}
{%- for part in message['content'] -%}
{{ 'tool name: ' + (part['name'] or 'tool') + '\\ntool result: ' + part['text'] + '\\n\\n' -}}
{%- endfor -%}
{%- endif -%}
{{ '<end_of_sentence>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<beginning_of_sentence>ai name=assistant\\n' -}}
{%- endif -%}
"""


def write_json(folder, name, obj):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(obj, f, indent=2, ensure_ascii=False)
        f.write("\n")


def export(checkpoint, tokenizer, folder):
    from safetensors.torch import save_file
    model, state = load_checkpoint(checkpoint)
    os.makedirs(folder, exist_ok=True)
    added = json.load(open(tokenizer))["added_tokens"]
    ids = {t["content"]: t["id"] for t in added}
    write_json(folder, "config.json", config_json(model.cfg, ids))
    tensors = {n: (t.float() if n.endswith("block_sparse_moe.gate.weight") else t.bfloat16()).contiguous().clone()
               for n, t in to_checkpoint(model).items()}
    tmp = os.path.join(folder, "model.safetensors.tmp")    # written aside, then renamed
    save_file(tensors, tmp, metadata={"format": "pt"})
    os.chmod(tmp, 0o644)
    os.replace(tmp, os.path.join(folder, "model.safetensors"))
    if os.path.abspath(tokenizer) != os.path.abspath(os.path.join(folder, "tokenizer.json")):
        shutil.copyfile(tokenizer, os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {
        "add_prefix_space": False, "added_tokens_decoder": {str(t["id"]): {k: t[k] for k in (
            "content", "lstrip", "normalized", "rstrip", "single_word", "special")} for t in added},
        "bos_token": "<beginning_of_sentence>", "chat_template": CHAT_TEMPLATE, "clean_up_tokenization_spaces": False,
        "eos_token": "<end_of_sentence>", "model_max_length": 8192, "pad_token": "<pad>", "tokenizer_class": "GPT2Tokenizer",
        "unk_token": "<end_of_document>"})
    write_json(folder, "generation_config.json", {
        "bos_token_id": ids["<beginning_of_sentence>"], "do_sample": True, "eos_token_id": ids["<end_of_sentence>"],
        "pad_token_id": ids["<pad>"], "temperature": 0.2, "top_p": 0.95})
    total = sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder) if os.path.isfile(os.path.join(folder, f)))
    print(f"step {state['step']}, {state['tokens']} tokens -> {folder}, {total / 2 ** 20:.2f} MiB")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("checkpoint")
    ap.add_argument("tokenizer")
    ap.add_argument("folder")
    a = ap.parse_args()
    export(a.checkpoint, a.tokenizer, a.folder)
