// SPDX-License-Identifier: Apache-2.0
#include "core/node/prompt_fields.h"

#include "core/node/api_error.h"

#include <fmt/format.h>

namespace fulgurite::node {

PromptFields readPromptFields(ObjectReader& reader, std::string_view text_key) {
    PromptFields fields;
    fields.messages = reader.array("messages");
    fields.tokens = reader.array("tokens");
    fields.text = reader.find(text_key);
    const int given = (fields.messages != nullptr ? 1 : 0) + (fields.tokens != nullptr ? 1 : 0) +
                      (fields.text != nullptr ? 1 : 0);
    if (given != 1) {
        refuse("", fmt::format("send exactly one of 'messages', '{}' and 'tokens', not {}", text_key, given));
    }
    if (fields.text != nullptr && !fields.text->is_string()) {
        refuse(reader.pathOf(text_key), fmt::format("must be a string, not {}", fields.text->type_name()));
    }
    fields.tools = reader.array("tools");
    if (fields.tools != nullptr && fields.messages == nullptr) {
        refuse(reader.pathOf("tools"), "only together with 'messages'");
    }
    fields.add_generation_prompt = reader.boolean("add_generation_prompt");
    return fields;
}

namespace {

bool endsWithAnswer(const nlohmann::json& messages) {
    return !messages.empty() && messages.back().is_object() &&
           messages.back().value("role", nlohmann::json()) == "assistant";
}

} // namespace

ChatPrompt readPrompt(const ModelService& service, const PromptFields& fields, const std::string& path,
                      SpecialTokens special) {
    if (fields.messages != nullptr) {
        const nlohmann::ordered_json tools = fields.tools == nullptr ? nlohmann::json() : *fields.tools;
        const ChatMessages chat =
            readMessages(*fields.messages, fields.tools == nullptr ? nullptr : &tools, service.facts(), true);
        return renderPrompt(service, chat,
                            fields.add_generation_prompt.value_or(!endsWithAnswer(*fields.messages)));
    }
    if (fields.text != nullptr) {
        return {service.encode(fields.text->get_ref<const std::string&>(), special), false};
    }
    return {readTokenIds(*fields.tokens, path + "tokens", service.facts().config.vocab_size), false};
}

TokenIds readContinuation(ObjectReader& reader, const ModelService& service) {
    const nlohmann::json* tokens = reader.array("continue_tokens");
    return tokens == nullptr
               ? TokenIds()
               : readTokenIds(*tokens, reader.pathOf("continue_tokens"), service.facts().config.vocab_size);
}

PromptTokens readPromptTokens(ObjectReader& reader, const ModelService& service) {
    const PromptFields fields = readPromptFields(reader, "prompt");
    const TokenIds continuation = readContinuation(reader, service);
    PromptTokens all{readPrompt(service, fields, reader.pathOf(""), SpecialTokens::Parse).tokens, 0};
    all.prompt = all.tokens.size();
    all.tokens.insert(all.tokens.end(), continuation.begin(), continuation.end());
    return all;
}

} // namespace fulgurite::node
