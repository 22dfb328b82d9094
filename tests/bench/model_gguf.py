#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a model folder of the MiniMax-M1 kind as GGUF, so that llama.cpp can serve the same model for comparison.

usage: model_gguf.py MODEL_FOLDER OUT.gguf [bf16|f16|f32]      (needs the packages numpy and gguf)
Matrices take the type that is asked for; norms and routers are float32. The slopes that llama.cpp computes for a number
of heads that is no power of two are others than the published ones: its answers differ, its work does not.
"""
import json
import struct
import sys

import gguf
import numpy


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        base = file.tell()
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            file.seek(base + begin)
            data = file.read(end - begin)
            if entry["dtype"] == "BF16":
                values = (numpy.frombuffer(data, numpy.uint16).astype(numpy.uint32) << 16).view(numpy.float32)
            else:
                values = numpy.frombuffer(data, numpy.float32)
            yield name, values.reshape(entry["shape"])


def add_tokens(writer, folder, vocab_size):
    with open(f"{folder}/tokenizer.json", encoding="utf-8") as file:
        tokenizer = json.load(file)
    words = ["[PAD%d]" % i for i in range(vocab_size)]
    types = [gguf.TokenType.UNUSED] * vocab_size
    for word, number in tokenizer["model"]["vocab"].items():
        words[number], types[number] = word, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        words[added["id"]] = added["content"]
        types[added["id"]] = gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list(words)
    writer.add_token_types(types)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge)
                             for merge in tokenizer["model"]["merges"]])


def main():
    folder, out = sys.argv[1:3]
    kind = {"bf16": gguf.GGMLQuantizationType.BF16, "f16": gguf.GGMLQuantizationType.F16,
            "f32": gguf.GGMLQuantizationType.F32}[sys.argv[3] if len(sys.argv) > 3 else "bf16"]
    with open(f"{folder}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    writer = gguf.GGUFWriter(out, "minimax-01")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_expert_count(config["num_local_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["rotary_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_residual_scale(config["layernorm_full_attention_alpha"])
    writer.add_vocab_size(config["vocab_size"])
    add_tokens(writer, folder, config["vocab_size"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])

    def add(name, values, plain=False):
        want = gguf.GGMLQuantizationType.F32 if plain or values.ndim == 1 else kind
        data = values if want == gguf.GGMLQuantizationType.F32 else gguf.quants.quantize(values, want)
        writer.add_tensor(name, data, raw_dtype=want)

    names = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.norm": "attn_norm_2",
             "self_attn.out_proj": "attn_output", "self_attn.o_proj": "attn_output", "self_attn.output_gate": "attn_gate",
             "self_attn.qkv_proj": "attn_qkv", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
             "self_attn.v_proj": "attn_v", "block_sparse_moe.gate": "ffn_gate_inp"}
    experts = {}
    for name, values in tensors(f"{folder}/model.safetensors"):
        name = name.removesuffix(".weight")
        if name in ("lm_head", "model.embed_tokens", "model.norm"):
            add({"lm_head": "output", "model.embed_tokens": "token_embd", "model.norm": "output_norm"}[name] + ".weight",
                values)
            continue
        layer, rest = name.removeprefix("model.layers.").split(".", 1)
        if ".experts." in rest:
            number, which = rest.split(".experts.")[1].split(".")
            experts.setdefault((layer, which), {})[int(number)] = values
            continue
        add(f"blk.{layer}.{names[rest]}.weight", values, plain=rest.endswith(".gate"))
    for (layer, which), parts in experts.items():
        role = {"w1": "ffn_gate_exps", "w2": "ffn_down_exps", "w3": "ffn_up_exps"}[which]
        add(f"blk.{layer}.{role}.weight", numpy.stack([parts[i] for i in range(len(parts))]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
