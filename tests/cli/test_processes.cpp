// SPDX-License-Identifier: Apache-2.0
// One model in several processes, as torchrun, mpirun and srun start them: what they print and write is what one
// process does, and when one of them dies or disagrees all of them end with the same sentence.
#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/checkpoint/safetensors.h"
#include "core/client/http_client.h"
#include "tests/support/engine_process.h"
#include "tests/support/environment.h"
#include "tests/support/free_port.h"
#include "tests/support/golden_models.h"
#include "tests/support/model_runner.h"

#include <future>
#include <gmock/gmock.h>
#include <memory>
#include <nlohmann/json.hpp>

namespace fulgurite::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// The variables of the three launchers, for a rank on this machine.
std::vector<std::pair<std::string, std::string>> variablesOf(const std::string& launcher, int rank, int size,
                                                             const std::string& port) {
    const std::string r = std::to_string(rank);
    const std::string n = std::to_string(size);
    if (launcher == "mpirun") {
        return {{"OMPI_COMM_WORLD_RANK", r},
                {"OMPI_COMM_WORLD_SIZE", n},
                {"OMPI_COMM_WORLD_LOCAL_RANK", r},
                {"OMPI_COMM_WORLD_LOCAL_SIZE", n},
                {"MASTER_PORT", port}};
    }
    if (launcher == "srun") {
        return {{"SLURM_PROCID", r},
                {"SLURM_STEP_NUM_TASKS", n},
                {"SLURM_LOCALID", r},
                {"MASTER_ADDR", "127.0.0.1"},
                {"MASTER_PORT", port}};
    }
    return {{"RANK", r}, {"WORLD_SIZE", n}, {"LOCAL_RANK", r}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", port}};
}

class Processes : public testing::Test {
  protected:
    // Four heads over two key heads, random weights, the tokenizer of the included model.
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        const std::filesystem::path included = FULGURITE_SOURCE_DIR "/resources/models/ember";
        json config = json::parse(readTextFile(included / "config.json"));
        config["num_attention_heads"] = 4;
        config["num_key_value_heads"] = 2;
        writeFileAtomically(*folder_ / "config.json", config.dump());
        const Outcome made = runEngine({"convert", "--random", at("config.json"), "--out", at("model")});
        ASSERT_EQ(made.status, 0) << made.err;
        for (const char* name : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
            if (std::filesystem::exists(included / name)) {
                writeFileAtomically(*folder_ / "model" / name, readTextFile(included / name));
            }
        }
        json ids = json::array();
        for (int i = 0; i < 90; ++i) {
            ids.push_back((7 * i * i + 3 * i + 5) % 2048);
        }
        writeFileAtomically(*folder_ / "ids.json", ids.dump());
    }
    static void TearDownTestSuite() { folder_.reset(); }

    static std::string at(const std::string& name) { return (*folder_ / name).string(); }

    using Ranks = std::vector<std::unique_ptr<Process>>;
    static std::unique_ptr<Process> startRank(const std::string& launcher, int rank, int size,
                                              const std::string& port, const std::vector<std::string>& arguments) {
        const Variables variables(variablesOf(launcher, rank, size, port));
        return std::make_unique<Process>(arguments);
    }
    static Ranks start(int size, const std::vector<std::string>& arguments,
                       const std::string& launcher = "torchrun") {
        const std::string port = std::to_string(freePort());
        Ranks ranks;
        for (int rank = 0; rank < size; ++rank) {
            ranks.push_back(startRank(launcher, rank, size, port, arguments));
        }
        return ranks;
    }
    // Every rank's end; all but rank 0 have nothing to say.
    static Outcome finish(Ranks& ranks) {
        for (std::size_t rank = ranks.size() - 1; rank > 0; --rank) {
            const Outcome quiet = ranks[rank]->finish();
            EXPECT_EQ(quiet.status, 0) << "rank " << rank << ": " << quiet.err;
            EXPECT_THAT(quiet.out, IsEmpty());
            EXPECT_THAT(quiet.err, IsEmpty());
        }
        return ranks[0]->finish();
    }

    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> Processes::folder_;

TEST_F(Processes, ScoreWritesTheBitsOfThreads) {
    const auto score = [](const std::string& out) {
        return std::vector<std::string>{"score", "--model",  at("model"), "--tokens", at("ids.json"), "--chunk",
                                        "33",    "--decode", "3",         "--layers", "--out",        at(out)};
    };
    ASSERT_EQ(runEngine(score("one")).status, 0);
    const SafetensorsFile one(*folder_ / "one");
    for (const auto& [launcher, size] : {std::pair{"torchrun", 2}, {"mpirun", 4}, {"srun", 2}}) {
        std::vector<std::string> threads = score("threads");
        threads.insert(threads.end(), {"--ranks", std::to_string(size)});
        ASSERT_EQ(runEngine(threads).status, 0);
        Ranks ranks = start(size, score("processes"), launcher);
        const Outcome outcome = finish(ranks);
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        const SafetensorsFile expected(*folder_ / "threads");
        const SafetensorsFile found(*folder_ / "processes");
        ASSERT_EQ(found.header().entries.size(), one.header().entries.size());
        for (const auto& [name, entry] : found.header().entries) {
            const TensorView a = found.tensor(name);
            const TensorView b = expected.tensor(name);
            ASSERT_EQ(a.bytes(), b.bytes()) << name;
            EXPECT_EQ(std::memcmp(a.data, b.data, a.bytes()), 0) << name << " of " << size << " with " << launcher;
        }
        EXPECT_LE(largestDifference(toFloats(one.tensor("logits")), toFloats(found.tensor("logits"))), 5e-5);
    }
}

TEST_F(Processes, RunAnswersOnRankZeroAlone) {
    const std::vector<std::string> run{"run",    "--model", at("model"), "-n",         "24",
                                       "--seed", "7",       "--raw",     "Sort 9 2 5:"};
    const Outcome one = runEngine(run);
    ASSERT_EQ(one.status, 0) << one.err;
    for (const int size : {2, 4}) {
        Ranks ranks = start(size, run);
        const Outcome outcome = finish(ranks);
        EXPECT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_EQ(outcome.out, one.out) << size << " processes";
    }
}

// One emulated GPU for each process: placing, sharding and the calls between are those of real ones.
TEST_F(Processes, GpusOfOneProcessEachScoreAsOneDoes) {
    const GoldenModel golden = goldenModel('A'); // four heads, four experts, float32
    writeCheckpoint(golden, *folder_ / "golden");
    writeFileAtomically(*folder_ / "golden.json", json(golden.prompt).dump());
    const auto score = [](const std::string& out, const std::string& device, const std::string& experts) {
        return std::vector<std::string>{"score",   "--model",  at("golden"), "--tokens", at("golden.json"),
                                        "--chunk", "7",        "--device",   device,     "--expert-split",
                                        experts,   "--layers", "--out",      at(out)};
    };
    ASSERT_EQ(runEngine(score("golden.one", "cpu", "width")).status, 0);
    const Variables emulated({{"FULGURITE_CUDA_LIBRARY", FULGURITE_EMULATED_LIBRARY},
                              {"FULGURITE_EMULATOR_DEVICES", "4"},
                              {"FULGURITE_EMULATOR_MIB", "256"}});
    for (const char* experts : {"width", "whole"}) {
        for (const int size : {2, 4}) {
            Ranks ranks = start(size, score("golden.many", "cuda", experts));
            const Outcome outcome = finish(ranks);
            ASSERT_EQ(outcome.status, 0) << outcome.err;
            const SafetensorsFile expected(*folder_ / "golden.one");
            const SafetensorsFile found(*folder_ / "golden.many");
            for (const char* name : {"logits", "hidden.4", "state.0", "state.2"}) {
                EXPECT_LE(largestDifference(toFloats(expected.tensor(name)), toFloats(found.tensor(name))), 5e-5)
                    << name << " of " << size << " processes, experts by " << experts;
            }
        }
    }
    Ranks ranks = start(2, score("out", "cuda:1", "width"));
    for (const auto& rank : ranks) {
        const Outcome outcome = rank->finish();
        EXPECT_EQ(outcome.status, 1);
        EXPECT_THAT(outcome.err, HasSubstr("one GPU each"));
    }
}

TEST_F(Processes, BenchMeasuresAllOfThem) {
    Ranks ranks = start(2, {"bench", "--model", at("model"), "--prompt", "32", "--decode", "4", "--repeats", "1",
                            "--contexts", "64", "--layer-contexts", "64", "--json"});
    const Outcome outcome = finish(ranks);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const json report = json::parse(outcome.out);
    EXPECT_EQ(report["machine"]["ranks"], 2);
    EXPECT_GT(report["decode"]["bandwidth_ratio"].get<double>(), 0);
}

TEST_F(Processes, BenchOfAShapeMakesItsWeightsOnTheGpu) {
    const Variables emulated(
        {{"FULGURITE_CUDA_LIBRARY", FULGURITE_EMULATED_LIBRARY}, {"FULGURITE_EMULATOR_MIB", "256"}});
    json config = json::parse(readTextFile(at("config.json")));
    config["vocab_size"] = 512;
    writeFileAtomically(*folder_ / "shape.json", config.dump());
    const auto measure = [](const std::string& ranks, const std::string& device) {
        return runEngine({"bench", "--shape", at("shape.json"), "--layers", "LS", "--experts", "int8", "--device",
                          device, "--ranks", ranks, "--contexts", "64,200", "--prompt", "20", "--decode", "2",
                          "--repeats", "1", "--json"});
    };
    for (const std::string ranks : {"1", "2"}) {
        const Outcome outcome = measure(ranks, "cuda");
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        const json report = json::parse(outcome.out);
        EXPECT_EQ(report["shape"]["layers"], "LS");
        ASSERT_EQ(report["contexts"].size(), 2u);
        EXPECT_EQ(report["contexts"][1]["context"], 200);
        EXPECT_GT(report["contexts"][1]["decode_seconds"].get<double>(), 0);
        EXPECT_GT(report["contexts"][1]["prefill_seconds"].get<double>(), 0);
        EXPECT_EQ(report.contains("weight_bytes"), ranks == "1");
    }
    const Outcome refused = measure("1", "cpu");
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, HasSubstr("--device cuda"));
}

TEST_F(Processes, EveryRankSaysWhoDisagrees) {
    ASSERT_EQ(runEngine({"convert", "--random", at("config.json"), "--seed", "2", "--out", at("other")}).status, 0);
    const std::string port = std::to_string(freePort());
    Ranks ranks;
    for (int rank = 0; rank < 3; ++rank) {
        ranks.push_back(startRank("torchrun", rank, 4, port,
                                  {"score", "--model", at(rank == 1 ? "other" : "model"), "--tokens",
                                   at("ids.json"), "--rank-timeout", "20", "--out", at("out")}));
    }
    for (const auto& rank : ranks) {
        const Outcome outcome = rank->finish();
        EXPECT_EQ(outcome.status, 1);
        EXPECT_THAT(outcome.err, AllOf(HasSubstr("rank 1"), HasSubstr("model")));
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
}

TEST_F(Processes, ARankThatDoesNotComeIsNamed) {
    const std::string port = std::to_string(freePort());
    const std::vector<std::string> score{"score",          "--model", at("model"), "--tokens", at("ids.json"),
                                         "--rank-timeout", "1",       "--out",     at("out")};
    Ranks ranks;
    ranks.push_back(startRank("torchrun", 0, 4, port, score));
    ranks.push_back(startRank("torchrun", 2, 4, port, score));
    for (const auto& rank : ranks) {
        const Outcome outcome = rank->finish();
        EXPECT_EQ(outcome.status, 1);
        EXPECT_THAT(outcome.err, HasSubstr("rank 1, rank 3 did not come within 1 s"));
    }
}

TEST_F(Processes, APlanThatDoesNotFitIsRefusedByEveryRank) {
    Ranks ranks = start(3, {"score", "--model", at("model"), "--tokens", at("ids.json"), "--out", at("out")});
    for (const auto& rank : ranks) {
        const Outcome outcome = rank->finish();
        EXPECT_EQ(outcome.status, 1);
        EXPECT_THAT(outcome.err, HasSubstr("cannot be split over 3 ranks"));
    }
}

struct Heard final : client::HttpHandler {
    void onHead(int status, const std::map<std::string, std::string>& /*headers*/) override { head = status; }
    void onBody(std::string_view bytes) override { body += bytes; }
    void onEnd() override { done.set_value(head); }
    void onError(const Error&) override { done.set_value(-1); }

    int head = 0;
    std::string body;
    std::promise<int> done;
};

class ServingProcesses : public Processes {
  protected:
    void serve(int size) {
        ranks = start(size, {"serve", "--model", at("model"), "--listen", "127.0.0.1:0", "--model-id", "split"});
        ASSERT_TRUE(ranks[0]->waitFor("\n"));
        endpoint.host = "127.0.0.1";
        endpoint.port = json::parse(ranks[0]->output()).at("port").get<std::uint16_t>();
        for (int tries = 0; tries < 1000 && complete("ready?", 1).first != 200; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
    }
    std::pair<int, std::string> complete(const std::string& prompt, int tokens) {
        const auto heard = std::make_shared<Heard>();
        client::HttpRequest request;
        request.method = "POST";
        request.path = "/v1/completions";
        request.headers["Content-Type"] = "application/json";
        request.body =
            json{{"model", "split"}, {"prompt", prompt}, {"max_tokens", tokens}, {"temperature", 0}}.dump();
        http.start(endpoint, request, heard);
        const int status = heard->done.get_future().get();
        return {status, status == 200 ? json::parse(heard->body)["choices"][0]["text"].get<std::string>() : ""};
    }

    Ranks ranks;
    client::HttpClient http;
    client::HttpEndpoint endpoint;
};

TEST_F(ServingProcesses, AnswerAsOneDoesAndStopTogether) {
    serve(1); // one process of a launch of one is no rank
    const auto [status, expected] = complete("Sort 9 2 5:", 12);
    ASSERT_EQ(status, 200);
    const auto longer = complete("Sort 9 2 5: 1", 12); // goes on from a snapshot
    ranks[0]->signal(SIGTERM);
    ranks[0]->finish();
    for (const int size : {2, 4}) {
        serve(size);
        EXPECT_EQ(complete("Sort 9 2 5:", 12).second, expected);
        EXPECT_EQ(complete("Sort 9 2 5: 1", 12), longer);
        EXPECT_EQ(complete("Sort 9 2 5:", 12).second, expected);
        for (const auto& rank : ranks) {
            rank->signal(SIGTERM); // to all of them, as a batch system does
        }
        EXPECT_EQ(finish(ranks).status, 0);
    }
}

TEST_F(ServingProcesses, WhenOneDiesAllEndAndNameIt) {
    for (const std::size_t culprit : {2u, 0u}) {
        serve(4);
        ranks[culprit]->signal(SIGKILL);
        for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
            const Outcome outcome = ranks[rank]->finish();
            if (rank != culprit) {
                EXPECT_EQ(outcome.status, 1) << "rank " << rank;
                EXPECT_THAT(outcome.err, HasSubstr("the ranks of the model stopped: rank " +
                                                   std::to_string(culprit) + " has died"));
            }
        }
    }
}

} // namespace
} // namespace fulgurite::test
