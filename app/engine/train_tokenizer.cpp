// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine train tokenizer`: a byte-level vocabulary learnt from text.
#include "app/engine/train.h"
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/text/bpe_trainer.h"
#include "core/text/tokenizer.h"

#include <filesystem>
#include <fmt/core.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace fulgurite::app {

namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 34;

struct TokenizerOptions {
    std::vector<std::string> data;
    std::string out;
    std::size_t vocabulary = 2048;
    std::vector<std::string> special;
    bool no_special = false;
    bool single_digits = false;
    std::uint64_t least_count = 2;
    std::string chat_template;
};

// `.jsonl`: the "text" of each line's object, or the "content" of its "messages"; every other file is one document.
void addFile(BpeTrainer& trainer, const std::string& file) {
    const std::string text = readTextFile(file, kMaxFile);
    if (std::filesystem::path(file).extension() != ".jsonl") {
        trainer.add(text);
        return;
    }
    std::size_t line = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view part = std::string_view(text).substr(begin, end - begin);
        begin = end + 1;
        ++line;
        if (part.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        const auto json = nlohmann::json::parse(part, nullptr, false);
        const bool is_text = json.is_object() && json.contains("text") && json["text"].is_string();
        const bool is_talk = json.is_object() && json.contains("messages") && json["messages"].is_array();
        if (!is_text && !is_talk) {
            fail(ErrorKind::InvalidInput, "{}: line {}: expected an object with \"text\" or \"messages\"", file,
                 line);
        }
        if (is_text) {
            trainer.add(json["text"].get_ref<const std::string&>());
            continue;
        }
        for (const auto& message : json["messages"]) {
            if (message.is_object() && message.contains("content") && message["content"].is_string()) {
                trainer.add(message["content"].get_ref<const std::string&>());
            }
        }
    }
}

void trainTokenizer(const TokenizerOptions& options) {
    const auto special = options.no_special        ? std::vector<std::string>()
                         : options.special.empty() ? publishedSpecialTokens()
                                                   : options.special;
    BpeTrainer trainer({options.vocabulary, special, options.single_digits, options.least_count});
    for (const std::string& file : options.data) {
        addFile(trainer, file);
    }
    const LearntVocabulary learnt = trainer.learn();
    const std::filesystem::path out = options.out;
    std::filesystem::create_directories(out);
    const std::string json = tokenizerJson(learnt, special);
    const std::size_t size = Tokenizer::parse(json, "the new tokenizer")->size();
    writeFileAtomically(out / "tokenizer.json", json);
    const std::string chat = options.chat_template.empty() ? "" : readTextFile(options.chat_template);
    writeFileAtomically(out / "tokenizer_config.json", tokenizerConfigJson(learnt.tokens.size(), special, chat));
    fmt::print("{} tokens: 256 bytes, {} merged, {} special; from {} pieces, {} of them different\n", size,
               learnt.merges.size(), special.size(), trainer.pieces(), trainer.differentPieces());
    if (size < options.vocabulary) {
        fmt::print("fewer than {}: no other pair occurs {} times\n", options.vocabulary, options.least_count);
    }
}

} // namespace

void addTrainTokenizer(CLI::App& train) {
    auto options = std::make_shared<TokenizerOptions>();
    CLI::App* command = train.add_subcommand("tokenizer", "Learn a byte-level vocabulary from text");
    command->add_option("--data", options->data, "Text files; .jsonl with \"text\" or \"messages\" a line")
        ->required();
    command->add_option("--out", options->out, "Folder for tokenizer.json and tokenizer_config.json")->required();
    command->add_option("--vocabulary", options->vocabulary, "Tokens in all, special ones included")
        ->capture_default_str();
    auto* special = command->add_option("--special", options->special,
                                        "Special tokens instead of the MiniMax-M1 set, in the order of their ids");
    command->add_flag("--no-special", options->no_special, "No special tokens")->excludes(special);
    command->add_flag("--single-digits", options->single_digits, "A digit is always a token of its own");
    command->add_option("--least-count", options->least_count, "A pair that is rarer becomes no token")
        ->capture_default_str();
    command->add_option("--chat-template", options->chat_template,
                        "Template file to put into tokenizer_config.json");
    command->footer("The Hugging Face libraries read the folder the same way.\n\n"
                    "Example:\n"
                    "  fulgurite-engine train tokenizer --data a.txt b.jsonl --vocabulary 4096 --single-digits "
                    "--out tokenizer");
    command->callback([options] { trainTokenizer(*options); });
}

} // namespace fulgurite::app
