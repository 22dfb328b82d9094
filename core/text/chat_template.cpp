// SPDX-License-Identifier: Apache-2.0
#include "core/text/chat_template.h"

#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/base/utf8.h"
#include "core/text/chat_messages.h"
#include "core/text/jinja/evaluator.h"
#include "core/text/jinja/parser.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

namespace fulgurite {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxTemplate = std::size_t{1} << 20;
constexpr std::size_t kProbeSteps = 200'000;
constexpr std::size_t kProbeBytes = std::size_t{4} << 20;

// A template is data of a stranger's making; both the newline in the end and carriage returns are not part of it.
std::string normalised(std::string_view source) {
    std::string text;
    text.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] != '\r') {
            text += source[i];
        } else if (i + 1 == source.size() || source[i + 1] != '\n') {
            text += '\n';
        }
    }
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

// bos_token and the like: a string, or an added token's {"content": ...}.
std::vector<std::pair<std::string, std::string>> readTokens(const JsonField& config) {
    std::vector<std::pair<std::string, std::string>> tokens;
    for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
        if (config.has(key)) {
            const JsonField token = config.at(key);
            tokens.emplace_back(key, token.value().is_string() ? token.string() : token.at("content").string());
        }
    }
    return tokens;
}

// The template itself, or a list of named ones of which "default" is taken.
std::string readSource(const JsonField& config) {
    const JsonField entry = config.at("chat_template");
    if (entry.value().is_string()) {
        return entry.string();
    }
    for (std::size_t i = 0; i < entry.size(); ++i) {
        if (entry.at(i).at("name").string() == "default") {
            return entry.at(i).at("template").string();
        }
    }
    fail(ErrorKind::NotFound, "{}: none of the templates is named \"default\"", entry.path());
}

} // namespace

struct ChatTemplate::Program {
    jinja::Source source;
    jinja::Statements statements;
    std::vector<std::pair<std::string, std::string>> tokens;
    FormsByRole forms;

    std::string run(const Json& messages, const Json& tools, bool add_generation_prompt,
                    jinja::Budget budget) const;
    std::optional<std::string> tryRun(const Json& messages) const;
    bool shows(const Json& before, const std::string& role, const Json& content,
               std::initializer_list<const char*> wanted) const;
    void findForms();
};

std::string ChatTemplate::Program::run(const Json& messages, const Json& tools, bool add_generation_prompt,
                                       jinja::Budget budget) const {
    jinja::Variables variables;
    try {
        variables.emplace_back("messages", jinja::fromJson(messages, budget));
        variables.emplace_back("tools", jinja::fromJson(tools, budget));
    } catch (const jinja::Problem& problem) {
        fail(ErrorKind::InvalidInput, "messages or tools: {}", problem.what());
    }
    variables.emplace_back("add_generation_prompt", jinja::Value{add_generation_prompt});
    for (const auto& [name, token] : tokens) {
        variables.emplace_back(name, jinja::makeText(token));
    }
    return jinja::render(source, statements, std::move(variables), budget);
}

std::optional<std::string> ChatTemplate::Program::tryRun(const Json& messages) const {
    try {
        return run(messages, nullptr, false, jinja::Budget(kProbeSteps, kProbeBytes));
    } catch (const Error&) {
        return std::nullopt;
    }
}

// Whether every `wanted` text comes out as it is, with nothing of the list around it.
bool ChatTemplate::Program::shows(const Json& before, const std::string& role, const Json& content,
                                  std::initializer_list<const char*> wanted) const {
    Json messages = before;
    messages.push_back({{"role", role}, {"content", content}});
    const std::optional<std::string> out = tryRun(messages);
    return out && out->find("AROUND") == std::string::npos &&
           std::all_of(wanted.begin(), wanted.end(),
                       [&out](const char* text) { return out->find(text) != std::string::npos; });
}

// Templates differ in what they read from `content`, and say so nowhere: each role is tried with every form.
void ChatTemplate::Program::findForms() {
    const auto part = [](const char* text) {
        return Json{{"type", "text"}, {"text", text}, {"name", "tool"}, {"AROUND", "AROUND"}};
    };
    const Json text = "PROBE";
    const Json one = Json::array({part("PROBE")});
    const Json two = Json::array({part("PROBE"), part("SECOND")});
    Json before = Json::array();
    for (const char* role : {"user", "assistant", "tool", "system"}) {
        if (std::string_view(role) == "system") {
            before = Json::array();
        }
        ContentForms form;
        form.text = shows(before, role, text, {"PROBE"});
        form.parts = shows(before, role, one, {"PROBE"});
        form.all_parts = shows(before, role, two, {"PROBE", "SECOND"});
        if (!form.text && !form.parts) { // a role that it cannot show in this place: as the user's
            form = role == std::string_view("user") ? ContentForms() : forms["user"];
        }
        forms[role] = form;
        // Another text than the probe's, which the next role would find again here.
        before.push_back(
            {{"role", role}, {"content", form.text ? Json("EARLIER") : Json::array({part("EARLIER")})}});
    }
}

std::shared_ptr<const ChatTemplate> ChatTemplate::load(const std::filesystem::path& folder) {
    const std::filesystem::path config_path = folder / "tokenizer_config.json";
    const std::filesystem::path plain_path = folder / "chat_template.jinja";
    std::error_code error;
    std::vector<std::pair<std::string, std::string>> tokens;
    std::optional<std::string> source;
    std::string name = plain_path.string();
    if (std::filesystem::exists(plain_path, error)) { // before the key, as in transformers
        source = readTextFile(plain_path, kMaxTemplate);
    }
    if (std::filesystem::exists(config_path, error)) {
        const nlohmann::json json = parseJson(readTextFile(config_path), config_path.string());
        const JsonField config(json, config_path.string(), ErrorKind::Corrupt);
        tokens = readTokens(config);
        if (!source && config.has("chat_template")) {
            source = readSource(config);
            name = config_path.string() + ": chat_template";
        }
    }
    if (!source) {
        fail(ErrorKind::NotFound,
             "{}: no chat template; expected chat_template.jinja, or the key chat_template in "
             "tokenizer_config.json",
             folder.string());
    }
    return make(*source, name, std::move(tokens));
}

std::shared_ptr<const ChatTemplate> ChatTemplate::parse(std::string_view source, const std::string& name) {
    return make(source, name, {});
}

std::shared_ptr<const ChatTemplate> ChatTemplate::make(std::string_view source, const std::string& name,
                                                       std::vector<std::pair<std::string, std::string>> tokens) {
    if (source.size() > kMaxTemplate) {
        fail(ErrorKind::Unsupported, "{}: {} bytes, a template may have {}", name, source.size(), kMaxTemplate);
    }
    requireUtf8(source, name);
    auto program = std::make_unique<Program>();
    program->source = {name, normalised(source)};
    program->statements = jinja::parseTemplate(program->source);
    program->tokens = std::move(tokens);
    program->findForms();
    return std::shared_ptr<const ChatTemplate>(new ChatTemplate(std::move(program)));
}

ChatTemplate::ChatTemplate(std::unique_ptr<const Program> program) : program_(std::move(program)) {}

ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::render(const nlohmann::json& messages, const nlohmann::json& tools,
                                 bool add_generation_prompt) const {
    return renderOrdered(Json(messages), Json(tools), add_generation_prompt);
}

std::string ChatTemplate::renderOrdered(const Json& messages, const Json& tools, bool add_generation_prompt) const {
    if (!tools.is_null() && !tools.is_array()) {
        fail(ErrorKind::InvalidInput, "tools: expected a list, found {}", tools.type_name());
    }
    return program_->run(shapeMessages(messages, program_->forms), tools, add_generation_prompt, jinja::Budget());
}

} // namespace fulgurite
