// SPDX-License-Identifier: Apache-2.0
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/base/file_io.h"
#include "core/text/chat_template.h"
#include "tests/unit/test_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace fulgurite {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::StartsWith;

std::shared_ptr<const ChatTemplate> published(const std::string& name) {
    return ChatTemplate::parse(readTextFile(test::sourceDir() / "tests/data/templates" / name), name);
}

const Json kHello = Json::parse(R"([{"role": "system", "content": "You are a helpful assistant."},
                                    {"role": "user", "content": "Hello!"}])");
const Json kTools =
    Json::parse(R"([{"type": "function", "function": {"name": "add", "description": "Summe für \"a\"",
                                     "parameters": {"type": "object", "properties": {}, "x": [1, 2.0, true, null]}}}])");
constexpr const char* kToolLine =
    R"({"type": "function", "function": {"name": "add", "description": "Summe für \"a\"", "parameters": )"
    R"({"type": "object", "properties": {}, "x": [1, 2.0, true, null]}}})";

TEST(ChatTemplate, PublishedM1Prompt) {
    const std::string expected =
        "<begin_of_document><beginning_of_sentence>system ai_setting=assistant\nYou are a helpful assistant."
        "<end_of_sentence>\n<beginning_of_sentence>user name=user\nHello!<end_of_sentence>\n"
        "<beginning_of_sentence>ai name=assistant\n";
    const auto chat = published("minimax_m1.jinja");
    EXPECT_EQ(chat->renderOrdered(kHello, nullptr, true), expected);
    EXPECT_EQ(chat->render(nlohmann::json(kHello), nullptr, true), expected);
    const Json parts = Json::parse(R"([{"role": "user", "content": [{"type": "text", "text": "Hello!"}]},
        {"role": "system", "content": [{"type": "text", "text": "You are a helpful assistant."}]}])");
    EXPECT_EQ(chat->renderOrdered(parts, nullptr, true), expected);
    EXPECT_EQ(chat->renderOrdered(Json::array(), nullptr, false), "<begin_of_document>");
    // An answer reaches the template as the list of parts that it reads, also when it is given as a string.
    const Json answered =
        Json::parse(R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}])");
    EXPECT_EQ(chat->renderOrdered(answered, nullptr, false),
              "<begin_of_document><beginning_of_sentence>user name=user\nHi<end_of_sentence>\n"
              "<beginning_of_sentence>ai name=assistant\nHello.<end_of_sentence>\n");
}

TEST(ChatTemplate, PublishedM1Tools) {
    const Json messages = Json::parse(R"([
        {"role": "user", "content": "2+3?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"b\": 3, \"a\": 2}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "5"},
        {"role": "assistant", "content": [{"type": "text", "text": "It is"}, {"type": "text", "text": " 5."}]}])");
    EXPECT_EQ(
        published("minimax_m1.jinja")->renderOrdered(messages, kTools, false),
        "<begin_of_document><beginning_of_sentence>system tool_setting=tools\n"
        "You are provided with these tools:\n<tools>\n" +
            std::string(kToolLine) +
            "\n</tools>\n\nIf you need to call tools, please respond with <tool_calls></tool_calls> XML tags, and "
            "provide tool-name and json-object of arguments, following the format below:\n<tool_calls>\n"
            "{name: <tool-name-1>, arguments: <args-json-object-1>}\n...\n</tool_calls><end_of_sentence>\n"
            "<beginning_of_sentence>user name=user\n2+3?<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\n<end_of_sentence>\n"
            "<beginning_of_sentence>tool name=tools\ntool name: add\ntool result: 5\n\n<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\nIt is 5.<end_of_sentence>\n");
}

TEST(ChatTemplate, ServerStyle) {
    const auto chat = published("server_style.jinja");
    const Json messages = Json::parse(R"([
        {"role": "user", "content": "  2+3? "},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"b\": 3, \"a\": 2}"}}]},
        {"role": "tool", "name": "add", "content": "5"},
        {"role": "tool", "name": "sub", "content": [{"type": "text", "text": "-1"}]}])");
    EXPECT_EQ(
        chat->renderOrdered(messages, kTools, true),
        "<begin_of_document><beginning_of_sentence>system ai_setting=assistant\nYou are a helpful assistant."
        "<end_of_sentence>\n<beginning_of_sentence>system tool_setting=tools\n"
        "You are provided with these tools:\n<tools>\n" +
            std::string(kToolLine) +
            "\n</tools>\n\nIf you need to call tools, please respond with <tool_calls></tool_calls> XML tags, and "
            "provide tool-name and json-object of arguments, following the format below:\n<tool_calls>\n"
            "{\"name\": <tool-name>, \"arguments\": <args-json-object>}\n...\n</tool_calls><end_of_sentence>\n"
            "<beginning_of_sentence>user name=user\n2+3?<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\n\n<tool_calls>\n"
            "{\"name\": \"add\", \"arguments\": {\"b\": 3, \"a\": 2}}\n</tool_calls><end_of_sentence>\n"
            "<beginning_of_sentence>tool name=tools\ntool name: add\ntool result: 5\n\n"
            "tool name: sub\ntool result: -1\n\n<end_of_sentence>\n<beginning_of_sentence>ai name=assistant\n");
    try {
        chat->renderOrdered(Json::parse(R"([{"role": "critic", "content": "x"}])"), nullptr, true);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
        EXPECT_THAT(error.what(), HasSubstr("the template refuses the messages: unknown role: critic"));
        EXPECT_THAT(error.what(), StartsWith("server_style.jinja, line 49, column "));
    }
}

TEST(ChatTemplate, StringsAndPartsReachEitherKindOfTemplate) {
    const auto wants_text = ChatTemplate::parse("{% for m in messages %}[{{ m.content }}]{% endfor %}", "text");
    const Json parts = Json::parse(R"([{"role": "user", "content": [{"type": "text", "text": "a"},
                                                                    {"type": "text", "text": "b"}]}])");
    EXPECT_EQ(wants_text->renderOrdered(parts, nullptr, false), "[a\nb]");
    const auto wants_parts =
        ChatTemplate::parse("{% for m in messages %}[{{ m.content[0].text }}]{% endfor %}", "parts");
    EXPECT_EQ(wants_parts->renderOrdered(kHello, nullptr, false), "[You are a helpful assistant.][Hello!]");
    EXPECT_EQ(wants_parts->renderOrdered(parts, nullptr, false), "[a\nb]"); // it would show the first part only
    const Json image = Json::parse(R"([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}])");
    EXPECT_THROW(wants_text->renderOrdered(image, nullptr, false), Error);
}

TEST(ChatTemplate, MessagesAreChecked) {
    const auto chat = published("minimax_m1.jinja");
    const auto message = [&chat](const char* messages, const Json& tools = nullptr) -> std::string {
        try {
            chat->renderOrdered(Json::parse(messages), tools, true);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::InvalidInput);
            return error.what();
        }
        return "no error";
    };
    EXPECT_THAT(message("{}"), HasSubstr("messages: expected a list"));
    EXPECT_THAT(message("[1]"), HasSubstr("messages[0]: expected an object"));
    EXPECT_THAT(message(R"([{"content": "x"}])"), HasSubstr("messages[0].role: expected a string"));
    EXPECT_THAT(message(R"([{"role": "user", "content": 3}])"),
                HasSubstr("messages[0].content: expected a string"));
    EXPECT_THAT(message(R"([{"role": "user", "content": [{"type": "text"}]}])"),
                HasSubstr("messages[0].content[0].text: expected a string"));
    EXPECT_THAT(message("[]", Json::object()), HasSubstr("tools: expected a list"));
}

TEST(ChatTemplate, LoadsFromTheFolder) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("fulgurite-chat-template-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    EXPECT_THROW(ChatTemplate::load(folder), Error);
    writeFileAtomically(folder / "chat_template.jinja", "plain {{ bos_token }}\n");
    EXPECT_EQ(ChatTemplate::load(folder)->renderOrdered(Json::array(), nullptr, false), "plain ");
    writeFileAtomically(folder / "tokenizer_config.json",
                        R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>"})");
    EXPECT_EQ(ChatTemplate::load(folder)->renderOrdered(Json::array(), nullptr, false), "plain <s>");
    writeFileAtomically(folder / "tokenizer_config.json",
                        R"({"bos_token": "<s>", "eos_token": "</s>", "chat_template": "config {{ eos_token }}"})");
    EXPECT_EQ(ChatTemplate::load(folder)->renderOrdered(Json::array(), nullptr, false), "plain <s>")
        << "the file comes first, as in transformers";
    std::filesystem::remove(folder / "chat_template.jinja");
    EXPECT_EQ(ChatTemplate::load(folder)->renderOrdered(Json::array(), nullptr, false), "config </s>");
    writeFileAtomically(folder / "tokenizer_config.json",
                        R"({"chat_template": [{"name": "rag", "template": "x"}]})");
    EXPECT_THROW(ChatTemplate::load(folder), Error);
    writeFileAtomically(folder / "chat_template.jinja", "plain");
    EXPECT_EQ(ChatTemplate::load(folder)->renderOrdered(Json::array(), nullptr, false), "plain");
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace fulgurite
