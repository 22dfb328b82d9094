// SPDX-License-Identifier: Apache-2.0
#include "core/text/chat_messages.h"

#include "core/base/error.h"
#include "core/base/ordered_json.h"

namespace fulgurite {
namespace {

using Json = nlohmann::ordered_json;

// As an object, for templates that walk through it. What is none, or is too large for one, stays the text that it was.
Json argumentsOf(const std::string& text) {
    try {
        Json parsed = parseOrdered(text, "arguments");
        return parsed.is_object() ? parsed : Json(text);
    } catch (const Error&) {
        return text;
    }
}

class Shaper {
  public:
    explicit Shaper(const FormsByRole& forms) : forms_(forms) {}

    Json shape(const Json& message, std::size_t index) {
        where_ = fmt::format("messages[{}]", index);
        if (!message.is_object()) {
            fail(ErrorKind::InvalidInput, "{}: expected an object, found {}", where_, message.type_name());
        }
        const auto role = message.find("role");
        if (role == message.end() || !role->is_string()) {
            fail(ErrorKind::InvalidInput, "{}.role: expected a string", where_);
        }
        Json shaped = message;
        parseArguments(shaped);
        const auto form = forms_.find(role->get<std::string>());
        shapeContent(shaped, form == forms_.end() ? ContentForms() : form->second);
        return shaped;
    }

  private:
    void shapeContent(Json& message, const ContentForms& form) {
        Json content = message.contains("content") ? message["content"] : Json();
        if (!content.is_null() && !content.is_string() && !content.is_array()) {
            fail(ErrorKind::InvalidInput, "{}.content: expected a string or a list of parts, found {}", where_,
                 content.type_name());
        }
        if (content.is_array()) {
            checkParts(content);
        }
        if (content.is_null()) {
            message["content"] = form.text ? Json("") : Json::array();
        } else if (content.is_string() && !form.text) {
            message["content"] = Json::array({partOf(message, std::move(content))});
        } else if (content.is_array() && !form.parts) {
            message["content"] = joined(content);
        } else if (content.is_array() && !form.all_parts && content.size() > 1) {
            Json part = content[0];
            part["text"] = joined(content);
            message["content"] = Json::array({std::move(part)});
        }
    }

    void checkParts(const Json& parts) const {
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (!parts[i].is_object() || !parts[i].contains("type") || !parts[i]["type"].is_string()) {
                fail(ErrorKind::InvalidInput, "{}.content[{}]: expected an object with a type", where_, i);
            }
            const bool is_text = parts[i]["type"] == "text";
            if (is_text && (!parts[i].contains("text") || !parts[i]["text"].is_string())) {
                fail(ErrorKind::InvalidInput, "{}.content[{}].text: expected a string", where_, i);
            }
        }
    }

    std::string joined(const Json& parts) const {
        std::string text;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (parts[i]["type"] != "text") {
                fail(ErrorKind::InvalidInput, "{}.content[{}]: this model reads text only, not {}", where_, i,
                     parts[i]["type"].dump());
            }
            text += i > 0 ? "\n" : "";
            text += parts[i]["text"].get_ref<const std::string&>();
        }
        return text;
    }

    Json partOf(const Json& message, Json text) const {
        Json part = {{"type", "text"}, {"text", std::move(text)}};
        if (message["role"] != "tool") {
            return part;
        }
        if (message.contains("name")) {
            part["name"] = message["name"];
        } else if (message.contains("tool_call_id") && message["tool_call_id"].is_string()) {
            const auto name = tool_names_.find(message["tool_call_id"].get<std::string>());
            part["name"] = name == tool_names_.end() ? "tool" : name->second;
        } else {
            part["name"] = "tool";
        }
        return part;
    }

    void parseArguments(Json& message) {
        const auto calls = message.find("tool_calls");
        if (calls == message.end() || !calls->is_array()) {
            return;
        }
        for (Json& call : *calls) {
            const auto function = call.is_object() ? call.find("function") : call.end();
            if (function == call.end() || !function->is_object()) {
                continue;
            }
            if (call.contains("id") && call["id"].is_string() && function->contains("name") &&
                (*function)["name"].is_string()) {
                tool_names_[call["id"].get<std::string>()] = (*function)["name"].get<std::string>();
            }
            const auto arguments = function->find("arguments");
            if (arguments != function->end() && arguments->is_string()) {
                *arguments = argumentsOf(arguments->get_ref<const std::string&>());
            }
        }
    }

    const FormsByRole& forms_;
    std::map<std::string, std::string> tool_names_; // by id of the call
    std::string where_;
};

} // namespace

nlohmann::ordered_json shapeMessages(const nlohmann::ordered_json& messages, const FormsByRole& forms) {
    if (!messages.is_array()) {
        fail(ErrorKind::InvalidInput, "messages: expected a list, found {}", messages.type_name());
    }
    Shaper shaper(forms);
    Json shaped = Json::array();
    for (std::size_t i = 0; i < messages.size(); ++i) {
        shaped.push_back(shaper.shape(messages[i], i));
    }
    return shaped;
}

} // namespace fulgurite
