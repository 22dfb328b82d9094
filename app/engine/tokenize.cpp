// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine tokenize`: the ids and pieces of a text, as the model will see it.
#include "app/engine/command.h"
#include "app/engine/standard_input.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace fulgurite::app {
namespace {

constexpr std::size_t kMaxInput = std::size_t{1} << 30;

struct TokenizeOptions {
    std::string model;
    std::string text;
    std::string file;
    std::string special = "parse";
    bool has_text = false;
    bool json = false;
    bool pieces = false;
    bool chat = false;
    bool messages = false;
};

std::string readInput(const TokenizeOptions& options) {
    if (options.has_text) {
        return options.text;
    }
    return options.file.empty() ? readStandardInput(kMaxInput) : readTextFile(options.file, kMaxInput);
}

// In quotes; what cannot be shown as it is, is escaped: fragments of a character as \xNN.
std::string quoted(std::string_view bytes) {
    std::string out = "\"";
    while (!bytes.empty()) {
        const std::size_t valid = validUtf8Prefix(bytes);
        for (const char c : bytes.substr(0, valid)) {
            const auto byte = static_cast<unsigned char>(c);
            if (c == '\n' || c == '\t' || c == '\r') {
                out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
            } else if (byte < 0x20 || byte == 0x7F) {
                out += fmt::format("\\x{:02X}", byte);
            } else if (c == '"' || c == '\\') {
                out += '\\';
                out += c;
            } else {
                out += c;
            }
        }
        bytes.remove_prefix(valid);
        if (!bytes.empty()) {
            out += fmt::format("\\x{:02X}", static_cast<unsigned char>(bytes[0]));
            bytes.remove_prefix(1);
        }
    }
    return out + '"';
}

nlohmann::json piecesOf(const Tokenizer& tokenizer, const TokenIds& ids) {
    nlohmann::json pieces = nlohmann::json::array();
    for (const TokenId id : ids) {
        const std::string_view bytes = tokenizer.bytesOf(id);
        std::string hex;
        for (const char c : bytes) {
            hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
        }
        pieces.push_back({{"id", id},
                          {"text", replaceInvalidUtf8(bytes)},
                          {"bytes", hex},
                          {"special", tokenizer.isSpecial(id)}});
    }
    return pieces;
}

// The input as one user's message, or as the JSON array of messages that it is, in the model's chat format.
std::string renderChat(const TokenizeOptions& options, const std::string& input) {
    const auto chat = ChatTemplate::load(options.model);
    if (!options.messages) {
        requireUtf8(input, "the message");
        return chat->renderOrdered({{{"role", "user"}, {"content", input}}}, nullptr, true);
    }
    requireJsonDepth(input, "the messages", 128);
    const auto messages = nlohmann::ordered_json::parse(input, nullptr, false);
    if (messages.is_discarded()) {
        fail(ErrorKind::InvalidInput,
             "the messages are not valid JSON; expected [{{\"role\": ..., \"content\": ...}}, ...]");
    }
    return chat->renderOrdered(messages, nullptr, true);
}

void print(const TokenizeOptions& options, const Tokenizer& tokenizer, const std::string& text,
           const TokenIds& ids) {
    if (options.json) {
        nlohmann::json result = {{"count", ids.size()}, {"ids", ids}};
        if (options.chat || options.messages) {
            result["prompt"] = text;
        }
        if (options.pieces) {
            result["pieces"] = piecesOf(tokenizer, ids);
        }
        fmt::print("{}\n", result.dump());
        return;
    }
    if (options.pieces) {
        for (std::size_t i = 0; i < ids.size(); ++i) {
            fmt::print("{:>6} {:>8}  {}{}\n", i, ids[i], quoted(tokenizer.bytesOf(ids[i])),
                       tokenizer.isSpecial(ids[i]) ? "  special" : "");
        }
    } else {
        fmt::print("{}\n", fmt::join(ids, " "));
    }
    fmt::print("{} tokens\n", ids.size());
}

void tokenize(const TokenizeOptions& options) {
    const auto tokenizer = Tokenizer::load(options.model);
    const auto special = options.special == "parse" ? SpecialTokens::Parse : SpecialTokens::AsText;
    std::string text = readInput(options);
    if (options.chat || options.messages) {
        text = renderChat(options, text);
    }
    print(options, *tokenizer, text, tokenizer->encode(text, special));
}

} // namespace

void addTokenize(CLI::App& app) {
    auto options = std::make_shared<TokenizeOptions>();
    CLI::App* command = app.add_subcommand("tokenize", "Show the tokens of a text");
    command->add_option("--model", options->model, "Model folder, or a tokenizer.json")->required();
    CLI::Option* text =
        command->add_option("text", options->text, "The text; without it and --file, standard input");
    command->add_option("--file", options->file, "Read the text from this file")->excludes(text);
    command->add_flag("--pieces", options->pieces, "One line for each token: place, id, bytes");
    command->add_flag("--json", options->json,
                      "One JSON object: count, ids; with --pieces, pieces; with --chat, prompt");
    command->add_flag("--chat", options->chat, "Put the text as a user's message into the model's chat template");
    command->add_flag("--messages", options->messages, "As --chat, for a JSON array of messages");
    command
        ->add_option("--special", options->special,
                     "What \"<end_of_sentence>\" in the text is: parse (its token) or text (spelled out)")
        ->check(CLI::IsMember({"parse", "text"}))
        ->capture_default_str();
    command->footer(
        "Examples:\n"
        "  fulgurite-engine tokenize --model DIR \"Hello, world!\"\n"
        "  fulgurite-engine tokenize --model DIR --pieces --file notes.txt\n"
        "  echo 'What is 17+58?' | fulgurite-engine tokenize --model DIR --chat --pieces\n"
        "  fulgurite-engine tokenize --model DIR --json --messages \\\n"
        "      '[{\"role\": \"system\", \"content\": \"Be brief.\"}, {\"role\": \"user\", \"content\": \"Hi\"}]'");
    command->callback([options, text] {
        options->has_text = text->count() > 0;
        tokenize(*options);
    });
}

} // namespace fulgurite::app
