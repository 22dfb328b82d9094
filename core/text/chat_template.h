// SPDX-License-Identifier: Apache-2.0
// Chat templates in the Jinja subset that the MiniMax family needs, read from `tokenizer_config.json`.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fulgurite {

// Immutable and thread-safe.
class ChatTemplate {
  public:
    // FOLDER/chat_template.jinja, else FOLDER/tokenizer_config.json (key `chat_template`). Throws Error{NotFound}
    // when the folder has none, Error{Unsupported | Corrupt} with line and column for syntax outside the subset.
    static std::shared_ptr<const ChatTemplate> load(const std::filesystem::path& folder);
    static std::shared_ptr<const ChatTemplate> parse(std::string_view source, const std::string& name);
    ~ChatTemplate();

    // `messages`: OpenAI-style array; `content` may be a string or a list of {"type": "text", "text": ...} parts,
    // both reach the template in the form it expects. `tools`: array or null. Throws Error{InvalidInput} when the
    // template raises or a value has the wrong type.
    std::string render(const nlohmann::json& messages, const nlohmann::json& tools,
                       bool add_generation_prompt) const;
    // The same with the keys of objects in the order they came in, which is the order that models saw tools in.
    std::string renderOrdered(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                              bool add_generation_prompt) const;

  private:
    struct Program;
    explicit ChatTemplate(std::unique_ptr<const Program> program);
    static std::shared_ptr<const ChatTemplate> make(std::string_view source, const std::string& name,
                                                    std::vector<std::pair<std::string, std::string>> tokens);
    std::unique_ptr<const Program> program_;
};

} // namespace fulgurite
