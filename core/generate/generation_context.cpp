// SPDX-License-Identifier: Apache-2.0
#include "core/generate/generation_context.h"

#include "core/base/error.h"

#include <utility>

namespace fulgurite {

namespace {

TokenIds endOfSentence(const ModelConfig& config, const Tokenizer& tokenizer) {
    if (!config.eos_token_ids.empty()) {
        return config.eos_token_ids;
    }
    const auto id = tokenizer.idOf("<end_of_sentence>"); // MiniMax configurations leave it to the tokenizer
    return id ? TokenIds{*id} : TokenIds{};
}

} // namespace

GenerationContext contextOf(const ModelConfig& config, std::shared_ptr<const Tokenizer> tokenizer,
                            const EngineOptions& options) {
    GenerationContext context;
    context.shape = StateShape::of(config);
    context.vocab_size = static_cast<std::size_t>(config.vocab_size);
    if (tokenizer->size() == 0 || tokenizer->size() > context.vocab_size) {
        fail(ErrorKind::InvalidInput,
             "the tokenizer has {} tokens, the model's vocabulary {}; they do not belong together",
             tokenizer->size(), context.vocab_size);
    }
    context.max_positions = config.max_positions > 0 ? static_cast<std::size_t>(config.max_positions)
                                                     : static_cast<std::size_t>(INT64_MAX);
    context.end_of_sentence = endOfSentence(config, *tokenizer);
    const std::string& end = options.thinking_end;
    context.thinking_end = tokenizer->encode(end, SpecialTokens::AsText);
    context.thinking_end_new_line =
        tokenizer->encode(end.starts_with('\n') ? end.substr(1) : end, SpecialTokens::AsText);
    context.trie = std::make_shared<grammar::SharedTrie>([tokenizer, ends = context.end_of_sentence] {
        const auto spelling = [&](TokenId id) {
            return tokenizer->isSpecial(id) ? std::string_view() : tokenizer->bytesOf(id);
        };
        return std::make_shared<const grammar::TokenTrie>(tokenizer->size(), spelling, ends);
    });
    context.tokenizer = std::move(tokenizer);
    return context;
}

} // namespace fulgurite
