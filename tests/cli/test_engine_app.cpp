// SPDX-License-Identifier: Apache-2.0
// What the sub-commands share: options, the search for a model, typed messages, prompts with sampled answers.
#include "app/engine/chat_input.h"
#include "app/engine/default_model.h"
#include "app/engine/sampler_options.h"
#include "core/base/atomic_file.h"
#include "core/base/error.h"
#include "core/generate/chat_tokens.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <unistd.h>

namespace fulgurite::app {
namespace {

class SamplerOptionsTest : public testing::Test {
  protected:
    SamplerOptionsTest() { addSamplerOptions(command_, options_); }

    void parse(std::vector<std::string> arguments) {
        std::reverse(arguments.begin(), arguments.end());
        command_.parse(arguments);
        finishSamplerOptions(command_, folder_.path(), options_);
    }

    test::TemporaryFolder folder_;
    CLI::App command_;
    SamplerOptions options_;
};

TEST_F(SamplerOptionsTest, TakesWhatIsGiven) {
    parse({"-t", "0.5", "--top-k", "7", "--stop", "a", "--stop", "b", "--logit-bias", "3:-2.5", "--seed", "9", "-n",
           "12", "--repetition-stop", "30"});
    EXPECT_EQ(options_.sampler.temperature, 0.5f);
    EXPECT_EQ(options_.sampler.top_k, 7);
    EXPECT_EQ(options_.sampler.top_p, 0.95f);
    EXPECT_EQ(options_.sampler.seed, 9u);
    EXPECT_TRUE(options_.seeded);
    EXPECT_EQ(options_.sampler.logit_bias, (std::map<TokenId, float>{{3, -2.5f}}));
    EXPECT_EQ(options_.stop.strings, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(options_.stop.max_tokens, 12);
    EXPECT_EQ(options_.stop.repetition.run, 30);
}

TEST_F(SamplerOptionsTest, TheModelFillsInTheRest) {
    writeFileAtomically(folder_ / "generation_config.json", R"({"temperature": 0.2, "top_k": 40, "top_p": 0.5})");
    parse({"--top-p", "0.8"});
    EXPECT_EQ(options_.sampler.temperature, 0.2f);
    EXPECT_EQ(options_.sampler.top_k, 40);
    EXPECT_EQ(options_.sampler.top_p, 0.8f);
    EXPECT_FALSE(options_.seeded);
}

TEST_F(SamplerOptionsTest, TheModelMayBeGreedyAndMayBeWrong) {
    writeFileAtomically(folder_ / "generation_config.json",
                        R"({"do_sample": false, "temperature": 0.9, "top_k": -1, "top_p": null})");
    parse({});
    EXPECT_EQ(options_.sampler.temperature, 0.0f);
    EXPECT_EQ(options_.sampler.top_k, 0);
    EXPECT_EQ(options_.sampler.top_p, 0.95f);
    writeFileAtomically(folder_ / "generation_config.json", R"({"temperature": -3})");
    options_ = {};
    try {
        parse({});
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("generation_config.json: temperature is -3"), std::string::npos)
            << error.what();
    }
}

TEST_F(SamplerOptionsTest, RefusesWhatItCannotRead) {
    EXPECT_THROW(parse({"--logit-bias", "3"}), Error);
    options_ = {};
    EXPECT_THROW(parse({"--logit-bias", "x:1"}), Error);
    EXPECT_THROW(setSamplerOption(options_, "top-p", "1.5"), Error);
    EXPECT_THROW(setSamplerOption(options_, "top-p", "half"), Error);
    EXPECT_THROW(setSamplerOption(options_, "colour", "1"), Error);
    EXPECT_THROW(setSamplerOption(options_, "max-tokens", "-1"), Error);
    setSamplerOption(options_, "temperature", "0");
    setSamplerOption(options_, "seed", "77");
    EXPECT_EQ(options_.sampler.temperature, 0.0f);
    EXPECT_NE(describe(options_).find("seed 77"), std::string::npos);
}

TEST(DefaultModel, OptionThenEnvironmentThenBesideTheProgram) {
    ::setenv("FULGURITE_MODEL", "/some/where", 1);
    EXPECT_EQ(findModel("/named"), "/named");
    EXPECT_EQ(findModel(""), "/some/where");
    ::unsetenv("FULGURITE_MODEL");
    if (std::filesystem::exists(test::sourceDir() / "resources/models/ember/config.json")) {
        EXPECT_TRUE(std::filesystem::equivalent(findModel(""), test::sourceDir() / "resources/models/ember"));
    } else {
        EXPECT_THROW(findModel(""), Error);
    }
}

// Typed text goes through a pipe in place of standard input.
class ChatInputTest : public testing::Test {
  protected:
    ChatInputTest() : saved_(::dup(STDIN_FILENO)) {}
    ~ChatInputTest() override {
        ::dup2(saved_, STDIN_FILENO);
        ::close(saved_);
    }

    std::vector<std::string> messages(const std::string& typed) {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        EXPECT_EQ(::write(ends[1], typed.data(), typed.size()), static_cast<ssize_t>(typed.size()));
        ::close(ends[1]);
        ::dup2(ends[0], STDIN_FILENO);
        ::close(ends[0]);
        InterruptGuard interrupts;
        ChatInput input;
        std::vector<std::string> result;
        std::string message;
        while (input.read(interrupts, message) == ChatInput::Result::Message) {
            result.push_back(message);
        }
        return result;
    }

  private:
    int saved_;
};

TEST_F(ChatInputTest, LinesAndBlocks) {
    using Messages = std::vector<std::string>;
    EXPECT_EQ(messages("one\ntwo\r\nthree"), (Messages{"one", "two", "three"}));
    EXPECT_EQ(messages("one\\\ntwo\\\n\nthree\n"), (Messages{"one\ntwo\n", "three"}));
    EXPECT_EQ(messages("\"\"\"\nfirst\n\nlast\n\"\"\"\nnext\n"), (Messages{"first\n\nlast", "next"}));
    EXPECT_EQ(messages("\"\"\"one line\"\"\"\n"), (Messages{"one line"}));
    EXPECT_EQ(messages("\"\"\"first\nlast\"\"\"\n"), (Messages{"first\nlast"}));
    EXPECT_EQ(messages(""), Messages{});
    EXPECT_EQ(messages("cut off \\\n"), (Messages{"cut off \n"}));
}

TEST(ChatTokens, SampledAnswersAndTypedSpecialTokens) {
    const auto tokenizer = Tokenizer::load(test::sourceDir() / "tests/data/tokenizer_small");
    const auto chat = ChatTemplate::parse(
        "{% for m in messages %}<beginning_of_sentence>{{ m.role }}\n{{ m.content }}<end_of_sentence>\n{% endfor %}"
        "{% if add_generation_prompt %}<beginning_of_sentence>ai\n{% endif %}",
        "test");
    const TokenId end = *tokenizer->idOf("<end_of_sentence>");
    const nlohmann::json messages = {{{"role", "user"}, {"content", "the <end_of_sentence> x"}},
                                     {{"role", "assistant"}, {"content", "the quick"}},
                                     {{"role", "user"}, {"content", "plain"}}};
    const TokenIds bytes{'t', 'h', 'e', ' ', 'q', end}; // not how the text would be split
    const TokenIds tokens = chatTokens(*chat, *tokenizer, messages, {{1, bytes}}, true);
    EXPECT_EQ(tokenizer->decode(tokens),
              "<beginning_of_sentence>user\nthe <end_of_sentence> x<end_of_sentence>\n"
              "<beginning_of_sentence>assistant\nthe q<end_of_sentence>\n"
              "<beginning_of_sentence>user\nplain<end_of_sentence>\n<beginning_of_sentence>ai\n");
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), end), 3);
    EXPECT_NE(std::search(tokens.begin(), tokens.end(), bytes.begin(), bytes.end()), tokens.end());
}

// MiniMax-M1's template begins with all that the system says, wherever that stands among the messages.
TEST(ChatTokens, GoByTheOrderOfTheTemplate) {
    const auto tokenizer = Tokenizer::load(test::sourceDir() / "tests/data/tokenizer_small");
    const auto chat = ChatTemplate::parse(
        "{% for m in messages %}{% if m.role == 'system' %}S:{{ m.content }}\n{% endif %}{% endfor %}"
        "{% for m in messages %}{% if m.role != 'system' %}{{ m.role }}:{{ m.content }}\n{% endif %}{% endfor %}",
        "test");
    const nlohmann::json messages = {{{"role", "user"}, {"content", "a <end_of_sentence> b"}},
                                     {{"role", "assistant"}, {"content", "the quick"}},
                                     {{"role", "system"}, {"content", "c <end_of_sentence> d"}}};
    const TokenIds bytes{'q', 'k'};
    const TokenIds tokens = chatTokens(*chat, *tokenizer, messages, {{1, bytes}}, true);
    EXPECT_EQ(tokenizer->decode(tokens),
              "S:c <end_of_sentence> d\nuser:a <end_of_sentence> b\nassistant:qk\n");
    EXPECT_FALSE(std::any_of(tokens.begin(), tokens.end(), [&](TokenId id) { return tokenizer->isSpecial(id); }));
}

} // namespace
} // namespace fulgurite::app
