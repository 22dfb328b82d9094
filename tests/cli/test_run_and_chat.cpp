// SPDX-License-Identifier: Apache-2.0
// `run` and `chat` as processes: output, exit statuses, Ctrl+C.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "tests/support/golden_models.h"
#include "tests/unit/test_paths.h"

#include <chrono>
#include <csignal>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

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

struct Outcome {
    std::string out;
    std::string err;
    int status = -1;
};

// A running program with pipes at its three ends.
class Process {
  public:
    explicit Process(const std::vector<std::string>& arguments) {
        int in[2], out[2], err[2];
        if (::pipe(in) != 0 || ::pipe(out) != 0 || ::pipe(err) != 0) {
            throw std::runtime_error("no pipes");
        }
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::dup2(err[1], 2);
            for (const int fd : {in[0], in[1], out[0], out[1], err[0], err[1]}) {
                ::close(fd);
            }
            const char* folder = std::getenv("FULGURITE_BIN_DIR");
            const std::string program = std::string(folder == nullptr ? "." : folder) + "/fulgurite-engine";
            std::vector<char*> argv{const_cast<char*>(program.c_str())};
            for (const std::string& argument : arguments) {
                argv.push_back(const_cast<char*>(argument.c_str()));
            }
            argv.push_back(nullptr);
            ::execv(program.c_str(), argv.data());
            ::_exit(127);
        }
        ::close(in[0]);
        ::close(out[1]);
        ::close(err[1]);
        in_ = in[1];
        out_ = out[0];
        err_ = err[0];
    }
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        for (const int fd : {in_, out_, err_}) {
            ::close(fd);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void type(const std::string& text) {
        ASSERT_EQ(::write(in_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void closeInput() {
        ::close(in_);
        in_ = -1;
    }
    void interrupt() const { ::kill(pid_, SIGINT); }

    // Reads until standard output holds `text` or ends; false in the second case.
    bool waitFor(const std::string& text, std::size_t from = 0) {
        while (outcome_.out.find(text, from) == std::string::npos) {
            if (!readSome()) {
                return false;
            }
        }
        return true;
    }
    bool waitForBytes(std::size_t count) {
        while (outcome_.out.size() < count) {
            if (!readSome()) {
                return false;
            }
        }
        return true;
    }
    std::size_t written() const { return outcome_.out.size(); }

    Outcome finish() {
        if (in_ >= 0) {
            closeInput();
        }
        while (readSome()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return outcome_;
    }

  private:
    bool readSome() {
        pollfd ends[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
        if (::poll(ends, 2, 120000) <= 0) {
            ADD_FAILURE() << "the program is silent; so far: " << outcome_.out << outcome_.err;
            return false;
        }
        bool any = false;
        char bytes[4096];
        for (int i = 0; i < 2; ++i) {
            if ((ends[i].revents & (POLLIN | POLLHUP)) != 0) {
                const ssize_t count = ::read(ends[i].fd, bytes, sizeof(bytes));
                if (count > 0) {
                    (i == 0 ? outcome_.out : outcome_.err).append(bytes, static_cast<std::size_t>(count));
                    any = true;
                }
            }
        }
        return any;
    }

    pid_t pid_ = -1;
    int in_ = -1, out_ = -1, err_ = -1;
    Outcome outcome_;
};

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
