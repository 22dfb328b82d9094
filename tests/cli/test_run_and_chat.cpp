// SPDX-License-Identifier: Apache-2.0
// `run` and `chat` as processes: output, exit statuses, Ctrl+C.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "tests/support/engine_process.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <chrono>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

namespace fulgurite::test {
namespace {

constexpr const char* kConfig = R"({"architectures": ["MiniMaxM1ForCausalLM"], "model_type": "minimax_m1",
  "hidden_size": 32, "num_hidden_layers": 2, "attn_type_list": [0, 1], "num_attention_heads": 2,
  "num_key_value_heads": 1, "head_dim": 16, "rotary_dim": 8, "rope_theta": 10000, "intermediate_size": 32,
  "num_local_experts": 2, "num_experts_per_tok": 1, "vocab_size": 420, "postnorm": true, "hidden_act": "silu",
  "rms_norm_eps": 1e-05, "shared_intermediate_size": 0, "tie_word_embeddings": false,
  "max_position_embeddings": 1000000})";

constexpr const char* kTemplate =
    R"({"chat_template": "{% for m in messages %}<beginning_of_sentence>{{ m.role }}\n{{ m.content }}<end_of_sentence>\n{% endfor %}{% if add_generation_prompt %}<beginning_of_sentence>assistant\n{% endif %}"})";

class RunAndChat : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        writeCheckpoint(modelOf(kConfig, {1}), model());
        std::filesystem::copy_file(sourceDir() / "tests/data/tokenizer_small/tokenizer.json",
                                   model() / "tokenizer.json");
        writeFileAtomically(model() / "tokenizer_config.json", kTemplate);
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static std::filesystem::path model() { return *folder_ / "model"; }

    static std::vector<std::string> command(const std::string& name, std::vector<std::string> arguments) {
        std::vector<std::string> all{name, "--model", model().string(), "--threads", "2"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        return all;
    }
    static Outcome run(std::vector<std::string> arguments, const std::string& input = "") {
        Process process(command("run", std::move(arguments)));
        process.type(input);
        return process.finish();
    }

    static std::unique_ptr<TemporaryFolder> folder_;
};

std::unique_ptr<TemporaryFolder> RunAndChat::folder_;

TEST_F(RunAndChat, ASeedGivesTheSameAnswer) {
    const Outcome first = run({"--seed", "5", "-n", "40", "--ignore-eos", "hello"});
    EXPECT_EQ(first.status, 0) << first.err;
    EXPECT_FALSE(first.out.empty());
    EXPECT_NE(first.err.find("max-tokens"), std::string::npos);
    EXPECT_EQ(run({"--seed", "5", "-n", "40", "--ignore-eos", "--prompt", "hello"}).out, first.out);
    EXPECT_EQ(run({"--seed", "5", "-n", "40", "--ignore-eos"}, "hello\n").out, first.out);
    EXPECT_NE(run({"--seed", "6", "-n", "40", "--ignore-eos", "hello"}).out, first.out);
    EXPECT_NE(run({"--seed", "5", "-n", "40", "--ignore-eos", "--raw", "hello"}).out, first.out);
}

TEST_F(RunAndChat, LinesOfJson) {
    const Outcome outcome = run({"--json", "--alternatives", "3", "--seed", "1", "-n", "6", "--ignore-eos", "x"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    std::vector<nlohmann::json> lines;
    std::istringstream stream(outcome.out);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(nlohmann::json::parse(line));
    }
    ASSERT_GT(lines.size(), 8u);
    EXPECT_EQ(lines.front()["event"], "start");
    EXPECT_EQ(lines.front()["seed"], 1);
    EXPECT_EQ(lines.back()["event"], "done");
    EXPECT_EQ(lines.back()["reason"], "max_tokens");
    EXPECT_EQ(lines.back()["usage"]["completion_tokens"], 6);
    int tokens = 0;
    for (const nlohmann::json& line : lines) {
        if (line["event"] == "token") {
            ++tokens;
            EXPECT_EQ(line["before"].size(), 3u);
            EXPECT_LT(line["logprob"], 0.0);
            EXPECT_GE(line["rank"], 1);
        }
    }
    EXPECT_EQ(tokens, 6);
}

TEST_F(RunAndChat, ExitStatuses) {
    EXPECT_EQ(run({"--top-p", "7", "x"}).status, 1);
    EXPECT_EQ(run({"--no-such-option", "x"}).status, 2);
    EXPECT_EQ(run({""}).status, 0); // an empty message is a message
    EXPECT_EQ(run({"--raw", ""}).status, 1);
    Process missing({"run", "--model", (*folder_ / "nowhere").string(), "x"});
    const Outcome outcome = missing.finish();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.err.find("nowhere"), std::string::npos);
    const Outcome invalid = run({}, "\xff\xfe");
    EXPECT_EQ(invalid.status, 1);
    EXPECT_NE(invalid.err.find("UTF-8"), std::string::npos);
}

TEST_F(RunAndChat, ControlCEndsRun) {
    Process process(command("run", {"--ignore-eos", "hello"}));
    ASSERT_TRUE(process.waitForBytes(50));
    process.interrupt();
    const Outcome outcome = process.finish();
    EXPECT_EQ(outcome.status, 130);
    EXPECT_EQ(outcome.out.back(), '\n');
}

TEST_F(RunAndChat, ControlCStopsTheAnswerNotTheProgram) {
    Process process(command("chat", {"--ignore-eos", "--seed", "3"}));
    process.type("hello\n");
    ASSERT_TRUE(process.waitForBytes(50));
    process.interrupt();
    process.type("/stats\n");
    ASSERT_TRUE(process.waitFor("conversation: 2 messages"));
    const std::size_t before = process.written();
    process.type("again\n");
    ASSERT_TRUE(process.waitForBytes(before + 50));
    process.interrupt();
    process.type("/exit\n");
    EXPECT_EQ(process.finish().status, 0);
}

// Another answer to a text that takes minutes to read is asked for, and given up while it is being read.
TEST_F(RunAndChat, ControlCBeforeTheFirstTokenKeepsTheAnswerThatWasThere) {
    std::string long_text;
    while (long_text.size() < 1'000'000) {
        long_text += "hello and more ";
    }
    const std::string before = *folder_ / "before.json";
    const std::string after = *folder_ / "after.json";
    const nlohmann::json messages = {{{"role", "user"}, {"content", long_text}},
                                     {{"role", "assistant"}, {"content", "first"}, {"tokens", {70, 71}}}};
    writeFileAtomically(
        before, nlohmann::json{{"format", "fulgurite.chat"}, {"system", ""}, {"messages", messages}}.dump());
    Process process(command("chat", {"--load", before, "-n", "1"}));
    process.type("/stats\n/regenerate\n");
    ASSERT_TRUE(process.waitFor("snapshots: "));
    // Ctrl+C counts for an answer that has begun, and nothing is written when it does: it is pressed until it has counted.
    std::jthread hand([&process](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
            process.interrupt();
        }
    });
    ASSERT_TRUE(process.waitFor("(the answer before is kept)"));
    hand.request_stop();
    hand.join();
    process.type("/save " + after + "\n/exit\n");
    const Outcome outcome = process.finish();
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    const nlohmann::json saved = nlohmann::json::parse(readTextFile(after));
    ASSERT_EQ(saved["messages"].size(), 2u);
    EXPECT_EQ(saved["messages"][1], messages[1]);
}

TEST_F(RunAndChat, ControlCTwiceAtThePromptLeaves) {
    Process process(command("chat", {}));
    process.type("/stats\n");
    ASSERT_TRUE(process.waitFor("conversation: 0 messages"));
    // Between an answer and the next read a signal counts for what comes next, so give it time to get there.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    process.interrupt();
    ASSERT_TRUE(process.waitFor("again"));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    process.interrupt();
    EXPECT_EQ(process.finish().status, 0);
}

TEST_F(RunAndChat, AConversationIsKeptAndReused) {
    const std::string file = *folder_ / "chat.json";
    Process process(command("chat", {"-n", "30", "--ignore-eos", "--seed", "3"}));
    process.type("hello\nand more\n/stats\n/save " + file + "\n/nonsense\n/undo\n/regenerate\n/set top-p 2\n");
    const Outcome outcome = process.finish();
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("conversation: 4 messages"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("reused)"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("(2 messages left)"), std::string::npos);
    EXPECT_NE(outcome.err.find("/nonsense"), std::string::npos);
    EXPECT_NE(outcome.err.find("top_p"), std::string::npos);
    const nlohmann::json saved = nlohmann::json::parse(readTextFile(file));
    ASSERT_EQ(saved["messages"].size(), 4u);
    EXPECT_EQ(saved["messages"][1]["tokens"].size(), 30u);

    Process loaded(command("chat", {"--load", file}));
    loaded.type("/stats\n/load " + (*folder_ / "none").string() + "\n");
    const Outcome second = loaded.finish();
    EXPECT_NE(second.out.find("conversation: 4 messages"), std::string::npos);
    EXPECT_NE(second.err.find("none"), std::string::npos);
    EXPECT_EQ(second.status, 0);
}

} // namespace
} // namespace fulgurite::test
