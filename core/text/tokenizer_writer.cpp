// SPDX-License-Identifier: Apache-2.0
// The files of a learnt tokenizer, in the layout of the published ones, so that the Hugging Face libraries read
// them the same way.
#include "core/text/bpe_trainer.h"
#include "core/text/byte_alphabet.h"
#include "core/text/pretokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fulgurite {

namespace {

using Json = nlohmann::ordered_json;

// Stands for the table of tokens until the text is made: an ordered object looks through all of its keys at each
// insertion, which takes quadratic time.
constexpr const char* kVocabPlace = "(vocab)";

std::string vocabText(const LearntVocabulary& vocabulary) {
    nlohmann::json vocab = nlohmann::json::object();
    for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
        vocab[spellingOfBytes(vocabulary.tokens[id])] = id;
    }
    return vocab.dump();
}

Json addedToken(const std::string& content) {
    return {{"content", content}, {"single_word", false}, {"lstrip", false},
            {"rstrip", false},    {"normalized", false},  {"special", true}};
}

Json splitter() {
    Json split{{"type", "Split"}};
    split["pattern"]["Regex"] = std::string(kPublishedPattern);
    split["behavior"] = "Removed";
    split["invert"] = true;
    const Json bytes{
        {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
    Json sequence{{"type", "Sequence"}};
    sequence["pretokenizers"] = Json::array({split, bytes});
    return sequence;
}

Json bpeModel(const LearntVocabulary& vocabulary) {
    Json model{{"type", "BPE"},
               {"dropout", nullptr},
               {"unk_token", nullptr},
               {"continuing_subword_prefix", ""},
               {"end_of_word_suffix", ""},
               {"fuse_unk", false},
               {"byte_fallback", false}};
    const auto spelling = [&](TokenId id) {
        return spellingOfBytes(vocabulary.tokens[static_cast<std::size_t>(id)]);
    };
    model["vocab"] = kVocabPlace;
    model["merges"] = Json::array();
    for (const Merge& merge : vocabulary.merges) {
        model["merges"].push_back(spelling(merge.left) + " " + spelling(merge.right));
    }
    return model;
}

} // namespace

std::string tokenizerJson(const LearntVocabulary& vocabulary, const std::vector<std::string>& special) {
    Json json{{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
    json["added_tokens"] = Json::array();
    for (std::size_t i = 0; i < special.size(); ++i) {
        Json token{{"id", vocabulary.tokens.size() + i}};
        token.update(addedToken(special[i]));
        json["added_tokens"].push_back(token);
    }
    json["normalizer"] = {{"type", "NFC"}};
    json["pre_tokenizer"] = splitter();
    json["post_processor"] = nullptr;
    json["decoder"] = {
        {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
    json["model"] = bpeModel(vocabulary);
    std::string text = json.dump(1) + "\n";
    const std::string place = std::string("\"") + kVocabPlace + "\"";
    return text.replace(text.rfind(place), place.size(), vocabText(vocabulary));
}

std::string tokenizerConfigJson(std::size_t learnt_tokens, const std::vector<std::string>& special,
                                const std::string& chat_template) {
    Json json{
        {"tokenizer_class", "PreTrainedTokenizerFast"}, {"add_prefix_space", false}, {"clean_up_tokenization_spaces", false}};
    const std::pair<const char*, const char*> roles[] = {{"bos_token", "<beginning_of_sentence>"},
                                                         {"eos_token", "<end_of_sentence>"},
                                                         {"pad_token", "<pad>"},
                                                         {"unk_token", "<end_of_document>"}};
    for (const auto& [role, token] : roles) {
        if (std::find(special.begin(), special.end(), token) != special.end()) {
            json[role] = token;
        }
    }
    json["added_tokens_decoder"] = Json::object();
    for (std::size_t i = 0; i < special.size(); ++i) {
        json["added_tokens_decoder"][std::to_string(learnt_tokens + i)] = addedToken(special[i]);
    }
    if (!chat_template.empty()) {
        json["chat_template"] = chat_template;
    }
    return json.dump(1) + "\n";
}

const std::vector<std::string>& publishedSpecialTokens() {
    static const std::vector<std::string> tokens{"<pad>",
                                                 "<fim_prefix>",
                                                 "<fim_middle>",
                                                 "<fim_suffix>",
                                                 "<fim_pad>",
                                                 "<reponame>",
                                                 "<filename>",
                                                 "<gh_stars>",
                                                 "<issue_start>",
                                                 "<issue_comment>",
                                                 "<issue_closed>",
                                                 "<jupyter_start>",
                                                 "<jupyter_text>",
                                                 "<jupyter_code>",
                                                 "<jupyter_output>",
                                                 "<empty_output>",
                                                 "<commit_before>",
                                                 "<commit_msg>",
                                                 "<commit_after>",
                                                 "<beginning_of_sentence>",
                                                 "<end_of_sentence>",
                                                 "<end_of_document>",
                                                 "<function_call>",
                                                 "<code_interpreter>",
                                                 "<speech>",
                                                 "<image>",
                                                 "<video>",
                                                 "<start_of_speech>",
                                                 "<end_of_speech>",
                                                 "<start_of_image>",
                                                 "<end_of_image>",
                                                 "<start_of_video>",
                                                 "<end_of_video>",
                                                 "<vision_pad>",
                                                 "<begin_of_document>",
                                                 "<jupyter_error>"};
    return tokens;
}

} // namespace fulgurite
