// SPDX-License-Identifier: Apache-2.0
#include "core/train/conversations.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"
#include "core/train/train_pass.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fulgurite {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 34;

bool isAssistant(const nlohmann::ordered_json& message) {
    return message.is_object() && message.contains("role") && message["role"] == "assistant";
}

// Of an assistant's message whether it is to be learned: not with a "weight" of 0, as in the files that hosted
// tuning services take.
bool isLearned(const nlohmann::ordered_json& message) {
    return !message.contains("weight") || message["weight"] != 0;
}

// The text that follows `before` in `all`.
std::string_view textAfter(const std::string& before, std::string_view all) {
    if (!all.starts_with(before)) {
        fail(ErrorKind::InvalidInput, "the chat template shows earlier messages differently once an answer follows "
                                      "(it may hide earlier thinking): make each answer a conversation of its own");
    }
    return all.substr(before.size());
}

// Appends ids; `answer`: as targets of what stands before them, up to and with the first end id.
void append(Conversation& conversation, const TokenIds& ids, const TokenIds& end_ids, bool answer) {
    bool wanted = answer;
    for (const TokenId id : ids) {
        if (!conversation.targets.empty()) {
            conversation.targets.back() = wanted ? id : TrainBatch::kNoTarget;
        }
        conversation.tokens.push_back(id);
        conversation.targets.push_back(TrainBatch::kNoTarget);
        wanted = wanted && std::find(end_ids.begin(), end_ids.end(), id) == end_ids.end();
    }
}

} // namespace

ChatEncoding ChatEncoding::load(const std::filesystem::path& folder, TokenIds end_ids) {
    const auto chat = ChatTemplate::load(folder);
    const auto tokenizer = Tokenizer::load(folder);
    return {.render = [chat](const nlohmann::ordered_json& messages,
                             bool reply) { return chat->renderOrdered(messages, nullptr, reply); },
            .encode = [tokenizer](std::string_view text) { return tokenizer->encode(text); },
            .end_ids = std::move(end_ids)};
}

Conversation encodeConversation(const nlohmann::ordered_json& messages, const ChatEncoding& encoding) {
    Conversation conversation;
    std::string done; // what has been tokenized
    auto first_messages = nlohmann::ordered_json::array();
    for (const auto& message : messages) {
        if (isAssistant(message)) {
            const std::string prompt = encoding.render(first_messages, true);
            append(conversation, encoding.encode(textAfter(done, prompt)), encoding.end_ids, false);
            first_messages.push_back(message);
            done = encoding.render(first_messages, false);
            append(conversation, encoding.encode(textAfter(prompt, done)), encoding.end_ids, isLearned(message));
        } else {
            first_messages.push_back(message);
        }
    }
    if (conversation.tokens.empty()) {
        fail(ErrorKind::InvalidInput, "no message is the assistant's: there is nothing to learn");
    }
    return conversation;
}

Conversations::Conversations(std::span<const std::filesystem::path> files, const ChatEncoding& encoding,
                             std::size_t longest) {
    for (const auto& file : files) {
        const std::string text = readTextFile(file, kMaxFile);
        std::size_t line = 0;
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            const std::string_view part = std::string_view(text).substr(begin, end - begin);
            begin = end + 1;
            ++line;
            if (part.find_first_not_of(" \t\r") == std::string_view::npos) {
                continue;
            }
            const auto json = nlohmann::ordered_json::parse(part, nullptr, false);
            if (!json.is_object() || !json.contains("messages") || !json["messages"].is_array()) {
                fail(ErrorKind::InvalidInput, "{}: line {}: expected an object with a list \"messages\"",
                     file.string(), line);
            }
            try {
                add(encodeConversation(json["messages"], encoding), longest);
            } catch (const Error& error) {
                fail(error.kind(), "{}: line {}: {}", file.string(), line, error.what());
            }
        }
    }
    if (all_.empty()) {
        fail(ErrorKind::InvalidInput, "no conversation has an answer within {} tokens", longest);
    }
}

void Conversations::add(Conversation conversation, std::size_t longest) {
    if (conversation.tokens.size() > longest) {
        conversation.tokens.resize(longest);
        conversation.targets.resize(longest);
    }
    const auto isTarget = [](TokenId id) { return id != TrainBatch::kNoTarget; };
    if (std::any_of(conversation.targets.begin(), conversation.targets.end(), isTarget)) {
        tokens_ += conversation.tokens.size();
        all_.push_back(std::move(conversation));
    }
}

std::uint64_t Conversations::checksum() const {
    TokenChecksum checksum;
    for (const Conversation& conversation : all_) {
        for (const TokenIds* ids : {&conversation.tokens, &conversation.targets}) {
            std::for_each(ids->begin(), ids->end(), [&](TokenId id) { checksum.add(id); });
        }
    }
    return checksum.value();
}

std::size_t Conversations::append(std::uint64_t index, TokenIds& tokens, TokenIds& targets) const {
    const Conversation& conversation = all_[index];
    tokens.insert(tokens.end(), conversation.tokens.begin(), conversation.tokens.end());
    targets.insert(targets.end(), conversation.targets.begin(), conversation.targets.end());
    return conversation.tokens.size();
}

} // namespace fulgurite
